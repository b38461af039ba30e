/**
 * Top-k metrics of customers with any number of relevant items (a temporal split), each customer counted once. With one relevant
 * item they are the figures of `rankMetrics`.
 */
import { fail } from "@tributary/errors";

/** Where each evaluated customer's relevant items stand. */
export interface RankedCustomers {
  /** `[evaluated + 1]`: ranks of the e-th evaluated customer are `offsets[e]` up to, not including, `offsets[e + 1]`. */
  readonly offsets: Uint32Array;
  /** From 1, a customer's own never falling; halves where ties were split (`relevantRanks`). */
  readonly ranks: Float64Array;
  /** `[evaluated]`: how many items were ranked, the relevant ones among them. */
  readonly candidates: Float64Array;
}

/** Means over customers of what is defined for one, with R relevant items, H of them at ranks ≤ k, n candidates. */
export interface ListMetrics {
  readonly customers: number;
  /** HR@k: 1 if H > 0. */
  readonly hitRatio: number;
  /** NDCG@k: Σ_{ranks ≤ k} 1/log₂(1 + rank) over the same sum for ranks 1 … min(k, R). */
  readonly ndcg: number;
  /** MRR: 1/(best rank), not cut off. */
  readonly mrr: number;
  /** H/R */
  readonly recall: number;
  /** H/k, also where fewer than k items exist. */
  readonly precision: number;
  /** 2·precision·recall/(precision + recall), 0 where both are 0. */
  readonly f1: number;
  /** Accuracy of the first place: 1 if the best rank is 1 (HR@1). */
  readonly accuracy: number;
  /**
   * AUC: the share of pairs (relevant, not relevant) that are in the right order, ties half: 1 − Σⱼ(rankⱼ − j)/(R·(n − R)). Over
   * the customers for whom there is such a pair; absent if there is none.
   */
  readonly auc?: number;
}

/** @throws TRB_MODEL_EVALUATION_INVALID unless k is a whole number above 0 */
export function listMetrics({ offsets, ranks, candidates }: RankedCustomers, k = 10): ListMetrics {
  if (!Number.isInteger(k) || k < 1) throw invalidK(k);
  const ideal = idealGains(k);
  const sums = { hitRatio: 0, ndcg: 0, mrr: 0, recall: 0, precision: 0, f1: 0, accuracy: 0 };
  let auc = 0;
  let withPairs = 0;
  const customers = candidates.length;
  for (let e = 0; e < customers; e++) {
    const own = ranks.subarray(offsets[e], offsets[e + 1]);
    const others = (candidates[e] as number) - own.length;
    let gain = 0;
    let hits = 0;
    let misplaced = 0;
    own.forEach((rank, j) => {
      misplaced += rank - (j + 1);
      if (rank > k) return;
      hits += 1;
      gain += 1 / Math.log2(1 + rank);
    });
    const best = own[0] ?? Number.POSITIVE_INFINITY;
    const recall = hits / own.length;
    const precision = hits / k;
    sums.hitRatio += hits > 0 ? 1 : 0;
    sums.ndcg += gain / (ideal[Math.min(k, own.length)] as number);
    sums.mrr += 1 / best;
    sums.recall += recall;
    sums.precision += precision;
    sums.f1 += hits === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    sums.accuracy += best === 1 ? 1 : 0;
    if (others === 0) continue;
    auc += 1 - misplaced / (own.length * others);
    withPairs += 1;
  }
  const mean = (sum: number) => (customers === 0 ? 0 : sum / customers);
  return {
    customers,
    hitRatio: mean(sums.hitRatio),
    ndcg: mean(sums.ndcg),
    mrr: mean(sums.mrr),
    recall: mean(sums.recall),
    precision: mean(sums.precision),
    f1: mean(sums.f1),
    accuracy: mean(sums.accuracy),
    ...(withPairs === 0 ? {} : { auc: auc / withPairs }),
  };
}

export function invalidK(k: number) {
  return fail("TRB_MODEL_EVALUATION_INVALID", { what: "k", value: k, expected: "a whole number, 1 or more" });
}

/** `[k + 1]`: the gain of a list with r relevant items on top, at place r. */
function idealGains(k: number): Float64Array {
  const gains = new Float64Array(k + 1);
  for (let r = 1; r <= k; r++) gains[r] = (gains[r - 1] as number) + 1 / Math.log2(1 + r);
  return gains;
}
