/**
 * Beam search over sequences of one length: at every step each kept sequence is continued by every item, and the `beam` most probable
 * of all continuations are kept. A beam of 1 is greedy decoding; one that no step exceeds finds the most probable sequences
 * of all. Lengths are equal, so that probabilities need no correction for length.
 */

/** Items in the order of events. */
export interface Sequence {
  /** Rows of the item table, counted from 1. */
  readonly rows: readonly number[];
  /** Natural logarithm of their joint probability, given the history. */
  readonly logProbability: number;
}

export const beginning: Sequence = { rows: [], logProbability: 0 };

/**
 * The best continuations, the most probable first; of equals the one of the better parent, then of the lower row.
 * @param scores of each parent: logits over item rows
 */
export function continuations(
  parents: readonly Sequence[],
  scores: readonly (Float32Array | Float64Array)[],
  beam: number,
): readonly Sequence[] {
  const found: Sequence[] = [];
  parents.forEach((before, parent) => {
    const logits = scores[parent] ?? new Float64Array(0);
    const base = before.logProbability - logSumExp(logits);
    for (const row of largestPlaces(logits, beam)) {
      found.push({ rows: [...before.rows, row + 1], logProbability: base + (logits[row] ?? 0) });
    }
  });
  return found.sort((a, b) => b.logProbability - a.logProbability).slice(0, beam); // stable: equals stay in order
}

/** Places of the `count` largest values, the largest first, of equals the first. */
function largestPlaces(values: Float32Array | Float64Array, count: number): readonly number[] {
  const places: number[] = [];
  for (let place = 0; place < values.length; place++) {
    const value = values[place] as number;
    if (places.length === count && !(value > (values[places[count - 1] as number] as number))) continue;
    let at = places.length;
    while (at > 0 && value > (values[places[at - 1] as number] as number)) at -= 1;
    places.splice(at, 0, place);
    if (places.length > count) places.pop();
  }
  return places;
}

function logSumExp(values: Float32Array | Float64Array): number {
  let [most, sum] = [Number.NEGATIVE_INFINITY, 0];
  for (const value of values) most = Math.max(most, value);
  for (const value of values) sum += Math.exp(value - most);
  return most + Math.log(sum);
}
