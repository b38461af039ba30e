import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseCatalogue } from "@tributary/events";
import { falselySignedParts } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeBudget } from "./budget.ts";
import { startTestCoordinator } from "./coordinator.test-support.ts";
import { planRefusals } from "./decision.ts";
import { openDatabase } from "./home/database.ts";
import { layoutOf } from "./home/layout.ts";
import { openHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import { joinFederation } from "./join.ts";
import { type SelectCatalogueOptions, selectCatalogue } from "./select-catalogue.ts";
import { withoutSelections } from "./selected-parts.ts";

let folder: string;
let home: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-select-"));
  home = join(folder, "home");
  log = join(folder, "log.csv");
  // 60 customers have `common`; each has one item that nobody else has
  const rows = Array.from({ length: 60 }, (_, c) => `c${c},common,view,${c + 1}\nc${c},rare-${c},view,${c + 100}`);
  writeFileSync(log, `user,item,action,ts\n${rows.join("\n")}\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const select = (change: Partial<SelectCatalogueOptions> = {}) =>
  selectCatalogue({
    ...{ home, files: [log], name: "shop", epsilon: "4", delta: "1e-9", maxItems: 2 },
    ...{ columns: { customer: "user", item: "item", action: "action", time: "ts" }, ...change },
  });

const charges = () => {
  const database = openDatabase(layoutOf(home));
  try {
    return database.selections();
  } finally {
    database.close();
  }
};

describe("a part that is selected", () => {
  test("holds what many have and nothing that one has, described where the public file does, signed and charged", async () => {
    const described = join(folder, "public.jsonl");
    writeFileSync(described, '{"id":"shop:common","title":"Bread","category":"food"}\n{"id":"shop:other"}\n');
    const {
      declaration,
      bytes,
      described: count,
      evenFrom,
    } = await select({ naming: { namespace: "shop" }, describedBy: described });
    expect(parseCatalogue(bytes).items).toEqual([{ id: "shop:common", title: "Bread", category: "food" }]);
    expect(count).toBe(1);
    // π(11) = δ'·(e^{11ε'} − 1)/(e^{ε'} − 1) = 0.28 for ε' = 4/2 and δ' = 1e-9/2; from there on 1 − π shrinks by e^{−ε'}: π(12) = 0.90
    expect(evenFrom).toBe(12);
    expect(declaration).toMatchObject({
      ...{ name: "shop", items: 1, provenance: "dp-selection", part: createHash("sha256").update(bytes).digest("hex") },
      selection: { epsilon: "4", delta: "1e-9", maxItems: 2 },
    });
    expect(falselySignedParts(nodeCrypto(), [declaration])).toEqual([]);
    expect(charges()).toMatchObject([{ id: 1, epsilon: "4", delta: "1e-9", maxItems: 2, part: declaration.part }]);
    expect(readFileSync(layoutOf(home).database).includes("rare-")).toBe(false);
  });

  test("is charged anew each time, even where nothing comes of it, and no charge is ever taken back", async () => {
    await select();
    const nothing = { epsilon: "0.001", delta: "1e-12" };
    await expect(select(nothing)).rejects.toMatchObject({
      ...{ code: "TRB_NODE_NOTHING_SELECTED", message: expect.stringMatching(/that \d{4,} customers have/) },
    });
    expect(charges().map(({ epsilon, part }) => [epsilon, part === null])).toEqual([
      ["4", false],
      ["0.001", true],
    ]);
    const raw = new DatabaseSync(layoutOf(home).database);
    expect(() => raw.exec("DELETE FROM selections")).toThrow(/never deleted/);
    expect(() => raw.exec("UPDATE selections SET epsilon = '0'")).toThrow(/charged once/);
    raw.close();
  });

  test("is refused before anything is charged where its numbers make no sense or the log can't be read", async () => {
    for (const [change, code] of [
      [{ epsilon: "0" }, "TRB_DP_EPSILON_INVALID"],
      [{ delta: "1" }, "TRB_DP_DELTA_INVALID"],
      [{ maxItems: 0 }, "TRB_DP_PARAMETER_INVALID"],
      [{ files: [join(folder, "none.csv")] }, "TRB_EVENTS_FILE_NOT_FOUND"],
    ] as const) {
      await expect(select(change)).rejects.toMatchObject({ code });
    }
    expect(existsSync(layoutOf(home).database) ? charges() : []).toEqual([]);
  });

  test("takes from the limit of a home that has joined, shows in its budget, and can't pass it", async () => {
    await select({ epsilon: "0.25", delta: "0.01" });
    const coordinator = await startTestCoordinator();
    try {
      await joinFederation({ invite: coordinator.invite("alpha"), home });
      const budget = await nodeBudget({ home });
      // the plan of this coordinator has another catalogue: what was selected was paid beside it
      expect(budget.selections).toMatchObject([{ epsilon: 0.25, delta: 0.01, maxItems: 2, inPlan: false }]);
      const opened = openHome(home);
      const policy = readPolicy(opened.layout);
      expect(withoutSelections(policy, opened).maxEpsilon).toBeCloseTo(policy.maxEpsilon - 0.25, 12);
      const [forged] = [{ ...(await select()).declaration, items: 99 }];
      const forging = { ...opened.plan, catalogueProvenance: "dp-selection" as const, catalogueParts: [forged] };
      const codes = planRefusals(nodeCrypto(), forging, policy).map(({ code }) => code);
      expect(codes).toContain("TRB_PLAN_CATALOGUE_PART_SIGNATURE");
      const plan = { ...opened.plan, catalogueParts: [(await select({ epsilon: "0.125", delta: "0.02" })).declaration] };
      opened.database.close();
      const again = openHome(home);
      expect(withoutSelections(policy, { ...again, plan }).maxEpsilon).toBeCloseTo(policy.maxEpsilon - 4.25, 12);
      again.database.close();
      const above = select({ epsilon: String(policy.maxEpsilon), delta: "0.01" });
      await expect(above).rejects.toMatchObject({ code: "TRB_POLICY_SELECTION_ABOVE_LIMIT" });
      expect(charges()).toHaveLength(3);
    } finally {
      await coordinator.close();
    }
  });
});

test("of two selections with the same part the plan pays for the one that it declares, whatever was drawn", async () => {
  const rows = Array.from({ length: 60 }, (_, c) => `c${c},common,view,${c + 1}`); // one item that everybody has: π(60) = 1 at both prices
  writeFileSync(log, `user,item,action,ts\n${rows.join("\n")}\n`);
  const first = await select({ epsilon: "0.25", delta: "0.01" });
  const coordinator = await startTestCoordinator();
  try {
    await joinFederation({ invite: coordinator.invite("alpha"), home });
    const second = await select({ epsilon: "0.125", delta: "0.02" });
    expect(second.declaration.part).toBe(first.declaration.part);
    const opened = openHome(home);
    try {
      const policy = readPolicy(opened.layout);
      for (const [{ declaration }, beside] of [
        [second, 0.25],
        [first, 0.125],
      ] as const) {
        const plan = { ...opened.plan, catalogueParts: [declaration] };
        expect(withoutSelections(policy, { ...opened, plan }).maxEpsilon).toBeCloseTo(policy.maxEpsilon - beside, 12);
      }
    } finally {
      opened.database.close();
    }
  } finally {
    await coordinator.close();
  }
});

test("an item of one customer is named as often as δ says, of the many that nobody else has", async () => {
  // π(1) = δ/maxItems = 0.05 for each of 4,000 items of one customer each, independent: 200 expected, σ 13.8. Fewer than 115 or more than 290
  // (6.2 σ and 6.5 σ) happen with a probability below 1e-9; a δ that is not divided by maxItems would name 400
  const rows = Array.from({ length: 2000 }, (_, c) => `c${c},a-${c},view,1\nc${c},b-${c},view,2`);
  writeFileSync(log, `user,item,action,ts\n${rows.join("\n")}\n`);
  const { declaration } = await select({ epsilon: "1", delta: "0.1" });
  expect(declaration.items).toBeGreaterThan(115);
  expect(declaration.items).toBeLessThan(290);
}, 60_000);
