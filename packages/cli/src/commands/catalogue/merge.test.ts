import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCatalogue } from "@tributary/events";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { say } from "../../said.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-merge-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
const at = (name: string) => join(folder, name);

const items = (space: string) => Array.from({ length: 6 }, (_, i) => ({ id: `${space}:${i}`, category: `c${i % 2}` }));
const part = (name: string, list: readonly object[]) =>
  writeFileSync(at(`${name}.jsonl`), list.map((item) => `${JSON.stringify(item)}\n`).join(""));
const declare = (name: string, file = name) =>
  say(
    "node",
    "declare",
    "--home",
    at(`home-${name}`),
    "--catalogue",
    at(`${file}.jsonl`),
    "--name",
    name,
    "--out",
    at(`${name}.json`),
  );
const merging = (parts: readonly string[], declarations = parts) => [
  ...["catalogue", "merge", "--parts", ...parts.map((name) => at(`${name}.jsonl`))],
  ...["--declarations", ...declarations.map((name) => at(`${name}.json`))],
  ...["--out", at("catalogue.jsonl"), "--parts-out", at("parts.json")],
];
const planning = ["plan", "new", "--home", at("platform"), "--catalogue", at("catalogue.jsonl"), "--out", at("plan.json")];
const wishes = ["--customers", "300", "--merchants", "3", "--rounds", "2", "--epsilon", "8"];

beforeAll(async () => {
  part("beta", [...items("beta"), { id: "gtin:1", title: "Tea" }]);
  part("alpha", [...items("alpha"), { id: "gtin:1", brand: "T" }]);
  for (const name of ["alpha", "beta"]) await declare(name);
});

test("signed parts become one catalogue, whatever their order, and the plan that is bound to it holds the declarations", async () => {
  const first = JSON.parse(await say(...merging(["beta", "alpha"]), "--json"));
  const again = JSON.parse(await say(...merging(["alpha", "beta"], ["beta", "alpha"]), "--json"));
  expect(again.sha256).toBe(first.sha256);
  expect(first).toMatchObject({ items: 13, shared: 1, provenance: "public" });
  expect(parseCatalogue(readFileSync(at("catalogue.jsonl"))).items.at(-1)).toEqual({ id: "gtin:1", brand: "T", title: "Tea" });
  await say(...planning, "--catalogue-parts", at("parts.json"), ...wishes);
  const plan = JSON.parse(readFileSync(at("plan.json"), "utf8"));
  expect(plan.catalogueParts.map(({ name }: { name: string }) => name)).toEqual(["alpha", "beta"]);
  expect([plan.catalogueHash, plan.catalogueProvenance]).toEqual([first.sha256, "public"]);
  const parts = ["--parts", at("beta.jsonl"), at("alpha.jsonl")];
  expect(await say("plan", "check", at("plan.json"), ...parts)).toContain("the plan is sound");
});

test("what doesn't belong together is refused: another part, another catalogue, a changed declaration, somebody else's namespace", async () => {
  const other = { code: "TRB_PLAN_CATALOGUE_PART_OTHER" };
  await say(...merging(["alpha", "beta"]));
  part("gamma", items("gamma"));
  await expect(say(...merging(["alpha", "gamma"], ["alpha", "beta"]))).rejects.toMatchObject(other);
  await expect(say(...merging(["alpha"], ["alpha", "beta"]))).rejects.toMatchObject(other);
  await expect(say("plan", "check", at("plan.json"), "--parts", at("alpha.jsonl"), at("gamma.jsonl"))).rejects.toMatchObject(
    other,
  );
  const elsewhere = planning.with(planning.indexOf(at("catalogue.jsonl")), at("gamma.jsonl"));
  await expect(say(...elsewhere, "--catalogue-parts", at("parts.json"), ...wishes)).rejects.toMatchObject(other);
  part("greedy", [...items("greedy"), { id: "alpha:9" }]);
  await declare("greedy");
  await expect(say(...merging(["alpha", "greedy"]))).rejects.toMatchObject(other);
  const forged = { ...JSON.parse(readFileSync(at("beta.json"), "utf8")), items: 8 };
  writeFileSync(at("forged.json"), JSON.stringify(forged));
  const signature = { code: "TRB_PLAN_CATALOGUE_PART_SIGNATURE" };
  await expect(say(...merging(["alpha", "beta"], ["alpha", "forged"]))).rejects.toMatchObject(signature);
  const plan = JSON.parse(readFileSync(at("plan.json"), "utf8"));
  writeFileSync(at("forged-plan.json"), JSON.stringify({ ...plan, catalogueParts: [plan.catalogueParts[0], forged] }));
  await expect(say("plan", "check", at("forged-plan.json"))).rejects.toMatchObject(signature);
});
