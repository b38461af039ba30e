/** Work as jobs on a real PostgreSQL: the same bytes as by threads, whoever does it, and nothing of it left. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { initialModel } from "@tributary/federation";
import { encodeModel } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { catalogue, testPlan } from "../scripted-node.test-support.ts";
import { openBlobs } from "../storage/blobs.ts";
import { type ObjectStore, openObjects } from "../storage/objects.ts";
import { type JobTable, openJobTable, queues } from "./boss.ts";
import { doWork, slicesOf } from "./computations.ts";
import { jobQueue } from "./jobs.ts";
import { openTask, sliceName } from "./sealed.ts";
import { makeSum } from "./sums.test-support.ts";
import { startTeam, type Team, threadQueue } from "./threads.ts";
import { patient, type WorkQueue, type WorkResult } from "./work-queue.ts";
import { startWorker } from "./worker.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-jobs-"));
const places = { objects: join(folder, "shared"), extensions: join(folder, "extensions") };
const log = pino({ level: "silent" });
let server: PostgresServer;
let objects: ObjectStore;
let sql: Client;
const databaseUrl = () => `${server.url()}?schema=work`;

beforeAll(async () => {
  server = await startPostgres();
  objects = await openObjects(places.objects);
  sql = new Client({ connectionString: server.url() });
  await sql.connect();
}, 60_000);
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
}, 60_000);
afterAll(async () => {
  await sql.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function table(): Promise<JobTable> {
  const one = await openJobTable(databaseUrl(), log);
  opened.push(one.close);
  return one;
}

function team(threads: number): Team {
  const one = startTeam(places, threads);
  opened.push(one.close);
  return one;
}

/** A leader's side only. */
const queueOn = (jobs: JobTable): WorkQueue => {
  const queue = jobQueue({ table: jobs, objects, alone: threadQueue(startTeam(places, 1)), log });
  opened.push(queue.close);
  return queue;
};

async function bytesOf(result: WorkResult): Promise<Uint8Array | undefined> {
  return result.type === "summed" ? await objects.read(`blobs/${result.sumHash}`) : undefined;
}

/** Rows of jobs, and objects of tasks. */
async function left(): Promise<readonly unknown[]> {
  const { rows } = await sql.query("SELECT name, state, data->>'task' AS task FROM work_jobs.job");
  return [...rows, ...(await objects.list("work/"))];
}

test("a sum and a model are the same bytes as by threads, and nothing of the work is left", { timeout: 120_000 }, async () => {
  const jobs = await table();
  await startWorker({ table: jobs, objects, team: team(2), log });
  const queue = queueOn(jobs);
  for (const [place, made] of [{ length: 1 }, { length: 212_345 }, { length: 48_000, bits: 19, nodes: 7 }].entries()) {
    const { effect, expected } = await makeSum(objects, { round: 10 + place, ...made });
    const result = await queue.run({ effect }, 1);
    expect(await bytesOf(result)).toEqual(expected);
    await objects.erase(`blobs/${result.type === "summed" ? result.sumHash : ""}`);
    expect(await doWork({ objects, extensions: places.extensions }, { effect })).toEqual(result);
  }

  const home = join(folder, "home");
  mkdirSync(home);
  const plan = testPlan(home);
  const blobs = openBlobs(objects);
  await blobs.put(catalogue);
  const modelHash = await blobs.put(encodeModel(plan.model, initialModel(nodeCrypto(), plan.model)));
  const sumHash = await blobs.put(new Uint8Array(4 * (plan.releases[0]?.dimension ?? 0)).fill(3));
  const far = { modelHash, sumHash, optimiserHash: null, survivors: 3, releasedBefore: 0 };
  const task = { effect: { type: "apply" as const, round: 20, release: 0, ...far }, plan };
  const applied = await queue.run(task, 1);
  expect(applied).toEqual(await doWork({ objects, extensions: places.extensions }, task));
  expect(await left()).toEqual([]);
});

test("several workers share a sum's slices", { timeout: 120_000 }, async () => {
  const { effect, expected } = await makeSum(objects, { round: 30, length: 400_000 });
  const slices = slicesOf(effect).length;
  // Nobody goes on before each has a slice, so that who starts first doesn't have all.
  const all = Promise.withResolvers<void>();
  const begun = new Set<number>();
  const workers = await Promise.all(
    [0, 1, 2].map(async (place) => {
      const own = team(1);
      const run: Team["run"] = async (task) => {
        begun.add(place);
        if (begun.size === 3) all.resolve();
        await all.promise;
        return await own.run(task);
      };
      return await startWorker({ table: await table(), objects, team: { ...own, run }, log });
    }),
  );
  expect(await bytesOf(await queueOn(await table()).run({ effect }, 2))).toEqual(expected);
  const done = workers.map((worker) => worker.done());
  expect(Math.min(...done)).toBeGreaterThanOrEqual(1);
  expect(done.reduce((sum, one) => sum + one, 0)).toBe(slices);
  expect(await left()).toEqual([]);
});

/** `tributary worker`, once it takes jobs. */
async function workerProcess(): Promise<ChildProcess> {
  const main = join(import.meta.dirname, "../../../packages/cli/src/main.ts");
  const words = ["worker", "--blobs", places.objects, "--threads", "1"];
  const env = { ...process.env, TRIBUTARY_DATABASE_URL: databaseUrl() };
  const started = spawn(process.execPath, [main, ...words], { env, stdio: ["ignore", "pipe", "ignore"] });
  opened.push(async () => {
    if (started.exitCode === null && started.signalCode === null) started.kill("SIGKILL");
  });
  const ended = once(started, "exit").then(([code]) => Promise.reject(new Error(`the worker ended with ${code}`)));
  ended.catch(() => {});
  const [line] = (await Promise.race([once(started.stdout, "data"), ended])) as [Buffer];
  expect(JSON.parse(line.toString())).toEqual({ event: "ready", threads: 1 });
  return started;
}

test("a slice whose worker is killed in its midst goes to another, and a worker that is stopped finishes its own", {
  timeout: 120_000,
}, async () => {
  const { effect, expected } = await makeSum(objects, { round: 40, length: 120_000, nodes: 40 });
  const killed = await workerProcess();
  const summed = queueOn(await table()).run({ effect }, 3);
  const active = async () => (await sql.query("SELECT id FROM work_jobs.job WHERE state = 'active'")).rows;
  for (;;) {
    while ((await active()).length === 0) await sleep(1);
    killed.kill("SIGSTOP");
    await sleep(50); // what was under way in the database
    if ((await active()).length > 0) break;
    killed.kill("SIGCONT");
  }
  killed.kill("SIGKILL");
  const [lost] = await active();
  expect(lost).toBeDefined();
  const another = await workerProcess();
  expect(await bytesOf(await summed)).toEqual(expected);
  expect(await left()).toEqual([]);
  const ended = once(another, "exit");
  another.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});

test("what a leadership asked for that was superseded is dropped, with its jobs and objects, and it hears so", {
  timeout: 180_000,
}, async () => {
  const jobs = await table();
  const { effect } = await makeSum(objects, { round: 50, length: 20_000 });
  // A worker that is slow to write: what it wrote for the first leadership comes after the second one has cleared up.
  const slow = team(1);
  const cleared = Promise.withResolvers<void>();
  const run: Team["run"] = async (task) => {
    const result = await slow.run(task);
    await cleared.promise;
    if (task.kind === "sealed slice" && task.sealed.task.startsWith("50."))
      await objects.put(sliceName(task.sealed.task, task.slice), new Uint8Array([1]));
    return result;
  };
  await startWorker({ table: await table(), objects, team: { ...slow, run }, log });
  const [before, after] = [queueOn(jobs), queueOn(jobs)];
  const superseded = before.run({ effect }, 4);
  superseded.catch(() => {});
  while ((await left()).length < 4) await sleep(20); // two jobs, the sealed task, and the slow worker's slice
  const { expected, effect: next } = await makeSum(objects, { round: 51, length: 30_000 });
  const going = after.run({ effect: next }, 5);
  await expect(superseded).rejects.toMatchObject({ code: "TRB_COORDINATOR_FENCED", details: { fence: 4 } });
  await expect(queueOn(jobs).run({ effect }, 4)).rejects.toMatchObject({ code: "TRB_COORDINATOR_FENCED" });
  cleared.resolve();
  await startWorker({ table: jobs, objects, team: team(1), log });
  expect(await bytesOf(await going)).toEqual(expected);
  while ((await left()).length > 0) await sleep(20);
});

test("what no other attempt would mend ends the task with its code", { timeout: 60_000 }, async () => {
  const jobs = await table();
  await startWorker({ table: jobs, objects, team: team(1), log });
  const { effect } = await makeSum(objects, { round: 60, length: 20_000 });
  const [first] = effect.uploads;
  truncateSync(join(places.objects, `uploads/60.${first?.node}.${first?.sha256}`), 4 * 20_000 - 1);
  await expect(queueOn(jobs).run({ effect }, 6)).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_LOST" });
  expect(await left()).toEqual([]);
});

test("connections that break cost a task nothing but time, and nothing of its attempts is left", {
  timeout: 60_000,
}, async () => {
  const jobs = await table();
  const { effect, expected } = await makeSum(objects, { round: 65, length: 20_000 });
  const waits: string[] = [];
  const heard = pino({ base: null }, { write: (line: string) => void waits.push(JSON.parse(line).msg) });
  const summed = patient(queueOn(jobs), heard).run({ effect }, 7);
  while ((await left()).length < 3) await sleep(20);
  while (waits.length === 0) {
    await sql.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary jobs'");
    await sleep(100);
  }
  expect(waits).toContain("work waits for its store");
  await startWorker({ table: jobs, objects, team: team(1), log });
  expect(await bytesOf(await summed)).toEqual(expected);
  expect(await left()).toEqual([]);
});

test("neither the job table nor the store alone tells a round's masks; both together do, to a worker", {
  timeout: 60_000,
}, async () => {
  const { effect } = await makeSum(objects, { round: 70, length: 20_000 });
  const jobs = await table();
  queueOn(jobs)
    .run({ effect }, 8)
    .catch(() => {});
  while ((await left()).length < 3) await sleep(20);
  const [name = ""] = await objects.list("work/");
  const sealed = Buffer.from((await objects.read(name)) ?? []);
  const { rows } = await sql.query("SELECT data::text AS data, job::text AS whole FROM work_jobs.job job");
  const masks = [...effect.unmasking.ownMasks, ...effect.unmasking.pairMasks.map(({ key }) => key)];
  for (const mask of masks) {
    expect(sealed.includes(mask) || sealed.includes(Buffer.from(mask, "hex"))).toBe(false);
    expect(rows.some(({ whole }) => String(whole).includes(mask))).toBe(false);
  }
  const { task, key } = JSON.parse(rows[0].data);
  expect(await openTask(objects, { task, key })).toEqual({ effect });
  const damaged = expect.objectContaining({ code: "TRB_COORDINATOR_STORE_DAMAGED" });
  await expect(openTask(objects, { task, key: "0".repeat(64) })).rejects.toEqual(damaged);
  sealed[20] = (sealed[20] ?? 0) ^ 1;
  await objects.put(name, sealed);
  await expect(openTask(objects, { task, key })).rejects.toEqual(damaged);
  await jobs.boss.deleteAllJobs(queues.slices);
  await objects.erase(name);
});
