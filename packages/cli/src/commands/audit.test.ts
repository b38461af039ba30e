import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "@tributary/protocol";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-audit-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** What the command prints on stdout and stderr. */
async function audit(...words: readonly string[]): Promise<{ out: string; err: string }> {
  const printed = { out: "", err: "" };
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.err += String(text);
    return true;
  });
  await program().parseAsync(["audit", "run", ...words], { from: "user" });
  return printed;
}

const small = [
  "--customers",
  "100",
  "--items",
  "48",
  "--merchants",
  "3",
  "--width",
  "8",
  "--rounds",
  "2",
  "--canaries",
  "60",
  "--seed",
  "4",
];

test("prints what was claimed and what was refuted, with the commitment that it said before", {
  timeout: 120_000,
}, async () => {
  const [commit, html] = [join(folder, "commitment.txt"), join(folder, "audit.html")];
  const attacks = [
    "--attacks",
    "membership,extraction",
    "--models",
    "3",
    "--secrets",
    "2",
    "--unprotected-rounds",
    "3",
    "--html",
    html,
  ];
  const { out, err } = await audit(...small, "--commit", commit, ...attacks, "--json");
  const document = JSON.parse(out);
  expect(document).toMatchObject({
    confidence: 0.95,
    consistent: true,
    federation: { customers: 100, canaries: 60, rounds: 2 },
  });
  expect(document.theoretical.epsilon).toBeLessThanOrEqual(4);
  expect(document.theoretical.epsilon).toBeGreaterThan(3.9);
  expect(document.empirical.epsilonLowerBound).toBeLessThan(document.theoretical.epsilon);
  expect(document.contradiction).toBeUndefined();
  expect(process.exitCode).toBeUndefined();
  expect(readFileSync(commit, "utf8")).toBe(`${document.commitment.sha256}\n`);
  expect(err.startsWith(`commitment to the coins: sha256 ${document.commitment.sha256}\n`)).toBe(true);
  expect(document.membership.map(({ protection }: { protection: string }) => protection)).toEqual(["with DP", "without DP"]);
  expect(document.extraction.length).toBe(2);
  const page = readFileSync(html, "utf8");
  for (const text of ["synthetic data", document.commitment.sha256, "Membership: customers found", "Exposure of secrets"]) {
    expect(page).toContain(text);
  }
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(readdirSync(folder).toSorted()).toEqual(["audit.html", "commitment.txt"]); // no half page beside it
});

test("a claim that rests on secret samples is contradicted by whoever knows them, with exit code 4", {
  timeout: 120_000,
}, async () => {
  const sampled = ["--customers", "500", "--items", "60", "--canaries", "500", "--width", "8", "--rounds", "40"];
  const words = [...sampled, "--sampling-rate", "0.05", "--sample-lists", "--seed", "6"];
  const { out } = await audit(...words, "--json");
  expect(JSON.parse(out)).toMatchObject({ consistent: false, contradiction: { code: "TRB_AUDIT_CONTRADICTION" } });
  expect(process.exitCode).toBe(4);
});

describe("--plan", { timeout: 120_000 }, () => {
  const [catalogue, file] = [join(folder, "catalogue.jsonl"), join(folder, "plan.json")];

  async function planNew(...words: readonly string[]): Promise<Plan> {
    writeFileSync(catalogue, Array.from({ length: 48 }, (_, i) => `{"id":"i${i}"}\n`).join(""));
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const size = ["--catalogue", catalogue, "--customers", "200", "--merchants", "3", "--epsilon", "3"];
    const where = ["--home", join(folder, "platform"), "--out", file, "--json"];
    await program().parseAsync(["plan", "new", ...size, ...where, ...words], { from: "user" });
    return JSON.parse(readFileSync(file, "utf8")) as Plan;
  }
  const onPlan = ["--plan", file, "--customers", "200", "--canaries", "40", "--seed", "2"];

  test("audits what the file says, not what would be planned", async () => {
    const plan = await planNew("--no-statistics", "--rounds", "3");
    const document = JSON.parse((await audit(...onPlan, "--json")).out);
    expect(document).toMatchObject({
      theoretical: { delta: 1e-6, epsilon: expect.closeTo(Number(plan.epsilon), 9) },
      federation: { plan: "given", rounds: plan.releases[0]?.rounds, items: 48, merchants: plan.minCohort },
      ...{ confidence: 0.95, consistent: true },
    });
    expect((await audit(...onPlan)).out).toContain(`the plan ${document.federation.planHash}`);
  });

  test("refuses, with a code, what can't be audited so, and options that the plan decides", async () => {
    await planNew("--statistics");
    await expect(audit(...onPlan)).rejects.toMatchObject({ code: "TRB_AUDIT_PLAN_UNFIT", exitCode: 2 });
    const plan = await planNew("--no-statistics");
    writeFileSync(file, JSON.stringify({ ...plan, epsilon: "0.5" }));
    await expect(audit(...onPlan)).rejects.toMatchObject({ code: "TRB_PLAN_EPSILON_UNDERSTATED", exitCode: 3 });
    writeFileSync(file, "{}");
    await expect(audit(...onPlan)).rejects.toMatchObject({ code: "TRB_PLAN_INVALID" });
    await expect(audit("--plan", join(folder, "none.json"))).rejects.toMatchObject({ code: "TRB_CLI_FILE_NOT_FOUND" });
    await expect(audit(...onPlan, "--epsilon", "3")).rejects.toMatchObject({ code: "commander.conflictingOption" });
    rmSync(catalogue);
    rmSync(file);
    rmSync(join(folder, "platform"), { recursive: true });
  });
});

test("refuses what can't be audited, and writes nothing", async () => {
  const html = join(folder, "never.html");
  const refused = (...words: readonly string[]) =>
    audit(...words, "--html", html).then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(await refused("--customers", "100", "--canaries", "101")).toMatchObject({
    code: "TRB_AUDIT_TOO_MANY_CANARIES",
    exitCode: 2,
  });
  expect(await refused("--epsilon", "0")).toMatchObject({ code: "TRB_CLI_BAD_OPTION", exitCode: 2 });
  expect(await refused("--epsilon", "-1")).toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  expect(await refused("--attacks", "guessing")).toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  expect(await refused("--delta", "0.01")).toMatchObject({ code: "TRB_PLAN_DELTA_TOO_LARGE" });
  expect(await refused("--market", "bazaar")).toMatchObject({ code: "commander.invalidArgument" }); // `usage.ts` makes it TRB_CLI_USAGE
  expect(existsSync(html)).toBe(false);
});
