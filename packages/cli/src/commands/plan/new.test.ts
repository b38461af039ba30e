/** Plans that release more than a model, or are charged by another accountant than the usual one: written, sound, and paid for. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePlan, planCost } from "@tributary/protocol";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-plan-new-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const catalogue = join(folder, "catalogue.jsonl");
writeFileSync(catalogue, Array.from({ length: 300 }, (_, i) => `{"id":"i${i}"}\n`).join(""));
const extension = (name: string) => join(import.meta.dirname, "../../../../../examples/extensions", `${name}.ts`);

/** The plan that these words make, as it was written. */
async function planNew(...words: readonly string[]) {
  const out = join(folder, "plan.json");
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const where = ["--home", join(folder, "platform"), "--catalogue", catalogue, "--out", out, "--json"];
  await program().parseAsync(["plan", "new", "--customers", "4000", "--merchants", "8", "--epsilon", "4", ...where, ...words], {
    from: "user",
  });
  return parsePlan(JSON.parse(readFileSync(out, "utf8")));
}

/** What `plan explain` or `plan check` says of the plan written last. */
async function say(verb: string, ...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync(["plan", verb, join(folder, "plan.json"), ...words], { from: "user" });
  return printed.join("");
}

const refused = (code: string) => expect.objectContaining({ code });

describe("plan new", () => {
  test("writes metrics and an extension's query, each with a retry, and ε pays for all of it", async () => {
    const file = extension("visit-hours");
    const plan = await planNew("--metrics", "0.1", "--metrics-share", "0.2", "--extend", file);
    expect(plan.releases.slice(-2)).toMatchObject([
      { kind: "query", query: "visit-hours", rounds: 2, retries: 1 },
      { kind: "metrics", rounds: 2, retries: 1 },
    ]);
    expect(plan.metrics).toMatchObject({ heldOut: "0.1" });
    expect(plan.extensions).toMatchObject([{ name: "visit-hours" }]);
    expect(plan.minCustomers).toBe(3600);
    const { epsilon } = planCost(plan);
    expect(epsilon).toBeLessThanOrEqual(4);
    expect(epsilon).toBeGreaterThan(3.99);
    const [model] = [plan.releases.map(({ kind, rounds }) => (kind === "query" || kind === "metrics" ? 0 : rounds))];
    expect(planCost(plan, model).epsilon).toBeLessThan(0.9 * epsilon);
    const words = await say("explain");
    expect(words).toContain("10 % of customers");
    expect(words).toContain("the extension visit-hours");
    expect(words).toContain("own exact sampler");
    const none = await planNew("--metrics", "0.1", "--retries", "0");
    expect(none.releases.at(-1)).toMatchObject({ kind: "metrics", rounds: 1 });
    expect(none.extensions).toBeUndefined();
  });

  test("trains with an extension's optimiser when one is brought", async () => {
    const plan = await planNew("--extend", extension("lion"), "--rounds", "5");
    expect(plan.optimiser).toMatchObject({ name: "extension", extension: "lion" });
    expect(plan.releases).toMatchObject([{ kind: "training", rounds: 5 }]);
  });

  test("charges by lattice where it is asked for: less noise, the same ε, and Rényi's beside it in words", async () => {
    const usual = await planNew();
    const plan = await planNew("--accountant", "lattice", "--merchants-per-customer", "2", "--metrics", "0.2");
    expect([usual.accountant, plan.accountant]).toEqual(["rdp-integer", "lattice"]);
    expect(planCost(plan).epsilon).toBeLessThanOrEqual(4);
    expect(planCost({ ...plan, accountant: "rdp-integer" }).epsilon).toBeGreaterThan(4.1);
    expect(await say("explain")).toContain("The accountant lattice");
    expect(JSON.parse(await say("explain", "--json"))).toMatchObject({ privacy: { accountant: "lattice" } });
    const alone = await planNew("--accountant", "lattice");
    for (const [place, { noiseMultiplier }] of alone.releases.entries()) {
      expect(Number(noiseMultiplier)).toBeLessThan(Number(usual.releases[place]?.noiseMultiplier));
    }
  });

  test("refuses what doesn't go together", async () => {
    const many = ["--customers", "20000000", "--delta", "1e-9", "--no-statistics", "--accountant", "lattice"];
    await expect(planNew(...many)).rejects.toEqual(refused("TRB_PLAN_LATTICE_UNFIT"));
    await expect(planNew("--target-epsilon", "2", "--metrics", "0.1")).rejects.toEqual(refused("TRB_CLI_BAD_OPTION"));
    await expect(planNew("--metrics", "0.9")).rejects.toEqual(refused("TRB_CLI_BAD_OPTION"));
    await expect(planNew("--extend", join(folder, "none.ts"))).rejects.toEqual(refused("TRB_EXTENSION_UNREADABLE"));
  });

  test("for devices is of unit node, packed where bits are given, sound, and says so; flags of customers are refused", async () => {
    const usual = await planNew("--unit", "node", "--rounds", "10");
    expect(usual).toMatchObject({ unit: "node", customerQuota: 1, releases: [{ kind: "training", arithmetic: "exact" }] });
    expect(usual.releases[0]).not.toHaveProperty("packing");
    const packed = await planNew("--unit", "node", "--rounds", "10", "--bits", "16", "--local-epochs", "2");
    expect(packed).toMatchObject({ unit: "node", local: { epochs: 2 }, releases: [{ packing: { bits: 16 } }] });
    expect(packed.releases[0]?.noiseMultiplier).toBe(usual.releases[0]?.noiseMultiplier);
    expect(planCost(packed).epsilon).toBeLessThanOrEqual(4);
    expect(planCost(packed).epsilon).toBeGreaterThan(3.99);
    expect(await say("check")).toContain("sound");
    expect(await say("explain")).toContain("in 16 bits a number");
    await expect(planNew("--bits", "16")).rejects.toThrowError(refused("TRB_CLI_BAD_OPTION"));
    await expect(planNew("--unit", "node", "--bits", "24")).rejects.toThrowError(refused("TRB_CLI_BAD_OPTION"));
    await expect(planNew("--unit", "node", "--metrics", "0.1")).rejects.toThrowError(refused("TRB_CLI_BAD_OPTION"));
  });
});
