import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { brierScore } from "./probabilities.ts";
import { bestThreshold, thresholdScores } from "./thresholds.ts";

describe("calls by a threshold", () => {
  test("F1 and recall by hand", () => {
    expect(thresholdScores([1, 1, 0, 0, 1], [1, 0, 1, 0, 1])).toEqual({ f1: (2 * 2) / (3 + 3), recall: 2 / 3 });
    expect(thresholdScores([0, 0], [0, 0])).toEqual({ f1: 0, recall: 0 });
    expect(brierScore([0.5, 1], [1, 0])).toBe((0.25 + 1) / 2);
  });

  test("the best threshold is the best of all there are", () => {
    const scored = fc.array(fc.tuple(fc.constantFrom(0.1, 0.2, 0.4, 0.4, 0.7, 0.9), fc.constantFrom(0, 1)), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(scored, (rows) => {
        const [probabilities, outcomes] = [rows.map(([p]) => p), rows.map(([, outcome]) => outcome)];
        const f1 = (threshold: number) =>
          thresholdScores(
            probabilities.map((p) => (p >= threshold ? 1 : 0)),
            outcomes,
          ).f1;
        const best = Math.max(...[...probabilities, 1].map(f1));
        expect(f1(bestThreshold(probabilities, outcomes))).toBe(best);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test("lists of unequal lengths are refused", () => {
    for (const ask of [() => bestThreshold([0.5], []), () => thresholdScores([1], [])]) {
      try {
        ask();
        expect.unreachable("expected a refusal");
      } catch (error) {
        expect(isTributaryError(error) && error.code).toBe("TRB_MODEL_EVALUATION_INVALID");
      }
    }
  });
});
