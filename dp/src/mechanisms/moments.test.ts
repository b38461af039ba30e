import fc from "fast-check";
import { expect, it } from "vitest";
import { composeRdp, epsilonFromRdp } from "../accounting/epsilon.ts";
import { rdpIntegerOrders } from "../accounting/orders.ts";
import { rdpVector } from "../accounting/poisson-gaussian.ts";
import { compare, divide, multiply, parseRational, toNumber, whole } from "../exact/rational.ts";
import type { IntegerSampler } from "../sampling/integer-sampler.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { clippedSign, countVariance, multiplierBesideCount, nextClipNorm } from "./adaptive-clipping.ts";
import { contribution, privateMoments } from "./moments.ts";

const range = { lower: -2, upper: 6, noiseMultiplier: "0.8" };
const silent = (): IntegerSampler => ({ fill: (out) => void out.fill(0) });

it("a customer moves the three sums by at most √3·2^20, whatever the value, and some value comes close", () => {
  let longest = 0;
  fc.assert(
    fc.property(fc.double(), (value) => {
      const moved = contribution(value, range);
      const squared = moved.reduce((sum, x) => sum + BigInt(x) ** 2n, 0n);
      expect(moved.every(Number.isInteger)).toBe(true);
      expect(squared <= 3n * 2n ** 40n).toBe(true);
      longest = Math.max(longest, Number(squared) / 3 / 2 ** 40);
    }),
  );
  expect(longest).toBe(1);
});

it("without noise the moments are those of the values, clamped", () => {
  const values = new Float64Array([-1, 0.5, 3, 3, 5.25, -2, 6]);
  const { count, mean, variance } = privateMoments(values, range, seededSource(1), silent);
  const truth = values.reduce((a, b) => a + b, 0) / 7;
  expect(count).toBe(7);
  expect(mean).toBeCloseTo(truth, 5);
  expect(variance).toBeCloseTo(values.reduce((sum, x) => sum + (x - truth) ** 2, 0) / 7, 4);
  const beyond = privateMoments(new Float64Array([1e300, -1e300, Number.NaN]), range, seededSource(1), silent);
  expect(beyond.mean).toBeCloseTo(2, 5);
});

it("noise is (z·√3·2^20)², its answers stay in their ranges, and it costs z", () => {
  const values = Float64Array.from({ length: 5000 }, (_, i) => 2 + Math.sin(i));
  const seen: number[] = [];
  const { count, mean, variance, event } = privateMoments(values, range, seededSource(2), (asked, random) => {
    seen.push(compare(asked, multiply(parseRational("0.64"), whole(3n * 2n ** 40n))));
    expect(random).toBeDefined();
    return silent();
  });
  expect(seen).toEqual([0]);
  expect([count, mean, variance]).toEqual([5000, expect.closeTo(2, 2), expect.closeTo(0.5, 2)]);
  expect(event).toEqual({ kind: "discrete-gaussian", samplingRate: 1, noiseMultiplier: toNumber(parseRational("0.8")) });
  for (let seed = 0; seed < 50; seed++) {
    const noisy = privateMoments(new Float64Array([5.9]), range, seededSource(seed));
    expect(noisy.count >= 1 && noisy.mean >= -2 && noisy.mean <= 6 && noisy.variance >= 0 && noisy.variance <= 16).toBe(true);
  }
  const refused = expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" });
  expect(() => privateMoments(new Float64Array(), { ...range, upper: -2 }, seededSource(1))).toThrow(refused);
});

it("adaptive clipping: too many clipped makes C grow, too few makes it shrink, and the quantile is where it rests", () => {
  const step = (noisySum: number) => nextClipNorm({ clipNorm: 2, noisySum, expected: 100, quantile: 0.5 });
  expect(step(-80)).toBeGreaterThan(2); // 90 of 100 were clipped
  expect(step(80)).toBeLessThan(2);
  expect(step(0)).toBe(2);
  expect(step(-1e9)).toBeCloseTo(2 * Math.exp(0.1), 12); // b̃ is clamped
  expect(step(1e9)).toBeCloseTo(2 * Math.exp(-0.1), 12);

  const norms = Array.from({ length: 1001 }, (_, i) => i / 100); // their 0.8 quantile is 8
  let clipNorm = 0.05;
  for (let round = 0; round < 200; round++) {
    const noisySum = norms.reduce((sum, norm) => sum + clippedSign(norm, clipNorm), 0);
    clipNorm = nextClipNorm({ clipNorm, noisySum, expected: 1001, quantile: 0.8, rate: 0.3 });
  }
  expect(clipNorm).toBeCloseTo(8, 1);
});

it("the sign of a customer is ±1, also for a norm that is not a number", () => {
  expect([clippedSign(1, 1), clippedSign(1.01, 1), clippedSign(Number.NaN, 1), clippedSign(0, 1)]).toEqual([1, -1, -1, 1]);
});

it("z_Δ pays for the count: both together cost what z costs alone", () => {
  expect(Number(multiplierBesideCount("1", "10"))).toBeCloseTo(1.005038, 6); // m = 100, σ_b = m/20 = 5
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 9000 }), fc.integer({ min: 1, max: 9000 }), (z, more) => {
      const [own, count] = [`${z}e-2`, `${z + more}e-2`];
      const sum = parseRational(multiplierBesideCount(own, count));
      const square = (x: ReturnType<typeof parseRational>) => divide(whole(1), multiply(x, x));
      const [both, first] = [square(sum), square(parseRational(count))];
      const total = (both.numerator * first.denominator + first.numerator * both.denominator) * 1n;
      const together = { numerator: total, denominator: both.denominator * first.denominator };
      expect(compare(together, square(parseRational(own)))).toBeLessThanOrEqual(0);
      expect(toNumber(together) / toNumber(square(parseRational(own)))).toBeGreaterThan(1 - 1e-9);
    }),
  );
  const epsilon = (...multipliers: number[]) => {
    const vectors = multipliers.map((noiseMultiplier) => rdpVector({ samplingRate: 1, noiseMultiplier, steps: 100 }));
    return epsilonFromRdp(rdpIntegerOrders, composeRdp(...vectors), 1e-6).epsilon;
  };
  expect(epsilon(Number(multiplierBesideCount("20", "50")), 50)).toBeCloseTo(epsilon(20), 8);
  expect(toNumber(countVariance("2.5"))).toBe(6.25);
});

it.each([{ clipNorm: 0 }, { expected: 0 }, { quantile: 1.1 }, { rate: Number.NaN }, { noisySum: Number.POSITIVE_INFINITY }])(
  "adaptive clipping refuses %o",
  (change) => {
    const input = { clipNorm: 1, noisySum: 0, expected: 10, quantile: 0.5, ...change };
    expect(() => nextClipNorm(input)).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
  },
);

it("a count with no more noise than both may have is refused", () => {
  expect(() => multiplierBesideCount("2", "2")).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
  expect(() => multiplierBesideCount("0", "2")).toThrow(expect.objectContaining({ code: "TRB_DP_NOISE_MULTIPLIER_INVALID" }));
});
