import { expect, it } from "vitest";
import { wordReader } from "./random-source.ts";
import { chiSquareLimit, scriptedSource, seededSource } from "./seeded-source.ts";

it.each([3, 5, 6, 1000])("below(%i) hits every value equally often (false alarm ≤ 1e-9; seed 11)", (n) => {
  const words = wordReader(seededSource(11));
  const draws = 200_000;
  const counts = new Float64Array(n);
  for (let i = 0; i < draws; i++) {
    const value = i % 2 === 0 ? words.below(n) : Number(words.below(BigInt(n)));
    counts[value] = (counts[value] as number) + 1;
  }
  const expected = draws / n;
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(statistic).toBeLessThan(chiSquareLimit(n - 1));
});

it("reads little-endian words, and the same ones however they are asked for", () => {
  const script = [0x04030201, 0xffffffff, 0x80000000];
  const words = wordReader(scriptedSource(script));
  expect([words.word(), words.word(), words.word()]).toEqual(script);
  const again = wordReader(scriptedSource(script));
  expect(again.bits(8)).toBe(0x04);
  expect(again.bits(53)).toBe(2 ** 53 - 2 ** 32 + 0x80000000);
  expect(wordReader(again)).toBe(again);
});

it("below covers its whole range, up to 2^53 and beyond in BigInt", () => {
  const ones = wordReader(scriptedSource([0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]));
  expect(ones.below(2 ** 53)).toBe(2 ** 53 - 1);
  expect(ones.below(1n << 64n)).toBe((1n << 64n) - 1n);
  expect(ones.below(1)).toBe(0);
});

it.each([0, -1, 1.5, Number.NaN, 2 ** 54])("below(%d) is refused", (n) => {
  const words = wordReader(scriptedSource([]));
  expect(() => words.below(n)).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
});
