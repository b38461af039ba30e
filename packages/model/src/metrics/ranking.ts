/**
 * How well a list is ordered: hit ratio, normalised discounted cumulative gain and mean reciprocal rank of one true item
 * among all candidates, exactly (never against a sample of negatives: Krichene & Rendle, KDD 2020).
 */

/** Sums over evaluated customers; add several with `addRanks`, read them with `rankMetrics`. */
export interface RankMetrics {
  /** How many ranks were averaged. */
  readonly count: number;
  /** Share of ranks ≤ k. */
  readonly hitRatio: number;
  /** Mean of 1/log₂(1 + rank) where rank ≤ k, else 0: with one true item the ideal gain is 1. */
  readonly ndcg: number;
  /** Mean of 1/rank, not cut off. */
  readonly mrr: number;
}

/**
 * The true item's place, counted from 1, among the candidates. Ties count half, so that a constant score gives the middle
 * of the list, whatever the order of the catalogue.
 * @param scores of all candidates
 * @param target place of the true item in `scores`
 * @param excluded places that are no candidates (a masked history); the target is a candidate all the same
 */
export function rankOf(scores: ArrayLike<number>, target: number, excluded: ReadonlySet<number> = new Set()): number {
  const own = scores[target] as number;
  let above = 0;
  let level = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (score > own) above += 1;
    else if (score === own) level += 1;
  }
  level -= 1; // the target itself
  for (const i of excluded) {
    if (i === target) continue;
    const score = scores[i] as number;
    if (score > own) above -= 1;
    else if (score === own) level -= 1;
  }
  return 1 + above + level / 2;
}

/** @param ranks counted from 1, halves where ties were split */
export function rankMetrics(ranks: ArrayLike<number>, k = 10): RankMetrics {
  let hits = 0;
  let gain = 0;
  let reciprocal = 0;
  for (let i = 0; i < ranks.length; i++) {
    const rank = ranks[i] as number;
    reciprocal += 1 / rank;
    if (rank > k) continue;
    hits += 1;
    gain += 1 / Math.log2(1 + rank);
  }
  const count = ranks.length;
  const mean = (sum: number) => (count === 0 ? 0 : sum / count);
  return { count, hitRatio: mean(hits), ndcg: mean(gain), mrr: mean(reciprocal) };
}
