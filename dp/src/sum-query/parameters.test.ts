import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compare, multiply, parseRational, toNumber, whole } from "../exact/rational.ts";
import { checkCustomers, type SumQueryPlan, sumQueryParameters } from "./parameters.ts";
import { chooseScale } from "./scale.ts";

const plan: SumQueryPlan = {
  arithmetic: "bucketed",
  clipNorm: "0.8",
  scale: "1000",
  fractionBits: 8,
  dimension: 10_000,
  touched: 10_000,
  samplingRate: "0.02",
  noiseMultiplier: "1.25",
  minCohort: 7,
  maxCorrupt: 3,
  customerQuota: 256,
};

const packedPlan: SumQueryPlan = {
  ...plan,
  arithmetic: "exact",
  samplingRate: "1",
  noiseMultiplier: "80",
  packing: { bits: 16, squaredSensitivity: 10_000 },
};

describe("sumQueryParameters", () => {
  it("follows the formulas of DESIGN §4", () => {
    const bucketed = sumQueryParameters(plan);
    expect(toNumber(bucketed.sensitivity)).toBeCloseTo(800 * (1 + 2 ** -10) + 100, 5);
    expect(toNumber(bucketed.nodeVariance)).toBeCloseTo((1.25 * toNumber(bucketed.sensitivity)) ** 2 / 4, 3);
    expect(bucketed.clampBound).toBe(256 * 800 * 256);
    const exact = sumQueryParameters({ ...plan, arithmetic: "exact", touched: 49 });
    expect(toNumber(exact.sensitivity)).toBeCloseTo(807, 5);
    expect(exact.inflation).toBeCloseTo(807 / 800, 8);
    const local = sumQueryParameters({ ...plan, noiseMode: "local" });
    expect(toNumber(local.nodeVariance)).toBeCloseTo(4 * toNumber(bucketed.nodeVariance), 3);
    for (const samplingRate of ["1", "0.02"]) {
      const merchants = sumQueryParameters({ ...plan, samplingRate, maxMerchantsPerCustomer: 3 });
      expect(toNumber(merchants.sensitivity)).toBeCloseTo(3 * toNumber(bucketed.sensitivity), 5);
      expect(toNumber(merchants.nodeVariance)).toBeCloseTo(9 * toNumber(bucketed.nodeVariance), 1);
    }
  });

  it("rounds Δ and the variance up, to a power of two below, by less than 2⁻¹⁹ and 2⁻²⁰", () => {
    const digits = fc.integer({ min: 100, max: 10 ** 8 }).map((value) => `${value}e-3`);
    fc.assert(
      fc.property(digits, fc.integer({ min: 1, max: 10 ** 6 }), fc.integer({ min: 1, max: 99 }), (scale, dimension, honest) => {
        const noiseMultiplier = "70";
        const choice = {
          ...plan,
          scale,
          dimension,
          touched: dimension,
          minCohort: honest + 3,
          fractionBits: 4,
          noiseMultiplier,
        };
        const { sensitivity, nodeVariance } = sumQueryParameters(choice);
        const base = multiply(parseRational(scale), parseRational("0.8"), { numerator: 1025n, denominator: 1024n });
        const rest = {
          numerator: sensitivity.numerator * base.denominator - base.numerator * sensitivity.denominator,
          denominator: base.denominator * sensitivity.denominator,
        };
        expect(compare(multiply(rest, rest), whole(dimension))).toBeGreaterThanOrEqual(0); // Δ − s·C·a ≥ √d
        expect(toNumber(rest) - Math.sqrt(dimension)).toBeLessThan(2 ** -18);
        const due = multiply(parseRational("4900"), sensitivity, sensitivity, { numerator: 1n, denominator: BigInt(honest) });
        expect(compare(nodeVariance, due)).toBeGreaterThanOrEqual(0);
        expect(nodeVariance.denominator).toBe(1n << 20n);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, Partial<SumQueryPlan>]>([
    ["TRB_DP_DECIMAL_INVALID", { scale: "NaN" }],
    ["TRB_DP_DECIMAL_INVALID", { noiseMultiplier: "-1" }],
    ["TRB_DP_PARAMETER_INVALID", { clipNorm: "0" }],
    ["TRB_DP_PARAMETER_INVALID", { dimension: 0 }],
    ["TRB_DP_PARAMETER_INVALID", { customerQuota: 1.5 }],
    ["TRB_DP_PARAMETER_INVALID", { fractionBits: 21 }],
    ["TRB_DP_SAMPLING_RATE_INVALID", { samplingRate: "1.01" }],
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", { noiseMultiplier: "0" }],
    ["TRB_DP_TOUCHED_NEEDS_EXACT", { touched: 5 }],
    ["TRB_DP_TOUCHED_NEEDS_EXACT", { arithmetic: "exact", touched: 10_001 }],
    ["TRB_DP_NO_HONEST_NODES", { maxCorrupt: 7 }],
    ["TRB_DP_PARAMETER_INVALID", { maxMerchantsPerCustomer: 0 }],
    ["TRB_DP_NOISE_TOO_SMALL", { noiseMultiplier: "0.008" }],
    // one share of 17.3, but 20 parts of 3.87
    ["TRB_DP_NOISE_TOO_SMALL", { noiseMultiplier: "0.00096", maxMerchantsPerCustomer: 20, minCohort: 4 }],
    ["TRB_DP_GRID_TOO_FINE", { scale: "1e12" }],
    ["TRB_DP_GRID_TOO_FINE", { customerQuota: 2 ** 40 }],
  ])("refuses with %s: %o", (code, change) => {
    expect(() => sumQueryParameters({ ...plan, ...change })).toThrow(expect.objectContaining({ code }));
  });

  it("takes a customer of up to 2⁴⁶ units, so that 127 fit below 2⁵³, and a quota of up to 2⁵³ − 2²¹ units", () => {
    const fine = (scale: number, clipNorm: string) =>
      sumQueryParameters({ ...plan, scale: String(scale), clipNorm, fractionBits: 0, customerQuota: 1 });
    expect(fine(2 ** 46 - 1, "1").mostCustomers).toBe(127);
    expect(() => fine(2 ** 40, "63.999999")).not.toThrow();
    for (const tooFine of [() => fine(2 ** 46, "1"), () => fine(2 ** 40, "64")])
      expect(tooFine).toThrow(expect.objectContaining({ code: "TRB_DP_GRID_TOO_FINE" }));

    const quota = (customerQuota: number) =>
      sumQueryParameters({ ...plan, scale: "1", clipNorm: "1", fractionBits: 20, customerQuota });
    expect(quota(2 ** 33 - 2).clampBound).toBe(2 ** 53 - 2 ** 21);
    expect(() => quota(2 ** 33 - 1)).toThrow(expect.objectContaining({ code: "TRB_DP_GRID_TOO_FINE" }));
    expect(() => quota(2 ** 40 + 1)).toThrow("to 2⁴⁰");
  });

  it("a packed sum's variance is z²·Δ²/h of the Δ² that its rounding keeps, and it sends a power of two", () => {
    const packing = { bits: 16, squaredSensitivity: 2 ** 52 - 1 } as const;
    const { nodeVariance, packed } = sumQueryParameters({ ...packedPlan, packing });
    expect(packed).toEqual({ ...packing, sent: 16_384 });
    expect(nodeVariance).toEqual({ numerator: (6400n * (2n ** 52n - 1n)) << 18n, denominator: 1n << 20n });
    expect(sumQueryParameters({ ...packedPlan, packing: { bits: 16, squaredSensitivity: 1 } }).packed?.squaredSensitivity).toBe(
      1,
    );
  });

  it.each<[string, Partial<SumQueryPlan>]>([
    ["arithmetic", { arithmetic: "bucketed" }],
    ["touched", { touched: 9_999 }],
    ["merchants", { maxMerchantsPerCustomer: 2 }],
    ["samplingRate", { samplingRate: "0.5" }],
    ["bits", { packing: { bits: 17 as 16, squaredSensitivity: 10_000 } }],
    ["squaredSensitivity", { packing: { bits: 16, squaredSensitivity: 0 } }],
    ["squaredSensitivity", { packing: { bits: 16, squaredSensitivity: 1.5 } }],
    ["squaredSensitivity", { packing: { bits: 16, squaredSensitivity: 2 ** 52 } }],
  ])("a packed sum is refused for its %s: %o", (parameter, change) => {
    expect(() => sumQueryParameters({ ...packedPlan, ...change })).toThrow(
      expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID", details: expect.objectContaining({ parameter }) }),
    );
  });
});

describe("mostCustomers", () => {
  it("keeps a node's total, and the dither on top, among the integers that a double holds", () => {
    const parameters = sumQueryParameters(plan);
    const { mostCustomers, grid } = parameters;
    const reach = mostCustomers * (Math.sqrt(Number(grid.squaredLimit)) * (1 + 2 ** -10) + 1);
    expect(reach + 2 ** grid.fractionBits).toBeLessThan(2 ** 53);
    expect(reach).toBeGreaterThan(2 ** 52.9);
    expect(() => checkCustomers(mostCustomers, parameters)).not.toThrow();
    expect(() => checkCustomers(mostCustomers + 1, parameters)).toThrow(
      expect.objectContaining({ code: "TRB_DP_TOO_MANY_CUSTOMERS" }),
    );
  });
});

describe("chooseScale", () => {
  const choice = {
    totalQuota: 6 * 256,
    clipNorm: "0.8",
    noiseMultiplier: "1.25",
    dimension: 10_000,
    maxNodes: 9,
    honestMinimum: 4,
  };

  it("solves the fixed point: sum, rounding and 8σ of noise fill 32 bits and never pass them", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("exact" as const, "bucketed" as const),
        fc.integer({ min: 1, max: 10 ** 7 }),
        fc.integer({ min: 1, max: 10 ** 6 }),
        fc.integer({ min: 1, max: 500 }),
        (arithmetic, totalQuota, dimension, maxNodes) => {
          const { scale } = chooseScale({ ...choice, arithmetic, totalQuota, dimension, maxNodes });
          const used = { ...plan, arithmetic, scale, dimension, touched: dimension, customerQuota: 1, fractionBits: 0 };
          const { sensitivity } = sumQueryParameters({ ...used, noiseMultiplier: "80" });
          const noise = 8 * 1.25 * Math.sqrt(maxNodes / 4) * toNumber(sensitivity);
          const filled = totalQuota * Number(scale) * 0.8 + maxNodes + noise;
          expect(filled / 2 ** 31).toBeLessThanOrEqual(1);
          expect(filled / 2 ** 31).toBeGreaterThan(1 - 1e-8);
        },
      ),
    );
  });

  it("10⁴ customers' quota, d = 2²⁰, z = 4: rounding inflates Δ by .48 % (privacy-core.md §2)", () => {
    const [dimension, maxNodes] = [2 ** 20, 10];
    const numbers = { clipNorm: "1", noiseMultiplier: "4", dimension };
    const { scale } = chooseScale({ ...numbers, arithmetic: "exact", totalQuota: 10_000, maxNodes, honestMinimum: maxNodes });
    const cohort = { minCohort: maxNodes, maxCorrupt: 0, customerQuota: 1024 };
    const { inflation } = sumQueryParameters({
      ...plan,
      ...numbers,
      ...cohort,
      arithmetic: "exact",
      scale,
      touched: dimension,
    });
    expect(100 * (inflation - 1)).toBeCloseTo(0.48, 2);
  });

  it("states the chance of wrapping around", () => {
    expect(chooseScale(choice).wrapAroundProbability).toBeCloseTo(2.53e-10, 12);
  });

  it("refuses what leaves no room", () => {
    expect(() => chooseScale({ ...choice, dimension: 2 ** 40, noiseMultiplier: "300" })).toThrow(
      expect.objectContaining({ code: "TRB_DP_SCALE_IMPOSSIBLE" }),
    );
    expect(() => chooseScale({ ...choice, honestMinimum: 0 })).toThrow(
      expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }),
    );
  });
});
