/**
 * The first sum query: how popular items are, each customer counting alike.
 *
 *   node                                        coordinator
 *   popularityVector ── (sum query) ──▶ releasedPopularity
 */
import type { SparseVector } from "@tributary/dp";

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
 * p: the noisy sum with whatever is below a tenth of the noise lifted to it, scaled to mean 1. Its logarithm is always finite.
 * @param sum [items] in units of the vectors
 * @param deviation standard deviation of its noise, same units
 * @returns [items]
 */
export function releasedPopularity(sum: ArrayLike<number>, deviation: number): Float32Array {
  const items = sum.length;
  const lifted = Float64Array.from(sum, (value) => Math.max(value, deviation / 10, 1e-6));
  const mean = lifted.reduce((total, value) => total + value, 0) / items;
  return Float32Array.from(lifted, (value) => value / mean);
}
