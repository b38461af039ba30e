/** Leadership on a real PostgreSQL: one at a time, whoever dies, stalls, or loses the database. */
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { until as waitUntil } from "../scripted-node.test-support.ts";
import { followLeadership, type Leadership, type LeadershipTiming, lockKey } from "./leadership.ts";
import { cuttable } from "./network.test-support.ts";
import { leaseTable } from "./tables.ts";

const timing: LeadershipTiming = { tryEvery: 50, renewEvery: 50, staleAfter: 1_500, patience: 1_000 };
vi.setConfig({ testTimeout: 90_000 }); // on a machine that is busy
const until = (what: string, holds: () => boolean | Promise<boolean>) => waitUntil(what, holds, 30_000);
const log = pino({ level: "silent" });
let postgres: PostgresServer;
let admin: Client;
let schemas = 0;
let schema: string;
let leaderships: Leadership[];
/** `a+1`, `a-` … in the order in which replicas heard of it. */
let said: string[];
let fences: number;

beforeAll(async () => {
  postgres = await startPostgres();
  admin = new Client(postgres.url());
  await admin.connect();
}, 90_000);
afterAll(async () => {
  await admin.end();
  await postgres.stop();
});
beforeEach(async () => {
  schema = `federation_${++schemas}`;
  await admin.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema}; ${leaseTable}`);
  [leaderships, said, fences] = [[], [], 0];
});
afterEach(async () => {
  await Promise.all(leaderships.map((one) => one.close()));
});

function follow(replica: string, url = postgres.url(), gained: (fence: number) => Promise<void> = async () => {}): Leadership {
  const leadership = followLeadership({
    ...{ database: { connectionString: url }, schema, replica, log, timing },
    takeLeadership: async () => ++fences,
    async gained(fence) {
      said.push(`${replica}+${fence}`);
      await gained(fence);
    },
    async lost() {
      said.push(`${replica}-`);
    },
  });
  leaderships.push(leadership);
  return leadership;
}

/** Two replicas, of which the first leads. */
async function twoReplicas(url?: string): Promise<Leadership> {
  const first = follow("a", url);
  await until("a leads", () => said.includes("a+1"));
  follow("b");
  return first;
}

const throughNetwork = async () => {
  const network = await cuttable(postgres.port);
  return { ...network, url: postgres.url().replace(`:${postgres.port}/`, `:${network.port}/`) };
};

test("one of several replicas leads; when it closes, another does, under the next fence", async () => {
  const first = await twoReplicas();
  await new Promise((resolve) => setTimeout(resolve, timing.staleAfter + 300)); // it would be stale, were it not renewed
  expect(said).toEqual(["a+1"]);
  await first.close();
  await until("b leads", () => said.includes("b+2"));
  expect(said).toEqual(["a+1", "a-", "b+2"]);
});

test("a leader whose connection the server ends has lost, another leads, and it follows again", async () => {
  await twoReplicas();
  await admin.query(`SELECT pg_terminate_backend(pid) FROM ${schema}.lease`);
  await until("there is a leader again", () => said.some((one) => one.endsWith("+2")));
  await until("the first knows that it lost", () => said.includes("a-"));
  const { rows } = await admin.query("SELECT classid::bigint::text AS class FROM pg_locks WHERE locktype = 'advisory'");
  expect(rows).toEqual([{ class: String(lockKey(schema)[0] >>> 0) }]);
});

test("a leader that stalls is disconnected once its lease is stale, not before, and another leads", {
  timeout: 60_000,
}, async () => {
  const network = await throughNetwork();
  await twoReplicas(network.url);
  const { rows: before } = await admin.query<{ pid: number }>(`SELECT pid FROM ${schema}.lease`);
  network.stall();
  await until("b leads", () => said.includes("b+2"));
  const { rows } = await admin.query(`SELECT replica, pid <> $1 AS other FROM ${schema}.lease`, [before[0]?.pid]);
  expect(rows).toEqual([{ replica: "b", other: true }]);
  const { rows: alive } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [before[0]?.pid]);
  expect(alive).toEqual([]);
  await until("the first knows that it lost", () => said.includes("a-"));
  network.close();
});

test("one that stalls between lock and lease is disconnected as well", async () => {
  const stalled = new Client(postgres.url());
  stalled.on("error", () => {}); // it is about to be ended
  await stalled.connect();
  await stalled.query("SELECT pg_advisory_lock($1, $2)", [...lockKey(schema)]);
  const ended = new Promise((resolve) => stalled.once("end", resolve));
  follow("b");
  await until("b leads", () => said.includes("b+1"));
  await ended;
  expect(said).toEqual(["b+1"]);
});

test("an idle lock of another federation in the same database bothers nobody", async () => {
  const other = new Client(postgres.url());
  await other.connect();
  await other.query("SELECT pg_advisory_lock($1, $2)", [...lockKey("another")]);
  follow("a");
  await until("a leads", () => said.includes("a+1"));
  await new Promise((resolve) => setTimeout(resolve, timing.staleAfter + 300)); // it has no lease, and isn't taken for one that stalls
  expect((await other.query("SELECT 'alive' AS standing")).rows).toEqual([{ standing: "alive" }]);
  expect(said).toEqual(["a+1"]);
  await other.end();
});

test("while the database is away nobody leads; when it is back, somebody does, by itself", { timeout: 60_000 }, async () => {
  const network = await throughNetwork();
  follow("a", network.url);
  await until("a leads", () => said.includes("a+1"));
  network.refuse(true);
  await until("a has lost", () => said.includes("a-"));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(said).toEqual(["a+1", "a-"]);
  network.refuse(false);
  await until("a leads again", () => said.includes("a+2"));
  await leaderships[0]?.close();
  network.close();
});

test("a replica that can't take up its leadership gives it back, and one that steps down as well", async () => {
  let works = false;
  const first = follow("a", undefined, async () => {
    if (!works) throw new Error("not now");
  });
  await until("it has tried twice", () => fences >= 2);
  works = true;
  await until("it leads", () => said.at(-1)?.startsWith("a+") === true);
  const before = fences;
  first.stepDown("fenced");
  await until("it leads under a new fence", () => said.includes(`a+${before + 1}`));
  // gained and lost take turns, whatever happens
  expect(said.map((one) => one[1]).join("")).toMatch(/^(\+-)*\+?$/);
});
