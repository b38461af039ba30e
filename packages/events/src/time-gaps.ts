/**
 * How long after the customer's previous event an event came, as one of a few buckets on a logarithmic scale.
 *
 * | bucket | gap in seconds | about |
 * |---|---|---|
 * | 0 | below 1, or no previous event | the same moment, or the first event |
 * | 1 | 1 to 3 | |
 * | 2 | 4 to 15 | |
 * | 3 | 16 to 63 | a minute |
 * | 4 | 64 to 255 | minutes |
 * | 5 | 256 to 1,023 | a quarter of an hour |
 * | 6 | 1,024 to 4,095 | an hour |
 * | 7 | 4,096 to 16,383 | hours |
 * | 8 | 16,384 to 65,535 | half a day |
 * | 9 | 65,536 to 262,143 | days |
 * | 10 | 262,144 to 1,048,575 | a week |
 * | 11 | 1,048,576 to 4,194,303 | a month |
 * | 12 | 4,194,304 to 16,777,215 | months |
 * | 13 | 16,777,216 and more | above 194 days |
 *
 * Bucket k ≥ 1 is [4^(k−1), 4^k). The bounds are constants, never learned from a log: learning them would be a release. Few buckets, because
 * each is a row that private training has to learn under noise.
 */

/** How many buckets there are; a model with a time-gap input has `timeGaps` equal to it. */
export const timeGapBuckets = 14;

const largest = 2 ** 31 - 1;

/**
 * ⌊log₄ seconds⌋ + 1, at most 13; 0 below one second.
 * @param seconds since the customer's previous event; pass 0 for the first event. Negative values and NaN count as 0.
 */
export function timeGapBucket(seconds: number): number {
  if (!(seconds >= 1)) return 0;
  const whole = seconds >= largest ? largest : Math.floor(seconds);
  const log4 = (31 - Math.clz32(whole)) >> 1; // integers only: no logarithm that another machine might round otherwise
  return Math.min(log4 + 1, timeGapBuckets - 1);
}
