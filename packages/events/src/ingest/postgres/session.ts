/**
 * One transaction in PostgreSQL that sees the log as it is at one moment and changes nothing: temporary tables are made first, and from then
 * on it is read-only. It is rolled back at the end, whatever happens, and the tables with it.
 */
import { fail } from "@tributary/errors";
import pg from "pg";
import Cursor from "pg-cursor";
import { z } from "zod";
import { literal } from "../engine.ts";
import { withoutPassword } from "./address.ts";
import { connectionFailure, sessionFailure, temporaryFailure } from "./failures.ts";

export interface Session {
  /** The source without its password, for errors. */
  readonly source: string;
  readonly run: (sql: string, values?: readonly unknown[]) => Promise<void>;
  /** Makes a temporary table that goes with the transaction; where that isn't allowed, the error says what would allow it. */
  readonly makeTable: (name: string, columns: string) => Promise<void>;
  /** All rows of a result that is known to be small. Whole numbers of 64 bits come as text. */
  readonly rows: (sql: string) => Promise<unknown[][]>;
  /** The names of a query's columns. */
  readonly columns: (sql: string) => Promise<string[]>;
  /** A result of any size, some thousand rows at a time; the next ones are asked for once these have been taken. */
  readonly stream: (sql: string) => AsyncGenerator<unknown[][]>;
}

const connectMilliseconds = 15_000;
const rowsAtOnce = 8192;

/** Nothing may end a long import but its end, and every value is written as the cleaning query reads it. */
const settings = [
  "application_name = 'tributary'",
  "lock_timeout = 0",
  "idle_in_transaction_session_timeout = 0",
  "DateStyle = 'ISO, YMD'",
  "extra_float_digits = 1",
  "standard_conforming_strings = on",
  "synchronize_seqscans = off", // rows arrive in the order in which they lie
];

export interface SessionOptions {
  readonly timeZone: string;
  /** Statements that make temporary tables, `ON COMMIT DROP`, and fill them. */
  readonly prepare?: (session: Session) => Promise<void>;
}

/**
 * Opens a session for one piece of work, and closes it whatever happens.
 * @throws TRB_EVENTS_SOURCE_REFUSED, TRB_EVENTS_SOURCE_UNREACHABLE, TRB_EVENTS_SOURCE_LOST, TRB_EVENTS_SOURCE_FAILED,
 *   TRB_EVENTS_SOURCE_NO_TEMPORARY, TRB_EVENTS_SOURCE_UNAVAILABLE, TRB_EVENTS_BAD_QUERY, TRB_EVENTS_BAD_TIME_ZONE
 */
export async function withSession<T>(
  address: string,
  { timeZone, prepare }: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const source = withoutPassword(address);
  const client = await connected(address, source);
  const session = sessionOf(client, source);
  try {
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0");
    for (const setting of settings) await session.run(`SET LOCAL ${setting}`);
    await client.query(`SET LOCAL TimeZone = ${literal(timeZone)}`).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "22023")
        throw fail("TRB_EVENTS_BAD_TIME_ZONE", { zone: timeZone.slice(0, 80) });
      throw sessionFailure(source, error);
    });
    const [encoding] = await session.rows("SHOW server_encoding");
    if (encoding?.[0] !== "UTF8") {
      const reason = `its texts are in ${String(encoding?.[0]).slice(0, 40)}, and only UTF8 databases are cleaned where they are`;
      throw fail("TRB_EVENTS_SOURCE_UNAVAILABLE", { source, reason });
    }
    await prepare?.(session);
    await session.run("SET TRANSACTION READ ONLY");
    return await work(session);
  } finally {
    await client.end().catch(() => undefined); // a connection that is gone has nothing left to roll back
  }
}

async function connected(address: string, source: string): Promise<pg.Client> {
  try {
    const client = new pg.Client({
      connectionString: address,
      application_name: "tributary",
      connectionTimeoutMillis: connectMilliseconds,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000, // a line that is dead is found out while PostgreSQL sorts
    });
    client.on("error", () => undefined); // what breaks between two queries is told by the next one
    await client.connect();
    return client;
  } catch (error) {
    throw connectionFailure(source, error);
  }
}

const rowsSchema = z.array(z.array(z.unknown()));

function sessionOf(client: pg.Client, source: string): Session {
  const coded = async <T>(work: Promise<T>, failure = sessionFailure): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw failure(source, error);
    }
  };
  return {
    source,
    run: async (sql, values) => {
      await coded(values === undefined ? client.query(sql) : client.query(sql, [...values]));
    },
    makeTable: async (name, columns) => {
      await coded(client.query(`CREATE TEMPORARY TABLE ${name} (${columns}) ON COMMIT DROP`), temporaryFailure);
    },
    rows: async (sql) => rowsSchema.parse((await coded(client.query({ text: sql, rowMode: "array" }))).rows),
    columns: async (sql) => {
      // what has a name is prepared, and only one statement can be
      const result = await coded(client.query({ name: "tributary_columns", text: sql, rowMode: "array" }));
      return result.fields.map(({ name }) => name);
    },
    stream: async function* (sql) {
      const cursor = client.query(new Cursor(sql, [], { rowMode: "array" }));
      for (;;) {
        const rows = rowsSchema.parse(await coded(cursor.read(rowsAtOnce)));
        if (rows.length === 0) return;
        yield rows;
      }
    },
  };
}
