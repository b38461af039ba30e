import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addWords, sliceWords, subtractWords, wordArithmetic } from "./word-arithmetic.ts";

const word = fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(2 ** 32 - 1));
const lengths = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(sliceWords - 1, sliceWords));

/** Words that repeat the drawn ones, so that long vectors are drawn as fast as short ones. */
const spread = (drawn: readonly number[], length: number) =>
  Uint32Array.from({ length }, (_, i) => (drawn[i % drawn.length] ?? 0) + Math.imul(i, 0x9e37_79b9));

describe("word arithmetic", () => {
  test("adds and subtracts like the twin, modulo 2³², whatever the length", () => {
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 40 }),
        fc.array(word, { minLength: 1, maxLength: 40 }),
        lengths,
        (first, second, length) => {
          const [a, b] = [spread(first, length), spread(second, length)];
          const arithmetic = wordArithmetic();
          for (const [name, twin] of [
            ["add", addWords],
            ["subtract", subtractWords],
          ] as const) {
            arithmetic.target.set(a);
            arithmetic.operand.set(b);
            arithmetic[name](length);
            const expected = a.slice();
            twin(expected, b);
            expect(arithmetic.target.subarray(0, length)).toEqual(expected);
            expect(arithmetic.operand.subarray(0, length)).toEqual(b);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("the twin is arithmetic modulo 2³²", () => {
    const a = Uint32Array.of(0xffff_ffff, 0, 5);
    addWords(a, Uint32Array.of(2, 0, 0xffff_fffe));
    expect([...a]).toEqual([1, 0, 3]);
    subtractWords(a, Uint32Array.of(2, 1, 3));
    expect([...a]).toEqual([0xffff_ffff, 0xffff_ffff, 0]);
  });

  test("forgets both operands when it is told to", () => {
    const arithmetic = wordArithmetic();
    arithmetic.target.fill(7);
    arithmetic.operand.fill(9);
    arithmetic.clear();
    expect(arithmetic.target.every((one) => one === 0) && arithmetic.operand.every((one) => one === 0)).toBe(true);
  });
});
