/**
 * Does a piece of work take longer on data of one class than on data of another? Asked of pairs: both classes one straight after the other, in an order that a
 * coin decides, each with the same randomness, so that nothing but the data and the machine's moods is between them. If time doesn't depend on the data the
 * difference of a pair is symmetric about zero, whatever a busy machine adds, and Wilcoxon's signed-rank sum is normal about its mean; its
 * distribution holds without any assumption on the times themselves.
 *
 * Pairs of which either took longer than most (the slowest tenth of all) are left out: that is decided of both together, so that symmetry stays.
 *
 * Source: Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?" (2017): fixed against fixed classes, cropping; ranks in place of Welch's t, because
 * times have long tails. Wilcoxon, Biometrics Bulletin 1 (1945).
 */
import { randomInt } from "node:crypto";

export interface PairedTimes {
  readonly pairs: number;
  /** Standard deviations that the rank sum is from its mean; above 0: the second class takes longer. */
  readonly deviations: number;
  /** Medians of a run of the first class, and of the pairs' differences, in nanoseconds. */
  readonly median: number;
  readonly difference: number;
}

/** |deviations| above it: 1e-9 of two-sided false alarm, by the normal distribution; 6.11 would do. */
export const leakDeviations = 6.2;

export interface TimedWork {
  /** [length] each: what is put into `target` before a run. */
  readonly classes: readonly [Float64Array, Float64Array];
  /** [length] */
  readonly target: Float64Array;
  /** What else is made ready before a run: the pair's randomness. Not timed. */
  readonly ready: (pair: number) => void;
  readonly run: () => void;
}

/** Runs of each class before any is timed: the compiler is done by then. */
const warmUp = 200;
/** Of the runs, those are kept that were no slower than this part of all. */
const kept = 0.9;

/** @param options `tolerance`: only what differs by more than this part of the median counts; 0 unless given */
export function comparePairs(
  { classes, target, ready, run }: TimedWork,
  { pairs, tolerance = 0 }: { readonly pairs: number; readonly tolerance?: number },
): PairedTimes {
  const times = [new Float64Array(pairs), new Float64Array(pairs)] as const;
  for (let pair = -warmUp; pair < pairs; pair++) {
    const first = randomInt(2) as 0 | 1;
    for (const side of [first, 1 - first] as (0 | 1)[]) {
      blend(target, classes, side);
      ready(pair);
      const begin = process.hrtime.bigint();
      run();
      const took = Number(process.hrtime.bigint() - begin);
      if (pair >= 0) times[side][pair] = took;
    }
  }
  return judged(times, tolerance);
}

/** One of two arrays, by reading both alike: where they lie in memory and in the caches would else be told from what is in them. */
function blend(target: Float64Array, [first, second]: readonly [Float64Array, Float64Array], side: 0 | 1): void {
  const [ofFirst, ofSecond] = [1 - side, side];
  for (let i = 0; i < target.length; i++) target[i] = (first[i] ?? 0) * ofFirst + (second[i] ?? 0) * ofSecond;
}

function judged([first, second]: readonly [Float64Array, Float64Array], tolerance: number): PairedTimes {
  const limit = quantile([...first, ...second], kept);
  const quick = [...first.keys()].filter((pair) => Math.max(first[pair] ?? 0, second[pair] ?? 0) <= limit);
  const differences = quick.map((pair) => (second[pair] ?? 0) - (first[pair] ?? 0));
  const median = quantile([...first], 0.5);
  const [low, high] = [-1, 1].map((way) => signedRanks(differences.map((apart) => apart - way * tolerance * median))) as [
    number,
    number,
  ];
  return {
    pairs: differences.length,
    // of two bounds, a difference has to be outside of one
    deviations: tolerance === 0 ? low : Math.max(high, 0) + Math.min(low, 0),
    ...{ median, difference: quantile(differences, 0.5) },
  };
}

/** Of Wilcoxon's rank sum, in standard deviations: zeros are left out, equal ones share their ranks, and the variance is Σ rank²/4. */
export function signedRanks(differences: readonly number[]): number {
  const sorted = differences.filter((difference) => difference !== 0).sort((a, b) => Math.abs(a) - Math.abs(b));
  let [sum, squares] = [0, 0];
  for (let from = 0; from < sorted.length; ) {
    let end = from + 1;
    while (end < sorted.length && Math.abs(sorted[end] ?? 0) === Math.abs(sorted[from] ?? 0)) end++;
    const rank = (from + 1 + end) / 2;
    for (let place = from; place < end; place++) sum += Math.sign(sorted[place] ?? 0) * rank;
    squares += (end - from) * rank * rank;
    from = end;
  }
  return squares === 0 ? 0 : sum / Math.sqrt(squares);
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? 0;
}
