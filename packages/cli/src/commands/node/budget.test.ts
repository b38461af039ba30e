/** `node budget` where there is nothing to be told yet. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { say } from "../../said.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-budget-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("before joining nothing was spent, and it is said what decides how much may be", async () => {
  const said = (await say("node", "budget", "--home", join(folder, "shop"))).replaceAll(/\s+/g, " ");
  expect(said).toContain("has joined no federation: nothing was spent");
  expect(said).toContain("tributary node policy --epsilon");
  const document = JSON.parse(await say("node", "budget", "--home", join(folder, "shop"), "--json"));
  expect(document).toEqual({ joined: false, spent: 0, limit: null, left: null, byKind: [] });
});
