/** A pooler that gives every transaction another session is found before anything is written; a connection of one's own is not taken for one. */
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { homeLayout } from "../home/layout.ts";
import { faultOf } from "./faults.ts";
import { openStoreOf } from "./open-store.ts";
import { requireOwnSession } from "./own-session.ts";
import { postgresAddress } from "./postgres.ts";
import { type Pooler, transactionPooler } from "./transaction-pooler.test-support.ts";

let postgres: PostgresServer;
let pooler: Pooler;
beforeAll(async () => {
  postgres = await startPostgres();
  pooler = await transactionPooler(postgres.port);
}, 90_000);
afterAll(async () => {
  await pooler.close();
  await postgres.stop();
});

const pooled = expect.objectContaining({ code: "TRB_COORDINATOR_DATABASE_POOLED" });
const through = () => postgres.url().replace(`:${postgres.port}/`, `:${pooler.port}/`);

test("the pooler of this test is one: transactions work through it, and a lock is gone with the session", async () => {
  const [one, other] = [new Client(through()), new Client(through())];
  for (const client of [one, other]) await client.connect();
  await one.query("BEGIN");
  await one.query("CREATE TABLE seen (what text)");
  await one.query("INSERT INTO seen VALUES ('here')");
  await one.query("COMMIT");
  expect((await other.query("SELECT what FROM seen")).rows).toEqual([{ what: "here" }]);
  await one.query("SELECT pg_advisory_lock(7)");
  await other.query("BEGIN"); // takes the session that has the lock
  await other.query("SELECT 1");
  expect((await one.query("SELECT pg_advisory_unlock(7) AS was")).rows).toEqual([{ was: false }]);
  await other.query("ROLLBACK");
  for (const client of [one, other]) await client.end();
});

test("through it a start is refused, by what to do about it, and nothing is made", { timeout: 60_000 }, async () => {
  const databaseUrl = `${through()}?schema=pooled`;
  await expect(openStoreOf({ layout: homeLayout("unused"), databaseUrl, create: true })).rejects.toEqual(pooled);
  const direct = new Client(postgres.url());
  await direct.connect();
  expect((await direct.query("SELECT 1 FROM pg_namespace WHERE nspname = 'pooled'")).rows).toEqual([]);
  await direct.end();
});

test("one that loses what a connection sets, or refuses it, is refused as well; a connection of one's own isn't", async () => {
  const address = postgresAddress(`${postgres.url()}?schema=own`);
  await requireOwnSession(address);
  const { options: _, ...config } = address.config;
  await expect(requireOwnSession({ ...address, config })).rejects.toEqual(pooled);
  const refused = Object.assign(new Error("unsupported startup parameter: statement_timeout"), { code: "08P01" }); // pgbouncer's
  expect(faultOf(refused, "here")).toEqual({ fate: "final", error: pooled });
});
