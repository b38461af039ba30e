/** Formulas at parameters where a wrong constant or sign shows, worked out from the papers' formulas in 40 digits with mpmath 1.3. */
import { describe, expect, it } from "vitest";
import { account } from "./account.ts";
import { composeApproximate } from "./approximate.ts";
import { distributedGaussianRdp, skellamRdp } from "./distributed-noise.ts";
import { approximate, gaussian, laplace } from "./events.ts";
import { concentratedOdometer } from "./filters.ts";
import { gaussianLimitMu } from "./gaussian-dp.ts";
import { latticeGaussianDelta, latticeGaussianEpsilon } from "./lattice-gaussian.ts";
import { coded, relative } from "./testing.test-support.ts";

describe("noise in shares", () => {
  it("says what a sum of narrow discrete Gaussians lacks, by whichever bound is less", () => {
    // σ_u = 0.5: τd is less than what √d·τ makes of the square; at σ_u = 1 and d = 4000 it is the other way round
    const narrow = { nodes: 3, nodeVariance: 0.25, sensitivity: 1.5, dimension: 4 };
    const found = distributedGaussianRdp(narrow, [2, 8, 64]);
    const wanted = [7.882549388746201, 16.882549388746202, 100.8825493887462];
    for (const [i, value] of found.entries()) expect(relative(value, wanted[i] ?? 0)).toBeLessThan(1e-13);
    const [wide = 0] = distributedGaussianRdp({ ...narrow, nodeVariance: 1, dimension: 4000 }, [2]);
    expect(relative(wide, 0.8099223329193822)).toBeLessThan(1e-13);
  });

  it("charges Skellam noise by either of its bounds, at whole orders from 2 on", () => {
    const noise = { nodes: 5, nodeVariance: 2, sensitivity: 3, dimension: 16 };
    const found = skellamRdp(noise, [2, 5, 50]);
    for (const [i, wanted] of [1.1025, 2.5875, 23.85].entries()) expect(relative(found[i] ?? 0, wanted)).toBeLessThan(1e-14);
    for (const order of [1, 0, 2.5, Number.NaN]) {
      expect(() => skellamRdp(noise, [2, order])).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    }
  });
});

it("the odometer's boundary after a release of z = 2, tightest at ρ = 0.3: 2.98016", () => {
  const { epsilon } = concentratedOdometer(1e-6, 0.3).charge(gaussian(2));
  expect(relative(epsilon, 2.9801604195733704)).toBeLessThan(1e-13);
});

it("μ of the central limit theorem at q = 0.02, z = 1.7, T = 300: 0.22274", () => {
  const mu = gaussianLimitMu({ samplingRate: 0.02, noiseMultiplier: 1.7, steps: 300 });
  expect(relative(mu, 0.22273714376939446)).toBeLessThan(1e-13);
});

describe("discrete noise on vectors", () => {
  const releases = [
    { noiseMultiplier: 4, deviation: 6, touched: 3, count: 2 },
    { noiseMultiplier: 8, deviation: 10, touched: 5 },
  ];

  it("costs what the theorem says, a little above and never below", () => {
    const delta = latticeGaussianDelta(releases, 0.8) / 0.10158826775586445 - 1;
    expect(delta).toBeGreaterThan(0);
    expect(delta).toBeLessThan(1e-11);
    const epsilon = latticeGaussianEpsilon(releases, 1e-6) / 2.321485872704995 - 1;
    expect(epsilon).toBeGreaterThan(0);
    expect(epsilon).toBeLessThan(1e-13);
  });

  it("refuses what it has no meaning for", () => {
    for (const epsilon of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => latticeGaussianDelta(releases, epsilon)).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    }
    for (const count of [-1, 0.5, Number.NaN]) {
      const bad = [{ noiseMultiplier: 4, deviation: 6, touched: 3, count }];
      expect(() => latticeGaussianDelta(bad, 1)).toThrow(coded("TRB_DP_STEPS_INVALID"));
    }
    expect(latticeGaussianDelta([], 0)).toBe(0);
    expect(latticeGaussianEpsilon([], 1e-6)).toBe(0);
  });
});

describe("δ of approximate releases", () => {
  // ten of ε₀ = 0.1, as bad as that allows: Kairouz, Oh, Viswanath (2015), Theorem 3.3
  const exact = 0.009929626917388853;

  it("is the least at which they keep ε, to a millionth", () => {
    const { delta } = account("approximate").add(laplace(10), 10).delta(0.5);
    expect(delta / exact).toBeGreaterThan(1);
    expect(delta / exact).toBeLessThan(1 + 2e-6);
  });

  it("is their own where their ε together are within the given one, and 1 where nothing less will do", () => {
    const own = account("approximate").add(approximate(0.1, 1e-7), 4);
    expect(relative(own.delta(0.4).delta, 1 - (1 - 1e-7) ** 4)).toBeLessThan(1e-8);
    expect(own.delta(0.39).delta).toBeGreaterThan(4e-7);
    const { delta } = account("approximate").add(approximate(3, 0.5), 40).delta(0.001);
    expect(delta).toBeGreaterThan(0.99);
    expect(delta).toBeLessThanOrEqual(1);
  });

  it("and its ε come back to each other", () => {
    const epsilon = composeApproximate([{ epsilon: 0.1, delta: 0, count: 10 }], exact * (1 + 1e-6));
    expect(epsilon).toBeGreaterThan(0.4999);
    expect(epsilon).toBeLessThanOrEqual(0.5);
  });
});

describe("δ of releases as bad as their ε allow, by all outcomes of all of them", () => {
  /** Σ max(0, P − e^ε·Q) over what k coins show, each e^{±ε_i}. */
  function enumerated(each: readonly number[], epsilon: number): number {
    let delta = 0;
    for (let outcome = 0; outcome < 2 ** each.length; outcome++) {
      let [p, q] = [1, 1];
      for (const [i, own] of each.entries()) {
        const likely = 1 / (1 + Math.exp(-own));
        const heads = ((outcome >> i) & 1) === 1;
        p *= heads ? likely : 1 - likely;
        q *= heads ? 1 - likely : likely;
      }
      delta += Math.max(0, p - Math.exp(epsilon) * q);
    }
    return delta;
  }

  it.each([
    { each: [0.1, 0.1, 0.1], epsilon: 0.15 },
    // losses that no interval divides
    { each: [0.1, 0.0314159, 0.27], epsilon: 0.2 },
    { each: [0.27, 0.1, 0.1, 0.0314159], epsilon: 0.05 },
    // and some too fine for a grid of their own
    { each: [5e-5, 5e-5, 0.3], epsilon: 0.1 },
  ])("$each at ε = $epsilon", ({ each, epsilon }) => {
    const exact = enumerated(each, epsilon);
    const spent = each.reduce((sum, own) => sum.add(approximate(own, 0)), account("pld"));
    const { delta, lower } = spent.delta(epsilon);
    expect(exact).toBeGreaterThan(1e-3);
    expect(delta).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
    expect(delta).toBeLessThan(exact * 1.001);
    expect(lower ?? 1).toBeLessThanOrEqual(exact * (1 + 1e-12));
  });
});
