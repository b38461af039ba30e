/**
 * How far figures could be off because customers are a sample: percentile bootstrap over customers (Efron & Tibshirani 1993, §13.3). Each replicate draws
 * as many customers as there are, with replacement; two rankers are compared on the same draws, so that what is hard for both cancels.
 *
 * An interval over customers says nothing of other noise seeds, other markets, or of what was chosen on these very customers.
 */
import { fail } from "@tributary/errors";
import { type SeededRandom, seededRandom } from "@tributary/events/histories";
import type { Ranks } from "./result-block.ts";

export interface BootstrapOptions {
  /** No secret; the same seed gives the same intervals. */
  readonly seed: number;
  /** Default 1000. */
  readonly replicates?: number;
  /** Default .95. */
  readonly confidence?: number;
}

/** [low, high] */
export type Interval = readonly [number, number];

/** Of the figures of a `ResultBlock`. */
export interface BlockIntervals {
  readonly hr10: Interval;
  readonly ndcg10: Interval;
  readonly mrr: Interval;
  readonly newItems: { readonly hr10: Interval; readonly ndcg10: Interval };
}

/** @throws TRB_MODEL_EVALUATION_INVALID */
export function bootstrapBlock(ranks: Ranks, options: BootstrapOptions): BlockIntervals {
  const gains = gainsOf(ranks);
  const fresh = gains.filter(({ isNew }) => isNew);
  const of = (rows: readonly Gain[], figure: "hit" | "gain" | "reciprocal") => interval(rows, (row) => row[figure], options);
  return {
    hr10: of(gains, "hit"),
    ndcg10: of(gains, "gain"),
    mrr: of(gains, "reciprocal"),
    newItems: { hr10: of(fresh, "hit"), ndcg10: of(fresh, "gain") },
  };
}

/** NDCG@10 of two rankers on the same customers. */
export interface PairedDifference {
  /** Mean of `some` minus mean of `others`. */
  readonly difference: number;
  readonly interval: Interval;
  /** difference / mean of `others`, and what the draws make of it. */
  readonly relative: number;
  readonly relativeInterval: Interval;
}

/** @throws TRB_MODEL_EVALUATION_INVALID when they are not of equally many customers */
export function bootstrapDifference(some: Ranks, others: Ranks, options: BootstrapOptions): PairedDifference {
  const count = others.ranks.length;
  if (some.ranks.length !== count)
    throw fail("TRB_MODEL_EVALUATION_INVALID", {
      what: "customers of one ranker",
      value: some.ranks.length,
      expected: `${count}, as of the other`,
    });
  const [a, b] = [gainsOf(some), gainsOf(others)];
  const rows = a.map(({ gain }, e) => ({ gain, other: b[e]?.gain ?? 0 }));
  const total = rows.reduce((sum, row) => ({ gain: sum.gain + row.gain, other: sum.other + row.other }), { gain: 0, other: 0 });
  const relativeOf = (sums: { readonly gain: number; readonly other: number }) =>
    sums.other === 0 ? 0 : sums.gain / sums.other - 1;
  const differences: number[] = [];
  const relatives: number[] = [];
  const random = seededRandom(options.seed, "bootstrap");
  const replicates = replicatesOf(options);
  for (let r = 0; r < replicates; r++) {
    const sums = { gain: 0, other: 0 };
    for (let n = 0; n < count; n++) {
      const row = rows[random.below(count)] as { gain: number; other: number };
      sums.gain += row.gain;
      sums.other += row.other;
    }
    differences.push((sums.gain - sums.other) / Math.max(1, count));
    relatives.push(relativeOf(sums));
  }
  return {
    difference: (total.gain - total.other) / Math.max(1, count),
    interval: percentiles(differences, options),
    relative: relativeOf(total),
    relativeInterval: percentiles(relatives, options),
  };
}

interface Gain {
  readonly hit: number;
  readonly gain: number;
  readonly reciprocal: number;
  readonly isNew: boolean;
}

function gainsOf({ ranks, isNew }: Ranks): readonly Gain[] {
  return Array.from(ranks, (rank, e) => ({
    hit: rank <= 10 ? 1 : 0,
    gain: rank <= 10 ? 1 / Math.log2(1 + rank) : 0,
    reciprocal: 1 / rank,
    isNew: isNew[e] === 1,
  }));
}

function interval(rows: readonly Gain[], of: (row: Gain) => number, options: BootstrapOptions): Interval {
  const random: SeededRandom = seededRandom(options.seed, "bootstrap");
  const values = Float64Array.from(rows, of);
  const means = Array.from({ length: replicatesOf(options) }, () => {
    let sum = 0;
    for (let n = 0; n < values.length; n++) sum += values[random.below(values.length)] as number;
    return sum / Math.max(1, values.length);
  });
  return percentiles(means, options);
}

export function replicatesOf({ replicates = 1000 }: BootstrapOptions): number {
  if (Number.isInteger(replicates) && replicates >= 1) return replicates;
  throw fail("TRB_MODEL_EVALUATION_INVALID", { what: "replicates", value: replicates, expected: "a whole number above 0" });
}

export function percentiles(values: readonly number[], { confidence = 0.95 }: BootstrapOptions): Interval {
  if (!(confidence > 0 && confidence < 1))
    throw fail("TRB_MODEL_EVALUATION_INVALID", { what: "confidence", value: confidence, expected: "between 0 and 1" });
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  return [at((1 - confidence) / 2), at((1 + confidence) / 2)];
}
