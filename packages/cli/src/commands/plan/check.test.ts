/** `plan check` and `plan explain` on a plan that the planner made, on bent ones, and on files that are none. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "@tributary/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-check-"));
const before = process.exitCode;
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = before;
});
const at = (name: string) => join(folder, name);

async function say(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await program().parseAsync([...words], { from: "user" });
  vi.restoreAllMocks();
  return printed.join("");
}

let plan: Plan;
beforeAll(async () => {
  const items = Array.from({ length: 8 }, (_, i) => `${JSON.stringify({ id: `item-${i}`, category: `c${i % 2}` })}\n`);
  writeFileSync(at("catalogue.jsonl"), items.join(""));
  const wishes = ["--customers", "3000", "--merchants", "5", "--rounds", "2", "--epsilon", "4"];
  await say(
    ...["plan", "new", "--home", at("platform"), "--catalogue", at("catalogue.jsonl")],
    ...wishes,
    "--out",
    at("plan.json"),
  );
  plan = JSON.parse(readFileSync(at("plan.json"), "utf8"));
});

/** What `plan check --json` says of a plan, and the exit code. */
async function check(document: object, ...flags: readonly string[]) {
  writeFileSync(at("bent.json"), JSON.stringify(document));
  const said = JSON.parse(await say("plan", "check", at("bent.json"), "--json", ...flags));
  return { ...said, exitCode: process.exitCode };
}

describe("plan check", () => {
  test("finds nothing against a plan that the planner made, for as many nodes as it was made for, and remarks on what could be stricter", async () => {
    const { ok, findings, remarks, exitCode } = await check(plan, "--nodes", "5");
    expect([ok, findings, exitCode]).toEqual([true, [], before]);
    expect(remarks.map(({ code }: { code: string }) => code)).toEqual(["TRB_PLAN_ONE_MERCHANT"]);
    expect(await check(plan, "--strict")).toMatchObject({ ok: false, findings: [], exitCode: 3 });
  });

  test("lists every finding with its code, field, message and what to do, and exits with 3", async () => {
    const { ok, findings, exitCode } = await check({ ...plan, delta: "0.001", customerQuota: 63 });
    expect([ok, exitCode]).toEqual([false, 3]);
    expect(findings.map(({ code, field }: { code: string; field: string }) => `${code} ${field}`)).toEqual([
      "TRB_PLAN_DELTA_TOO_LARGE delta",
      "TRB_PLAN_QUOTA_NOT_POWER_OF_TWO customerQuota",
    ]);
    for (const finding of findings) {
      expect(Object.keys(finding)).toEqual(["code", "field", "message", "advice"]);
      expect(finding.message).not.toMatch(/[{}]/);
      expect(finding.advice).not.toMatch(/[{}]/);
    }
    expect(await check(plan, "--nodes", "40")).toMatchObject({ ok: false, exitCode: 3 });
  });

  test("asks what every node will ask: whether graph and initial model follow from the model, and whether it can be built", async () => {
    const codes = async (change: Partial<Plan>) =>
      (await check({ ...plan, ...change })).findings.map(
        ({ code, field }: { code: string; field: string }) => `${code} ${field}`,
      );
    expect(await codes({ graphHash: plan.catalogueHash })).toEqual(["TRB_PLAN_GRAPH_MISMATCH graphHash"]);
    expect(await codes({ initialModelHash: plan.catalogueHash })).toEqual([
      "TRB_PLAN_INITIAL_MODEL_UNDECLARED initialModelHash",
    ]);
    expect(await codes({ trained: ["no.such.tensor"] })).toContain("TRB_PLAN_TRAINED_UNFIT model");
  });

  test("tells people the same, and refuses keys that would cost for privacy's sake", async () => {
    writeFileSync(at("bent.json"), JSON.stringify({ ...plan, customerQuota: 63 }));
    expect(await say("plan", "check", at("bent.json"))).toMatch(
      /TRB_PLAN_QUOTA_NOT_POWER_OF_TWO {2}customerQuota: .*\n {2}what to do: /,
    );
    await expect(check({ ...plan, adaptiveClipping: true })).rejects.toMatchObject({
      code: "TRB_PLAN_MECHANISM_UNPAID",
      exitCode: 3,
    });
    await expect(check({ ...plan, minCustomer: 1 })).rejects.toMatchObject({
      code: "TRB_PLAN_INVALID",
      details: { path: "minCustomer", reason: "the key is unknown; did you mean minCustomers?" },
    });
  });

  test("says where a file stops being JSON, and never reads one of two equal keys", async () => {
    const text = readFileSync(at("plan.json"), "utf8");
    const refused = async (changed: string, command = "check") => {
      writeFileSync(at("bent.json"), changed);
      const error = await say("plan", command, at("bent.json")).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "TRB_CLI_NOT_JSON", exitCode: 2 });
      return String(error);
    };
    const lines = text.split("\n");
    const cut = lines.map((line, place) => (place === 3 ? line.replace(/,$/, "") : line)).join("\n");
    expect(await refused(cut)).toContain("at line 5, column 3");
    expect(await refused(lines.slice(0, 10).join("\n"))).toMatch(/at line 10, column \d+/);
    const twice = text.replace('"version": 1,', '"version": 1,\n  "epsilon": "1",');
    for (const command of ["check", "explain"])
      expect(await refused(twice, command)).toMatch(/line \d+, column 3: the key epsilon stands there again/);
    writeFileSync(at("bent.json"), `\ufeff${text}`); // as some editors begin a file
    expect(await say("plan", "check", at("bent.json"))).toContain("the plan is sound");
  });
});

describe("plan explain", () => {
  test("begins with what a customer should know, in English or in Chinese, and goes on as ever", async () => {
    const [english, ...details] = (await say("plan", "explain", at("plan.json"))).split("\n");
    expect(english).toContain("For the customers of");
    expect(details.join("\n")).toContain("This is the plan of the federation");
    const [chinese, ...more] = (await say("plan", "explain", at("plan.json"), "--language", "zh")).split("\n");
    expect(chinese).toContain("受保护的是");
    expect(more.join("\n")).toMatch(/这是联邦“.+”的计划[\s\S]*全部合计的代价：至多 ε = [34]/);
    expect(more.join("")).not.toMatch(/[a-z]+ [a-z]+ [a-z]+/); // no sentence in English among them
    const document = JSON.parse(await say("plan", "explain", at("plan.json"), "--json", "--language", "zh"));
    expect(document.customers).toMatchObject({ language: "zh", oddsFactor: expect.any(Number), fromHalf: expect.any(Number) });
    expect(document.customers.paragraph).toMatch(/ε = [34][\d.]* 的意思是/);
    expect(document.privacy.epsilon).toBe(plan.epsilon);
    expect(document.statement.sections.trust.join()).toContain("信任是分布式的");
    const inEnglish = JSON.parse(await say("plan", "explain", at("plan.json"), "--json"));
    expect(Object.keys(document.statement.sections)).toEqual(Object.keys(inEnglish.statement.sections));
    expect(Object.keys(document)).toEqual(Object.keys(inEnglish));
  });
});
