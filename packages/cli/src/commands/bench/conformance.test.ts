/** What the command prints for golden vectors, and how it refuses files that are none. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { program } from "../../program.ts";

const file = new URL("../../../../../test/vectors/models.json", import.meta.url);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-conformance-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

/** A document that a test takes apart. */
type Tree = { [key: string]: Tree } & { [place: number]: Tree };

/** The golden file with only its first cases, changed. */
function changed(change: (cases: Tree) => void, count = 1): string {
  const document: Record<string, Tree> = JSON.parse(readFileSync(file, "utf8"));
  const cases: Tree = JSON.parse(JSON.stringify(Array.from(Object.values(document["cases"] ?? {})).slice(0, count)));
  change(cases);
  const path = join(folder, "vectors.json");
  writeFileSync(path, JSON.stringify({ ...document, cases }));
  return path;
}

async function run(...words: readonly string[]): Promise<string> {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  await program().parseAsync(["bench", "conformance", ...words], { from: "user" });
  return printed;
}

const result = z.object({
  ok: z.boolean(),
  cases: z.array(
    z.object({
      name: z.string(),
      executor: z.string(),
      float64: z.object({ maxError: z.number() }).optional(),
      float32: z.object({ maxError: z.number() }),
    }),
  ),
});

test("one entry for each case and executor; float64 stands where it was computed", async () => {
  const path = changed(() => undefined);
  const { ok, cases } = result.parse(JSON.parse(await run("--vectors", path, "--json")));
  expect(ok).toBe(true);
  expect(process.exitCode).toBeUndefined();
  expect(cases.map(({ executor }) => executor)).toEqual([
    "interpreter",
    "onnxruntime",
    "onnxruntime-web",
    expect.stringMatching(/^tensorflow-/),
  ]);
  for (const { executor, float64, float32 } of cases) {
    expect(float32.maxError).toBeLessThanOrEqual(1e-5);
    if (executor === "interpreter") expect(float64?.maxError).toBeLessThanOrEqual(1e-10);
    else expect(float64).toBeUndefined();
  }
});

test("numbers that are not the model's are an error of their size, and exit code 1", async () => {
  const path = changed((cases) => {
    Object.assign(cases[0] ?? {}, { losses: [100, 1, 1, 1] });
  });
  const { ok, cases } = result.parse(JSON.parse(await run("--vectors", path, "--executor", "interpreter", "--json")));
  expect(ok).toBe(false);
  expect(process.exitCode).toBe(1);
  expect(cases[0]?.float64?.maxError).toBeGreaterThan(0.5);
});

describe("a file that holds no golden vectors is refused by name and key", () => {
  const faults: [string, string, (cases: Tree) => void][] = [
    ["a missing key", "cases[0].clippedSum", (cases) => delete cases[0]?.["clippedSum"]],
    ["a word for a number", "cases[0].config.width", (cases) => Object.assign(cases[0]?.["config"] ?? {}, { width: "8" })],
    ["no case at all", "cases", (cases) => Array.prototype.pop.call(cases)],
    ["a row too few", "parameters.item.weight", (cases) => Array.prototype.pop.call(cases[0]?.["parameters"]?.["item.weight"])],
    ["a loss too few", "losses", (cases) => Array.prototype.pop.call(cases[0]?.["losses"])],
    ["a parameter that is not there", "parameters.final.gain", (cases) => delete cases[0]?.["parameters"]?.["final.gain"]],
    ["a parameter too many", "parameters.more", (cases) => Object.assign(cases[0]?.["parameters"] ?? {}, { more: [1] })],
    [
      "an item outside the catalogue",
      "inputs.items",
      (cases) => Object.assign(cases[0]?.["inputs"]?.["items"]?.[0] ?? {}, { 5: 99 }),
    ],
  ];
  test.each(faults)("%s", async (_, key, change) => {
    const path = changed(change);
    await expect(run("--vectors", path, "--json")).rejects.toMatchObject({
      code: "TRB_CLI_VECTORS_INVALID",
      exitCode: 2,
      details: { file: path, key: expect.stringContaining(key) },
    });
  });

  test("no JSON, and no file", async () => {
    const path = join(folder, "no.json");
    await expect(run("--vectors", path)).rejects.toMatchObject({ code: "TRB_CLI_FILE_NOT_FOUND" });
    writeFileSync(path, "cases: 1");
    await expect(run("--vectors", path)).rejects.toMatchObject({ code: "TRB_CLI_NOT_JSON" });
  });
});

test("an executor that is not there is an error by name", async () => {
  const attempt = await run(
    "--vectors",
    changed(() => undefined),
    "--executor",
    "tensorflow-node",
    "--json",
  ).catch((error: unknown) => error);
  // where somebody installed it, it computes
  if (typeof attempt === "string") expect(result.parse(JSON.parse(attempt)).cases[0]?.executor).toBe("tensorflow-node");
  else expect(attempt).toMatchObject({ code: "TRB_TENSOR_EXECUTOR_MISSING", details: { executor: "tensorflow-node" } });
});

test("doctor tells of every executor", async () => {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  await program().parseAsync(["doctor", "--json"], { from: "user" });
  const findings = z
    .object({ findings: z.array(z.object({ name: z.string(), state: z.string() })) })
    .parse(JSON.parse(printed));
  const states = new Map(findings.findings.map(({ name, state }) => [name, state]));
  for (const name of ["ONNX Runtime", "ONNX Runtime for the web", "TensorFlow.js"]) expect(states.get(name)).toBe("present");
  expect(states.get("TensorFlow for Node")).toMatch(/^(present|absent)$/);
});
