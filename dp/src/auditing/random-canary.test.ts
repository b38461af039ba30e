import { describe, expect, it } from "vitest";
import { gaussianEpsilon } from "../accounting/gaussian-dp.ts";
import { normL2 } from "../clipping/clip-l2.ts";
import { simulationGaussian } from "../sampling/continuous-gaussian.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { gaussianPairEpsilon } from "./gaussian-pair.ts";
import { canaryBound, canaryEstimate, cosine, randomCanary } from "./random-canary.ts";

const coded = (code: string) => expect.objectContaining({ code });
const thresholds = [0.5, 1, 1.5, 2, 2.5];

/** Cosines of n canaries of norm 1 with their sum and N(0, σ²) noise in d coordinates. */
function cosinesOfRelease(n: number, dimension: number, deviation: number, seed: number) {
  const random = seededSource(seed);
  const canaries = Array.from({ length: n }, () => randomCanary(dimension, 1, random));
  const released = new Float64Array(dimension);
  simulationGaussian(deviation, random).fill(released);
  for (const canary of canaries) for (let i = 0; i < dimension; i++) released[i] = (released[i] ?? 0) + (canary[i] ?? 0);
  return { cosines: canaries.map((canary) => cosine(canary, released)), dimension };
}

describe("two normals", () => {
  it("of equal deviation are told apart as μ-GDP says", () => {
    for (const [mu, delta] of [
      [0.5, 1e-5],
      [1, 1e-6],
      [3, 1e-8],
    ] as const) {
      const found = gaussianPairEpsilon({ mean: 2 * mu, deviation: 2 }, { mean: 0, deviation: 2 }, delta);
      expect(found).toBeCloseTo(gaussianEpsilon(mu, delta), 8);
    }
  });

  it("of nearly equal deviation do not jump, and equal ones are not told apart", () => {
    const b = { mean: 0, deviation: 1 };
    const near = gaussianPairEpsilon({ mean: 1, deviation: 1 + 1e-5 }, b, 1e-6);
    expect(Math.abs(near - gaussianEpsilon(1, 1e-6))).toBeLessThan(1e-3);
    expect(gaussianPairEpsilon(b, b, 1e-9)).toBe(0);
  });

  it("of unequal deviation have the δ that summing densities gives, whichever is the wider", () => {
    const [a, b] = [
      { mean: 0.7, deviation: 1.4 },
      { mean: 0, deviation: 1 },
    ];
    const delta = 0.01;
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const epsilon = gaussianPairEpsilon(x, y, delta);
      const density = ({ mean, deviation }: typeof a, t: number) =>
        Math.exp(-(((t - mean) / deviation) ** 2) / 2) / (deviation * Math.sqrt(2 * Math.PI));
      const stick = (p: typeof a, q: typeof a) => {
        let sum = 0;
        for (let t = -15; t < 15; t += 1e-3) sum += Math.max(0, density(p, t) - Math.exp(epsilon) * density(q, t)) * 1e-3;
        return sum;
      };
      expect(Math.max(stick(x, y), stick(y, x))).toBeCloseTo(delta, 6);
    }
  });
});

describe("random canaries", () => {
  it("have the length asked for, and cosines of 1 with themselves", () => {
    const canary = randomCanary(50, 0.3, seededSource(1));
    expect(normL2(canary)).toBeCloseTo(0.3, 14);
    expect(
      cosine(
        canary,
        canary.map((value) => -2 * value),
      ),
    ).toBeCloseTo(-1, 14);
    expect(cosine(canary, new Float64Array(50))).toBe(0);
  });

  it("estimate the ε of one Gaussian release with noise 1, within three tenths", () => {
    const estimate = canaryEstimate(cosinesOfRelease(400, 5000, 1, 7), { delta: 1e-5 });
    expect(estimate.kind).toBe("estimate");
    const truth = gaussianEpsilon(1, 1e-5);
    expect(estimate.epsilon / truth).toBeGreaterThan(0.7);
    expect(estimate.epsilon / truth).toBeLessThan(1.3);
  });

  it("bound from below what they estimate, Clopper–Pearson below Jeffreys", () => {
    const found = cosinesOfRelease(200, 5000, 0.5, 8);
    const options = { thresholds, delta: 1e-5, significance: 0.05 };
    const jeffreys = canaryBound(found, options);
    const exact = canaryBound(found, { ...options, interval: "clopper-pearson" });
    expect(jeffreys.kind).toBe("bound");
    expect(exact.epsilon).toBeLessThanOrEqual(jeffreys.epsilon);
    expect(jeffreys.epsilon).toBeGreaterThan(1);
    expect(jeffreys.epsilon).toBeLessThan(gaussianEpsilon(2, 1e-5));
  });

  it("one threshold: ln((1 − δ − FNR⁺)/FPR) in numbers", () => {
    // 10 of 10 above 2/√d: FNR⁺ at 2.5 % an event by Clopper–Pearson is 1 − 0.025^(1/10); FPR = P(Z > 2)
    const bound = canaryBound(
      { cosines: new Array<number>(10).fill(0.5), dimension: 100 },
      { thresholds: [2], delta: 1e-3, significance: 0.05, interval: "clopper-pearson" },
    );
    expect(bound.epsilon).toBeCloseTo(Math.log((0.025 ** 0.1 - 1e-3) / 0.022750131948179212), 12);
    expect(bound).toMatchObject({ threshold: 0.2, direction: "in" });
  });

  it("that were not there show nothing", () => {
    const random = seededSource(9);
    const released = randomCanary(2000, 1, random);
    const cosines = Array.from({ length: 100 }, () => cosine(randomCanary(2000, 1, random), released));
    const bound = canaryBound({ cosines, dimension: 2000 }, { thresholds, delta: 1e-5, significance: 1e-9 });
    expect(bound.epsilon).toBe(0);
  });

  it("refuse bad input", () => {
    const found = { cosines: [0.1, 0.2], dimension: 10 };
    const options = { thresholds, delta: 1e-5, significance: 0.05 };
    expect(() => canaryBound({ ...found, cosines: [] }, options)).toThrow(coded("TRB_DP_AUDIT_TOO_FEW_SAMPLES"));
    expect(() => canaryBound({ ...found, cosines: [2] }, options)).toThrow(coded("TRB_DP_AUDIT_SCORES_INVALID"));
    expect(() => canaryBound({ ...found, dimension: 1 }, options)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => canaryBound(found, { ...options, thresholds: [] })).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => canaryBound(found, { ...options, delta: 1 })).toThrow(coded("TRB_DP_AUDIT_DELTA_INVALID"));
    expect(() => canaryBound(found, { ...options, significance: 0 })).toThrow(coded("TRB_DP_AUDIT_SIGNIFICANCE_INVALID"));
    expect(() => canaryEstimate({ ...found, cosines: [0.1] }, { delta: 1e-5 })).toThrow(coded("TRB_DP_AUDIT_TOO_FEW_SAMPLES"));
    expect(() => canaryEstimate({ ...found, cosines: [0.1, 0.1] }, { delta: 1e-5 })).toThrow(
      coded("TRB_DP_AUDIT_TOO_FEW_SAMPLES"),
    );
    expect(() => canaryEstimate(found, { delta: 0 })).toThrow(coded("TRB_DP_DELTA_INVALID"));
    expect(() => randomCanary(10, 0, seededSource(1))).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => cosine(new Float64Array(2), new Float64Array(3))).toThrow(coded("TRB_DP_LENGTH_MISMATCH"));
    expect(() => cosine(new Float64Array([1, Number.NaN]), new Float64Array(2))).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
  });
});
