/** Runs on disk: named by their settings, read when they are done, refused by code when there is no room, compared. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { afterAll, expect, test } from "vitest";
import type { FederationReport } from "../report.ts";
import { calmConditions } from "../scale/conditions.ts";
import { compareRuns } from "./compare-runs.ts";
import { beginFederationRun } from "./federation-run.ts";
import { findRun, listRuns, openRun, runId } from "./run-folder.ts";
import { runScale, type ScaleRunSettings } from "./scale-run.ts";

const home = mkdtempSync(join(tmpdir(), "tributary-runs-"));
afterAll(() => rmSync(home, { recursive: true }));

const settings: ScaleRunSettings = {
  version: 1,
  seed: 9,
  source: { kind: "synthetic", customers: 200, items: 20, categories: 4 },
  split: { nodes: 10, sizeZipf: 0.5, disjointCatalogues: false },
  plan: {
    ...{ unit: "customer", epsilon: 8, delta: 1e-6, rounds: 3, width: 4, minCohort: 6 },
    local: { epochs: 1, batchSize: 4, learningRate: 0.1 },
  },
  conditions: { ...calmConditions, cohort: 8, dropout: 0.05 },
  ...{ aggregation: "fast", noise: "distributed", judged: 50 },
};
const options = { home, threads: 1, checkpointSeconds: 0, crypto: nodeCrypto(), executor: onnxruntimeExecutor() };

test("a run's id is its settings', in any order", () => {
  const { seed, ...rest } = settings;
  expect(runId({ ...rest, seed })).toBe(runId({ ...settings }));
  expect(runId({ ...settings, seed: 10 })).not.toBe(runId({ ...settings }));
  expect(runId({ ...settings })).toMatch(/^[0-9a-f]{12}$/);
});

test("a run leaves its files, is read when asked for again, listed, and compared", { timeout: 60_000 }, async () => {
  const first = await runScale({ ...options, settings });
  expect(first.ran).toBe(true);
  expect(first.result.releasedRounds).toBe(3);
  expect(first.result.federated.customers).toBe(50);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(first.folder.path, "attempts.parquet")) });
  expect(rows.map((row) => [row["attempt"], row["survivors"], row["released"]])).toEqual(
    first.records.map(({ attempt, survivors, released }) => [attempt, survivors, released]),
  );
  const again = await runScale({ ...options, settings });
  expect([again.ran, again.result, again.records]).toEqual([false, first.result, first.records]);

  const secure = await runScale({ ...options, settings: { ...settings, aggregation: "secure" } });
  expect(listRuns(home).map(({ id, status }) => [id, status])).toEqual([
    [first.result.run, "finished"],
    [secure.result.run, "finished"],
  ]);
  const comparison = compareRuns(home, first.result.run.slice(0, 8), secure.result.run);
  expect(comparison.settings).toEqual([{ setting: "aggregation", a: "fast", b: "secure" }]);
  expect(comparison.sameModel).toBe(true);
  expect(comparison.figures.every(({ difference }) => difference === 0)).toBe(true);
  expect(() => findRun(home, "zz")).toThrowError(expect.objectContaining({ code: "TRB_SIMULATE_RUN_UNKNOWN" }));
});

test("a run is one process's at a time; whoever held it and was killed holds it no longer", { timeout: 60_000 }, async () => {
  const other = { ...settings, seed: 13 };
  const { path } = openRun(home, { ...other });
  const holder = spawn(process.execPath, [
    ...["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval"],
    `import { lockRun } from ${JSON.stringify(new URL("./run-lock.ts", import.meta.url).href)};
     const lock = lockRun(${JSON.stringify(path)}); console.log("held"); setInterval(() => lock, 1000);`,
  ]);
  try {
    await once(holder.stdout, "data");
    await expect(runScale({ ...options, settings: other })).rejects.toMatchObject({ code: "TRB_SIMULATE_RUN_BUSY" });
    expect(openRun(home, { ...other }).state).toBeUndefined(); // nothing was written
    const begun = {
      id: openRun(home, { ...other }).id,
      settings: {},
      begun: "2026-01-01T00:00:00.000Z",
      seconds: 0,
      attempts: 0,
    };
    openRun(home, { ...other }).write("run.json", JSON.stringify({ ...begun, status: "running" }));
    expect(listRuns(home).find(({ id }) => id === begun.id)?.status).toBe("running");
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  expect(listRuns(home).find(({ id }) => id === openRun(home, { ...other }).id)?.status).toBe("killed");
  openRun(home, { ...other }).remove("run.json");
  const both = await Promise.allSettled([1, 2].map(() => runScale({ ...options, settings: other })));
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]); // in one process as well
  const again = await runScale({ ...options, settings: other });
  expect([again.ran, again.result.releasedRounds]).toEqual([false, 3]);
});

test("runs of a federation whose noise nothing determines have ids of their own, and are listed and compared", () => {
  const own = mkdtempSync(join(home, "federations-"));
  const block = (ndcg10: number) => ({
    hr10: 2 * ndcg10,
    ndcg10,
    mrr: 0,
    customers: 1,
    newItems: { hr10: 0, ndcg10: 0, customers: 0 },
  });
  const keep = (epsilon: number, ndcg10: number) => {
    const run = beginFederationRun(own, { command: "simulate", epsilon, merchants: 6 });
    expect(listRuns(own).find(({ id }) => id === run.folder.id)).toMatchObject({ status: "running", settings: { epsilon } });
    const blocks = { floor: block(0.1), popularity: block(0.05), local: block(0.2), federated: block(ndcg10) };
    const report = { ...blocks, privacy: { epsilon }, rounds: 5 } as unknown as FederationReport; // what comparing reads
    run.finish({ plan: { version: 1 } as unknown as Plan, modelHash: `${ndcg10}`, ledger: "{}\n", report });
    return run.folder;
  };
  const [a, b, twin] = [keep(8, 0.25), keep(2, 0.21), keep(8, 0.25)];
  expect(new Set([a.id, b.id, twin.id]).size).toBe(3);
  expect(listRuns(own).map(({ status, attempts }) => [status, attempts])).toEqual(Array(3).fill(["finished", 5]));
  const comparison = compareRuns(own, a.id, b.id);
  expect(comparison.settings).toEqual([{ setting: "epsilon", a: 8, b: 2 }]);
  expect(comparison.figures.find(({ figure }) => figure === "federated.ndcg10")).toMatchObject({ a: 0.25, b: 0.21 });
  expect(comparison.figures.map(({ figure }) => figure)).not.toContain("joined.ndcg10");
  expect([comparison.sameModel, compareRuns(own, a.id, twin.id).sameModel]).toEqual([false, true]);
  expect(Buffer.from(a.read("ledger.jsonl") ?? []).toString()).toBe("{}\n");
});

test("no room on the disk is an error with a code, and the run goes on when there is some", { timeout: 60_000 }, async () => {
  const other = { ...settings, seed: 11 };
  const { path } = openRun(home, { ...other });
  symlinkSync("/dev/full", join(path, "checkpoint.new")); // a device that has no room, ever
  await expect(runScale({ ...options, settings: other })).rejects.toMatchObject({ code: "TRB_SIMULATE_DISK_FULL" });
  rmSync(join(path, "checkpoint.new"));
  const { result } = await runScale({ ...options, settings: other });
  expect(result.releasedRounds).toBe(3);
});

test("what can't be read or is too small is refused by code", async () => {
  const other = { ...settings, seed: 12 };
  const { path } = openRun(home, { ...other });
  writeFileSync(join(path, "checkpoint"), "not a checkpoint\n");
  await expect(runScale({ ...options, settings: other })).rejects.toMatchObject({ code: "TRB_SIMULATE_RUN_UNREADABLE" });
  expect(readFileSync(join(path, "checkpoint"), "utf8")).toBe("not a checkpoint\n");
  const few = { ...settings, split: { ...settings.split, nodes: 201 } };
  await expect(runScale({ ...options, settings: few })).rejects.toMatchObject({ code: "TRB_SIMULATE_EMPTY_NODES" });
  const thin = {
    ...settings,
    source: { ...settings.source, customers: 10 } as ScaleRunSettings["source"],
    split: { ...settings.split, sizeZipf: 0 },
  };
  const tooFew = { ...thin, conditions: { ...settings.conditions, cohort: 1 } };
  await expect(runScale({ ...options, settings: tooFew })).rejects.toMatchObject({ code: "TRB_SIMULATE_BATCH_TOO_LARGE" });
});
