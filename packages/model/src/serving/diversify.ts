/**
 * Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998, §2): items one after the other, each the best of
 *
 *   (1 − λ)·relevance(j) − λ·max over those chosen of cos(i, j)
 *
 * with public content as the likeness, and relevance the score's place between the pool's worst and best, 0 to 1. λ = 0 keeps the order.
 */
import { cosineOf, type ItemSimilarity } from "../statistics/item-similarity.ts";

/**
 * @param pool items counted from 1, best first
 * @param scores of the pool, by place
 * @param diversity λ, 0 to 1
 * @returns at most `count` of the pool's places
 */
export function diversify(
  pool: ArrayLike<number>,
  scores: ArrayLike<number>,
  count: number,
  diversity: number,
  similarity: ItemSimilarity,
): readonly number[] {
  const places = Array.from({ length: pool.length }, (_, place) => place);
  if (diversity === 0) return places.slice(0, count);
  const [best, worst] = [scores[0] ?? 0, scores[pool.length - 1] ?? 0];
  const range = best > worst ? best - worst : 1;
  const relevance = places.map((place) => ((scores[place] as number) - worst) / range);
  const closest = new Float64Array(pool.length);
  const left = new Set(places);
  const chosen: number[] = [];
  while (chosen.length < count && left.size > 0) {
    let [next, most] = [-1, Number.NEGATIVE_INFINITY];
    for (const place of left) {
      const value = (1 - diversity) * (relevance[place] as number) - diversity * (closest[place] as number);
      if (value > most) [next, most] = [place, value];
    }
    chosen.push(next);
    left.delete(next);
    for (const place of left) {
      const cosine = cosineOf(similarity, pool[place] as number, pool[next] as number);
      if (cosine > (closest[place] as number)) closest[place] = cosine;
    }
  }
  return chosen;
}
