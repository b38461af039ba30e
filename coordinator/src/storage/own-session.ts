/**
 * Whether a connection is a session of its own. Advisory locks, notifications and `search_path` belong to a session; a pooler in transaction mode gives each
 * transaction whatever session is free, so that there would be two leaders that fence each other, or none, and tables in a schema that isn't ours.
 *
 *   a: who are you? ─ p          session of its own: p, whatever others do
 *   b: BEGIN; who are you?       shared: b has taken p, the session that was used last
 *   a: who are you? ─ p′         p′ ≠ p
 */
import { fail } from "@tributary/errors";
import { Client } from "pg";
import { faultOf } from "./faults.ts";
import type { PostgresAddress } from "./postgres.ts";

/** Other clients of a pooler may get in between. */
const attempts = 5;
/** In milliseconds, for a connection and for each answer. */
const patience = 10_000;

/** @throws TRB_COORDINATOR_DATABASE_POOLED, TRB_COORDINATOR_DATABASE_UNREACHABLE, TRB_COORDINATOR_DATABASE_REFUSED */
export async function requireOwnSession({ config, schema, where }: PostgresAddress): Promise<void> {
  const clients = [0, 1].map(
    () =>
      new Client({
        ...{ ...config, application_name: "tributary session" },
        ...{ connectionTimeoutMillis: patience, query_timeout: patience },
      }),
  );
  const [a, b] = clients;
  if (a === undefined || b === undefined) return;
  const pooled = (reason: string) => fail("TRB_COORDINATOR_DATABASE_POOLED", { where, reason });
  for (const client of clients) client.on("error", () => {}); // whoever uses it hears of it by the query
  try {
    for (const client of clients) await client.connect();
    if ((await setting(a, "search_path")) !== schema) throw pooled("settings of the connection are lost on the way");
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await session(a);
      await b.query("BEGIN");
      const [other, after] = [await session(b), await session(a)];
      await b.query("ROLLBACK");
      if (after !== before || other === before) throw pooled("one connection had two sessions of the database");
    }
  } catch (error) {
    throw faultOf(error, where).error;
  } finally {
    await Promise.allSettled(clients.map((client) => client.end()));
  }
}

/** The server's process behind a connection. */
async function session(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return rows[0]?.pid ?? 0;
}

async function setting(client: Client, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{ value: string }>("SELECT current_setting($1) AS value", [name]);
  return rows[0]?.value;
}
