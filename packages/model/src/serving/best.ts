/**
 * The places of the largest scores, largest first, equal ones in their order: one pass, in which nearly every score is only compared
 * with the smallest that is kept. Sorting all of them takes twenty times as long.
 * @param excluded 1 at places that don't count
 */
export function bestOf(scores: Float32Array | Float64Array, count: number, excluded: Uint8Array): Int32Array {
  const size = Math.max(0, Math.min(count, scores.length));
  const kept = new Int32Array(size);
  const values = new Float64Array(size);
  if (size === 0) return kept;
  let found = 0;
  let least = Number.NEGATIVE_INFINITY;
  for (let place = 0; place < scores.length; place++) {
    const score = scores[place] as number;
    if ((found === size && !(score > least)) || excluded[place] === 1 || Number.isNaN(score)) continue;
    let slot = found < size ? found++ : size - 1;
    for (; slot > 0 && (values[slot - 1] as number) < score; slot--) {
      values[slot] = values[slot - 1] as number;
      kept[slot] = kept[slot - 1] as number;
    }
    values[slot] = score;
    kept[slot] = place;
    least = values[found - 1] as number;
  }
  return kept.subarray(0, found);
}
