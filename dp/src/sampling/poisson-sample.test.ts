import { describe, expect, it } from "vitest";
import { parseRational, whole } from "../exact/rational.ts";
import { poissonSample } from "./poisson-sample.ts";
import { scriptedSource, seededSource } from "./seeded-source.ts";

describe("poissonSample", () => {
  it("takes nobody at q = 0 and everybody at q = 1", () => {
    expect(poissonSample(1000, whole(0), seededSource(1))).toEqual(new Uint32Array(0));
    expect(poissonSample(1000, whole(1), seededSource(1))).toEqual(Uint32Array.from({ length: 1000 }, (_, i) => i));
    expect(poissonSample(3, whole(1), scriptedSource([0xffffffff, 0xffffffff, 0xffffffff])).length).toBe(3);
    expect(poissonSample(0, whole(1), seededSource(1)).length).toBe(0);
  });

  it.each(["0.01", "0.04", "0.3333", "0.9"])("takes each with probability %s (false alarm ≤ 1e-9; seed 7)", (text) => {
    const rate = parseRational(text);
    const q = Number(text);
    const count = 200_000;
    const chosen = poissonSample(count, rate, seededSource(7));
    // Bernstein: P[|K − nq| ≥ t] ≤ 2·exp(−t²/(2nq(1−q) + 2t/3)), which is 1e-9 at the root below
    const l = Math.log(2e9);
    const limit = l / 3 + Math.sqrt((l / 3) ** 2 + 2 * count * q * (1 - q) * l);
    expect(Math.abs(chosen.length - count * q)).toBeLessThan(limit);
    const early = chosen.filter((i) => i < count / 2).length;
    expect(Math.abs(early - (count / 2) * q)).toBeLessThan(limit);
    expect(chosen.every((value, i) => i === 0 || (chosen[i - 1] as number) < value)).toBe(true);
  });

  it("compares with q beyond the first word", () => {
    const rate = { numerator: (5n << 32n) + 7n, denominator: 1n << 64n };
    const taken = (...words: number[]) => poissonSample(1, rate, scriptedSource(words)).length;
    expect([taken(4), taken(5, 6), taken(5, 7), taken(5, 8), taken(6)]).toEqual([1, 1, 0, 0, 0]);
    const third = { numerator: 1n, denominator: 3n }; // 0.5555… in base 16
    const digit = 0x55555555;
    expect(poissonSample(1, third, scriptedSource([digit, digit, digit, digit - 1])).length).toBe(1);
    expect(poissonSample(1, third, scriptedSource([digit, digit, digit, digit + 1])).length).toBe(0);
  });

  it("refuses a rate outside [0, 1]", () => {
    for (const rate of [
      { numerator: 3n, denominator: 2n },
      { numerator: -1n, denominator: 2n },
      { numerator: 0n, denominator: 0n },
    ]) {
      expect(() => poissonSample(1, rate, seededSource(1))).toThrow(
        expect.objectContaining({ code: "TRB_DP_SAMPLING_RATE_INVALID" }),
      );
    }
  });
});
