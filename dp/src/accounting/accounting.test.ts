import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../../test/vectors/dp-accounting.json" with { type: "json" };
import { calibrateNoise } from "./calibrate.ts";
import { composeRdp, epsilonFromRdp, epsilonOf, epsilonOfAll } from "./epsilon.ts";
import { rdpIntegerOrders } from "./orders.ts";
import { rdpPoissonGaussian, rdpVector } from "./poisson-gaussian.ts";

const coded = (code: string) => expect.objectContaining({ code });
const relative = (value: number, expected: number) => Math.abs(value / expected - 1);

describe("against Google's dp_accounting (source in the file)", () => {
  it.each(vectors.poisson_gaussian)("ε at integer orders: q = $q, σ = $sigma, T = $T, δ = $delta", (row) => {
    const event = { samplingRate: row.q, noiseMultiplier: row.sigma, steps: row.T };
    expect(relative(epsilonOf({ ...event, delta: row.delta }), row.eps_rdp_integer_orders)).toBeLessThan(1e-9);
    expect(epsilonFromRdp(rdpIntegerOrders, rdpVector(event), row.delta).order).toBe(row.order_int);
  });

  it("Rényi divergences at orders 5, 50 and 100 (q = .01, σ = 2.5, T = 50)", () => {
    const rdp = rdpVector({ samplingRate: 0.01, noiseMultiplier: 2.5, steps: 50 }, [5, 50, 100]);
    for (const [i, expected] of [0.00218075656, 0.0238460375, 167.416308].entries()) {
      expect(relative(rdp[i] ?? 0, expected)).toBeLessThan(1e-8);
    }
  });

  it("the conversion of constant RDP 1.1 at orders 2 to 32, δ = 1e-5", () => {
    const orders = Array.from({ length: 31 }, (_, i) => i + 2);
    const { epsilon } = epsilonFromRdp(orders, new Array<number>(31).fill(1.1), 1e-5);
    expect(relative(epsilon, 1.32783806176)).toBeLessThan(1e-10);
  });

  it("the two numbers that the command line promises", () => {
    const epsilon = epsilonOf({ samplingRate: 0.01, noiseMultiplier: 1, steps: 1000, delta: 1e-5 });
    expect(Math.abs(epsilon - 2.1077530755)).toBeLessThan(1e-6);
    const noise = calibrateNoise({ epsilon: 8, samplingRate: 0.04, steps: 2000, delta: 1e-5 });
    expect(Math.abs(noise - 1.3607)).toBeLessThan(0.001);
  });
});

describe("edges", () => {
  it("nothing sampled or nothing done costs nothing", () => {
    expect(epsilonOf({ samplingRate: 0, noiseMultiplier: 1, steps: 1000, delta: 1e-5 })).toBe(0);
    expect(epsilonOf({ samplingRate: 1, noiseMultiplier: 1e-200, steps: 0, delta: 1e-5 })).toBe(0);
    expect(epsilonOfAll([], 1e-5)).toBe(0);
  });

  it("everybody sampled is the plain Gaussian, α/2σ²", () => {
    expect(rdpVector({ samplingRate: 1, noiseMultiplier: 5, steps: 100 })).toEqual(
      rdpIntegerOrders.map((order) => 100 * (order * (1 / 50))),
    );
    // and q just below 1 tends to it
    for (const order of [2, 17, 1024]) expect(relative(rdpPoissonGaussian(1 - 1e-13, 5, order), order / 50)).toBeLessThan(1e-9);
  });

  it("order 2 has the closed form ln(1 + q²(e^{1/σ²} − 1)), down to the tiniest q", () => {
    for (const q of [1e-12, 1e-6, 0.01, 0.5, 0.99]) {
      for (const sigma of [0.3, 1, 7, 1e4]) {
        const expected = Math.log1p(q * q * Math.expm1(1 / sigma ** 2));
        expect(relative(rdpPoissonGaussian(q, sigma, 2), expected)).toBeLessThan(1e-12);
      }
    }
  });

  it("equals the sum over all i in BigInt fractions where e^{1/2σ²} is taken as 2", () => {
    // 1/2σ² = ln 2: A = Σ C(α,i) q^i (1−q)^{α−i} 2^{i²−i}, exactly
    const sigma = Math.sqrt(1 / (2 * Math.LN2));
    for (const [alpha, q] of [
      [3, 25n],
      [10, 1n],
      [40, 60n],
    ] as const) {
      let binomial = 1n;
      let sum = 0n;
      for (let i = 0; i <= alpha; i++) {
        sum += binomial * q ** BigInt(i) * (100n - q) ** BigInt(alpha - i) * 2n ** BigInt(i * i - i);
        binomial = (binomial * BigInt(alpha - i)) / BigInt(i + 1);
      }
      const denominator = 100n ** BigInt(alpha);
      const shift = sum.toString(2).length - 60;
      const logSum = Math.log(Number(shift > 0 ? sum >> BigInt(shift) : sum)) + Math.max(0, shift) * Math.LN2;
      const logA =
        sum < 2n * denominator
          ? Math.log1p(Number(((sum - denominator) << 200n) / denominator) * 2 ** -200)
          : logSum - alpha * Math.log(100);
      expect(relative(rdpPoissonGaussian(Number(q) / 100, sigma, alpha), logA / (alpha - 1))).toBeLessThan(1e-11);
    }
  });

  it("a δ that total variation covers makes ε zero", () => {
    expect(epsilonOf({ samplingRate: 1, noiseMultiplier: 1e6, steps: 1, delta: 1e-2 })).toBe(0);
  });
});

describe("what must hold at any parameters", () => {
  const event = fc.record({
    samplingRate: fc.double({ min: 1e-6, max: 1, noNaN: true }),
    noiseMultiplier: fc.double({ min: 0.3, max: 50, noNaN: true }),
    steps: fc.integer({ min: 1, max: 10_000 }),
  });
  const delta = fc.constantFrom(1e-9, 1e-6, 1e-5, 1e-2);

  it("more steps or a higher rate never cost less, more noise never costs more", () => {
    fc.assert(
      fc.property(event, delta, (e, d) => {
        const epsilon = epsilonOf({ ...e, delta: d });
        const slack = 1e-12 * (1 + epsilon);
        expect(epsilonOf({ ...e, steps: e.steps + 1, delta: d })).toBeGreaterThanOrEqual(epsilon - slack);
        expect(epsilonOf({ ...e, samplingRate: Math.min(1, e.samplingRate * 1.1), delta: d })).toBeGreaterThanOrEqual(
          epsilon - slack,
        );
        expect(epsilonOf({ ...e, noiseMultiplier: e.noiseMultiplier * 1.1, delta: d })).toBeLessThanOrEqual(epsilon + slack);
      }),
      { numRuns: 50 },
    );
  });

  it("composition adds, and the order of releases does not matter", () => {
    const a = { samplingRate: 0.01, noiseMultiplier: 1.1, steps: 300 };
    const b = { samplingRate: 1, noiseMultiplier: 30, steps: 1 };
    expect(composeRdp(rdpVector(a), rdpVector(b))).toEqual(rdpVector(a).map((value, i) => value + (rdpVector(b)[i] ?? 0)));
    expect(epsilonOfAll([a, b], 1e-6)).toBe(epsilonOfAll([b, a], 1e-6));
    expect(epsilonOfAll([a, b], 1e-6)).toBeGreaterThan(epsilonOf({ ...a, delta: 1e-6 }));
  });

  it("calibrated noise keeps the target, and a millionth less does not", () => {
    const target = fc.record({
      epsilon: fc.constantFrom(0.5, 1, 2, 8),
      delta: fc.constantFrom(1e-6, 1e-5),
      samplingRate: fc.constantFrom(0.004, 0.1, 1),
      steps: fc.constantFrom(1, 100, 3000),
    });
    fc.assert(
      fc.property(target, (t) => {
        const noiseMultiplier = calibrateNoise(t);
        expect(epsilonOf({ ...t, noiseMultiplier })).toBeLessThanOrEqual(t.epsilon);
        expect(epsilonOf({ ...t, noiseMultiplier: noiseMultiplier - 1e-6 })).toBeGreaterThan(t.epsilon);
      }),
      { numRuns: 15 },
    );
  });

  it("noise calibrated beside other releases keeps the target for all of them", () => {
    const besides = [{ samplingRate: 1, noiseMultiplier: 12, steps: 2 }];
    const t = { epsilon: 3, delta: 1e-6, samplingRate: 0.02, steps: 400 };
    const noiseMultiplier = calibrateNoise({ ...t, besides });
    expect(epsilonOfAll([{ ...t, noiseMultiplier }, ...besides], 1e-6)).toBeLessThanOrEqual(3);
    expect(noiseMultiplier).toBeGreaterThan(calibrateNoise(t));
  });
});

describe("bad input is a coded error, never a number", () => {
  const good = { samplingRate: 0.01, noiseMultiplier: 1, steps: 10, delta: 1e-5 };
  const bad: [string, Partial<typeof good>][] = [
    ...[0, 1, -0.1, 2, Number.NaN].map((delta): [string, Partial<typeof good>] => ["TRB_DP_DELTA_INVALID", { delta }]),
    ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((noiseMultiplier): [string, Partial<typeof good>] => [
      "TRB_DP_NOISE_MULTIPLIER_INVALID",
      { noiseMultiplier },
    ]),
    ...[-0.01, 1.01, Number.NaN].map((samplingRate): [string, Partial<typeof good>] => [
      "TRB_DP_SAMPLING_RATE_INVALID",
      { samplingRate },
    ]),
    ...[-1, 1.5, Number.NaN, 2 ** 60].map((steps): [string, Partial<typeof good>] => ["TRB_DP_STEPS_INVALID", { steps }]),
    ["TRB_DP_EPSILON_UNBOUNDED", { noiseMultiplier: 1e-200 }],
  ];
  it.each(bad)("epsilonOf: %s %o", (code, change) => {
    expect(() => epsilonOf({ ...good, ...change })).toThrow(coded(code));
  });

  it.each<[string, object]>([
    ["TRB_DP_EPSILON_INVALID", { epsilon: 0 }],
    ["TRB_DP_EPSILON_INVALID", { epsilon: -1 }],
    ["TRB_DP_EPSILON_INVALID", { epsilon: Number.NaN }],
    ["TRB_DP_EPSILON_INVALID", { epsilon: Number.POSITIVE_INFINITY }],
    ["TRB_DP_DELTA_INVALID", { delta: 1 }],
    ["TRB_DP_SAMPLING_RATE_INVALID", { samplingRate: -1 }],
    ["TRB_DP_STEPS_INVALID", { steps: 0.5 }],
    ["TRB_DP_PARAMETER_INVALID", { samplingRate: 0 }],
    ["TRB_DP_PARAMETER_INVALID", { steps: 0 }],
    ["TRB_DP_EPSILON_UNREACHABLE", { epsilon: 1e-9, delta: 1e-12, samplingRate: 1, steps: 1e9 }],
  ])("calibrateNoise: %s %o", (code, change) => {
    expect(() => calibrateNoise({ epsilon: 1, samplingRate: 0.01, steps: 10, delta: 1e-5, ...change })).toThrow(coded(code));
  });

  it("epsilonFromRdp refuses vectors that do not fit the orders, and NaN", () => {
    expect(() => epsilonFromRdp([2, 3], [1], 1e-5)).toThrow(coded("TRB_DP_ORDERS_MISMATCH"));
    expect(() => epsilonFromRdp([2], [Number.NaN], 1e-5)).toThrow(coded("TRB_DP_ORDERS_MISMATCH"));
    expect(() => epsilonFromRdp([2], [-1], 1e-5)).toThrow(coded("TRB_DP_ORDERS_MISMATCH"));
    expect(() => epsilonFromRdp([1], [1], 1e-5)).toThrow(coded("TRB_DP_ORDERS_MISMATCH"));
    expect(() => epsilonFromRdp([], [], 1e-5)).toThrow(coded("TRB_DP_ORDERS_MISMATCH"));
    expect(() => composeRdp([1, 2], [1])).toThrow(coded("TRB_DP_ORDERS_MISMATCH"));
  });
});
