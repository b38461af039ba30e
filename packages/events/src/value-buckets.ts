/**
 * Dwell times and prices as one of a few buckets on a logarithmic scale, base 2:
 *
 * | bucket | dwell in seconds | price in the shop's currency |
 * |---|---|---|
 * | 0 | below 1 | below 1 |
 * | k | 2^(k−1) and more, below 2^k | likewise |
 * | last | 12: 2,048 and more (longer than a session's gap) | 19: 262,144 and more |
 *
 * The bounds are constants, never learned from a log: learning them would be a release. Base 2 holds for any currency: what matters
 * is the ratio of two prices, and shops of cheap currencies use other buckets, not fewer. A number that the log doesn't give has no bucket.
 */

/** How many dwell buckets there are; a model with this input has `dwells` equal to it. */
export const dwellBuckets = 13;

/** How many price buckets there are; a model with this input has `prices` equal to it. */
export const priceBuckets = 20;

/** What stands for a number that is not given. */
const none = -1;

/**
 * min(⌊log₂ seconds⌋ + 1, 12); 0 below one second.
 * @returns −1 for NaN, which is "the log doesn't say", and for negative numbers
 */
export function dwellBucket(seconds: number): number {
  return doublings(seconds, dwellBuckets);
}

/**
 * min(⌊log₂ price⌋ + 1, 19); 0 below one unit of the currency.
 * @returns −1 for NaN, which is "the log doesn't say", and for negative numbers
 */
export function priceBucket(price: number): number {
  return doublings(price, priceBuckets);
}

/** How often 1 can be doubled without passing the value, counted from 1: integers only, no logarithm that might round otherwise. */
function doublings(value: number, buckets: number): number {
  if (!(value >= 0)) return none;
  if (value >= 2 ** (buckets - 2)) return buckets - 1;
  return 32 - Math.clz32(Math.floor(value));
}
