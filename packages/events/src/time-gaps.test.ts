import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { timeGapBucket, timeGapBuckets } from "./time-gaps.ts";

describe("timeGapBucket", () => {
  it("holds [4^(k−1), 4^k) seconds in bucket k, to the second", () => {
    for (let bucket = 1; bucket < timeGapBuckets - 1; bucket++) {
      expect(timeGapBucket(4 ** (bucket - 1))).toBe(bucket);
      expect(timeGapBucket(4 ** bucket - 1)).toBe(bucket);
      expect(timeGapBucket(4 ** bucket - 0.001)).toBe(bucket);
    }
  });

  it("puts no gap, less than a second, and nonsense into bucket 0, and everything long into the last", () => {
    for (const gap of [0, 0.999, -5, Number.NaN]) expect(timeGapBucket(gap)).toBe(0);
    for (const gap of [4 ** 12, 4 ** 13, 2 ** 31, 2 ** 32, 2 ** 40, Number.POSITIVE_INFINITY]) {
      expect(timeGapBucket(gap)).toBe(timeGapBuckets - 1);
    }
  });

  it("never falls when the gap grows", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e10, noNaN: true }), fc.double({ min: 0, max: 1e10, noNaN: true }), (a, b) => {
        expect(timeGapBucket(Math.min(a, b))).toBeLessThanOrEqual(timeGapBucket(Math.max(a, b)));
      }),
    );
  });
});
