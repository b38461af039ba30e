/** What `node policy` and `node pause` refuse before they look at any home, and how `node budget` is shown. A real home: `test/e2e/policy.test.ts`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeBudget } from "@tributary/client";
import { nodeId } from "@tributary/protocol";
import { afterAll, describe, expect, test } from "vitest";
import { program } from "../../program.ts";
import { budgetLines } from "./budget.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-node-policy-"));
afterAll(() => rmSync(folder, { recursive: true }));

const say = (...words: readonly string[]) => program().parseAsync(["node", ...words, "--home", folder], { from: "user" });

describe("wrong usage", () => {
  test.each([
    ["policy", "--retention-days", "soon"],
    ["policy", "--retention-days", "0"],
    ["policy", "--period-days", "1.5"],
    ["policy", "--hours", "22:00"],
    ["policy", "--time-zone", "UTC"],
    ["policy", "--permit", "trainin"],
    ["policy", "--families", "sasrecs"],
    ["policy", "--serve-min-support", "0"],
    ["policy", "--delta", "1"],
    ["pause", "--until", "yesterday"],
    ["pause", "--until", "2001-01-01T00:00"],
    ["pause", "--until", "3w"],
  ])("node %s %s %s is refused by the flag's name", async (verb, flag, value) => {
    await expect(say(verb, flag, value)).rejects.toMatchObject({
      code: "TRB_CLI_BAD_OPTION",
      details: { option: flag, value },
    });
  });

  test("a good flag is only asked for a home", async () => {
    for (const words of [
      ["policy", "--period-days", "none", "--hours", "any", "--budget-file", "none"],
      ["policy", "--hours", "22:00-06:00", "--time-zone", "Europe/Berlin", "--retention-days", "90"],
      ["pause", "--until", "12h", "--reason", "stocktaking"],
      ["resume"],
    ]) {
      await expect(say(...words)).rejects.toMatchObject({ code: "TRB_NODE_NOT_JOINED" });
    }
  });
});

describe("node budget, in words", () => {
  const kind = (name: NodeBudget["byKind"][number]["kind"], charged: number) => ({
    ...{ kind: name, charged, open: 1, refunded: 2, left: 300, epsilon: 1.23456789 },
  });
  const home = (federation: string, own: boolean) => ({
    ...{ federation, node: nodeId.parse("shop-berlin"), own, spent: 2.345678, rounds: 170, reserved: 1, lifetime: 11.98765 },
  });
  const budget: NodeBudget = {
    ...{ limit: 4, spent: 11.98765, delta: 1e-6, left: 0.123456, roundsLeft: 300 },
    selections: [],
    reserved: { rounds: 1, epsilon: 0.0123456 },
    period: { days: 30, spent: 3.876544, rounds: 170, left: 0.123456, nextLeaves: "2026-12-24T08:00:00.001Z" },
    shared: {
      ...{ file: "/srv/budget.sqlite", limit: 4, owner: "spring/shop-berlin", delta: 1e-6, periodDays: 30 },
      ...{ spent: 3.9, lifetime: 14.2, reserved: { rounds: 2, epsilon: 0.03 }, left: 0.1 },
      homes: [home("spring-federation", true), home("autumn-federation", false)],
      byKind: [{ kind: "training", spent: 3.1, rounds: 200, reserved: 2 }],
    },
    byKind: [kind("training", 170), kind("popularity", 1)],
  };

  test("fits a terminal, and says what is spent, reserved and left: by kind, by period, by home", () => {
    const lines = budgetLines(budget);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const text = lines.join("\n");
    expect(text).toMatch(/^ε at δ 0.000001, limit 4 in any 30 days$/m);
    expect(text).toMatch(/^last 30 days +3\.877 +0\.1234 +170$/m);
    expect(text).toMatch(/^all time +11\.99 +0\.01235 +171, 300 to come$/m);
    expect(text).toMatch(/^training +1\.235 +169 +1 +2 +300$/m);
    expect(text).toMatch(/^spring-federation\/shop-berlin \(here\) +2\.346 +11\.99 +1 rounds +170$/m);
    expect(text).toContain("2026-12-24T08:00:00.001Z");
  });

  test("rounds what was spent up and what is left down", () => {
    const text = budgetLines({ ...budget, period: null, shared: null, spent: 1.00001, left: 2.99999 }).join("\n");
    expect(text).toMatch(/^all time +1\.001 +0\.01235 +2\.999 /m);
  });

  test("says that a shared file can't be read, and shows the rest", () => {
    const error = { code: "TRB_NODE_BUDGET_UNREADABLE", message: "It is gone.", advice: "Restore it." } as const;
    const text = budgetLines({ ...budget, shared: { file: "/srv/budget.sqlite", error } }).join("\n");
    expect(text).toContain("TRB_NODE_BUDGET_UNREADABLE  It is gone.");
    expect(text).toContain("all time");
  });
});
