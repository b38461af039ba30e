import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { statisticsRecipe } from "@tributary/model";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-tune-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const log = join(folder, "log.txt");
/** 200 customers who walk on from item i to item i + 1. */
writeFileSync(
  log,
  Array.from(
    { length: 200 },
    (_, c) => `${c + 1} ${Array.from({ length: 6 }, (_item, e) => 1 + ((c * 7 + e) % 40)).join(" ")}`,
  ).join("\n"),
);
const given = ["--events", log, "--preset", "sasrec-text"];
const small = [...given, "--public", "--recipes", "4", "--folds", "2", "--epsilon", "8", "--json"];

const tune = (...words: readonly string[]) => simulate("tune", ...words);

/** What the command prints. */
async function simulate(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync(["simulate", ...words], { from: "user" });
  return printed.join("");
}

const refused = (code: string, details: object = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });

describe("simulate tune", () => {
  test("prints the same bytes after it was killed at any line, and half a line, of its state", async () => {
    const [state, out] = [join(folder, "state.jsonl"), join(folder, "recipe.json")];
    const whole = await tune(...small, "--state", state, "--out", out);
    const document = JSON.parse(whole);
    expect(document).toMatchObject({ tuning: "public data, free", base: { recipe: 0, folds: 2 } });
    expect(document.best.ndcg10).toBeGreaterThanOrEqual(document.base.ndcg10);
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual({ recipe: document.recipe, selection: null });
    const written = readFileSync(state, "utf8");
    const lines = written.split("\n").slice(0, -1);
    expect(lines.length).toBe(1 + document.trials);
    for (const kept of [0, 1, 3]) {
      writeFileSync(
        state,
        lines
          .slice(0, kept)
          .map((line) => `${line}\n`)
          .join(""),
      );
      appendFileSync(state, lines[kept]?.slice(0, 9) ?? "");
      expect(await tune(...small, "--state", state)).toBe(whole);
      expect(readFileSync(state, "utf8")).toBe(written);
    }
    await expect(tune(...small, "--state", state, "--seed", "2")).rejects.toThrow(refused("TRB_TUNE_OTHER_RUN"));
  });

  test("with --private says what was paid, and keeps the number of runs to itself", async () => {
    const words = [...given, "--private", "--recipes", "3", "--epsilon", "6", "--mean-runs", "2"];
    const document = JSON.parse(await tune(...words, "--json"));
    expect(document.tuning).toBe("private data, paid");
    expect(document.privacy.epsilon).toBeLessThanOrEqual(6);
    expect(document.privacy.epsilon).toBeGreaterThan(5.999);
    expect(document.privacy.oneRun).toBeLessThan(document.privacy.epsilon);
    expect(document.best.recipe).toBeLessThan(3);
    expect(Object.keys(document).sort()).toEqual(["best", "privacy", "recipe", "seed", "tuning"]);
    expect(await tune(...words, "--runs", "geometric")).toMatch(/^Paid: ε = 5\.\d+|^Paid: ε = 6\.0000/);
  });

  test("its price is in the ledger of the federation that uses what it found", async () => {
    const out = join(folder, "chosen.json");
    const words = [...given, "--private", "--recipes", "3", "--epsilon", "3", "--mean-runs", "2", "--out", out, "--json"];
    const { privacy } = JSON.parse(await tune(...words));
    const simulated = JSON.parse(await simulate(...given, "--merchants", "3", "--epsilon", "8", "--tuned", out, "--json"));
    expect(simulated.privacy.epsilon).toBeGreaterThan(privacy.epsilon);
    expect(simulated.privacy.epsilon).toBeLessThanOrEqual(8 * (1 + 1e-9));
    expect(simulated.why.join(" ")).toContain("paid for");
    expect(simulated.ledger.verified).toBe(true);
    // with less than the choice has cost there is no plan
    const tooLittle = ["--merchants", "3", "--epsilon", "2.5", "--tuned", out];
    await expect(simulate(...given, ...tooLittle)).rejects.toThrow(refused("TRB_PLAN_EPSILON_UNREACHABLE"));
  });

  test.each([
    ["TRB_TUNE_FILE_INVALID", {}, "{}"],
    ["TRB_TUNE_FILE_INVALID", {}, JSON.stringify({ recipe: { ...statisticsRecipe(8), decay: "much" }, selection: null })],
    ["TRB_TUNE_FILE_INVALID", {}, JSON.stringify({ recipe: statisticsRecipe(8), selection: { runs: 3 } })],
    ["TRB_CLI_NOT_JSON", {}, "recipe"],
  ])("simulate --tuned is refused with %s %o for %s", async (code, details, content) => {
    const file = join(folder, "wrong.json");
    writeFileSync(file, content);
    await expect(simulate(...given, "--tuned", file)).rejects.toThrow(refused(code, details));
    await expect(simulate(...given, "--no-statistics", "--tuned", file)).rejects.toThrow(
      refused("TRB_CLI_BAD_OPTION", { option: "--tuned" }),
    );
  });

  test.each([
    ["TRB_TUNE_DATA_UNDECLARED", { file: log }, given],
    ["TRB_CLI_BAD_OPTION", { option: "--public" }, [...given, "--public", "--private"]],
    ["TRB_CLI_BAD_OPTION", { option: "--state" }, [...given, "--private", "--state", join(folder, "no")]],
    ["TRB_CLI_BAD_OPTION", { option: "--mean-runs" }, [...given, "--private", "--mean-runs", "1"]],
    ["TRB_CLI_BAD_OPTION", { option: "--folds" }, [...given, "--public", "--folds", "1"]],
    ["TRB_EVENTS_TOO_FEW_CUSTOMERS", {}, [...given, "--public", "--folds", "100", "--events", join(folder, "few.txt")]],
    ["TRB_DP_TARGET_UNREACHABLE", {}, [...given, "--private", "--epsilon", "0.0001"]],
  ])("is refused with %s %o for %j", async (code, details, words) => {
    writeFileSync(join(folder, "few.txt"), "1 1 2 3\n2 2 3 1\n3 3 1 2\n");
    await expect(tune(...words)).rejects.toThrow(refused(code, details));
  });
});
