/** The discrete Gaussian on one number, where PLD is a proof: against mpmath at 40 digits, distributions written out, and its limits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { account } from "../account.ts";
import { discreteGaussianDelta, massOf } from "../discrete-gaussian.ts";
import { discreteGaussianNoise, gaussian, integerGaussian, sampledGaussian } from "../events.ts";
import { forGroup } from "../group.ts";
import { coded, relative } from "../testing.test-support.ts";
import { onGrid } from "./grid-loss.ts";
import { integerGaussianLosses } from "./integer-gaussian-loss.ts";

const pld = account("pld");

describe("ε by enumeration of all outcomes, mpmath at 40 digits", () => {
  it.each([
    // σ², Δ, T, δ, ε
    [0.5, 1, 1, 1e-6, 6.98633346664239],
    [0.5, 1, 5, 1e-6, 18.9728165853749],
    [6.25, 2, 3, 1e-8, 8.309124472681189],
    [25, 1, 10, 1e-5, 2.594181521336863],
    [0.1, 1, 2, 1e-9, 29.99997798941465],
    [100, 3, 4, 1e-6, 2.755801667602449],
  ])("everybody: σ² = %d, Δ = %d, T = %d, δ = %d: ε = %d", (variance, sensitivity, steps, delta, expected) => {
    const { epsilon, lower } = pld.add(integerGaussian({ variance, sensitivity }), steps).epsilon(delta);
    expect(epsilon).toBeGreaterThanOrEqual(expected);
    expect(relative(epsilon, expected)).toBeLessThan(1e-8); // no loss is rounded: only the curve's allowance is added
    expect(lower).toBeLessThanOrEqual(expected);
    expect(lower).toBeGreaterThan(expected * 0.9999);
  });

  it.each([
    [0.1, 0.5, 1, 1, 1e-6, 4.552822413401978],
    [0.1, 0.5, 1, 3, 1e-5, 4.351914185415099],
    [0.3, 4, 1, 2, 1e-6, 1.462399052028627],
    [0.01, 2, 2, 2, 1e-7, 2.368395779116433],
    [0.9, 1, 1, 3, 1e-4, 7.064681928444445],
  ])(
    "sampled: q = %d, σ² = %d, Δ = %d, T = %d, δ = %d: ε = %d",
    (samplingRate, variance, sensitivity, steps, delta, expected) => {
      const { epsilon, lower } = pld.add(integerGaussian({ variance, sensitivity, samplingRate }), steps).epsilon(delta);
      expect(epsilon).toBeGreaterThanOrEqual(expected);
      expect(relative(epsilon, expected)).toBeLessThan(1e-7); // the grid of 1e-4
      expect(lower).toBeLessThanOrEqual(expected);
      expect(lower).toBeGreaterThan(expected * 0.999);
    },
  );
});

describe("against Google's dp_accounting 0.6, from_discrete_gaussian_mechanism, grid 1e-4", () => {
  it.each([
    [1, 6.25, 2, 3, 1e-8, 8.309124484616087],
    [1, 25, 1, 10, 1e-5, 2.5941874635092237],
    [1, 100, 1, 1000, 1e-6, 19.431297602957635],
    [0.1, 4, 1, 100, 1e-6, 2.6798432435168227],
    [0.01, 1, 1, 1000, 1e-5, 1.8832034102623536],
    [0.3, 100, 3, 20, 1e-6, 2.0017571891569976],
  ])("q = %d, σ² = %d, Δ = %d, T = %d, δ = %d: at most %d", (samplingRate, variance, sensitivity, steps, delta, theirs) => {
    const { epsilon, lower } = pld.add(integerGaussian({ variance, sensitivity, samplingRate }), steps).epsilon(delta);
    // they round every loss up to the grid instead of dividing it between two points, so theirs grows with T
    expect(epsilon).toBeLessThanOrEqual(theirs);
    expect(theirs - (lower ?? 0)).toBeLessThan(steps * 2e-4);
  });
});

describe("the curve", () => {
  /** sup over events, the definition: Σ (P − e^ε·Q)⁺, Q and P written out. */
  function written(q: number, variance: number, sensitivity: number, epsilon: number) {
    const reach = Math.ceil(40 * Math.sqrt(variance)) + sensitivity;
    const chance = (x: number) => Math.exp((-x * x) / (2 * variance)) / massOf(variance);
    let [remove, add] = [0, 0];
    for (let x = -reach; x <= reach; x++) {
      const without = chance(x);
      const included = (1 - q) * without + q * chance(x - sensitivity);
      remove += Math.max(0, included - Math.exp(epsilon) * without);
      add += Math.max(0, without - Math.exp(epsilon) * included);
    }
    return { remove, add };
  }

  it("is that of the distributions, both directions, at any ε", () => {
    for (const q of [1, 0.6, 0.02]) {
      for (const [variance, sensitivity] of [
        [0.5, 1],
        [6.25, 3],
        [100, 1],
      ] as const) {
        const { remove, add } = integerGaussianLosses({ kind: "integer-gaussian", samplingRate: q, variance, sensitivity });
        for (const epsilon of [-4, -0.6, -0.03, 0, 0.01, 0.4, 1.3, 5]) {
          const due = written(q, variance, sensitivity, epsilon);
          const slack = 1e-11 * Math.max(1, Math.exp(epsilon));
          expect(Math.abs(remove.hockeyStick(epsilon) - due.remove)).toBeLessThan(slack);
          expect(Math.abs(add.hockeyStick(epsilon) - due.add)).toBeLessThan(slack);
        }
      }
    }
  });

  it("on the grid it meets the true one at every point and lies above between them, as a distribution", () => {
    for (const q of [1, 0.3]) {
      const losses = integerGaussianLosses({ kind: "integer-gaussian", samplingRate: q, variance: 6.25, sensitivity: 2 });
      for (const loss of [losses.remove, losses.add]) {
        const interval = 0.05;
        const grid = onGrid(loss, interval, 1e-13);
        const curve = (epsilon: number) =>
          grid.weights.reduce(
            (sum, w, i) => sum + w * Math.max(0, -Math.expm1(epsilon - (grid.first + i) * interval)),
            grid.infinite,
          );
        expect(grid.weights.reduce((a, b) => a + b, grid.infinite)).toBeCloseTo(1, 11);
        for (let epsilon = -2; epsilon < 3; epsilon += interval) {
          const at = Math.round(epsilon / interval) * interval;
          expect(Math.abs(curve(at) - loss.hockeyStick(at))).toBeLessThan(1e-11);
          expect(curve(at + 0.02)).toBeGreaterThanOrEqual(loss.hockeyStick(at + 0.02) - 1e-11);
        }
      }
    }
  });

  it("a smaller move shows less, so that Δ stands for all of them", () => {
    for (const q of [1, 0.2]) {
      for (let epsilon = -1; epsilon < 3; epsilon += 0.21) {
        let before = { remove: 0, add: 0 };
        for (let move = 0; move <= 5; move++) {
          const now = written(q, 1.7, move, epsilon);
          expect(now.remove).toBeGreaterThanOrEqual(before.remove - 1e-15);
          expect(now.add).toBeGreaterThanOrEqual(before.add - 1e-15);
          before = now;
        }
      }
    }
  });

  it("one release, unsampled: δ(ε) is the sum of `discreteGaussianDelta`", () => {
    for (const [variance, sensitivity] of [
      [0.5, 1],
      [25, 3],
      [4e4, 2],
    ] as const) {
      for (const epsilon of [0, 0.05, 0.7]) {
        const { delta } = pld.add(integerGaussian({ variance, sensitivity })).delta(epsilon);
        const due = discreteGaussianDelta({ variance, sensitivity, epsilon });
        expect(delta).toBeGreaterThan(due * (1 - 1e-9));
        expect(delta - due).toBeLessThan(2e-7 * due + 1e-15);
      }
    }
  });
});

describe("beside other accountants and other noise", () => {
  it("never above what is certified for discrete noise of any dimension (fast-check)", () => {
    const sets = fc.record({
      samplingRate: fc.constantFrom(1, 0.3, 0.02),
      deviation: fc.double({ min: 0.7, max: 30, noNaN: true }),
      sensitivity: fc.integer({ min: 1, max: 5 }),
      steps: fc.integer({ min: 1, max: 200 }),
      delta: fc.constantFrom(1e-4, 1e-7),
    });
    fc.assert(
      fc.property(sets, ({ samplingRate, deviation, sensitivity, steps, delta }) => {
        const event = integerGaussian({ variance: deviation ** 2, sensitivity, samplingRate });
        const certified = account("rdp-integer").add(event, steps).epsilon(delta).epsilon;
        const same = account("rdp-integer").add(discreteGaussianNoise(deviation / sensitivity, samplingRate), steps);
        expect(relative(certified, same.epsilon(delta).epsilon)).toBeLessThan(1e-12);
        const { epsilon, lower } = account("pld").add(event, steps).epsilon(delta);
        expect(epsilon).toBeLessThanOrEqual(certified);
        expect(lower).toBeLessThanOrEqual(epsilon);
      }),
      { numRuns: 25, seed: 20261130 },
    );
  });

  it("tends to the continuous Gaussian as σ grows, and is another one where σ is small", () => {
    const wide = { variance: 1e6, sensitivity: 1000 };
    expect(
      relative(pld.add(integerGaussian(wide), 3).epsilon(1e-6).epsilon, pld.add(gaussian(1), 3).epsilon(1e-6).epsilon),
    ).toBeLessThan(1e-6);
    const sampled = { ...wide, samplingRate: 0.01 };
    expect(
      relative(
        pld.add(integerGaussian(sampled), 1000).epsilon(1e-5).epsilon,
        pld.add(sampledGaussian(0.01, 1), 1000).epsilon(1e-5).epsilon,
      ),
    ).toBeLessThan(1e-6);
    const narrow = pld.add(integerGaussian({ variance: 0.1 }), 2).epsilon(1e-9).epsilon;
    expect(narrow).toBeLessThan(pld.add(gaussian(Math.sqrt(0.1)), 2).epsilon(1e-9).epsilon - 3);
  });

  it("zCDP bounds it without sampling, real Rényi orders too; neither with", () => {
    const event = integerGaussian({ variance: 9, sensitivity: 2 });
    const same = gaussian(1.5);
    for (const name of ["rdp", "zcdp"] as const) {
      expect(
        relative(account(name).add(event, 4).epsilon(1e-6).epsilon, account(name).add(same, 4).epsilon(1e-6).epsilon),
      ).toBeLessThan(1e-12);
    }
    for (const name of ["rdp", "zcdp", "gdp", "approximate"] as const) {
      expect(() => account(name).add(integerGaussian({ variance: 9, samplingRate: 0.5 }))).toThrow(
        coded("TRB_DP_EVENT_UNSUPPORTED"),
      );
    }
  });

  it("a group's: Δ·k once, and k parts of σ²/k where it is sampled, as long as parts are wide enough", () => {
    expect(pld.add(forGroup(integerGaussian({ variance: 9 }), 3)).releases).toMatchObject([
      { event: { sensitivity: 3, variance: 9 } },
    ]);
    const sampled = integerGaussian({ variance: 64, samplingRate: 0.1 });
    expect(pld.add(forGroup(sampled, 4)).releases).toMatchObject([{ event: { sensitivity: 1, variance: 16 }, count: 4 }]);
    expect(() => forGroup(sampled, 5)).toThrow(coded("TRB_DP_NOISE_TOO_SMALL"));
  });
});

it.each<[string, Parameters<typeof integerGaussian>[0]]>([
  ["TRB_DP_VARIANCE_NOT_POSITIVE", { variance: 0 }],
  ["TRB_DP_VARIANCE_NOT_POSITIVE", { variance: -1 }],
  ["TRB_DP_VARIANCE_NOT_POSITIVE", { variance: Number.NaN }],
  ["TRB_DP_PARAMETER_INVALID", { variance: Number.POSITIVE_INFINITY }],
  ["TRB_DP_SENSITIVITY_INVALID", { variance: 1, sensitivity: 0 }],
  ["TRB_DP_SENSITIVITY_INVALID", { variance: 1, sensitivity: 1.5 }],
  ["TRB_DP_SENSITIVITY_INVALID", { variance: 1, sensitivity: Number.NaN }],
  ["TRB_DP_SAMPLING_RATE_INVALID", { variance: 1, samplingRate: 1.1 }],
])("%s: %o", (code, release) => {
  expect(() => integerGaussian(release)).toThrow(coded(code));
});

it("where single losses are too many, PLD refuses and names who can", () => {
  expect(() => pld.add(integerGaussian({ variance: 1e9 }))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
  expect(() => account("rdp-integer").add(integerGaussian({ variance: 1e9 }))).not.toThrow();
});
