/**
 * How far the difference of two predictors could be off because customers are a sample, where a customer has several cases: whole customers are drawn with
 * replacement, with all of their cases, and both predictors are judged on the same draws (Efron & Tibshirani 1993, §8.3: the unit of resampling is what is independent).
 */
import { seededRandom } from "@tributary/events/histories";
import { rocAuc } from "../metrics/probabilities.ts";
import { type BootstrapOptions, type Interval, percentiles, replicatesOf } from "./bootstrap.ts";

export interface CasesOfCustomers {
  /** Of each case. */
  readonly customers: ArrayLike<number>;
  readonly outcomes: ArrayLike<number>;
}

export interface Difference {
  readonly difference: number;
  readonly interval: Interval;
}

/**
 * AUC of `some` minus AUC of `others`.
 * @returns undefined where all did the same
 * @throws TRB_MODEL_SCORE_NAN, TRB_MODEL_EVALUATION_INVALID
 */
export function pairedAuc(
  cases: CasesOfCustomers,
  some: ArrayLike<number>,
  others: ArrayLike<number>,
  options: BootstrapOptions,
): Difference | undefined {
  const [auc, other] = [rocAuc(some, cases.outcomes), rocAuc(others, cases.outcomes)];
  if (auc === undefined || other === undefined) return undefined;
  const [ranked, otherRanked] = [weightedAuc(cases, some), weightedAuc(cases, others)];
  const draws = drawsOf(cases, options, (weights) => ranked(weights) - otherRanked(weights));
  return { difference: auc - other, interval: percentiles(draws, options) };
}

/**
 * Mean of `some` minus mean of `others` over cases.
 * @throws TRB_MODEL_EVALUATION_INVALID
 */
export function pairedMean(
  customers: ArrayLike<number>,
  some: ArrayLike<number>,
  others: ArrayLike<number>,
  options: BootstrapOptions,
): Difference {
  const apart = Float64Array.from(some, (value, n) => value - (others[n] as number));
  const draws = drawsOf({ customers }, options, (weights) => {
    let [sum, count] = [0, 0];
    for (let n = 0; n < apart.length; n++) {
      const weight = weights[customers[n] as number] as number;
      sum += weight * (apart[n] as number);
      count += weight;
    }
    return sum / Math.max(1, count);
  });
  const total = apart.reduce((sum, value) => sum + value, 0);
  return { difference: total / Math.max(1, apart.length), interval: percentiles(draws, options) };
}

/** Of each replicate: how often each customer was drawn, handed to `measure`. */
function drawsOf(
  { customers }: Pick<CasesOfCustomers, "customers">,
  options: BootstrapOptions,
  measure: (weights: Uint32Array) => number,
): readonly number[] {
  const known = [...new Set(Array.from(customers))].sort((a, b) => a - b);
  const random = seededRandom(options.seed, "bootstrap over customers");
  const weights = new Uint32Array((known.at(-1) ?? 0) + 1);
  return Array.from({ length: replicatesOf(options) }, () => {
    weights.fill(0);
    for (let n = 0; n < known.length; n++) {
      const drawn = known[random.below(known.length)] as number;
      weights[drawn] = (weights[drawn] as number) + 1;
    }
    return measure(weights);
  });
}

/** The AUC with each case as often as its customer was drawn: one pass over the scores' order, ties half. 1/2 where all did the same. */
function weightedAuc({ customers, outcomes }: CasesOfCustomers, scores: ArrayLike<number>): (weights: Uint32Array) => number {
  const order = Uint32Array.from({ length: scores.length }, (_, n) => n);
  order.sort((a, b) => (scores[a] as number) - (scores[b] as number));
  return (weights) => {
    let [below, won, positives, negatives] = [0, 0, 0, 0];
    for (let begin = 0; begin < order.length; ) {
      const score = scores[order[begin] as number];
      let [here, hereNegative, end] = [0, 0, begin];
      for (; end < order.length && scores[order[end] as number] === score; end++) {
        const n = order[end] as number;
        const weight = weights[customers[n] as number] as number;
        if (outcomes[n] === 1) here += weight;
        else hereNegative += weight;
      }
      won += here * (below + hereNegative / 2);
      below += hereNegative;
      [positives, negatives] = [positives + here, negatives + hereNegative];
      begin = end;
    }
    return positives === 0 || negatives === 0 ? 0.5 : won / (positives * negatives);
  };
}
