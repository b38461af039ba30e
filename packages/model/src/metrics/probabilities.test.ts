import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calibration, rocAuc } from "./probabilities.ts";

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return isTributaryError(error) ? error.code : "uncoded";
  }
  return "none";
};

const scored = fc.array(fc.record({ score: fc.integer({ min: 0, max: 5 }), outcome: fc.nat(1) }), { maxLength: 40 });

describe("ROC AUC", () => {
  it("by hand: 0.1 0.4 0.35 0.8 with the second half positive", () => {
    expect(rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(3 / 4);
    expect(rocAuc([1, 1, 0], [1, 0, 0])).toBe(3 / 4); // one pair level, one in order
  });

  it("is the share of pairs in the right order, ties half", () => {
    fc.assert(
      fc.property(scored, (examples) => {
        const of = (outcome: number) => examples.filter((e) => e.outcome === outcome).map(({ score }) => score);
        const pairs = of(1).flatMap((p) => of(0).map((n) => (p > n ? 1 : p === n ? 0.5 : 0)));
        const found = rocAuc(
          examples.map(({ score }) => score),
          examples.map(({ outcome }) => outcome),
        );
        if (pairs.length === 0) expect(found).toBeUndefined();
        else expect(found).toBeCloseTo(pairs.reduce((sum: number, x) => sum + x, 0) / pairs.length, 12);
      }),
    );
  });

  it("refuses scores that are no numbers, outcomes that are neither, and lists of two lengths", () => {
    expect(code(() => rocAuc([1, Number.NaN], [0, 1]))).toBe("TRB_MODEL_SCORE_NAN");
    expect(code(() => rocAuc([1, 2], [0, 2]))).toBe("TRB_MODEL_EVALUATION_INVALID");
    expect(code(() => rocAuc([1, 2], [0]))).toBe("TRB_MODEL_EVALUATION_INVALID");
  });
});

describe("calibration", () => {
  it("by hand: two bins, and the table behind the error", () => {
    const { error, bins } = calibration([0.1, 0.3, 0.5, 1], [0, 1, 1, 1], 2);
    expect(bins).toEqual([
      { from: 0, to: 0.5, count: 2, meanProbability: 0.2, frequency: 0.5 },
      { from: 0.5, to: 1, count: 2, meanProbability: 0.75, frequency: 1 },
    ]);
    expect(error).toBeCloseTo(0.5 * 0.3 + 0.5 * 0.25, 14);
  });

  it("is what counting bin by bin gives, with probabilities of 0 and 1 among them", () => {
    const said = fc.array(fc.record({ p: fc.double({ min: 0, max: 1, noNaN: true }), outcome: fc.nat(1) }), { maxLength: 60 });
    fc.assert(
      fc.property(said, fc.constantFrom(1, 2, 4, 16), (examples, count) => {
        const { error, bins } = calibration(
          examples.map(({ p }) => p),
          examples.map(({ outcome }) => outcome),
          count,
        );
        let expected = 0;
        bins.forEach(({ from, to, count: size }, b) => {
          const inside = examples.filter(({ p }) => p >= from && (p < to || (b === count - 1 && p === 1)));
          expect(size).toBe(inside.length);
          const gap = inside.reduce((sum, { p, outcome }) => sum + outcome - p, 0);
          expected += Math.abs(gap) / Math.max(1, examples.length);
        });
        expect(error).toBeCloseTo(expected, 12);
        expect(bins.reduce((sum, { count: size }) => sum + size, 0)).toBe(examples.length);
      }),
    );
  });

  it("refuses what is no probability, and no bins", () => {
    expect(code(() => calibration([1.01], [1]))).toBe("TRB_MODEL_EVALUATION_INVALID");
    expect(code(() => calibration([-0.01], [1]))).toBe("TRB_MODEL_EVALUATION_INVALID");
    expect(code(() => calibration([Number.NaN], [1]))).toBe("TRB_MODEL_SCORE_NAN");
    expect(code(() => calibration([0.5], [1], 0))).toBe("TRB_MODEL_EVALUATION_INVALID");
  });
});
