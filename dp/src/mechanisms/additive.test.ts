/** Gaussian and Laplace mechanisms: calibration against known numbers, and exact output distributions on neighbouring inputs. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { discreteGaussianDelta, discreteGaussianTail } from "../accounting/discrete-gaussian.ts";
import { gaussianDelta } from "../accounting/gaussian-dp.ts";
import { compare, multiply, parseRational, toNumber, whole } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import { chiSquareLimit, seededSource } from "../sampling/seeded-source.ts";
import { hockeyStickOf } from "./exact-distributions.test-support.ts";
import {
  analyticGaussianDeviation,
  calibrateDiscreteGaussian,
  discreteGaussianMechanism,
  gaussianMechanism,
} from "./gaussian.ts";
import { gridFor, toGrid } from "./integer-grid.ts";
import { discreteLaplaceMechanism, laplaceMechanism } from "./laplace.ts";

/** P[shift + noise = x] for x from −reach to reach. */
function noisy(shift: number, weight: (x: number) => number, reach: number): number[] {
  const raw = Array.from({ length: 2 * reach + 1 }, (_, i) => weight(i - reach - shift));
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((value) => value / total);
}
const gaussianWeight = (variance: number) => (x: number) => Math.exp((-x * x) / (2 * variance));
const laplaceWeight = (scale: number) => (x: number) => Math.exp(-Math.abs(x) / scale);

describe("the analytic Gaussian mechanism", () => {
  it.each([
    // Balle and Wang's formula by bisection in mpmath, 40 digits
    [1, 1e-5, 3.73063163481594],
    [0.1, 1e-6, 36.3046904261958],
    [8, 1e-5, 0.600229072198952],
  ])("at ε = %d, δ = %d needs σ = %d", (epsilon, delta, expected) => {
    const deviation = analyticGaussianDeviation({ epsilon, delta });
    expect(gaussianDelta(1 / deviation, epsilon)).toBeLessThanOrEqual(delta);
    expect(gaussianDelta(1 / (deviation * 0.999999), epsilon)).toBeGreaterThan(delta);
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(1e-9);
  });

  it("is below the classical √(2 ln(1.25/δ))·Δ/ε, and in proportion to Δ", () => {
    const deviation = analyticGaussianDeviation({ epsilon: 0.5, delta: 1e-6, sensitivity: 3 });
    expect(deviation).toBeLessThan((Math.sqrt(2 * Math.log(1.25e6)) * 3) / 0.5);
    expect(deviation).toBeCloseTo(3 * analyticGaussianDeviation({ epsilon: 0.5, delta: 1e-6 }), 9);
  });
});

describe("δ(ε) of discrete Gaussian noise", () => {
  it("is the hockey-stick divergence of the distributions, written out", () => {
    for (const variance of [0.2, 0.5, 3, 40]) {
      for (const sensitivity of [1, 2, 5]) {
        for (const epsilon of [0, 0.3, 1, 4]) {
          const reach = 120;
          const p = noisy(0, gaussianWeight(variance), reach);
          const q = noisy(sensitivity, gaussianWeight(variance), reach);
          const direct = hockeyStickOf(p, q, epsilon);
          const delta = discreteGaussianDelta({ variance, sensitivity, epsilon });
          expect(delta).toBeGreaterThanOrEqual(direct * (1 - 1e-9) - 1e-15);
          expect(delta).toBeLessThanOrEqual(direct * (1 + 1e-6) + 1e-13);
        }
      }
    }
  });

  it("comes to the continuous curve as σ grows, and is not always below it", () => {
    const wide = { variance: 400, sensitivity: 20, epsilon: 1 };
    expect(discreteGaussianDelta(wide) / gaussianDelta(1, 1)).toBeCloseTo(1, 2);
    const above = [0.1, 0.3, 0.6, 1, 2].filter(
      (epsilon) =>
        discreteGaussianDelta({ variance: 0.4, sensitivity: 1, epsilon }) > gaussianDelta(Math.sqrt(1 / 0.4), epsilon) * 1.001,
    );
    expect(above.length).toBeGreaterThan(0);
  });

  it("calibration finds a variance that its own sum proves", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 8, noNaN: true }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (epsilon, digits, sensitivity) => {
          const delta = 10 ** -digits;
          const variance = calibrateDiscreteGaussian({ epsilon, delta, sensitivity });
          expect(discreteGaussianDelta({ variance, sensitivity, epsilon })).toBeLessThanOrEqual(delta);
          const continuous = analyticGaussianDeviation({ epsilon, delta, sensitivity }) ** 2;
          if (continuous > 4) expect(variance / continuous).toBeLessThan(1.15);
        },
      ),
      { numRuns: 60, seed: 6 },
    );
  });

  it("tails are the distribution's", () => {
    for (const variance of [0.5, 9, 400]) {
      const p = noisy(0, gaussianWeight(variance), 400);
      for (const t of [-3, 0, 1, 2, 20]) {
        const direct = p.slice(400 + t).reduce((a, b) => a + b, 0);
        const tail = discreteGaussianTail(variance, t);
        expect(tail).toBeGreaterThanOrEqual(Math.min(1, direct) * (1 - 1e-12));
        expect(tail).toBeLessThanOrEqual(direct * (1 + 1e-8) + 1e-290);
      }
    }
  });

  it.each([
    ["TRB_DP_VARIANCE_NOT_POSITIVE", { variance: 0, sensitivity: 1, epsilon: 1 }],
    ["TRB_DP_VARIANCE_NOT_POSITIVE", { variance: Number.NaN, sensitivity: 1, epsilon: 1 }],
    ["TRB_DP_PARAMETER_INVALID", { variance: 1e11, sensitivity: 1, epsilon: 1 }],
    ["TRB_DP_SENSITIVITY_INVALID", { variance: 1, sensitivity: 0, epsilon: 1 }],
    ["TRB_DP_SENSITIVITY_INVALID", { variance: 1, sensitivity: 1.5, epsilon: 1 }],
    ["TRB_DP_PARAMETER_INVALID", { variance: 1, sensitivity: 1, epsilon: -1 }],
  ])("refuses with %s: %o", (code, input) => {
    expect(() => discreteGaussianDelta(input)).toThrow(expect.objectContaining({ code }));
  });
});

describe("discrete Laplace noise", () => {
  it.each([
    [1, 1],
    [3, 1],
    [2, 0.4],
  ])("of scale Δ/ε is ε-private and no less: Δ = %d, ε = %d", (sensitivity, epsilon) => {
    const weight = laplaceWeight(sensitivity / epsilon);
    const p = noisy(0, weight, 400);
    const q = noisy(sensitivity, weight, 400);
    expect(hockeyStickOf(p, q, epsilon * (1 + 1e-9))).toBeLessThan(1e-12);
    expect(hockeyStickOf(p, q, epsilon * 0.99)).toBeGreaterThan(1e-4);
  });

  it("with Δ = 1 is randomised response, above continuous noise at every ε′ below ε", () => {
    const p = noisy(0, laplaceWeight(1), 200);
    const q = noisy(1, laplaceWeight(1), 200);
    for (const epsilon of [0, 0.25, 0.5, 0.9]) {
      const delta = hockeyStickOf(p, q, epsilon);
      expect(delta).toBeCloseTo(-Math.expm1(epsilon - 1) / (1 + Math.exp(-1)), 12);
      expect(delta).toBeGreaterThan(-Math.expm1((epsilon - 1) / 2));
    }
  });
});

describe("releases", () => {
  const random = () => seededSource(31);

  it("integers get noise of exactly (zΔ)², drawn by the sampler given, and the event of z rounded down", () => {
    const drawn: string[] = [];
    const { values, event } = discreteGaussianMechanism(
      new Float64Array([5, -7, 0]),
      { sensitivity: "2.5", noiseMultiplier: "1.1" },
      random(),
      (variance, source) => {
        drawn.push(`${compare(variance, multiply(parseRational("2.75"), parseRational("2.75")))}`);
        return fastDiscreteGaussian(variance, source);
      },
    );
    expect(drawn).toEqual(["0"]);
    expect(values.every(Number.isInteger)).toBe(true);
    expect(event).toEqual({ kind: "discrete-gaussian", samplingRate: 1, noiseMultiplier: toNumber(parseRational("1.1")) });
  });

  it("real numbers get the stated deviation (false alarm ≤ 1e-9; seed 31)", () => {
    const values = new Float64Array(20_000).fill(0.123);
    const noisyValues = gaussianMechanism(values, { sensitivity: "0.01", noiseMultiplier: "3" }, random()).values;
    const statistic = noisyValues.reduce((sum, x) => sum + ((x - 0.123) / 0.03) ** 2, 0);
    const slack = chiSquareLimit(values.length) - values.length;
    expect(Math.abs(statistic - values.length)).toBeLessThan(slack + 10); // 2^−16 wider
    const laplace = laplaceMechanism(values, { sensitivity: "0.01", epsilon: "0.5" }, random()).values;
    const absolute = laplace.reduce((sum, x) => sum + Math.abs(x - 0.123), 0) / values.length / 0.02; // mean |x| of a Laplace is its scale
    expect(Math.abs(absolute - 1)).toBeLessThan(7 / Math.sqrt(values.length) + 0.01);
  });

  it("rounding to the grid moves two vectors apart by at most √d or d steps more", () => {
    const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(
        vector,
        vector,
        fc.constantFrom("l1" as const, "l2" as const),
        fc.integer({ min: 1, max: 10 ** 6 }),
        (a, b, norm, units) => {
          const moved = a.map((x, i) => x - (b[i] ?? 0));
          const size = norm === "l1" ? moved.reduce((sum, x) => sum + Math.abs(x), 0) : Math.hypot(...moved);
          fc.pre(size > 1e-3);
          const grid = gridFor(parseRational(`${units}e-6`), 5, norm);
          const [x, y] = [toGrid(new Float64Array(a), grid), toGrid(new Float64Array(b), grid)];
          const steps = Array.from(x, (value, i) => value - (y[i] as number));
          const apart = norm === "l1" ? steps.reduce((sum, s) => sum + Math.abs(s), 0) : Math.hypot(...steps);
          const stated = toNumber(grid.sensitivity) * (size / (units * 1e-6));
          if (size <= units * 1e-6) expect(apart).toBeLessThanOrEqual(toNumber(grid.sensitivity, "up"));
          expect(apart).toBeLessThanOrEqual(size / grid.step + (norm === "l1" ? 5 : Math.sqrt(5)) + 1e-6 * stated);
        },
      ),
    );
    const grid = gridFor(whole(1), 3, "l2");
    const odd = toGrid(new Float64Array([Number.NaN, Number.POSITIVE_INFINITY, -1e300]), grid);
    expect(Array.from(odd)).toEqual([0, 2 ** 52, -(2 ** 52)]);
  });

  it.each([
    ["TRB_DP_SENSITIVITY_INVALID", { sensitivity: "0", noiseMultiplier: "1" }],
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", { sensitivity: "1", noiseMultiplier: "0" }],
    ["TRB_DP_DECIMAL_INVALID", { sensitivity: "NaN", noiseMultiplier: "1" }],
    ["TRB_DP_DECIMAL_INVALID", { sensitivity: "1", noiseMultiplier: "-1" }],
  ])("the Gaussians refuse with %s: %o", (code, options) => {
    const refused = expect.objectContaining({ code });
    expect(() => discreteGaussianMechanism(new Float64Array(1), options, random())).toThrow(refused);
    expect(() => gaussianMechanism(new Float64Array(1), options, random())).toThrow(refused);
  });

  it("numbers that are not whole, and ε = 0, are refused", () => {
    const half = new Float64Array([0.5]);
    const refused = expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" });
    expect(() => discreteGaussianMechanism(half, { sensitivity: "1", noiseMultiplier: "1" }, random())).toThrow(refused);
    expect(() => discreteLaplaceMechanism(half, { sensitivity: "1", epsilon: "1" }, random())).toThrow(refused);
    expect(() => laplaceMechanism(half, { sensitivity: "1", epsilon: "0" }, random())).toThrow(
      expect.objectContaining({ code: "TRB_DP_EPSILON_INVALID" }),
    );
  });
});
