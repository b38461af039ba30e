/** Sums of groups, some of which lie: what is left of them. */
import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type RobustRule, robustSum } from "./robust-sum.ts";

const words = (...values: number[]) => new Uint32Array(Int32Array.from(values).buffer);
const signed = (sum: Uint32Array) => [...new Int32Array(sum.buffer)];
const median: RobustRule = { rule: "median" };
const trimmed = (trim: number): RobustRule => ({ rule: "trimmed-mean", trim });

test("by hand: the middle, the mean of two middles toward zero, the mean of what is left", () => {
  const three = [words(5, -7, 2 ** 31 - 1), words(-1, -9, -(2 ** 31)), words(3, 4, 0)];
  expect(signed(robustSum(three, median))).toEqual([3, -7, 0]);
  const four = [...three, words(4, -8, 1)];
  expect(signed(robustSum(four, median))).toEqual([3, -7, 0]); // 3.5, −7.5 and 0.5
  expect(signed(robustSum(four, trimmed(1)))).toEqual([3, -7, 0]);
  expect(signed(robustSum(four, trimmed(0)))).toEqual([2, -5, 0]); // 11/4, −20/4 and 0
  expect(signed(robustSum([words(8)], median))).toEqual([8]);
});

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test("fewer than half spoiled, or as many as are trimmed: each coordinate lies between what unspoiled groups gave", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(word),
      (lies, more, values) => {
        const dimension = 3;
        const next = () => values.next().value as number;
        const group = (from: () => number) => words(...Array.from({ length: dimension }, from));
        const honest = Array.from({ length: lies + more }, () => group(() => Math.trunc(next() / 2 ** 12)));
        const all = [...Array.from({ length: lies }, () => group(next)), ...honest];
        for (const rule of [median, trimmed(lies)]) {
          signed(robustSum(all, rule)).forEach((value, i) => {
            const column = honest.map((sum) => signed(sum)[i] as number);
            expect(value).toBeGreaterThanOrEqual(Math.min(...column));
            expect(value).toBeLessThanOrEqual(Math.max(...column));
          });
        }
        // whose sum comes first doesn't matter
        expect(robustSum(all.toReversed(), median)).toEqual(robustSum(all, median));
      },
    ),
    { numRuns: 200, seed: 11 },
  );
});

test("nothing is changed that it is handed, and sums may be views", () => {
  const room = words(1, 2, 3, 4);
  const [a, b] = [room.subarray(0, 2), room.subarray(2, 4)];
  expect(signed(robustSum([a, b, words(9, 9)], median))).toEqual([3, 4]);
  expect(signed(room)).toEqual([1, 2, 3, 4]);
});

test("too few groups and sums of different lengths are refused", () => {
  const code = (sums: Uint32Array[], rule: RobustRule) => {
    try {
      robustSum(sums, rule);
    } catch (error) {
      return isTributaryError(error) ? error.code : "uncoded";
    }
    return "none";
  };
  const one = words(1);
  expect(code([], median)).toBe("TRB_MODEL_LENGTH_MISMATCH");
  expect(code([one, one], trimmed(1))).toBe("TRB_MODEL_LENGTH_MISMATCH");
  expect(code([one, one, one], trimmed(1))).toBe("none");
  expect(code([one, words(1, 2)], median)).toBe("TRB_MODEL_LENGTH_MISMATCH");
});
