/**
 * The first sum query: how popular items are, each customer counting alike.
 *
 *   node                                        coordinator
 *   popularityVector ── (sum query) ──▶ releasedPopularity
 */
import type { SparseVector } from "@tributary/dp";
import { meanIfReal } from "./posterior.ts";

/** No item is held to be rarer than this share of the mean, so that logarithms stay small. */
const leastShare = 1e-3;

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * One customer's vector: 1/√m for each of their m distinct items, so its L2 norm is 1 whatever they did; empty without items.
 * @param history item numbers in time order, 0 for events without an item
 * @param maxItems only so many, the latest
 */
export function popularityVector(history: ArrayLike<number>, { maxItems }: { readonly maxItems: number }): SparseVector {
  const own = new Set<number>();
  for (let event = history.length - 1; event >= 0 && own.size < maxItems; event--) {
    const item = history[event] as number;
    if (item > 0) own.add(item - 1);
  }
  return { coordinates: Uint32Array.from(own).sort(), values: new Float64Array(own.size).fill(1 / Math.sqrt(own.size)) };
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * p: what each item's noisy sum x says of its true one, scaled to mean 1. The prior is Exponential with the mean of all x (which, being of a
 * whole catalogue, is hardly noisy), so that p_i = E[v | x_i, real] of `posterior.ts`: always above 0, and near x where x is far above its noise.
 * @param sum [items] in units of the vectors
 * @param deviation standard deviation of its noise, same units
 * @returns [items]
 */
export function releasedPopularity(sum: ArrayLike<number>, deviation: number): Float32Array {
  const items = sum.length;
  const mean = Math.max(Array.from(sum).reduce((total, x) => total + x, 0) / items, deviation / 100);
  const expected = Float64Array.from(sum, (x) => Math.max(meanIfReal(x, deviation, mean), leastShare * mean));
  const total = expected.reduce((all, value) => all + value, 0);
  return Float32Array.from(expected, (value) => (value * items) / total);
}
