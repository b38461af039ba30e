/** Discrete Gaussian noise on vectors: against brute force where that is possible, and against its neighbours where it is not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { account } from "./account.ts";
import { discreteGaussianNoise, latticeGaussian } from "./events.ts";
import { gaussianDelta, gaussianEpsilon } from "./gaussian-dp.ts";
import { forGroup } from "./group.ts";
import { latticeGaussianDelta, latticeGaussianEpsilon } from "./lattice-gaussian.ts";

/** P of N_Z(0, σ²) at x, by summing its weights. */
function massFunction(deviation: number): (x: number) => number {
  const weight = (x: number) => Math.exp((-x * x) / (2 * deviation * deviation));
  let total = 1;
  for (let k = 1; k < 40 * deviation; k++) total += 2 * weight(k);
  return (x) => weight(x) / total;
}

/** δ(ε) of one release on two coordinates that a customer moves by (a, b), by adding up the plane. */
function planeDelta(deviation: number, [a, b]: readonly [number, number], epsilon: number): number {
  const mass = massFunction(deviation);
  const reach = Math.ceil(9 * deviation) + Math.max(Math.abs(a), Math.abs(b));
  let delta = 0;
  for (let x = -reach; x <= reach; x++) {
    for (let y = -reach; y <= reach; y++) {
      delta += Math.max(0, mass(x) * mass(y) - Math.exp(epsilon) * mass(x - a) * mass(y - b));
    }
  }
  return delta;
}

describe("discrete Gaussian noise on integer vectors", () => {
  it("is never below what the plane adds up to, and near it", () => {
    for (const [deviation, moved, epsilon] of [
      [6, [3, 4], 1],
      [12, [3, -4], 0.5],
      [20, [12, 5], 2],
      [20, [13, 0], 2],
      [15, [1, 0], 0.1],
      [5, [5, 5], 4],
    ] as const) {
      const noiseMultiplier = deviation / Math.hypot(...moved);
      const truth = planeDelta(deviation, moved, epsilon);
      const bound = latticeGaussianDelta([{ noiseMultiplier, deviation, touched: 2 }], epsilon);
      expect(bound).toBeGreaterThanOrEqual(truth);
      // what the proof gives away at σ this small: some 12/σ² of ε
      const slack = latticeGaussianDelta([{ noiseMultiplier, deviation, touched: 2 }], epsilon + 30 / deviation ** 2);
      expect(slack).toBeLessThan(truth);
    }
  });

  it("bounds every move of a ball, at random (fast-check)", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 9 }),
        fc.integer({ min: -8, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (deviation, a, b, epsilon) => {
          const noiseMultiplier = deviation / Math.hypot(a, b);
          const bound = latticeGaussianDelta([{ noiseMultiplier, deviation, touched: 2 }], epsilon);
          expect(bound).toBeGreaterThanOrEqual(planeDelta(deviation, [a, b], epsilon));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("costs what continuous noise costs at the widths of sum queries, and below what Rényi orders say", () => {
    const rounds = [3, 5, 9].map((noiseMultiplier) => ({ noiseMultiplier, deviation: 2e5, touched: 1024 }));
    const mu = Math.sqrt(rounds.reduce((sum, { noiseMultiplier }) => sum + noiseMultiplier ** -2, 0));
    const continuous = gaussianEpsilon(mu, 1e-6);
    const found = latticeGaussianEpsilon(rounds, 1e-6);
    expect(found).toBeGreaterThanOrEqual(continuous);
    expect(found / continuous - 1).toBeLessThan(1e-8);
    const renyi = rounds.reduce((sum, { noiseMultiplier }) => sum.add(discreteGaussianNoise(noiseMultiplier)), account("rdp"));
    expect(renyi.epsilon(1e-6).epsilon / found).toBeGreaterThan(1.03);
  });

  it("has an ε and a δ that answer each other", () => {
    const rounds = [{ noiseMultiplier: 2, deviation: 50, touched: 7 }];
    for (const delta of [1e-3, 1e-6, 1e-9]) {
      const epsilon = latticeGaussianEpsilon(rounds, delta);
      expect(latticeGaussianDelta(rounds, epsilon) / delta).toBeCloseTo(1, 6);
    }
    expect(latticeGaussianEpsilon([], 1e-6)).toBe(0);
    expect(latticeGaussianDelta([], 1)).toBe(0);
  });

  it("is refused where nothing is proven", () => {
    const good = { noiseMultiplier: 2, deviation: 50, touched: 7 };
    for (const wrong of [{ deviation: 3.9 }, { deviation: Number.NaN }, { touched: 0 }, { touched: 1.5 }]) {
      const attempt = () => latticeGaussianEpsilon([{ ...good, ...wrong }], 1e-6);
      expect(attempt).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
    }
    expect(() => latticeGaussianEpsilon([{ ...good, noiseMultiplier: 0 }], 1e-6)).toThrow(
      expect.objectContaining({ code: "TRB_DP_NOISE_MULTIPLIER_INVALID" }),
    );
    expect(() => latticeGaussianEpsilon([good], 0)).toThrow(expect.objectContaining({ code: "TRB_DP_DELTA_INVALID" }));
    // the guess that bounds e^ε·τ: at such an ε nothing is left of δ
    expect(() => latticeGaussianEpsilon([{ ...good, noiseMultiplier: 0.05 }], 1e-6)).toThrow(
      expect.objectContaining({ code: "TRB_DP_EPSILON_UNBOUNDED" }),
    );
  });
});

it("a group moves the sum of its members' coordinates by the sum of their norms; the account counts what ran twice twice", () => {
  const one = { noiseMultiplier: 9, deviation: 80, touched: 5 };
  const ofThree = account("lattice")
    .add(forGroup(latticeGaussian(one), 3))
    .epsilon(1e-6).epsilon;
  expect(ofThree).toBe(latticeGaussianEpsilon([{ ...one, noiseMultiplier: 3, touched: 15 }], 1e-6));
  const twice = account("lattice").add(latticeGaussian(one), 2);
  expect(twice.epsilon(1e-6).epsilon / latticeGaussianEpsilon([one, one], 1e-6)).toBeCloseTo(1, 12);
  expect(twice.delta(1).delta / latticeGaussianDelta([one, one], 1)).toBeCloseTo(1, 12);
  const sampled = forGroup(latticeGaussian({ ...one, samplingRate: 0.1 }), 4);
  expect(account("rdp-integer").add(sampled).releases).toEqual([
    { event: { kind: "lattice-gaussian", samplingRate: 0.1, noiseMultiplier: 4.5, deviation: 40, touched: 5 }, count: 4 },
  ]);
  expect(() => forGroup(latticeGaussian({ ...one, deviation: 7, samplingRate: 0.1 }), 4)).toThrow(
    expect.objectContaining({ code: "TRB_DP_NOISE_TOO_SMALL" }),
  );
});

it("what is added to the continuous curve is the theorem's, to the digit, where it is large enough to be seen", () => {
  const release = { noiseMultiplier: 2, deviation: 4, touched: 64 };
  const [m, variance, t] = [64, 16, 100];
  const reach = 4 * Math.sqrt(m + 2 * Math.sqrt(m * t) + 2 * t) + Math.sqrt(m) / 2;
  const above = m / (24 * variance);
  const below = reach ** 2 / (24 * variance ** 2) + m * 3 * Math.exp(-2 * Math.PI ** 2 * variance);
  const epsilon = 2;
  const expected = Math.exp(above) * (gaussianDelta(0.5, epsilon - above - below) + Math.exp(epsilon - t));
  expect(above + below).toBeGreaterThan(0.9); // a wrong constant shows
  expect(latticeGaussianDelta([release], epsilon) / expected).toBeCloseTo(1, 9);
  const delta = 1e-5;
  const found = latticeGaussianEpsilon([release], delta);
  expect(found - above - below).toBeCloseTo(gaussianEpsilon(0.5, delta * Math.exp(-above)), 9);
});

it.each([0.5, 1, 4, 30])(
  "at σ = %d the two likelihoods differ by no more than steps (1) and (2) say, and (1) is reached",
  (deviation) => {
    const variance = deviation ** 2;
    const discrete = massFunction(deviation);
    // P[N = x], by Simpson's rule over the unit interval around x
    const rounded = (x: number): number => {
      const steps = 200;
      const at = (u: number) => Math.exp(-((x + u) ** 2) / (2 * variance)) / (deviation * Math.sqrt(2 * Math.PI));
      let sum = 0;
      for (let i = 0; i <= steps; i++) sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * at(i / steps - 0.5);
      return sum / (3 * steps);
    };
    const theta = 3 * Math.exp(-2 * Math.PI ** 2 * variance);
    for (let x = -4 * Math.ceil(deviation); x <= 4 * Math.ceil(deviation); x++) {
      const logarithm = Math.log(discrete(x) / rounded(x));
      expect(logarithm).toBeLessThan((1 / (24 * variance)) * (1 + 1e-9));
      expect(-logarithm).toBeLessThan((x * x) / (24 * variance ** 2) + theta + 1e-12);
      if (x === 0 && deviation >= 4) expect(logarithm).toBeGreaterThan(0.99 / (24 * variance));
    }
  },
);
