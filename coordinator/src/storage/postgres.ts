/**
 * Kysely over PostgreSQL (15 or newer): a pool of connections to one database, whose tables stand in one schema.
 *
 *   postgres://user:password@host:port/database?schema=name&sslmode=verify-full
 *
 * `schema` (default `tributary`) is ours; everything else is PostgreSQL's. The password may come from PGPASSWORD or a `.pgpass` file instead. A pooler
 * between must work in session mode: settings and advisory locks belong to a connection.
 */

import { fail } from "@tributary/errors";
import {
  type Dialect,
  type PostgresCursor,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from "kysely";
import { type ClientConfig, DatabaseError, Pool, type PoolClient, types } from "pg";
import { z } from "zod";

export interface PostgresAddress {
  /** For `pg`: holds the password. Its tables are those of the schema. */
  readonly config: ClientConfig;
  readonly schema: string;
  /** Host, port, database and schema, to be shown; never a password. */
  readonly where: string;
}

/** Goes into SQL as it is. The rest of a name of 63 octets is for schemas that are called after it. */
const schemaSchema = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,47}$/)
  .refine((name) => !name.startsWith("pg_"));

/** @throws TRB_COORDINATOR_DATABASE_URL_INVALID, which shows nothing of the address */
export function postgresAddress(databaseUrl: string): PostgresAddress {
  const invalid = (reason: string) => fail("TRB_COORDINATOR_DATABASE_URL_INVALID", { reason });
  if (!URL.canParse(databaseUrl)) throw invalid("it is no URL");
  const url = new URL(databaseUrl);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") throw invalid("it does not begin with postgres://");
  const schema = schemaSchema.safeParse(url.searchParams.get("schema") ?? "tributary");
  if (!schema.success) throw invalid("a schema's name is at most 48 of a-z, 0-9 and _, without a digit or pg_ in front");
  url.searchParams.delete("schema");
  const options = [url.searchParams.get("options") ?? [], `-c search_path=${schema.data}`].flat().join(" ");
  url.searchParams.delete("options");
  const host = url.hostname || url.searchParams.get("host") || "localhost";
  const name = decoded(url.pathname);
  if (name === undefined) throw invalid("a % in its database's name encodes nothing");
  const where = `${host}:${url.port || "5432"}${name}, schema ${schema.data}`;
  return { config: { connectionString: url.href, options, types: { getTypeParser } }, schema: schema.data, where };
}

/** Undefined for a text that encodes nothing. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** In milliseconds. Nothing here takes a second when all is well. */
const patience = { connect: 5_000, statement: 20_000, lock: 10_000, idleInTransaction: 15_000, answer: 25_000 };

/** Enough for what one replica does at a time; three replicas and their jobs stay far below PostgreSQL's 100. */
const connections = 6;

export function postgresDialect({ config }: PostgresAddress): Dialect {
  const pool = new Pool({
    ...config,
    ...{ max: connections, application_name: "tributary" },
    ...{ keepAlive: true, connectionTimeoutMillis: patience.connect, query_timeout: patience.answer },
    ...{ statement_timeout: patience.statement, lock_timeout: patience.lock },
    idle_in_transaction_session_timeout: patience.idleInTransaction,
  });
  // Who uses a connection that breaks hears of it by the query, and one that nobody uses is replaced when the next is needed. It is told to its listeners
  // besides, and a process without one ends.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return new PostgresDialect({ pool: discarding(pool) });
}

/** Durable when it is committed, whatever the server's default; stricter settings stay. */
const durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/** The pool, but a connection over which an answer failed to come isn't used again: it may still come, for the next question. */
function discarding(pool: Pool): PostgresPool {
  const known = new WeakMap<PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const before = known.get(client);
      if (before) return before;
      try {
        await client.query(durable);
      } catch (error) {
        client.release(true);
        throw error;
      }
      const wrapped = withoutLateAnswers(client);
      known.set(client, wrapped);
      return wrapped;
    },
  };
}

function withoutLateAnswers(client: PoolClient): PostgresPoolClient {
  let doubtful = false;
  const answered = async (text: string, values: readonly unknown[]) => {
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      doubtful ||= !(error instanceof DatabaseError); // anything else isn't the server's answer
      throw error;
    }
  };
  function query<Row>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  function query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  function query(text: unknown, values: readonly unknown[] = []): unknown {
    if (typeof text !== "string") throw new Error("this dialect has no cursors");
    return answered(text, values);
  }
  return {
    query,
    release: (destroy) => client.release(destroy === true || doubtful),
  };
}

/** 64-bit integers and decimals as numbers: none of ours reaches 2⁵³. */
function getTypeParser(oid: number, format?: "text" | "binary") {
  if (oid === types.builtins.INT8 || oid === types.builtins.NUMERIC) return Number;
  return types.getTypeParser(oid, format);
}
