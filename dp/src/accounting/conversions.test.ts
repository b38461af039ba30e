import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../../test/vectors/dp-accounting.json" with { type: "json" };
import { account } from "./account.ts";
import { composeApproximate, optimalDelta } from "./approximate.ts";
import { epsilonFromRdp } from "./epsilon.ts";
import { approximate, concentrated, discreteGaussianNoise, gaussian, laplace } from "./events.ts";
import { gaussianDelta, gaussianEpsilon, gaussianLimitMu, gaussianMu } from "./gaussian-dp.ts";
import { logNormalTail, normalTail } from "./normal.ts";
import { privacyProfile, profileEpsilons, profileMu } from "./profile.ts";
import { coded, relative } from "./testing.test-support.ts";
import { deltaFromZcdp, epsilonFromZcdp, rhoFor } from "./zcdp.ts";

describe("Gaussian differential privacy", () => {
  it.each(vectors.gaussian_exact)("σ = $sigma, δ = $delta: ε = $eps", ({ sigma, delta, eps }) => {
    expect(relative(gaussianEpsilon(1 / sigma, delta), eps)).toBeLessThan(1e-13);
    expect(relative(gaussianMu(eps, delta), 1 / sigma)).toBeLessThan(1e-13);
  });

  it("δ(ε) is the formula by tails wherever that has digits, and goes on where it has none", () => {
    for (const mu of [0.01, 0.5, 2, 8]) {
      for (const epsilon of [-3, -0.1, 0, 0.1, 1, 5]) {
        const tails = normalTail(epsilon / mu - mu / 2) - Math.exp(epsilon) * normalTail(epsilon / mu + mu / 2);
        expect(Math.abs(gaussianDelta(mu, epsilon) - tails)).toBeLessThan(1e-14 * Math.exp(Math.max(0, epsilon)));
      }
    }
    expect(gaussianDelta(1, 30)).toBeGreaterThan(0);
    expect(gaussianDelta(0, 1)).toBe(0);
    expect(gaussianDelta(0, -1)).toBeCloseTo(1 - Math.exp(-1), 15);
    expect(Math.exp(logNormalTail(3) - Math.log(normalTail(3)))).toBeCloseTo(1, 13);
    expect(logNormalTail(1e4)).toBeCloseTo(-(1e8 / 2) - Math.log(1e4 * Math.sqrt(2 * Math.PI)), 5);
  });

  it("ε, δ and μ are one curve, rounded upward", () => {
    const points = fc.record({
      mu: fc.double({ min: 0.01, max: 20, noNaN: true }),
      delta: fc.double({ min: -60, max: -2, noNaN: true }).map(Math.exp),
    });
    fc.assert(
      fc.property(points, ({ mu, delta }) => {
        const epsilon = gaussianEpsilon(mu, delta);
        expect(gaussianDelta(mu, epsilon)).toBeLessThanOrEqual(delta);
        if (epsilon > 0) expect(relative(gaussianMu(epsilon, delta), mu)).toBeLessThan(1e-9);
      }),
    );
  });

  it("two sums of one step, σ₁ and σ₂, are one of (σ₁^−2 + σ₂^−2)^−½ (DP-AdaFEST), under every accountant", () => {
    const one = 1 / Math.sqrt(3 ** -2 + 1.7 ** -2);
    for (const name of ["gdp", "zcdp", "rdp", "pld", "rdp-integer"] as const) {
      const two = account(name).add(gaussian(3), 40).add(gaussian(1.7), 40).epsilon(1e-6).epsilon;
      expect(relative(two, account(name).add(gaussian(one), 40).epsilon(1e-6).epsilon)).toBeLessThan(1e-9);
    }
  });

  it("the limit theorem's μ is no bound: at q = .01, σ = 1, T = 1000 it promises less than PLD proves to be spent", () => {
    const mu = gaussianLimitMu({ samplingRate: 0.01, noiseMultiplier: 1, steps: 1000 });
    expect(mu).toBeCloseTo(0.01 * Math.sqrt(1000 * (Math.E - 1)), 12);
    expect(gaussianEpsilon(mu, 1e-5)).toBeLessThan(1.81); // PLD: 1.8185 to 1.8282
  });
});

describe("zCDP", () => {
  it("ρ = .05, ε = .25: δ = .0817727531036956 (OpenDP); ρ = .81, δ = 1e-10: 8.92", () => {
    expect(relative(deltaFromZcdp(0.05, 0.25), 0.0817727531036956)).toBeLessThan(1e-9);
    expect(epsilonFromZcdp(0.81, 1e-10).epsilon).toBeCloseTo(8.92, 2);
  });

  it("noise without sampling, discrete or not: ε 1, 2, 4, 8 at δ = 1e-6", () => {
    for (const [z, epsilon] of [
      [4.5309, 1],
      [2.3816, 2],
      [1.2678, 4],
      [0.6893, 8],
    ] as const) {
      expect(relative(account("zcdp").add(discreteGaussianNoise(z)).epsilon(1e-6).epsilon, epsilon)).toBeLessThan(2e-4);
      expect(account("rdp").add(discreteGaussianNoise(z)).epsilon(1e-6)).toMatchObject({
        epsilon: account("zcdp").add(discreteGaussianNoise(z)).epsilon(1e-6).epsilon,
      });
    }
  });

  it("is never worse than a fine list of orders, and its inverse gives ρ back", () => {
    const orders = Array.from({ length: 5000 }, (_, i) => 1.01 + i * 0.01);
    for (const rho of [1e-4, 0.05, 0.81, 5]) {
      for (const delta of [1e-2, 1e-6, 1e-12]) {
        const { epsilon } = epsilonFromZcdp(rho, delta);
        const list = epsilonFromRdp(
          orders,
          orders.map((order) => order * rho),
          delta,
        );
        expect(epsilon).toBeLessThanOrEqual(list.epsilon * (1 + 1e-12));
        if (epsilon === 0) continue;
        expect(relative(rhoFor(epsilon, delta), rho)).toBeLessThan(1e-9);
        expect(epsilonFromZcdp(rhoFor(epsilon, delta), delta).epsilon).toBeLessThanOrEqual(epsilon);
        expect(relative(deltaFromZcdp(rho, epsilon), delta)).toBeLessThan(1e-6);
      }
    }
  });

  it("constant RDP 1.1 at orders 2 to 32 and δ = 1e-5: 1.32783806176", () => {
    const orders = Array.from({ length: 31 }, (_, i) => i + 2);
    expect(
      relative(
        epsilonFromRdp(
          orders,
          orders.map(() => 1.1),
          1e-5,
        ).epsilon,
        1.32783806176,
      ),
    ).toBeLessThan(1e-10);
  });

  it("bad input", () => {
    expect(() => epsilonFromZcdp(-1, 1e-6)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => epsilonFromZcdp(Number.NaN, 1e-6)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => epsilonFromZcdp(1, 0)).toThrow(coded("TRB_DP_DELTA_INVALID"));
    expect(() => deltaFromZcdp(1, Number.NaN)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => rhoFor(0, 1e-6)).toThrow(coded("TRB_DP_EPSILON_INVALID"));
    expect(() => gaussianMu(Number.NaN, 1e-6)).toThrow(coded("TRB_DP_EPSILON_INVALID"));
    expect(() => gaussianEpsilon(-1, 1e-6)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => gaussianEpsilon(1, 2)).toThrow(coded("TRB_DP_DELTA_INVALID"));
    expect(() => gaussianDelta(1, Number.NaN)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(() => gaussianLimitMu({ samplingRate: 2, noiseMultiplier: 1, steps: 1 })).toThrow(
      coded("TRB_DP_SAMPLING_RATE_INVALID"),
    );
  });
});

describe("(ε, δ) composition", () => {
  it("optimal: what k randomised responses tell, counted answer by answer", () => {
    const [each, count] = [0.4, 7];
    const yes = Math.exp(each) / (1 + Math.exp(each));
    for (const epsilon of [0, 0.3, 1, 2.5, 2.8, 3]) {
      let sum = 0;
      for (let answers = 0; answers < 2 ** count; answers++) {
        const ones = answers.toString(2).replaceAll("0", "").length;
        const p = yes ** ones * (1 - yes) ** (count - ones);
        const q = (1 - yes) ** ones * yes ** (count - ones);
        sum += Math.max(0, p - Math.exp(epsilon) * q);
      }
      expect(optimalDelta(each, count, epsilon)).toBeCloseTo(sum, 13);
    }
  });

  it("the best of basic, advanced and optimal; PLD says the same where it is exact", () => {
    expect(composeApproximate([{ epsilon: 0.1, delta: 0, count: 3 }], 1e-9)).toBeCloseTo(0.3, 7); // the sum is nearly all there is
    const many = composeApproximate([{ epsilon: 0.1, delta: 0, count: 100 }], 1e-6);
    const advanced = 100 * 0.1 * Math.tanh(0.05) + Math.sqrt(2 * Math.log(1e6) * 100 * 0.01);
    expect(many).toBeLessThan(advanced);
    const { epsilon, lower } = account("pld").add(approximate(0.1), 100).epsilon(1e-6);
    expect(relative(many, epsilon)).toBeLessThan(1e-5);
    expect(many).toBeGreaterThan(lower ?? 0);
    // two kinds: advanced
    const mixed = composeApproximate(
      [
        { epsilon: 0.1, delta: 1e-9, count: 50 },
        { epsilon: 0.05, delta: 0, count: 50 },
      ],
      1e-6,
    );
    expect(mixed).toBeLessThan(advanced);
    const slack = -Math.expm1(Math.log1p(-1e-6) - 50 * Math.log1p(-1e-9));
    const drift = 50 * 0.1 * Math.tanh(0.05) + 50 * 0.05 * Math.tanh(0.025);
    expect(mixed).toBeCloseTo(drift + Math.sqrt(-2 * Math.log(slack) * 50 * (0.01 + 0.0025)), 12);
    expect(mixed).toBeGreaterThan(
      account("pld").add(approximate(0.1, 1e-9), 50).add(approximate(0.05), 50).epsilon(1e-6).epsilon,
    );
  });

  it("refuses a δ that the releases have spent already", () => {
    expect(() => account("approximate").add(approximate(0.1, 1e-7), 20).epsilon(1e-6)).toThrow(coded("TRB_DP_DELTA_SPENT"));
    expect(account("approximate").add(laplace(10), 5).epsilon(1e-12).epsilon).toBeCloseTo(0.5, 9);
  });
});

describe("the profile and its μ", () => {
  it("of Gaussian noise: μ comes back, from above", () => {
    const spent = account("gdp").add({ kind: "gaussian", samplingRate: 1, noiseMultiplier: 2 }, 9);
    const epsilons = profileEpsilons(spent);
    expect(epsilons.length).toBe(21);
    expect(epsilons[20]).toBeCloseTo(gaussianEpsilon(1.5, 1e-9), 9);
    const mu = profileMu(privacyProfile(spent, epsilons));
    expect(mu).toBeGreaterThanOrEqual(1.5);
    expect(mu).toBeLessThan(1.53);
  });

  it("of anything: N(μ, 1) tells more at every ε between", () => {
    const spent = account("rdp").add(concentrated(0.3)).add(laplace(3));
    const mu = profileMu(privacyProfile(spent, profileEpsilons(spent)));
    const last = profileEpsilons(spent)[20] ?? 0;
    for (let epsilon = 0; epsilon < last; epsilon += last / 333) {
      expect(gaussianDelta(mu, epsilon)).toBeGreaterThanOrEqual(spent.delta(epsilon).delta * (1 - 1e-9));
    }
  });

  it("bad input", () => {
    expect(() => profileMu([])).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    const falling = [
      { epsilon: 1, delta: 0.1 },
      { epsilon: 0.5, delta: 0.2 },
    ];
    expect(() => profileMu(falling)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
  });
});
