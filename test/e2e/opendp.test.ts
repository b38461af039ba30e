/** `--sampler opendp` and what `doctor` says of it, on a machine that has it built and on one that has not. */
import { readFileSync, writeFileSync } from "node:fs";
import { readArtefact } from "@opendp/opendp";
import { isTributaryError } from "@tributary/errors";
import { afterAll, describe, expect, test } from "vitest";
import { killAll, temporaryFolder, tributary, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("opendp");
afterAll(async () => {
  await killAll();
  folder.remove();
});

/** The hash that the build wrote down; none where nothing was built. */
const recorded = ((): string | undefined => {
  try {
    return readArtefact().record.sha256;
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_OPENDP_NOT_BUILT") return undefined;
    throw error;
  }
})();

test("doctor tells whether OpenDP is there, its hash, and what it changes", async () => {
  const { findings } = await tributaryJson(["doctor"]);
  const finding = (findings as { name: string; state: string; found: string; changes: string }[]).find(
    ({ name }) => name === "OpenDP",
  );
  expect(finding?.changes).toContain("--sampler opendp");
  if (recorded === undefined) {
    expect(finding).toMatchObject({ state: "absent", found: expect.stringContaining("TRB_OPENDP_NOT_BUILT") });
  } else {
    expect(finding).toMatchObject({ state: "present", found: expect.stringContaining(`SHA-256 ${recorded}`) });
  }
}, 60_000);

describe("--sampler opendp", () => {
  test("is for plans: the plan says that OpenDP draws, and why uploads leave later", async () => {
    const items = Array.from({ length: 25 }, (_, item) => JSON.stringify({ id: `i${item}` })).join("\n");
    const catalogue = folder.file("catalogue.jsonl");
    writeFileSync(catalogue, `${items}\n`);
    const numbers = ["--customers", "600", "--merchants", "3", "--rounds", "2", "--catalogue", catalogue];
    const make = ["plan", "new", "--home", folder.file("platform"), ...numbers, "--out", folder.file("plan.json")];
    const { why } = await tributaryJson([...make, "--sampler", "opendp"]);
    expect((why as string[]).join(" ")).toContain("OpenDP draws the noise");
    expect(JSON.parse(readFileSync(folder.file("plan.json"), "utf8"))).toMatchObject({ sampler: "opendp" });
    await tributaryJson(make);
    expect(JSON.parse(readFileSync(folder.file("plan.json"), "utf8"))).toMatchObject({ sampler: "exact" });
  }, 60_000);

  test("where it is not built, simulate and demo refuse before they do anything; where it is, its noise is released", async () => {
    const events = Array.from(
      { length: 60 * 6 },
      (_, event) => `c${event % 60},i${(7 * event) % 25},view,${1_600_000_000 + event}`,
    );
    const log = folder.file("events.csv");
    writeFileSync(log, `user,item,action,ts\n${events.join("\n")}\n`);
    const columns = ["--events", log, "--columns", "customer=user,item=item,action=action,time=ts"];
    const small = [...columns, "--merchants", "3", "--rounds", "1", "--sampler", "opendp"];
    const simulated = await tributary(["simulate", ...small, "--json"]);
    if (recorded === undefined) {
      const demo = await tributary(["demo", ...small, "--out", folder.file("demo"), "--json"]);
      for (const { exitCode, stdout } of [simulated, demo]) {
        expect(exitCode).toBe(1);
        expect(JSON.parse(stdout)).toMatchObject({ error: { code: "TRB_OPENDP_NOT_BUILT" } });
      }
    } else {
      expect(simulated.exitCode, simulated.stderr).toBe(0);
      expect(JSON.parse(simulated.stdout)).toMatchObject({ rounds: 1 });
    }
  }, 300_000);

  test("another name is wrong usage", async () => {
    const { exitCode, stdout } = await tributary(["simulate", "--sampler", "fast", "--json"]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "TRB_CLI_USAGE" } });
  }, 60_000);
});
