/**
 * Negatives of one step, shared by its whole batch: K distinct item rows, drawn in proportion to popularity^power until there
 * are K of them. A row with probability p is among n draws with probability 1 − (1 − p)ⁿ; the logarithm of that is what log-Q
 * correction subtracts from its score (Jean et al., ACL 2015; Bengio & Senécal 2008), so that the sampled softmax estimates the
 * full one whatever the power.
 *
 * `correction` scales it: 1 is the full correction; 0 leaves the scores as they are, which is how SASRec with sampled softmax
 * is usually published; what lies between trades the one for the other.
 */
import type { SeededRandom } from "@tributary/events/histories";

export interface NegativeSampling {
  /** 0: every item is equally likely; 1: as often as it occurs. */
  readonly power: number;
  /** 0 … 1 */
  readonly correction: number;
}

export interface DrawnNegatives {
  /** [K] rows counted from 1, ascending. */
  readonly rows: Int32Array;
  /** [K] */
  readonly correction: Float32Array;
}

/**
 * @param counts [rows]: how often each row occurs; rows that never do count as once
 * @returns draws K rows, K below the number of rows
 */
export function negativeSampler(
  counts: ArrayLike<number>,
  { power, correction }: NegativeSampling,
): (count: number, random: SeededRandom) => DrawnNegatives {
  const cumulative = new Float64Array(counts.length);
  let total = 0;
  for (let row = 0; row < counts.length; row++) {
    total += Math.max(1, counts[row] as number) ** power;
    cumulative[row] = total;
  }
  const probability = (row: number) =>
    ((cumulative[row] as number) - (row === 0 ? 0 : (cumulative[row - 1] as number))) / total;
  return (count, random) => {
    const chosen = new Set<number>();
    let draws = 0;
    while (chosen.size < count) {
      chosen.add(firstAbove(cumulative, random.fraction() * total));
      draws += 1;
    }
    const rows = Int32Array.from(chosen).sort();
    const corrections = Float32Array.from(
      rows,
      (row) => correction * Math.log(-Math.expm1(draws * Math.log1p(-probability(row)))),
    );
    return { rows: rows.map((row) => row + 1), correction: corrections };
  };
}

/** The first place whose value is above `bound`. */
function firstAbove(ascending: Float64Array, bound: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}
