/** What a stranger installs works: the whole of `pnpm release:check`. */
import { expect, test } from "vitest";
import { checkRelease } from "./check.ts";

test("packed, looked at, installed under two Nodes and used, all packages hold", { timeout: 3600_000 }, async () => {
  const trials = await checkRelease(() => {});
  expect(trials.filter(({ held }) => !held)).toEqual([]);
  expect(trials.length).toBeGreaterThan(15);
});
