import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCatalogue } from "@tributary/events";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { say } from "../../said.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-selected-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
const at = (name: string) => join(folder, name);

test("a list that was selected from a log becomes part of a plan that pays for it", async () => {
  const rows = Array.from({ length: 240 }, (_, c) => `c${c},p${c % 6},view,${c + 1}\nc${c},only-${c},view,${c + 300}`);
  writeFileSync(at("log.csv"), `user,item,action,ts\n${rows.join("\n")}\n`);
  const cost = ["--epsilon", "2", "--delta", "1e-8", "--max-items", "2"];
  const files = ["--out", at("part.jsonl"), "--declaration-out", at("part.json")];
  const text = await say(
    ...["node", "catalogue", at("log.csv"), "--home", at("shop"), "--name", "shop", "--namespace", "shop"],
    ...[...cost, ...files],
  );
  expect(text).toContain("6 items named");
  expect(parseCatalogue(readFileSync(at("part.jsonl"))).items.map(({ id }) => id)).toEqual(
    Array.from({ length: 6 }, (_, item) => `shop:p${item}`),
  );
  await say(
    ...["catalogue", "merge", "--parts", at("part.jsonl"), "--declarations", at("part.json")],
    ...["--out", at("catalogue.jsonl"), "--parts-out", at("parts.json")],
  );
  await say(
    ...["plan", "new", "--home", at("platform"), "--catalogue", at("catalogue.jsonl"), "--catalogue-parts", at("parts.json")],
    ...["--customers", "300", "--merchants", "3", "--rounds", "2", "--epsilon", "8", "--out", at("plan.json")],
  );
  const plan = JSON.parse(readFileSync(at("plan.json"), "utf8"));
  expect(plan.catalogueProvenance).toBe("dp-selection");
  expect(plan.catalogueParts[0].selection).toEqual({ epsilon: "2", delta: "1e-8", maxItems: 2 });
  expect(Number(plan.epsilon)).toBeGreaterThan(7);
  expect(Number(plan.epsilon)).toBeLessThanOrEqual(8);
  expect(await say("plan", "check", at("plan.json"))).toContain("the plan is sound");
  expect(await say("plan", "explain", at("plan.json"))).toContain("shop at ε = 2, δ = 1e-8");
  const { catalogueParts: _, ...unpaid } = plan;
  writeFileSync(at("unpaid.json"), JSON.stringify(unpaid));
  expect(await say("plan", "check", at("unpaid.json"))).toContain("TRB_PLAN_CATALOGUE_PARTS_UNFIT");
  expect(process.exitCode).toBe(3);
  process.exitCode = undefined;
}, 60_000);

test("amounts that are none are wrong usage, before a log is read", async () => {
  const words = ["node", "catalogue", at("none.csv"), "--home", at("x"), "--name", "x", "--max-items", "2"];
  await expect(say(...words, "--epsilon", "much", "--delta", "1e-8")).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  await expect(say(...words, "--epsilon", "0", "--delta", "1e-8")).rejects.toMatchObject({ code: "TRB_DP_EPSILON_INVALID" });
});
