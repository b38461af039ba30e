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

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
const replicaNames = ["a", "b", "c"];
let postgres: PostgresServer;
let admin: Client;
let schemas = 0;
let schema: string;
let folder: string;
let plan: Plan;
let replicas: Map<string, RunningCoordinator>;
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
const databaseUrl = () => `${postgres.url()}?schema=${schema}`;
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
  await until("all nodes have the whole ledger", () => nodes.every((node) => node.ledger().length === 4));
  expect(verified("a").map(({ kind }) => kind)).toEqual(["genesis", "round", "round", "closing"]);
  for (const replica of replicaNames) expect(ledgerOf(replica)).toBe(ledgerOf("a"));
  expect(nodes.flatMap((node) => node.refused)).toEqual([]);
  expect(await readStatus(place())).toMatchObject({ finished: true, completed: 2, charged: 2, rounds: 2 });
  for (const one of replicas.values()) await one.close();
  const { rows } = await admin.query(`SELECT replica FROM ${schema}.replicas UNION ALL SELECT node FROM ${schema}.connected`);
  expect(rows).toEqual([]);
  const open = async () => (await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'tributary%'")).rows;
  await until("no connection is left", async () => (await open()).length === 0);
}, 60_000);

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
