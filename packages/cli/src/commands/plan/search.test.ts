import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { statisticsRecipe } from "@tributary/model";
import { parsePlan, planCost, selectionSchema } from "@tributary/protocol";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../../program.ts";
import { tunedFile } from "../../tuned-option.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-search-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const catalogue = join(folder, "catalogue.jsonl");
writeFileSync(catalogue, Array.from({ length: 300 }, (_, i) => `{"id":"i${i}"}\n`).join(""));

/** What `plan new` prints. */
async function planNew(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync(["plan", "new", "--customers", "4000", "--merchants", "8", ...words], { from: "user" });
  return printed.join("");
}

const refused = (code: string, details: object = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });

describe("plan new --target-epsilon", () => {
  test("shows what each ε buys in a table, a document and a page, without writing a plan", async () => {
    const page = join(folder, "frontier.html");
    const document = JSON.parse(await planNew("--target-epsilon", "4", "--items", "500", "--html", page, "--json"));
    expect(document).toMatchObject({ plan: null, chosen: { epsilon: 4 }, market: { items: 600 } });
    expect(document.byEpsilon.map((row: { epsilon: number }) => row.epsilon)).toEqual([0.5, 1, 2, 4, 8]);
    for (const row of [...document.frontier, ...document.byEpsilon]) {
      expect(row).toMatchObject({ hours: expect.any(Number), bytes: expect.any(Number), expected: expect.any(Number) });
      expect(row.choice).toBeUndefined();
    }
    const html = readFileSync(page, "utf8");
    expect(html.match(/<svg/g)).toHaveLength(3);
    expect(html).toContain("Expected NDCG@10 by ε");
    const lines = await planNew("--target-epsilon", "4", "--items", "500");
    expect(lines).toMatch(/→ +4 +0\.\d{4} +0\.\d{3}/);
    expect(lines).toContain("no plan was written");
    expect(existsSync(join(folder, "plan.json"))).toBe(false);
  });

  test("writes the chosen plan where there is a home and a catalogue", async () => {
    const out = join(folder, "chosen.json");
    const words = ["--home", join(folder, "platform"), "--catalogue", catalogue, "--out", out, "--merchants-per-customer", "2"];
    const { plan: file, chosen } = JSON.parse(await planNew("--target-epsilon", "2", ...words, "--json"));
    const plan = parsePlan(JSON.parse(readFileSync(out, "utf8")));
    expect(file).toBe(out);
    expect(plan).toMatchObject({ maxMerchantsPerCustomer: 2, minCohort: chosen.minCohort });
    expect(planCost(plan).epsilon).toBeLessThanOrEqual(2);
  });

  test("warns of training that simulation finds worthless, when it is asked for", async () => {
    const document = JSON.parse(await planNew("--target-epsilon", "1", "--items", "500", "--training-share", "0.3", "--json"));
    expect(document.chosen.trainingShare).toBe(0.3);
    expect(document.warnings.join(" ")).toContain("worthless");
    const out = join(folder, "trained.json");
    const words = ["--home", join(folder, "platform"), "--catalogue", catalogue, "--out", out];
    const usual = JSON.parse(await planNew("--epsilon", "1", "--training-share", "0.3", ...words, "--json"));
    expect(usual.warnings.join(" ")).toContain("30 % of the budget");
    expect(JSON.parse(await planNew("--epsilon", "1", ...words, "--json")).warnings).toEqual([]);
  });

  test("--tuned plans with a recipe that public data chose, and refuses one that private data did", async () => {
    const [recipe, out] = [join(folder, "recipe.json"), join(folder, "tuned.json")];
    const words = ["--home", join(folder, "platform"), "--catalogue", catalogue, "--out", out, "--tuned", recipe];
    writeFileSync(recipe, tunedFile({ ...statisticsRecipe(8), decay: 0.123 }, null));
    await planNew(...words);
    expect(parsePlan(JSON.parse(readFileSync(out, "utf8"))).statistics?.decay).toBe("0.123");
    const selection = selectionSchema.parse({ distribution: "poisson", mean: "5", noiseMultiplier: "3" });
    writeFileSync(recipe, tunedFile(statisticsRecipe(8), selection));
    await expect(planNew(...words)).rejects.toThrow(refused("TRB_PLAN_SELECTION_CENTRAL"));
    const searching = ["--target-epsilon", "2", "--items", "5", "--tuned", recipe];
    await expect(planNew(...searching)).rejects.toThrow(refused("TRB_CLI_BAD_OPTION", { option: "--tuned" }));
  });

  test.each([
    ["TRB_PLAN_EPSILON_UNREACHABLE", {}, ["--target-epsilon", "0.001", "--items", "500"]],
    ["TRB_PLAN_HOURS_TOO_FEW", {}, ["--target-epsilon", "1", "--items", "500", "--budget-hours", "1e-5"]],
    ["TRB_CLI_BAD_OPTION", { option: "--items" }, ["--target-epsilon", "1"]],
    ["TRB_CLI_BAD_OPTION", { option: "--rounds" }, ["--target-epsilon", "1", "--items", "5", "--rounds", "3"]],
    ["TRB_CLI_BAD_OPTION", { option: "--target-epsilon" }, ["--target-epsilon", "0"]],
    ["TRB_CLI_BAD_OPTION", { option: "--home" }, ["--catalogue", catalogue]],
    ["TRB_CLI_BAD_OPTION", { option: "--catalogue" }, ["--home", join(folder, "none"), "--target-epsilon", "1"]],
  ])("is refused with %s %o for %j", async (code, details, words) => {
    await expect(planNew(...words)).rejects.toThrow(refused(code, details));
  });
});
