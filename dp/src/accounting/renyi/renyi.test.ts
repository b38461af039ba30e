import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../../../test/vectors/dp-accounting.json" with { type: "json" };
import { account } from "../account.ts";
import { epsilonFromRdp, epsilonOfAll } from "../epsilon.ts";
import { discreteGaussianNoise, gaussian, sampledGaussian } from "../events.ts";
import { rdpPoissonGaussian } from "../poisson-gaussian.ts";
import { coded, relative } from "../testing.test-support.ts";
import { rdpRealOrders, totalRdp } from "./accountant.ts";
import { rdpFractional } from "./fractional.ts";
import { rdpLaplace, rdpPure } from "./pure.ts";

/** ∫ f over [from, to] by the trapezium rule, which is exact to rounding for smooth functions that vanish at both ends. */
function integral(f: (x: number) => number, from: number, to: number, points = 40_000): number {
  const step = (to - from) / points;
  let sum = 0;
  for (let i = 0; i <= points; i++) sum += f(from + i * step) * (i === 0 || i === points ? 0.5 : 1);
  return sum * step;
}

describe("fractional orders", () => {
  it.each(vectors.log_A_exact)("ln A of mpmath: q = $q, σ = $sigma, α = $alpha", ({ q, sigma, alpha, logA }) => {
    // the vectors are ln of a rounded A, so they are good to 1e-16 in A itself
    expect(Math.abs(rdpFractional(q, sigma, alpha) * (alpha - 1) - logA)).toBeLessThan(1e-15 * Math.max(1, 1e3 * logA));
  });

  // ∫ of (1 − q + q·r)^α − 1 − αq(r − 1) by mpmath's quad at 40 digits
  it.each([
    [0.5, 1, 1.1, 0.01561304756854931],
    [0.5, 0.3, 1.1, 0.2911781896955961],
    [0.99, 0.5, 1.5, 1.487005563233837],
    [1e-6, 1, 1.1, 9.45052707114708e-14],
    [0.2, 0.5, 10.9, 198.2771267544683],
    [0.01, 100, 1.1, 5.500270080521458e-10],
    [0.9, 1000, 7.3, 1.862596065403262e-5],
    [0.01, 0.1, 5.5, 1212.171563977065],
  ])("every digit, and never below: q = %d, σ = %d, α = %d", (q, sigma, alpha, logA) => {
    const found = rdpFractional(q, sigma, alpha) * (alpha - 1);
    expect(found / logA - 1).toBeGreaterThan(-1e-14); // the order itself is rounded
    expect(relative(found, logA)).toBeLessThan(sigma > 100 ? 1e-8 : 1e-9);
  });

  it("the sign of C(α,i) matters: q = .01, σ = 2.5, α = 1.5 gives 6.50071e-6 and not 6.7058e-6", () => {
    const logA = rdpFractional(0.01, 2.5, 1.5) * 0.5;
    expect(relative(logA, 6.50071e-6)).toBeLessThan(1e-6);
    expect(logA).toBeLessThan(6.7058e-6);
  });

  it("agree with the integer formula next to an integer, and are convex as (α − 1)·RDP", () => {
    const parameters = fc.record({
      q: fc.double({ min: 1e-4, max: 0.99, noNaN: true }),
      z: fc.double({ min: 0.4, max: 20, noNaN: true }),
      order: fc.integer({ min: 2, max: 12 }),
    });
    fc.assert(
      fc.property(parameters, ({ q, z, order }) => {
        const integer = rdpPoissonGaussian(q, z, order);
        expect(relative(rdpFractional(q, z, order + 1e-9), integer)).toBeLessThan(1e-5);
        const log = (alpha: number) => (alpha - 1) * rdpFractional(q, z, alpha);
        expect(log(order + 0.5)).toBeLessThanOrEqual(((log(order + 0.3) + log(order + 0.7)) / 2) * (1 + 1e-9));
      }),
      { numRuns: 100 },
    );
  });
});

describe("against Opacus and dp_accounting", () => {
  it.each(vectors.poisson_gaussian)("ε at real orders: q = $q, σ = $sigma, T = $T, δ = $delta", (row) => {
    const releases = account("rdp").add(sampledGaussian(row.q, row.sigma), row.T).releases;
    const found = epsilonFromRdp(rdpRealOrders, totalRdp(releases, rdpRealOrders), row.delta);
    expect(relative(found.epsilon, row.eps_rdp_signed)).toBeLessThan(1e-9);
    expect(found.order).toBe(row.order_signed);
    expect(found.epsilon).toBeLessThanOrEqual(row.eps_rdp_dpacc * (1 + 1e-11)); // which drops the sign
    // without sampling the accountant looks for a better order still
    const { epsilon } = account("rdp").add(sampledGaussian(row.q, row.sigma), row.T).epsilon(row.delta);
    expect(epsilon).toBeLessThanOrEqual(found.epsilon);
    expect(relative(epsilon, found.epsilon)).toBeLessThan(row.q === 1 ? 1e-3 : 1e-15);
  });

  it.each([
    // q, σ, T, δ, ε, tolerance: privacy-core.md §1
    [0.04, 1.5, 2250, 1e-5, 7.32911117143, 1e-9],
    [150 / 60_000, 1.3, 6000, 1e-5, 0.7242234026, 1e-6],
    [1e-3, 1, 30_000, 1e-7, 1.4154988495, 1e-6],
    [0.01, 0.7, 120, 1e-5, 3.2392676, 1e-5],
    [0.01, 1, 1000, 1e-5, 2.10136527, 1e-8],
    [0.001, 0.8, 1e4, 1e-6, 1.70362528, 1e-8],
  ])("q = %d, σ = %d, T = %d, δ = %d: ε = %d", (q, sigma, steps, delta, expected, tolerance) => {
    const { epsilon } = account("rdp").add(sampledGaussian(q, sigma), steps).epsilon(delta);
    // TensorFlow Privacy's and dp_accounting's values lie above by what the dropped sign adds
    expect(epsilon - expected).toBeLessThan(tolerance);
    expect(relative(epsilon, expected)).toBeLessThan(1e-4);
  });

  it("σ = 4.530877117, unsampled, δ = 1e-6: ε = 1 at the best real order, discrete or not", () => {
    for (const event of [gaussian(4.530877117), discreteGaussianNoise(4.530877117)]) {
      expect(account("rdp").add(event).epsilon(1e-6).epsilon).toBeCloseTo(1, 6);
      expect(account("rdp-integer").add(event).epsilon(1e-6).epsilon).toBeGreaterThan(1);
    }
  });

  it("rdp-integer is what plans and ledgers have been charged", () => {
    const events = [
      { samplingRate: 0.02, noiseMultiplier: 1.1, steps: 400 },
      { samplingRate: 1, noiseMultiplier: 20, steps: 3 },
    ];
    const [a, b] = [sampledGaussian(0.02, 1.1), gaussian(20)];
    const { epsilon } = account("rdp-integer").add(a, 400).add(b, 3).epsilon(1e-6);
    expect(epsilon).toBe(epsilonOfAll(events, 1e-6));
    expect(
      account("rdp-integer").add(discreteGaussianNoise(1.1, 0.02), 400).add(discreteGaussianNoise(20), 3).epsilon(1e-6).epsilon,
    ).toBe(epsilon);
  });
});

describe("what is private with δ = 0", () => {
  it("Laplace noise: the closed form is the integral", () => {
    for (const b of [0.5, 2, 30]) {
      for (const order of [1.1, 2, 5.5, 40]) {
        const inner = integral((x) => Math.exp((-order * Math.abs(x) + (order - 1) * Math.abs(x - 1)) / b), 0, 1) / (2 * b);
        const outer = 0.5 * Math.exp((order - 1) / b) + 0.5 * Math.exp(-order / b);
        expect(relative(rdpLaplace(b, order), Math.log(inner + outer) / (order - 1))).toBeLessThan(1e-6 * Math.max(1, b));
      }
    }
  });

  it("large noise and large orders lose no digits", () => {
    // α/2b² is the limit; next term of the series: −α(2α − 1)/6b³·…
    expect(relative(rdpLaplace(1e6, 2), 2 / 2e12)).toBeLessThan(1e-5);
    expect(rdpLaplace(0.001, 1024)).toBeLessThanOrEqual(1000);
    expect(rdpLaplace(0.001, 1024)).toBeGreaterThan(999);
    // (α − 1)/b of 606 and of 787.5, where the larger's exponential is no double: the smaller term is e^−(2α−1)/b of the larger, nothing
    for (const b of [0.104, 0.08]) {
      const exact = (63 / b + Math.log(64 / 127)) / 63;
      expect(rdpLaplace(b, 64)).toBeGreaterThanOrEqual(exact);
      expect(relative(rdpLaplace(b, 64), exact)).toBeLessThan(3e-15);
    }
    expect(rdpPure(1e-6, 2)).toBeCloseTo(1e-12, 16);
    expect(rdpPure(50, 64)).toBe(50);
  });

  it("randomised response is at most ε, at most αε²/2, and at least Laplace noise of the same ε", () => {
    for (const epsilon of [0.01, 0.5, 3]) {
      for (const order of [1.5, 2, 17, 400]) {
        expect(rdpPure(epsilon, order)).toBeLessThanOrEqual(Math.min(epsilon, (order * epsilon ** 2) / 2));
        expect(rdpPure(epsilon, order)).toBeGreaterThanOrEqual(rdpLaplace(1 / epsilon, order));
      }
    }
    const p = Math.exp(3) / (1 + Math.exp(3));
    expect(rdpPure(3, 2.5)).toBeCloseTo(Math.log(p ** 2.5 * (1 - p) ** -1.5 + (1 - p) ** 2.5 * p ** -1.5) / 1.5, 12);
  });

  it("sampled discrete noise has no fractional orders", () => {
    expect(() => account("rdp").add(discreteGaussianNoise(1, 0.5))).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
  });
});
