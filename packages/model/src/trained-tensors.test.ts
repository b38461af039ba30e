import fc from "fast-check";
import { expect, test } from "vitest";
import { isCalled } from "./trained-tensors.ts";

/** The same as a regular expression, which is what it means, and no way to work it out. */
function asExpression(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "s");
}

test("a star stands for any characters, as in a regular expression", () => {
  const letters = (...signs: readonly string[]) =>
    fc.array(fc.constantFrom(...signs), { maxLength: 9 }).map((found) => found.join(""));
  fc.assert(
    fc.property(letters("a", "b", ".", "*"), letters("a", "b", "."), (name, tensor) => {
      expect(isCalled(name, tensor)).toBe(asExpression(name).test(tensor));
    }),
    { numRuns: 5_000, seed: 7 },
  );
});

test("parts don't overlap, and the last one ends the name", () => {
  expect(isCalled("aba*ba", "aba")).toBe(false);
  expect(isCalled("block*.bias", "block1.norm1.bias")).toBe(true);
  expect(isCalled("block*.bias", "block1.norm1.bias2")).toBe(false);
  expect(isCalled("final.gain", "final.gain")).toBe(true);
});

test("a plan full of stars is an answer at once: as a regular expression it would be none in years", () => {
  for (const name of [`${"*".repeat(79)}x`, `${"*a".repeat(40)}`, `a${"*".repeat(78)}a`]) {
    expect(isCalled(name, `${"a".repeat(60)}!`)).toBe(false);
  }
});
