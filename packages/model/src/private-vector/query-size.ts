/**
 * A query and the release that it is asked in need not be of one size: a first round of eight million cells that was paid for and brought
 * nothing is followed by one of fewer. Then its heaviest cells are asked. Node and coordinator work out which, so that cell c of the query
 * that is left is coordinate c for both.
 */
import type { PairQuery } from "../statistics/pair-query.ts";

/**
 * @param dimension coordinates of the release
 * @returns the query itself where it fits; else its `dimension` heaviest cells in the same order, of equal ones those that come first
 */
export function fittingQuery(query: PairQuery, dimension: number): PairQuery {
  const { firsts, seconds, weights } = query;
  if (weights.length <= dimension) return query;
  const least = weights.slice().sort()[weights.length - dimension] as number;
  let level = dimension;
  for (const weight of weights) if (weight > least) level--;
  const kept = new Uint32Array(dimension);
  let at = 0;
  for (let cell = 0; cell < weights.length; cell++) {
    const weight = weights[cell] as number;
    if (weight > least || (weight === least && level-- > 0)) kept[at++] = cell;
  }
  return {
    firsts: kept.map((cell) => firsts[cell] as number),
    seconds: kept.map((cell) => seconds[cell] as number),
    weights: Float32Array.from(kept, (cell) => weights[cell] as number),
  };
}
