/** A simulation whose rounds are shared with workers on a real PostgreSQL comes to the same as one alone, and leaves nothing with them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSharing } from "@tributary/coordinator";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { openShareWorker, runScale, type ScaleRunSettings } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../../../test/postgres/server.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-scale-workers-"));
const blobs = join(folder, "shared");
const main = join(import.meta.dirname, "../../main.ts");
const market = ["--nodes", "24", "--cohort", "20", "--customers", "600", "--items", "24", "--categories", "4", "--seed", "9"];
const settings = [...market, "--rounds", "4", "--width", "4", "--min-cohort", "14", "--dropout", "0.05", "--judged", "40"];
let server: PostgresServer;
let databaseUrl: string;
let sql: Client;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  server = await startPostgres();
  databaseUrl = `${server.url()}?schema=simulations`;
  sql = new Client({ connectionString: server.url() });
  await sql.connect();
}, 60_000);
afterAll(async () => {
  for (const one of processes) one.kill("SIGKILL");
  await sql.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function tributary(words: readonly string[]): ChildProcess {
  const env = { ...process.env, TRIBUTARY_DATABASE_URL: databaseUrl };
  const started = spawn(process.execPath, [main, ...words], { env, stdio: ["ignore", "pipe", "pipe"] });
  processes.push(started);
  return started;
}

async function said(started: ChildProcess): Promise<string> {
  let words = "";
  let complaints = "";
  started.stdout?.setEncoding("utf8").on("data", (text: string) => (words += text));
  started.stderr?.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const [code] = await once(started, "exit");
  if (code !== 0) throw new Error(`it ended with ${code}: ${complaints}${words}`);
  return words;
}

const local = { epochs: 1, batchSize: 4, learningRate: 0.1 };
const small: ScaleRunSettings = {
  ...{ version: 1, seed: 9, source: { kind: "synthetic", customers: 200, items: 20, categories: 4 } },
  split: { nodes: 10, sizeZipf: 0.5, disjointCatalogues: false },
  plan: { unit: "customer", epsilon: 8, delta: 1e-6, rounds: 2, width: 4, minCohort: 6, local },
  conditions: {
    ...{ cohort: 8, availability: 1, dailySwing: 0, attemptsPerDay: 24, dropout: 0.05, slowness: 0, patience: 4 },
    ...{ adversaries: 0.2, adversary: "largest" },
  },
  ...{ aggregation: "fast", noise: "distributed", judged: 20 },
};
const left = async () => [
  ...(await sql.query("SELECT name FROM simulations_jobs.job")).rows,
  ...readdirSync(join(blobs, "work")),
];

test("rounds that go through the job table come to the same as rounds in threads", { timeout: 60_000 }, async () => {
  const options = { settings: small, threads: 1, checkpointSeconds: 9, crypto: nodeCrypto(), executor: onnxruntimeExecutor() };
  const alone = await runScale({ ...options, home: join(folder, "own") });
  const places = { objects: blobs, extensions: blobs };
  const sharing = await openSharing({ places, databaseUrl, threads: 2, shareHand: openShareWorker });
  try {
    const shared = await runScale({ ...options, home: join(folder, "others"), elsewhere: sharing });
    expect(shared.result).toEqual(alone.result);
    expect(alone.result.releasedRounds).toBe(2);
    expect(await left()).toEqual([]);
    const refused = expect.objectContaining({ code: "TRB_SIMULATE_SCALE_OPTION" });
    for (const what of [{ aggregation: "secure" as const }, { noise: "central" as const }, { source: aLog }]) {
      const settings = { ...small, ...what };
      await expect(runScale({ ...options, settings, home: folder, elsewhere: sharing })).rejects.toEqual(refused);
    }
  } finally {
    await sharing.close();
  }
});
const aLog = { kind: "log" as const, sha256: "0".repeat(64) };

const long = process.env["TRIBUTARY_LONG"] === "1";
if (long)
  test("a run shared with a worker, which is killed, and one after it has the bytes of a run alone", {
    timeout: 180_000,
  }, async () => {
    const simulate = ["simulate", "scale", ...settings, "--threads", "1", "--json"];
    const { TRIBUTARY_DATABASE_URL: _, ...plain } = { TRIBUTARY_DATABASE_URL: "", ...process.env };
    const alone = spawn(process.execPath, [main, ...simulate, "--runs", join(folder, "alone")], {
      env: plain,
      stdio: ["ignore", "pipe", "pipe"],
    });
    processes.push(alone);
    const expected = JSON.parse(await said(alone));

    const worker = () => tributary(["worker", "--blobs", blobs, "--threads", "1"]);
    const [first, second] = [worker(), worker()];
    await Promise.all([first, second].map(({ stdout }) => once(stdout ?? first, "data")));
    const run = said(tributary([...simulate, "--blobs", blobs, "--runs", join(folder, "shared-runs")]));
    const active = "SELECT count(*)::int AS shares FROM simulations_jobs.job WHERE state IN ('active', 'completed')";
    while ((await sql.query(active)).rows[0].shares < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    first.kill("SIGKILL");
    const found = JSON.parse(await run);
    expect({ ...found, folder: "" }).toEqual({ ...expected, folder: "" });
    for (const name of ["model.safetensors", "result.json", "attempts.json"]) {
      const [own, others] = [expected.folder, found.folder].map((path: string) => readFileSync(join(path, name)));
      expect([name, own?.equals(others ?? Buffer.alloc(0))]).toEqual([name, true]);
    }

    expect(await left()).toEqual([]);
    const stopped = once(second.stdout ?? second, "data");
    second.kill("SIGTERM");
    const { jobs } = JSON.parse(String((await stopped)[0]));
    expect(jobs).toBeGreaterThan(0);
  });
