/** An initial model of public knowledge, and a plan that begins there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeFederationModel, isInitialModelAgreed } from "@tributary/federation";
import { type CustomerEvents, openRecommender, readCheckpoint } from "@tributary/model";
import { explainPlan, lintPlan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { chooseModel } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-pretrain-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const path = (name: string) => join(folder, name);
const items = 24;
writeFileSync(
  path("catalogue.jsonl"),
  Array.from({ length: items }, (_, i) => `{"id":"i${String(i).padStart(2, "0")}","category":"c${i % 4}"}\n`).join(""),
);
// everybody goes round in a ring: what comes next is the item after
const rows = Array.from({ length: 90 }, (_, customer) =>
  Array.from({ length: 6 }, (_, event) => `u${customer},i${String((customer + event) % items).padStart(2, "0")},${event}`),
).flat();
writeFileSync(path("public.csv"), `user,item,ts\n${rows.join("\n")}\n`);

async function run(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync([...words], { from: "user" });
  return printed.join("");
}

const catalogue = ["--catalogue", path("catalogue.jsonl")];
const pretrain = (...words: readonly string[]) => run("model", "pretrain", ...catalogue, ...words, "--json");
const planNew = (...words: readonly string[]) =>
  run("plan", "new", ...catalogue, "--home", path("home"), "--customers", "2000", "--merchants", "4", ...words, "--json");

/** What a model puts second to the item that it was shown, over all items: how often it is the one after. */
async function knowsTheRing(file: string): Promise<number> {
  const { model: spec } = chooseModel({ catalogueItems: items });
  const { parameters } = readCheckpoint(readFileSync(file), spec);
  const recommender = await openRecommender(spec, parameters, onnxruntimeExecutor());
  let hits = 0;
  for (let item = 1; item <= items; item++) {
    const events: CustomerEvents = { items: Int32Array.of(item), actions: new Uint8Array(1), times: new Float64Array(1) };
    const { rows: best } = await recommender.top(events, 1, { exclude: [item] });
    if (best[0] === (item % items) + 1) hits += 1;
  }
  await recommender.close();
  return hits;
}

test("a public log teaches the model what attributes alone don't say, and the same seed gives the same bytes", async () => {
  const log = [
    "--events",
    path("public.csv"),
    "--columns",
    "customer=user,item=item,time=ts",
    "--epochs",
    "60",
    "--learning-rate",
    "0.02",
  ];
  const taught = JSON.parse(await pretrain("--out", path("taught.safetensors"), ...log));
  await pretrain("--out", path("plain.safetensors"));
  expect(await knowsTheRing(path("taught.safetensors"))).toBeGreaterThan(20);
  expect(await knowsTheRing(path("plain.safetensors"))).toBeLessThan(8);
  expect(JSON.parse(await pretrain("--out", path("again.safetensors"), ...log)).modelHash).toBe(taught.modelHash);
  await expect(pretrain("--out", path("x"), "--events", path("public.csv"))).rejects.toMatchObject({
    code: "TRB_DEMO_LOG_INCOMPLETE",
  });
});

test("a plan begins there, says so, and declares it public; without the declaration nobody takes part", async () => {
  const out = ["--out", path("plan.json"), "--initial-model", path("taught.safetensors")];
  await planNew("--no-statistics", "--train", "norms", ...out);
  const plan = parsePlan(JSON.parse(readFileSync(path("plan.json"), "utf8")));
  expect(plan).toMatchObject({ initialModel: "public" });
  expect(lintPlan(plan)).toEqual([]);
  expect(explainPlan(plan).join(" ")).toContain("brought along");
  const { roundFile, parameters } = readCheckpoint(readFileSync(path("taught.safetensors")), plan.model);
  expect(decodeFederationModel(plan, roundFile).parameters).toEqual(parameters);
  expect(isInitialModelAgreed(nodeCrypto(), plan)).toBe(true);
  const { initialModel: _, ...undeclared } = plan;
  expect(isInitialModelAgreed(nodeCrypto(), undeclared)).toBe(false);
  // on top of statistics it takes the place of what they would teach
  await planNew("--training-share", "0.25", "--train", "norms", ...out);
  const mixed = parsePlan(JSON.parse(readFileSync(path("plan.json"), "utf8")));
  expect(mixed).toMatchObject({ initialModel: "public" });
  expect(mixed.warmStart).toBeUndefined();
  await expect(planNew(...out)).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" }); // nothing is trained
});
