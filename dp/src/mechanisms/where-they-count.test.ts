/** Where mechanisms put a number: grids whose bounds are not about 0, and the edges of what they accept. */
import { expect, it } from "vitest";
import { coded } from "../accounting/testing.test-support.ts";
import { chachaSource } from "../sampling/chacha-source.ts";
import { poissonSample } from "../sampling/poisson-sample.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { nextClipNorm } from "./adaptive-clipping.ts";
import { candidateGroups } from "./quantile.ts";

it.each([
  // lower, upper, steps, a value and the candidate that it counts as
  [2, 10, 8, 5, 3],
  [-10, -2, 4, -4.9, 3],
  [-1, 3, 2, 0.1, 1],
  [2, 10, 8, 1, 0],
  [2, 10, 8, 11, 8],
])("a quantile between %d and %d in %i steps counts %d as candidate %i", (lower, upper, steps, value, place) => {
  const groups = candidateGroups(Float64Array.of(value), { quantile: [1, 2], lower, upper, steps, epsilon: "1" });
  // of one value the median is that value: its own candidate, alone, is the best
  const best = groups.filter(({ gamma }) => gamma.numerator === 0n);
  expect(best.map(({ first, multiplicity }) => [first, multiplicity])).toEqual([[place, 1n]]);
});

it("the clip norm follows quantiles from 0 to 1, both taken in, and no others", () => {
  const clip = { clipNorm: 2, noisySum: 0, expected: 10, rate: 0.2 };
  // half of the customers are below: e^{−0.2·(½ − quantile)}
  expect(nextClipNorm({ ...clip, quantile: 0 })).toBeCloseTo(2 * Math.exp(-0.1), 14);
  expect(nextClipNorm({ ...clip, quantile: 1 })).toBeCloseTo(2 * Math.exp(0.1), 14);
  for (const quantile of [-0.01, 1.01, Number.NaN]) {
    expect(() => nextClipNorm({ ...clip, quantile })).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
  }
});

it("a stream may be rekeyed after every byte, and not more often", () => {
  const bytes = new Uint8Array(32);
  chachaSource(seededSource(5), { reseedBytes: 1 }).fill(bytes);
  expect(new Set(bytes).size).toBeGreaterThan(16);
  for (const reseedBytes of [0, -1, 1.5]) {
    expect(() => chachaSource(seededSource(5), { reseedBytes })).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
  }
});

it("a sampling rate that is no number is refused by its code, too", () => {
  for (const [numerator, denominator] of [
    [1n, 0n],
    [0n, -1n],
    [-1n, 2n],
    [3n, 2n],
  ] as const) {
    const rate = { numerator, denominator };
    expect(() => poissonSample(5, rate, seededSource(5))).toThrow(coded("TRB_DP_SAMPLING_RATE_INVALID"));
  }
});
