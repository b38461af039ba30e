/** How good yes-or-no predictions are: area under the ROC curve, and whether probabilities mean what they say. */
import { fail } from "@tributary/errors";

/**
 * ROC AUC: the chance that a random positive is scored above a random negative, ties half; from rank sums (Mann & Whitney 1947):
 * (Σ ranks of positives − P(P + 1)/2)/(P·N), with equal scores sharing their mean rank.
 * @param outcomes 1 where it happened, 0 where not
 * @returns undefined where only one of the two occurs
 * @throws TRB_MODEL_SCORE_NAN, TRB_MODEL_EVALUATION_INVALID
 */
export function rocAuc(scores: ArrayLike<number>, outcomes: ArrayLike<number>): number | undefined {
  checkOutcomes(scores, outcomes);
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i);
  order.sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let positives = 0;
  let rankSum = 0;
  for (let begin = 0; begin < order.length; ) {
    const score = scores[order[begin] as number];
    let end = begin;
    let positivesHere = 0;
    while (end < order.length && scores[order[end] as number] === score) {
      positivesHere += outcomes[order[end] as number] as number;
      end += 1;
    }
    rankSum += (positivesHere * (begin + 1 + end)) / 2; // ranks begin + 1 … end
    positives += positivesHere;
    begin = end;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** One row of the reliability table. */
export interface CalibrationBin {
  /** Probabilities from `from` to below `to`; the last bin holds 1 as well. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean of the probabilities that were said; 0 in an empty bin. */
  readonly meanProbability: number;
  /** How often it happened; 0 in an empty bin. */
  readonly frequency: number;
}

export interface Calibration {
  /** ECE: Σ_bins count/total · |frequency − meanProbability| (Guo et al., ICML 2017); 0 of nothing. */
  readonly error: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * Expected calibration error with bins of equal width, and the reliability table behind it.
 * @param probabilities of the event; of several classes: of the class that was predicted
 * @param outcomes 1 where it happened (the predicted class was right), 0 where not
 * @throws TRB_MODEL_SCORE_NAN, TRB_MODEL_EVALUATION_INVALID
 */
export function calibration(probabilities: ArrayLike<number>, outcomes: ArrayLike<number>, bins = 10): Calibration {
  if (!Number.isInteger(bins) || bins < 1) throw invalid("bins", bins, "a whole number, 1 or more");
  checkOutcomes(probabilities, outcomes);
  const counts = new Float64Array(bins);
  const said = new Float64Array(bins);
  const happened = new Float64Array(bins);
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i] as number;
    if (p < 0 || p > 1) throw invalid("a probability", "a number outside of that", "from 0 to 1");
    const bin = Math.min(bins - 1, Math.floor(p * bins));
    counts[bin] = (counts[bin] as number) + 1;
    said[bin] = (said[bin] as number) + p;
    happened[bin] = (happened[bin] as number) + (outcomes[i] as number);
  }
  const table = Array.from({ length: bins }, (_, b): CalibrationBin => {
    const count = counts[b] as number;
    const mean = (sum: Float64Array) => (count === 0 ? 0 : (sum[b] as number) / count);
    return { from: b / bins, to: (b + 1) / bins, count, meanProbability: mean(said), frequency: mean(happened) };
  });
  const weighted = table.reduce((sum, bin) => sum + bin.count * Math.abs(bin.frequency - bin.meanProbability), 0);
  return { error: probabilities.length === 0 ? 0 : weighted / probabilities.length, bins: table };
}

/**
 * Brier score: the mean of (probability − outcome)² (Brier, Monthly Weather Review 78, 1950); 0 of nothing.
 * @throws TRB_MODEL_SCORE_NAN, TRB_MODEL_EVALUATION_INVALID
 */
export function brierScore(probabilities: ArrayLike<number>, outcomes: ArrayLike<number>): number {
  checkOutcomes(probabilities, outcomes);
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) sum += ((probabilities[i] as number) - (outcomes[i] as number)) ** 2;
  return probabilities.length === 0 ? 0 : sum / probabilities.length;
}

function checkOutcomes(scores: ArrayLike<number>, outcomes: ArrayLike<number>): void {
  if (scores.length !== outcomes.length) throw invalid("outcomes", outcomes.length, `as many as scores, ${scores.length}`);
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw fail("TRB_MODEL_SCORE_NAN", { place: i });
    if (outcomes[i] !== 0 && outcomes[i] !== 1) throw invalid("an outcome", "another number", "0 or 1");
  }
}

function invalid(what: string, value: number | string, expected: string) {
  return fail("TRB_MODEL_EVALUATION_INVALID", { what, value, expected });
}
