/** A merchant's policy by the command line: set, shown, misspelt, paused, shared with another home. */
import { readFileSync, writeFileSync } from "node:fs";
import { makeCatalogue } from "@tributary/events";
import { expect, test } from "vitest";
import { joinedHome } from "./joined-home.ts";
import { temporaryFolder, tributary, tributaryJson } from "./processes.ts";

test("node policy, pause, resume, check and budget agree on what the merchant permits", { timeout: 240_000 }, async () => {
  const folder = temporaryFolder("policy");
  const home = folder.file("shop");
  const catalogue = makeCatalogue(Array.from({ length: 30 }, (_, i) => ({ id: `item-${i}` })));
  await joinedHome(home, catalogue);
  const at = ["--home", home];
  const file = folder.file("budget.sqlite");

  const set = await tributaryJson([
    ...["node", "policy", ...at, "--epsilon", "9", "--delta", "1e-5", "--permit", "training", "--families", "sasrec,gru"],
    ...["--retention-days", "90", "--serve-mode", "releasedOnly", "--serve-min-support", "9", "--hours", "22:00-06:00"],
    ...["--time-zone", "Europe/Berlin", "--period-days", "30", "--budget-file", file],
  ]);
  const permitted = {
    ...{ maxEpsilon: 9, delta: 1e-5, permittedReleases: ["training"], permittedFamilies: ["sasrec", "gru"], retentionDays: 90 },
    ...{ serve: { mode: "releasedOnly", minSupport: 9 }, budget: { periodDays: 30, file }, paused: null },
    trainingHours: { from: "22:00", to: "06:00", timeZone: "Europe/Berlin" },
  };
  expect(set).toMatchObject(permitted);
  const path = `${home}/policy.json`;
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject(permitted);

  const paused = await tributaryJson(["node", "pause", ...at, "--until", "3d", "--reason", "stocktaking"]);
  expect(paused).toMatchObject({ ...permitted, paused: { reason: "stocktaking" } });
  const check = await tributary(["node", "check", ...at, "--json"]);
  expect(check.exitCode).toBe(3);
  expect(JSON.parse(check.stdout)).toMatchObject({
    accepted: false,
    findings: [{ code: "TRB_ROUND_TOO_FEW_TRUSTED" }],
    declines: [{ kind: null, code: "TRB_POLICY_PAUSED" }],
  });
  expect(await tributaryJson(["node", "resume", ...at])).toMatchObject(permitted);

  const { stdout: said } = await tributary(["node", "budget", ...at]);
  expect(said).toContain("limit 9 in any 30 days");
  expect(said).toMatch(/^all time +0 +0 /m);
  expect(said).toContain("shared by 1 homes");
  for (const line of said.split("\n")) if (!line.includes(folder.path)) expect(line.length).toBeLessThanOrEqual(80);

  const good = readFileSync(path, "utf8");
  writeFileSync(path, good.replace('"maxEpsilon"', '"maxEpsilom"'));
  const refused = await tributary(["node", "policy", ...at, "--json"]);
  expect(refused.exitCode).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    error: { code: "TRB_NODE_POLICY_INVALID", message: expect.stringContaining("did you mean maxEpsilon") },
  });
  folder.remove();
});
