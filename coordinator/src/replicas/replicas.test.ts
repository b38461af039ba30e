/** A federation behind three replicas on one PostgreSQL, all in this process: nodes at each of them, one leads, and any of them may go. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { nodeId, type Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { homeLayout } from "../home/layout.ts";
import { createInvite } from "../invites.ts";
import {
  catalogue,
  join as joinFederation,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { readStatus } from "../status.ts";
import { cuttable } from "./network.test-support.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
const replicaNames = ["a", "b", "c"];
/** Registers a test in long mode, and nothing otherwise: it is not skipped, it is not of that suite. */
const longOnly: (name: string, options: { readonly timeout: number }, act: () => Promise<void>) => void =
  process.env["TRIBUTARY_LONG"] === "1" ? test : () => {};
let postgres: PostgresServer;
let admin: Client;
let schemas = 0;
let schema: string;
let folder: string;
let plan: Plan;
let replicas: Map<string, RunningCoordinator>;
/** Between replicas and database. */
let network: Awaited<ReturnType<typeof cuttable>>;
let nodes: ScriptedNode[];

beforeAll(async () => {
  postgres = await startPostgres(["max_connections=100"]);
  admin = new Client(postgres.url());
  await admin.connect();
}, 90_000);
afterAll(async () => {
  await admin.end();
  await postgres.stop();
});

const home = (replica: string) => join(folder, replica);
const databaseUrl = () => `${postgres.url()}?schema=${schema}`.replace(`:${postgres.port}/`, `:${network.port}/`);
const place = () => ({ home: home("a"), databaseUrl: databaseUrl() });

async function start(replica: string): Promise<RunningCoordinator> {
  const running = await startCoordinator({
    ...{ home: home(replica), databaseUrl: databaseUrl(), replica, blobs: join(folder, "blobs") },
    ...{ plan, catalogue, port: 0, startWhen: names.length, log: pino({ level: "silent" }) },
  });
  replicas.set(replica, running);
  return running;
}

/** Each node is connected with another replica than the one before it. */
async function connect(node: ScriptedNode, place: number): Promise<void> {
  const running = [...replicas.values()];
  const at = running[place % running.length];
  if (at === undefined) throw new Error("no replica");
  await node.connect(at.url);
}

beforeEach(async () => {
  schema = `federation_${++schemas}`;
  folder = mkdtempSync(join(tmpdir(), "tributary-replicas-"));
  replicas = new Map();
  network = await cuttable(postgres.port);
  plan = testPlan(home("a"));
  for (const replica of replicaNames.slice(1)) {
    mkdirSync(join(homeLayout(home(replica)).identity, ".."), { recursive: true, mode: 0o700 });
    copyFileSync(homeLayout(home("a")).identity, homeLayout(home(replica)).identity);
  }
  await Promise.all(replicaNames.map(start));
  const identities = names.map(() => testIdentity());
  nodes = [];
  for (const [at, node] of names.entries()) {
    const url = [...replicas.values()][at % replicas.size]?.url ?? "";
    const { invite } = await createInvite(place(), { node, url, hours: 1 });
    const who = identities[at] ?? testIdentity();
    expect((await joinFederation(invite, who)).status).toBe(200);
    nodes.push(scriptedNode(plan, node, who, () => identities));
  }
}, 60_000);
afterEach(async () => {
  for (const node of nodes) node.disconnect();
  await Promise.all([...replicas.values()].map((one) => one.close()));
  network.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const ledgerOf = (replica: string) => readFileSync(homeLayout(home(replica)).ledger, "utf8");

/** @returns the ledger's entries, once it is verified */
function verified(replica: string) {
  const bytes = new TextEncoder().encode(ledgerOf(replica));
  expect(verifyLedger(bytes, { crypto: nodeCrypto() })).toMatchObject({ verified: true, complete: true, failures: [] });
  return ledgerOf(replica).trim().split("\n").map(parseLine);
}

const leader = async () => {
  const { rows } = await admin.query<{ replica: string }>(`SELECT replica FROM ${schema}.leadership`);
  return rows[0]?.replica ?? "";
};

test("nodes at three replicas finish the rounds of one that leads; every replica has the whole ledger and leaves nothing behind", async () => {
  await Promise.all(nodes.map(connect));
  await Promise.all([...replicas.values()].map((one) => one.finished));
  await until("all nodes have the whole ledger", () => nodes.every((node) => node.ledger().length === 4), 30_000);
  expect(verified("a").map(({ kind }) => kind)).toEqual(["genesis", "round", "round", "closing"]);
  for (const replica of replicaNames) expect(ledgerOf(replica)).toBe(ledgerOf("a"));
  expect(nodes.flatMap((node) => node.refused)).toEqual([]);
  expect(await readStatus(place())).toMatchObject({ finished: true, completed: 2, charged: 2, rounds: 2 });
  for (const one of replicas.values()) await one.close();
  const { rows } = await admin.query(`SELECT replica FROM ${schema}.replicas UNION ALL SELECT node FROM ${schema}.connected`);
  expect(rows).toEqual([]);
  const open = async () => (await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'tributary%'")).rows;
  await until("no connection is left", async () => (await open()).length === 0, 30_000);
}, 120_000);

test("a leader that stops in the middle of a round, and one whose lock is taken away, are followed by others: each round counts once", async () => {
  const [first] = nodes;
  if (first === undefined) throw new Error("no node");
  const interrupted = new Set<number>();
  first.beforeUpload = async ({ round }) => {
    if (interrupted.has(round)) return;
    interrupted.add(round);
    if (round === 1) {
      // those who were connected with it come again, elsewhere
      const stopped = await leader();
      const running = replicas.get(stopped);
      replicas.delete(stopped);
      await running?.close();
      for (const [at, node] of nodes.entries()) {
        node.disconnect();
        await connect(node, at);
      }
      await start(stopped);
    } else {
      await admin.query(`SELECT pg_terminate_backend(pid) FROM ${schema}.lease`);
    }
  };
  await Promise.all(nodes.map(connect));
  await until("the ledger is closed", async () => (await readStatus(place())).finished, 60_000);
  await Promise.all([...replicas.values()].map((one) => one.finished));
  const rounds = verified("a").flatMap((entry) => ("round" in entry ? [entry.round] : []));
  expect(rounds).toEqual(rounds.map((_, index) => index + 1));
  for (const replica of replicaNames) expect(ledgerOf(replica)).toBe(ledgerOf("a"));
  const { rows } = await admin.query<{ fence: number }>(`SELECT fence FROM ${schema}.leadership`);
  expect(Number(rows[0]?.fence)).toBeGreaterThanOrEqual(3);
}, 120_000);

/** As real nodes do: whoever hangs up is connected to again, or the next replica is. */
function keepConnected(node: ScriptedNode, place: number): void {
  const again = () => connect(node, ++place).catch(later);
  const later = () => void goingOn.push(setTimeout(again, 100));
  node.onHangUp = (latest) => {
    if (latest) later();
  };
}
const goingOn: NodeJS.Timeout[] = [];
afterEach(() => {
  for (const timer of goingOn.splice(0)) clearTimeout(timer);
});

/** Day by day `faults/database-away.test.ts` tests that the round goes on by itself, `observe/observe.test.ts` what requests are told meanwhile. */
longOnly(
  "while the database is away, in the middle of a round, requests are refused for now; when it is back the round goes on by itself",
  {
    timeout: 180_000,
  },
  async () => {
    const [first] = nodes;
    if (first === undefined) throw new Error("no node");
    const away = 30_000;
    let cut = 0;
    first.beforeUpload = async () => {
      if (cut++ > 0) return;
      network.refuse(true);
      setTimeout(() => network.refuse(false), away);
    };
    for (const [at, node] of nodes.entries()) {
      await connect(node, at);
      keepConnected(node, at);
    }
    await until("the database is away", () => cut > 0, 30_000);
    const answers = await Promise.all([...replicas.values()].map(({ url }) => fetch(`${url}/v1/roster`)));
    for (const answer of answers) {
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(await answer.json()).toMatchObject({ error: { code: "TRB_COORDINATOR_DATABASE_UNREACHABLE" } });
    }
    await Promise.all([...replicas.values()].map((one) => one.finished));
    expect(verified("a").map(({ kind }) => kind)).toContain("round");
    for (const replica of replicaNames) expect(ledgerOf(replica)).toBe(ledgerOf("a"));
  },
);

test("a node that connects with another replica is let go by the first", async () => {
  const [node] = nodes;
  if (node === undefined) throw new Error("no node");
  let hungUp = 0;
  node.onHangUp = () => hungUp++;
  for (const at of [0, 1, 2]) {
    await connect(node, at);
    await until("the one before has hung up", () => hungUp === at, 30_000);
  }
  const last = [...replicas.keys()][2];
  await until(
    "only the last one says that it has it",
    async () => {
      const { rows } = await admin.query<{ replica: string }>(`SELECT replica FROM ${schema}.connected`);
      return rows.length === 1 && rows[0]?.replica === last;
    },
    30_000,
  );
  expect(hungUp).toBe(2); // the last one keeps it
}, 120_000);
