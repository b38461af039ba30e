/** How good yes-or-no calls are that a threshold makes of probabilities (van Rijsbergen, Information Retrieval, 1979, ch. 7). */
import { fail } from "@tributary/errors";

export interface ThresholdScores {
  /** 2·precision·recall/(precision + recall) = 2·TP/(2·TP + FP + FN); 0 where nothing happened and nothing was called. */
  readonly f1: number;
  /** TP/(TP + FN); 0 where nothing happened. */
  readonly recall: number;
}

/**
 * @param called 1 where yes was said
 * @param outcomes 1 where it happened
 * @throws TRB_MODEL_EVALUATION_INVALID
 */
export function thresholdScores(called: ArrayLike<number>, outcomes: ArrayLike<number>): ThresholdScores {
  if (called.length !== outcomes.length)
    throw fail("TRB_MODEL_EVALUATION_INVALID", {
      ...{ what: "outcomes", value: outcomes.length, expected: `as many as calls, ${called.length}` },
    });
  let [hits, said, happened] = [0, 0, 0];
  for (let n = 0; n < called.length; n++) {
    said += called[n] as number;
    happened += outcomes[n] as number;
    if (called[n] === 1 && outcomes[n] === 1) hits += 1;
  }
  return { f1: said + happened === 0 ? 0 : (2 * hits) / (said + happened), recall: happened === 0 ? 0 : hits / happened };
}

/**
 * The probability from which on calling yes has the best F1 on these cases; the highest such one. 1 where nothing happened.
 * @throws TRB_MODEL_EVALUATION_INVALID
 */
export function bestThreshold(probabilities: readonly number[], outcomes: readonly number[]): number {
  if (probabilities.length !== outcomes.length)
    throw fail("TRB_MODEL_EVALUATION_INVALID", {
      ...{ what: "outcomes", value: outcomes.length, expected: `as many as probabilities, ${probabilities.length}` },
    });
  const order = Uint32Array.from(probabilities.keys()).sort(
    (a, b) => (probabilities[b] as number) - (probabilities[a] as number),
  );
  const happened = outcomes.reduce((sum, outcome) => sum + outcome, 0);
  let [threshold, best, hits] = [1, 0, 0];
  for (const [place, n] of order.entries()) {
    hits += outcomes[n] as number;
    const next = order[place + 1];
    if (next !== undefined && probabilities[next] === probabilities[n]) continue; // equal ones are called together
    const f1 = (2 * hits) / (place + 1 + happened);
    if (f1 > best) [threshold, best] = [probabilities[n] as number, f1];
  }
  return threshold;
}
