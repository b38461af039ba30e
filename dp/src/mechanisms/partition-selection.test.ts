import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exponentialBounds } from "../exact/exponential.ts";
import { parseRational } from "../exact/rational.ts";
import { wordReader } from "../sampling/random-source.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { hockeyStickOf } from "./exact-distributions.test-support.ts";
import { countCustomers, partitionChances, selectPartitions, thresholdPartitions } from "./partition-selection.ts";

const options = { epsilon: "1", delta: "1e-3", maxPartitions: 1 };
const chance = (value: bigint | undefined) => Number((value ?? 0n) >> 64n) * 2 ** -64;

describe("π, the chance that a key of n customers is named", () => {
  it("follows Desfontaines, Voss and Gipson's recursion", () => {
    let expected = 0;
    for (const value of partitionChances(options)) {
      expect(chance(value)).toBeCloseTo(expected, 12);
      const shrink = Math.exp(-1);
      expected = Math.min(Math.E * expected + 1e-3, 1 - shrink * (1 - expected - 1e-3), 1);
    }
    expect(expected).toBe(1);
  });

  it("keeps (ε, δ) between neighbours in integers, in both directions, for whatever ε and δ", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 3 }),
        (milli, digits, maxPartitions) => {
          const chances = partitionChances({ epsilon: `${milli + 50}e-3`, delta: `1e-${digits}`, maxPartitions });
          const bits = 300n;
          const { low } = exponentialBounds(
            { numerator: BigInt(milli + 50), denominator: 1000n * BigInt(maxPartitions) },
            Number(bits),
          );
          const unit = 1n << 128n;
          const spare = (unit * 10n ** 20n) / (10n ** BigInt(digits) * BigInt(maxPartitions)) + 1n; // δ/k·2^128·10^20, rounded up
          const holds = (a: bigint, b: bigint) => (a * 10n ** 20n - spare) * low <= (b * 10n ** 20n) << bits; // a ≤ e^ε·b + δ
          for (let n = 1; n < chances.length; n++) {
            const [fewer, more] = [chances[n - 1] as bigint, chances[n] as bigint];
            expect(holds(more, fewer) && holds(unit - fewer, unit - more)).toBe(true);
            expect(more).toBeGreaterThan(fewer);
          }
          expect(chances.at(-1)).toBe(unit);
        },
      ),
      { numRuns: 40, seed: 12 },
    );
  });

  it("can't be larger: one unit more in some place breaks (ε, δ)", () => {
    const chances = partitionChances(options).map(chance);
    for (let n = 1; n < chances.length - 1; n++) {
      const [p, q] = [chances[n] as number, chances[n - 1] as number];
      expect(hockeyStickOf([p, 1 - p], [q, 1 - q], 1)).toBeLessThanOrEqual(1e-3 + 1e-12);
      expect(hockeyStickOf([p + 1e-6, 1 - p - 1e-6], [q, 1 - q], 1)).toBeGreaterThan(1e-3);
    }
  });

  it.each<[string, Partial<typeof options>]>([
    ["TRB_DP_EPSILON_INVALID", { epsilon: "0" }],
    ["TRB_DP_DELTA_INVALID", { delta: "0" }],
    ["TRB_DP_DELTA_INVALID", { delta: "1" }],
    ["TRB_DP_PARAMETER_INVALID", { maxPartitions: 0 }],
    ["TRB_DP_PARAMETER_INVALID", { maxPartitions: 1.5 }],
    ["TRB_DP_PARAMETER_INVALID", { delta: "1e-60" }], // below 2^−128
    ["TRB_DP_DECIMAL_INVALID", { epsilon: "NaN" }],
  ])("refuses with %s: %o", (code, change) => {
    expect(() => partitionChances({ ...options, ...change })).toThrow(expect.objectContaining({ code }));
  });
});

describe("selectPartitions", () => {
  it("names each key with its chance, in an order that says nothing (false alarm ≤ 1e-9; seed 13)", () => {
    const chances = partitionChances(options).map(chance);
    const counts = new Map([
      ["c", 3],
      ["b", 5],
      ["all", 100],
      ["a", 6],
      ["none", 0],
    ]);
    const words = wordReader(seededSource(13));
    const seen = new Map<string, number>();
    const runs = 10_000;
    for (let i = 0; i < runs; i++) {
      const { keys } = selectPartitions(counts, options, words);
      expect(keys).toEqual(keys.toSorted());
      for (const key of keys) seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const slack = Math.sqrt(Math.log(2e10) / (2 * runs));
    for (const [key, count] of counts) {
      const expected = chances[Math.min(count, chances.length - 1)] as number;
      expect(Math.abs((seen.get(key) ?? 0) / runs - expected)).toBeLessThan(slack);
    }
    expect([seen.get("all"), seen.get("none")]).toEqual([runs, undefined]);
  });

  it("costs (ε, δ)", () => {
    expect(selectPartitions(new Map(), options, seededSource(1)).event).toEqual({
      kind: "approximate",
      epsilon: 1,
      delta: expect.closeTo(1e-3, 12) as number,
    });
  });
});

describe("countCustomers", () => {
  it("counts a customer once a key, and only the first keys", () => {
    const counts = countCustomers([["a", "a", "b", "c"], ["b"], [], ["c", "b", "a"]], 2);
    expect(Object.fromEntries(counts)).toEqual({ a: 1, b: 3, c: 1 });
    expect(() => countCustomers([], 0)).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
  });
});

describe("thresholdPartitions", () => {
  const asked = { noiseMultiplier: "1.5", delta: "1e-4", maxPartitions: 4 };

  it("names a customer's own keys with probability at most δ, and a threshold lower by one would not", () => {
    const { threshold, event } = thresholdPartitions(new Map(), asked, seededSource(1));
    const variance = 1.5 ** 2 * 4;
    const raw = Array.from({ length: 401 }, (_, i) => Math.exp(-((i - 200) ** 2) / (2 * variance)));
    const total = raw.reduce((a, b) => a + b, 0);
    const own = (t: number) => raw.slice(200 + t - 1).reduce((a, b) => a + b, 0) / total; // 1 + noise ≥ t
    expect(4 * own(threshold)).toBeLessThanOrEqual(1e-4);
    expect(4 * own(threshold - 1)).toBeGreaterThan(1e-4);
    expect(event).toEqual({
      kind: "composed",
      events: [
        { kind: "discrete-gaussian", samplingRate: 1, noiseMultiplier: 1.5 },
        { kind: "approximate", epsilon: 0, delta: expect.closeTo(1e-4, 12) as number },
      ],
    });
  });

  it("releases noisy counts that reach it, sorted by key, with noise z·√k (seed 14)", () => {
    const keys = Array.from({ length: 4000 }, (_, i) => `k${String(i).padStart(4, "0")}`);
    const counts = new Map(keys.toReversed().map((key) => [key, 1000] as [string, number]));
    counts.set("lonely", 1);
    const { counts: released } = thresholdPartitions(counts, asked, seededSource(14));
    expect(released.map(({ key }) => key)).toEqual(keys);
    const square = released.reduce((sum, { count }) => sum + (count - 1000) ** 2, 0) / released.length;
    expect(Math.abs(square / 9 - 1)).toBeLessThan(6.5 * Math.sqrt(2 / released.length));
  });

  it("refuses δ = 0 and z = 0", () => {
    const refuse = (change: object, code: string) =>
      expect(() => thresholdPartitions(new Map(), { ...asked, ...change }, seededSource(1))).toThrow(
        expect.objectContaining({ code }),
      );
    refuse({ delta: "0" }, "TRB_DP_DELTA_INVALID");
    refuse({ noiseMultiplier: "0" }, "TRB_DP_NOISE_MULTIPLIER_INVALID");
    expect(parseRational("1e-4").denominator).toBe(10_000n);
  });
});
