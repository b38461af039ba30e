import { describe, expect, it } from "vitest";
import { dwellBucket, dwellBuckets, priceBucket, priceBuckets } from "./value-buckets.ts";

describe.each([
  ["dwellBucket", dwellBucket, dwellBuckets],
  ["priceBucket", priceBucket, priceBuckets],
] as const)("%s", (_name, bucketOf, buckets) => {
  it("holds [2^(k−1), 2^k) in bucket k, to the last bit of a float32", () => {
    for (let bucket = 1; bucket < buckets - 1; bucket++) {
      expect(bucketOf(2 ** (bucket - 1))).toBe(bucket);
      expect(bucketOf(2 ** bucket * (1 - 2 ** -24))).toBe(bucket);
    }
  });

  it("puts less than one into bucket 0 and everything large into the last", () => {
    for (const value of [0, 0.5, 0.999]) expect(bucketOf(value)).toBe(0);
    for (const value of [2 ** (buckets - 2), 2 ** 31, 2 ** 32, 2 ** 60, Number.POSITIVE_INFINITY]) {
      expect(bucketOf(value)).toBe(buckets - 1);
    }
  });

  it("has no bucket for what is not given", () => {
    for (const value of [Number.NaN, -0.1, -5]) expect(bucketOf(value)).toBe(-1);
  });
});
