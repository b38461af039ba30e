import { describe, expect, it } from "vitest";
import { account, accountantNames } from "./account.ts";
import { calibrateNoise } from "./calibrate.ts";
import {
  approximate,
  discreteGaussianNoise,
  gaussian,
  latticeGaussian,
  noiseMultiplierOf,
  repeated,
  sampledGaussian,
} from "./events.ts";
import { gaussianMu } from "./gaussian-dp.ts";
import { noiseFor, samplingRateFor, stepsFor } from "./targets.ts";
import { coded, relative } from "./testing.test-support.ts";

describe("noise", () => {
  it("ε = 8, q = .04, 2000 steps, δ = 1e-5: 1.3607 at integer orders, 1.3562 at real ones, PLD about 1.2915", () => {
    const noise = (accountant: "rdp-integer" | "rdp" | "pld") =>
      noiseFor({ accountant, epsilon: 8, delta: 1e-5 }, (z) => repeated(sampledGaussian(0.04, z), 2000)).noiseMultiplier;
    expect(Math.abs(noise("rdp-integer") - 1.3607)).toBeLessThan(0.0005);
    expect(noise("rdp-integer")).toBe(calibrateNoise({ epsilon: 8, delta: 1e-5, samplingRate: 0.04, steps: 2000 }));
    expect(Math.abs(noise("rdp") - 1.3562)).toBeLessThan(0.0005);
    expect(Math.abs(noise("pld") - 1.2915)).toBeLessThan(0.002); // Opacus' PRV with its own error added
  });

  it("ε = 1, δ = 1e-5, q = .01, once: .67379294682; q = .001, sensitivity 6, 25 times: deviation 3.20956502598", () => {
    const target = { accountant: "pld", epsilon: 1, delta: 1e-5 } as const;
    expect(Math.abs(noiseFor(target, (z) => sampledGaussian(0.01, z)).noiseMultiplier - 0.67379294682)).toBeLessThan(2e-6);
    const { noiseMultiplier } = noiseFor(target, (z) => repeated(sampledGaussian(0.001, z), 25));
    expect(Math.abs(6 * noiseMultiplier - 3.20956502598)).toBeLessThan(2e-5);
  });

  it("unsampled discrete noise: ε 1, 2, 4, 8 at δ = 1e-6", () => {
    for (const [epsilon, expected] of [
      [1, 4.5309],
      [2, 2.3816],
      [4, 1.2678],
      [8, 0.6893],
    ] as const) {
      for (const accountant of ["rdp", "zcdp"] as const) {
        const { noiseMultiplier } = noiseFor({ accountant, epsilon, delta: 1e-6 }, (z) => discreteGaussianNoise(z));
        expect(Math.abs(noiseMultiplier - expected)).toBeLessThan(1e-4);
      }
      const exact = noiseFor({ accountant: "gdp", epsilon, delta: 1e-6 }, gaussian).noiseMultiplier;
      expect(exact).toBeCloseTo(1 / gaussianMu(epsilon, 1e-6), 5);
      expect(exact).toBeLessThan(expected);
    }
  });

  it("keeps the target by every accountant, and a millionth less does not", () => {
    for (const accountant of accountantNames) {
      const epsilon = 1.7;
      const lattice = (noiseMultiplier: number) => latticeGaussian({ noiseMultiplier, deviation: 1e5, touched: 20 });
      const event =
        accountant === "approximate" ? (z: number) => approximate(1 / z) : accountant === "lattice" ? lattice : gaussian;
      const { noiseMultiplier, bound } = noiseFor({ accountant, epsilon, delta: 1e-6 }, event);
      expect(bound.epsilon).toBeLessThanOrEqual(epsilon);
      expect(account(accountant).add(event(noiseMultiplier)).epsilon(1e-6)).toEqual(bound);
      expect(
        account(accountant)
          .add(event(noiseMultiplier - 1e-6))
          .epsilon(1e-6).epsilon,
      ).toBeGreaterThan(epsilon);
    }
  });

  it("is looked for from 0.01 to 10⁶", () => {
    const target = { accountant: "approximate", delta: 1e-12 } as const;
    const noise = (epsilon: number) => noiseFor({ ...target, epsilon }, (z) => approximate(1 / z)); // of one release: z = 1/ε
    expect(noise(1e3).noiseMultiplier).toBe(0.01);
    expect(noise(1e3).bound.epsilon).toBeCloseTo(100, 9);
    expect(relative(noise(1.1e-6).noiseMultiplier, 1 / 1.1e-6)).toBeLessThan(1e-5);
    const range = expect.objectContaining({ least: 0.01, most: 1e6 });
    expect(() => noise(0.9e-6)).toThrow(expect.objectContaining({ code: "TRB_DP_TARGET_UNREACHABLE", details: range }));
  });

  it("covers other releases as well", () => {
    const alone = noiseFor({ accountant: "gdp", epsilon: 2, delta: 1e-6 }, gaussian).noiseMultiplier;
    const { noiseMultiplier } = noiseFor({ accountant: "gdp", epsilon: 2, delta: 1e-6, besides: gaussian(4) }, gaussian);
    // variances' inverses add
    expect(1 / noiseMultiplier ** 2 + 1 / 16).toBeCloseTo(1 / alone ** 2, 5);
  });
});

describe("steps and sampling rate", () => {
  it("the most that keep the target: one more does not", () => {
    for (const accountant of ["rdp-integer", "rdp", "zcdp", "gdp"] as const) {
      const target = { accountant, epsilon: 3, delta: 1e-6 };
      const event = gaussian(11);
      const { steps, bound } = stepsFor(target, event);
      expect(bound.epsilon).toBeLessThanOrEqual(3);
      expect(
        account(accountant)
          .add(event, steps + 1)
          .epsilon(1e-6).epsilon,
      ).toBeGreaterThan(3);
    }
    // μ = √T/z
    expect(stepsFor({ accountant: "gdp", epsilon: 3, delta: 1e-6 }, gaussian(11)).steps).toBe(
      Math.floor((11 * gaussianMu(3, 1e-6)) ** 2),
    );
  });

  it("of sampled noise, by Rényi orders and by PLD", () => {
    const target = { epsilon: 2, delta: 1e-6 } as const;
    const [byRdp, byPld] = (["rdp-integer", "pld"] as const).map((accountant) =>
      stepsFor({ ...target, accountant }, sampledGaussian(0.02, 2)),
    );
    expect(byPld?.steps).toBeGreaterThan(byRdp?.steps ?? Number.POSITIVE_INFINITY);
    const rates = (["rdp-integer", "pld"] as const).map(
      (accountant) => samplingRateFor({ ...target, accountant }, { noiseMultiplier: 1.5, steps: 500 }).samplingRate,
    );
    expect(rates[1]).toBeGreaterThan(rates[0] ?? 1);
    const [rate] = rates as [number];
    const epsilonAt = (q: number) => account("rdp-integer").add(sampledGaussian(q, 1.5), 500).epsilon(1e-6).epsilon;
    expect(epsilonAt(rate)).toBeLessThanOrEqual(2);
    expect(epsilonAt(rate + 1e-9)).toBeGreaterThan(2);
  });

  it("all may be sampled, and very many steps run, when noise is ample", () => {
    expect(
      samplingRateFor({ accountant: "rdp-integer", epsilon: 8, delta: 1e-5 }, { noiseMultiplier: 100, steps: 10 }).samplingRate,
    ).toBe(1);
    expect(stepsFor({ accountant: "gdp", epsilon: 8, delta: 1e-5 }, gaussian(1e6)).steps).toBe(1e9);
  });
});

describe("bad input", () => {
  it("is a coded error", () => {
    const target = { accountant: "rdp", epsilon: 1, delta: 1e-6 } as const;
    const event = (z: number) => sampledGaussian(0.5, z);
    expect(() => noiseFor({ ...target, epsilon: 0 }, event)).toThrow(coded("TRB_DP_EPSILON_INVALID"));
    expect(() => noiseFor({ ...target, epsilon: Number.NaN }, event)).toThrow(coded("TRB_DP_EPSILON_INVALID"));
    expect(() => noiseFor({ ...target, delta: 1 }, event)).toThrow(coded("TRB_DP_DELTA_INVALID"));
    expect(() => noiseFor({ ...target, accountant: "zcdp" }, event)).toThrow(coded("TRB_DP_EVENT_UNSUPPORTED"));
    expect(() => noiseFor({ ...target, besides: gaussian(0.1) }, event)).toThrow(coded("TRB_DP_TARGET_UNREACHABLE"));
    expect(() => stepsFor(target, gaussian(0.1))).toThrow(coded("TRB_DP_TARGET_UNREACHABLE"));
    // no noise brings back a δ that is spent: that is told as it is, not as noise that would not do
    const spent = { ...target, accountant: "approximate", besides: approximate(0.1, 1e-3) } as const;
    expect(() => noiseFor(spent, (z) => approximate(1 / z))).toThrow(coded("TRB_DP_DELTA_SPENT"));
    expect(() => samplingRateFor(target, { noiseMultiplier: 0, steps: 1 })).toThrow(coded("TRB_DP_NOISE_MULTIPLIER_INVALID"));
    expect(() => samplingRateFor(target, { noiseMultiplier: 1, steps: 1.5 })).toThrow(coded("TRB_DP_STEPS_INVALID"));
    for (const sensitivity of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => noiseMultiplierOf({ deviation: 1, sensitivity })).toThrow(coded("TRB_DP_SENSITIVITY_INVALID"));
    }
    expect(() => noiseMultiplierOf({ deviation: 0, sensitivity: 1 })).toThrow(coded("TRB_DP_NOISE_MULTIPLIER_INVALID"));
    expect(relative(noiseMultiplierOf({ deviation: 3, sensitivity: 6 }), 0.5)).toBe(0);
  });
});
