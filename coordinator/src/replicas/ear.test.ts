/** Replicas that hear each other through PostgreSQL, and know when they don't. */
import { createServer } from "node:http";
import { Client } from "pg";
import { pino } from "pino";
import { Server } from "socket.io";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { until } from "../scripted-node.test-support.ts";
import { type Bus, openBus } from "./bus.ts";
import { type Ear, openEar } from "./ear.ts";
import { payloadTable } from "./tables.ts";

const log = pino({ level: "silent" });
let postgres: PostgresServer;
let admin: Client;

beforeAll(async () => {
  postgres = await startPostgres();
  admin = new Client(postgres.url());
  await admin.connect();
  await admin.query(`CREATE SCHEMA one; SET search_path = one; ${payloadTable}`);
  await admin.query(`CREATE SCHEMA two; SET search_path = two; ${payloadTable}`);
}, 90_000);
afterAll(async () => {
  await admin.end();
  await postgres.stop();
});

interface Replica {
  readonly bus: Bus;
  readonly ear: Ear;
  readonly heard: unknown[];
  readonly changes: boolean[];
  close(): Promise<void>;
}

async function replica(name: string, patience: number, schema = "one"): Promise<Replica> {
  const io = new Server(createServer());
  const ear = openEar(io, { connectionString: postgres.url() }, schema, log);
  const bus = openBus(ear.wire, name, log, { beatEvery: 200, patience });
  const [heard, changes]: [unknown[], boolean[]] = [[], []];
  bus.on("word", (body) => void heard.push(body));
  ear.onChange((hears) => void changes.push(hears));
  await until(`${name} hears`, () => ear.hears(), 20_000);
  const close = async () => {
    bus.close();
    await io.close();
    await ear.close();
  };
  return { bus, ear, heard, changes, close };
}

const connections = async () =>
  (await admin.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tributary replicas%'")).rows.length;

test("small and large words arrive in the order said, at every other replica of the federation and at no other's", {
  timeout: 120_000,
}, async () => {
  const [a, b, other] = [await replica("a", 60_000), await replica("b", 60_000), await replica("c", 60_000, "two")];
  a.bus.emit("word", "first");
  await until("b listens to a", () => b.heard.length === 1); // what is said before somebody listens is not missed
  const said = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? `${i} ${"x".repeat(20_000)}` : `${i}`));
  for (const word of said) a.bus.emit("word", word);
  await until("all have arrived", () => b.heard.length === 1 + said.length, 60_000);
  expect(b.heard.slice(1)).toEqual(said);
  expect([a.heard, other.heard]).toEqual([[], []]);
  for (const one of [a, b, other]) await one.close();
  await until("no connection is left", async () => (await connections()) === 0, 30_000);
});

test("whose listening connection ends knows it, hears again, and learns that it missed something", {
  timeout: 60_000,
}, async () => {
  const [a, b] = [await replica("a", 500), await replica("b", 500)];
  const missed: string[] = [];
  b.bus.onMissed((from) => void missed.push(from));
  a.bus.emit("word", "before");
  await until("the first word is there", () => b.heard.length === 1);
  const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary replicas, listening'";
  for (let time = 1; time <= 2; time++) {
    await admin.query(end);
    await until("both are deaf", () => a.changes.length === 2 * time && b.changes.length === 2 * time);
    a.bus.emit("word", "lost");
    await until("both hear again", () => a.ear.hears() && b.ear.hears(), 20_000);
  }
  await until("b knows that it missed something", () => missed.includes("a"), 20_000);
  a.bus.emit("word", "after");
  await until("b hears what is said now", () => b.heard.at(-1) === "after");
  expect(b.heard).not.toContain("lost");
  for (const one of [a, b]) await one.close();
  await until("no connection is left", async () => (await connections()) === 0, 30_000);
});
