/**
 * A pair query: which of a public list of item pairs follow each other closely in customers' histories.
 *
 * The query is public data, made from the catalogue and from earlier *released* sums. Nodes only answer it; whatever list and weights they are
 * sent, a customer's vector has an L2 norm of 1 or is empty, and touches at most `maxPairs` cells: privacy never depends on the query.
 */
import type { SparseVector } from "@tributary/dp";

/** Cells, by first item, then second. Cell c is coordinate c of the vector. */
export interface PairQuery {
  /** The pair's lower item number. */
  readonly firsts: Uint32Array;
  /** The higher one. */
  readonly seconds: Uint32Array;
  /** g: by how much a cell's pairs are multiplied before the vector is scaled to norm 1. */
  readonly weights: Float32Array;
}

/**
 * One customer's vector: for pairs of different items at most `window` steps apart,
 *
 *   x_c = g_c · Σ 1/distance,   scaled to L2 norm 1.
 *
 * Events in a row on the same item are one step.
 * @param history item numbers in time order, 0 for events without an item
 * @returns empty when no pair is asked for, or when weights are such that there is no norm
 */
export function pairVector(
  history: ArrayLike<number>,
  query: PairQuery,
  { window, maxPairs }: { readonly window: number; readonly maxPairs: number },
): SparseVector {
  const steps = stepsOf(history);
  const cells = new Map<number, number>();
  // from the latest event backwards, so that a cap leaves out what is oldest
  for (let later = steps.length - 1; later > 0; later--) {
    for (let distance = 1; distance <= window && distance <= later; distance++) {
      const [a, b] = [steps[later] as number, steps[later - distance] as number];
      if (a === b) continue;
      const cell = cellOf(query, Math.min(a, b), Math.max(a, b));
      if (cell < 0) continue;
      const before = cells.get(cell);
      if (before === undefined && cells.size >= maxPairs) continue;
      cells.set(cell, (before ?? 0) + (query.weights[cell] as number) / distance);
    }
  }
  const coordinates = Uint32Array.from(cells.keys()).sort();
  const values = Float64Array.from(coordinates, (cell) => cells.get(cell) ?? 0);
  const norm = Math.hypot(...values);
  if (!(norm > 0 && norm < Number.POSITIVE_INFINITY)) return { coordinates: new Uint32Array(0), values: new Float64Array(0) };
  for (let n = 0; n < values.length; n++) values[n] = (values[n] as number) / norm;
  return { coordinates, values };
}

/** Items of a history in time order, without events that have none and without repeats in a row. */
export function stepsOf(history: ArrayLike<number>): readonly number[] {
  const steps: number[] = [];
  for (let event = 0; event < history.length; event++) {
    const item = history[event] as number;
    if (item > 0 && item !== steps.at(-1)) steps.push(item);
  }
  return steps;
}

/** Place of a pair in the query by bisection, −1 where it is not asked for. */
function cellOf({ firsts, seconds }: PairQuery, first: number, second: number): number {
  let low = 0;
  let high = firsts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = firsts[middle] as number;
    if (at < first || (at === first && (seconds[middle] as number) < second)) low = middle + 1;
    else high = middle;
  }
  return firsts[low] === first && seconds[low] === second ? low : -1;
}
