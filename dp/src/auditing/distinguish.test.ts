/** Harness against mechanisms whose chances are known: it neither overshoots nor misses. Bugs planted in `dp`'s own: planted-bugs.test.ts. */
import { describe, expect, it } from "vitest";
import { wordReader } from "../sampling/random-source.ts";
import { seededSource } from "../sampling/seeded-source.ts";
import { type Claim, distinguish } from "./distinguish.ts";
import { intervals, lowestBit, lowestBits } from "./partitions.ts";

const coded = (code: string) => expect.objectContaining({ code });

/** Says the truth (1 or 0) with chance 1 − flip, else the other. */
function randomisedResponse(flip: number, seed: number) {
  const words = wordReader(seededSource(seed));
  const draw = (truth: number) => (outputs: Float64Array) => {
    for (let i = 0; i < outputs.length; i++) outputs[i] = words.bits(30) * 2 ** -30 < flip ? 1 - truth : truth;
  };
  return { first: draw(1), second: draw(0) };
}

const claims = (...epsilons: number[]): Claim[] => epsilons.map((epsilon) => ({ epsilon, delta: 0 }));

describe("the harness", () => {
  it("finds the ε of randomised response from below, within 6 %", () => {
    const flip = 1 / (1 + Math.E ** 2); // ε = 2
    const verdict = distinguish(randomisedResponse(flip, 1), { claims: claims(2, 1.9), samples: 100_000, falseAlarm: 1e-9 });
    expect(verdict.findings[0]?.epsilon).toBeGreaterThan(1.88);
    expect(verdict.findings[0]?.epsilon).toBeLessThan(2);
    expect(verdict.findings[0]?.refuted).toBe(false);
    const low = distinguish(randomisedResponse(flip, 1), { claims: claims(1.8), samples: 100_000, falseAlarm: 1e-9 });
    expect(low.refuted).toBe(true);
    expect(low.findings[0]?.event).toMatchObject({ cells: 1 });
  });

  it("takes δ off before the ratio: what happens under one input only, with chance δ, is permitted", () => {
    const words = wordReader(seededSource(2));
    const leak = (shown: number) => (outputs: Float64Array) => {
      for (let i = 0; i < outputs.length; i++) outputs[i] = words.below(20) === 0 ? shown : 0;
    };
    const mechanism = { first: leak(1), second: leak(2) };
    expect(distinguish(mechanism, { claims: [{ epsilon: 0, delta: 0.06 }], samples: 40_000 }).refuted).toBe(false);
    expect(distinguish(mechanism, { claims: [{ epsilon: 2, delta: 0.03 }], samples: 40_000 }).refuted).toBe(true);
  });

  it("looks at outputs that are no numbers as well", () => {
    const constant = (value: number) => (outputs: Float64Array) => void outputs.fill(value);
    for (const [a, b] of [
      [Number.NaN, 1],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [Number.NaN, Number.POSITIVE_INFINITY],
    ] as const) {
      const mechanism = { first: constant(a), second: constant(b) };
      expect(distinguish(mechanism, { claims: claims(3), samples: 2000, partitions: [intervals(8)] }).refuted).toBe(true);
    }
  });

  it("raises at most as many false alarms as stated: 300 audits of a constant pair at 10 %, fewer than 66 (below 1e-9)", () => {
    // P[Bin(300, 0.1) ≥ 66] < 1e-9; choice and judgement on the same half would alarm in most of them
    let alarms = 0;
    for (let seed = 0; seed < 300; seed++) {
      const words = wordReader(seededSource(seed));
      const uniform = (outputs: Float64Array) => {
        for (let i = 0; i < outputs.length; i++) outputs[i] = words.bits(20);
      };
      const options = { claims: claims(0), samples: 400, falseAlarm: 0.1, partitions: [intervals(64)] };
      if (distinguish({ first: uniform, second: uniform }, options).refuted) alarms++;
    }
    expect(alarms).toBeLessThan(66);
  });

  it("refuses bad input", () => {
    const mechanism = randomisedResponse(0.3, 3);
    const options = { claims: claims(1), samples: 1000 };
    const run = (change: object) => () => distinguish(mechanism, { ...options, ...change });
    expect(run({ samples: 10 })).toThrow(coded("TRB_DP_AUDIT_TOO_FEW_SAMPLES"));
    expect(run({ samples: 1001 })).toThrow(coded("TRB_DP_AUDIT_TOO_FEW_SAMPLES"));
    expect(run({ samples: Number.NaN })).toThrow(coded("TRB_DP_AUDIT_TOO_FEW_SAMPLES"));
    expect(run({ claims: [] })).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(run({ partitions: [] })).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(run({ claims: [{ epsilon: -1, delta: 0 }] })).toThrow(coded("TRB_DP_PARAMETER_INVALID"));
    expect(run({ claims: [{ epsilon: 1, delta: 1 }] })).toThrow(coded("TRB_DP_AUDIT_DELTA_INVALID"));
    expect(run({ falseAlarm: 0 })).toThrow(coded("TRB_DP_AUDIT_SIGNIFICANCE_INVALID"));
  });
});

describe("partitions", () => {
  it("tell the lowest set bit of a double", () => {
    const exponent = (value: number) => lowestBit(value) - 1075;
    expect([1, 3, 6, 0.5, 2 ** 40, 1 + 2 ** -52, -10, 2 ** -1074, 2 ** -1022].map(exponent)).toEqual([
      ...[0, 0, 1, -1, 40, -52, 1, -1074, -1022],
    ]);
    expect([lowestBit(0), lowestBit(-0), lowestBit(Number.NaN)]).toEqual([0, 0, 4095]);
  });

  it("cut at quantiles, and keep bits apart within an interval", () => {
    const sample = Float64Array.from({ length: 100 }, (_, i) => i);
    const cell = intervals(4).learn(sample, sample);
    expect([-5, 0, 24, 25, 49, 50, 74, 75, 1000].map(cell)).toEqual([0, 0, 0, 1, 1, 2, 2, 3, 3]);
    const bits = lowestBits(4).learn(sample, sample);
    expect(bits(25)).toBe(bits(27));
    expect(bits(25)).not.toBe(bits(26));
    expect(bits(25)).not.toBe(bits(75));
  });
});
