/**
 * Bugs planted in the reducers are found: each takes one rule out (`mutations.ts`). `pnpm test` plants a few, `pnpm test:long` all of them;
 * `pnpm simulate:faults --mutations` says after how many seeds each is found.
 */
import { expect, test } from "vitest";
import { mutations, requirePlantable } from "./mutations.ts";
import { huntMutations } from "./search.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
/** Found within a few seeds, each by another kind of check. */
const quick = [
  "vote-persisted-after-send",
  "adverts-unsigned",
  "both-kinds-of-shares",
  "keys-kept-after-masking",
  "charge-missing",
];
const planted = mutations.filter(({ name }) => long || quick.includes(name));

test("every planted bug of the list is somewhere in the sources", () => {
  expect(requirePlantable).not.toThrow();
  expect(mutations.length).toBeGreaterThanOrEqual(12);
  expect(planted.length).toBeGreaterThanOrEqual(quick.length);
});

test(
  `${planted.length} planted bugs are each found within 500 seeds`,
  async () => {
    const hunts = await huntMutations(planted, { from: 0, seeds: 500 });
    expect(hunts.filter(({ finding }) => finding === undefined).map(({ mutation }) => mutation.name)).toEqual([]);
    expect(hunts).toHaveLength(planted.length);
  },
  planted.length * 120_000,
);
