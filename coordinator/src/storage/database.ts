/**
 * The coordinator's database, whichever engine holds it: its tables, and the two ways to ask: `read`, and `write`, which is one transaction. Both have
 * patience with a database that is away, and throw coded errors.
 *
 *   read ─ again while it is unreachable
 *   write ─ begin ─ work ─ commit ─ again while it was surely undone;
 *                             └ no answer: `landed` looks, in the next transaction, whether this one took place after all
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail, isTributaryError } from "@tributary/errors";
import { CompiledQuery, Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import { faultOf } from "./faults.ts";
import type { Engine } from "./migrations.ts";
import { postgresAddress, postgresDialect } from "./postgres.ts";
import type { Tables } from "./schema.ts";
import { openSqlite, sqliteDialect } from "./sqlite-dialect.ts";

export type Reading = Kysely<Tables>;
export type Writing = Transaction<Tables>;

/**
 * How a transaction whose commit got no answer is done again:
 * - `again`: doing it twice is the same as doing it once;
 * - a function looks whether it took place, inside of the next attempt: what it gives then is the answer; undefined does the work anew.
 */
export type Landed<Result> = "again" | ((tables: Writing) => Promise<{ readonly result: Result } | undefined>);

export interface Database {
  readonly engine: Engine;
  /** Of PostgreSQL: where the tables are. */
  readonly schema: string | undefined;
  /** Which one it is, to be shown; never a password. */
  readonly where: string;
  /** Milliseconds since 1970 by the database's clock, inside of a query. */
  readonly clock: RawBuilder<number>;
  /** @throws TRB_COORDINATOR_DATABASE_UNREACHABLE, TRB_COORDINATOR_DATABASE_REFUSED, TRB_COORDINATOR_STORE_DAMAGED */
  read<Result>(question: (tables: Reading) => Promise<Result>): Promise<Result>;
  /** Questions about one moment, whatever is written meanwhile; nobody waits for them. @throws as `read` */
  snapshot<Result>(questions: (tables: Reading) => Promise<Result>): Promise<Result>;
  /**
   * All or nothing. `work` may run more than once: it keeps nothing outside of the transaction.
   * @throws as `read`; TRB_COORDINATOR_DATABASE_FULL; what `work` throws, and then nothing was written
   */
  write<Result>(work: (tables: Writing) => Promise<Result>, landed: Landed<Result>): Promise<Result>;
  /** Asks once, without patience. @throws as `read` */
  ping(): Promise<void>;
  /** Ends the patience of everybody who waits. */
  close(): Promise<void>;
}

/** For how long an unreachable database is asked again, in milliseconds. */
export interface Patience {
  /** Short: somebody waits for an answer. */
  readonly reading: number;
  /** Long enough for a database to be started again: what isn't written ends a round. */
  readonly writing: number;
}

/** Hears the code of every fault of the database itself, those included that patience outlasts. */
export type Faulted = (code: string) => void;
const ignored: Faulted = () => {};

/** Between two attempts, in milliseconds: others' transactions take milliseconds, databases seconds to come back. */
const longestPause = { undone: 25, unreachable: 1_000 };

export const usualPatience: Patience = { reading: 5_000, writing: 60_000 };

/** Opens the file, and makes it when it isn't there. @throws TRB_COORDINATOR_STORE_DAMAGED, TRB_COORDINATOR_DATABASE_REFUSED */
export function sqliteDatabase(path: string, patience = usualPatience, faulted = ignored): Database {
  try {
    const dialect = sqliteDialect(openSqlite(path));
    const clock = sql<number>`CAST(1000 * unixepoch('subsec') AS INTEGER)`;
    const known = { engine: "sqlite", schema: undefined, where: path, clock } as const;
    return databaseOn(new Kysely<Tables>({ dialect }), known, patience, faulted);
  } catch (error) {
    throw faultOf(error, path).error;
  }
}

/** Connects when it is first asked. @throws TRB_COORDINATOR_DATABASE_URL_INVALID */
export function postgresDatabase(databaseUrl: string, patience = usualPatience, faulted = ignored): Database {
  const address = postgresAddress(databaseUrl);
  const clock = sql<number>`CAST(1000 * extract(epoch FROM clock_timestamp()) AS bigint)`;
  const tables = new Kysely<Tables>({ dialect: postgresDialect(address) });
  const known = { engine: "postgres", schema: address.schema, where: address.where, clock } as const;
  return databaseOn(tables, known, patience, faulted);
}

/** A transaction that only reads. SQLite's dialect takes the write lock for those that it begins, which would keep others waiting. */
function atOneMoment<Result>(
  tables: Kysely<Tables>,
  engine: Engine,
  questions: (tables: Reading) => Promise<Result>,
): Promise<Result> {
  if (engine === "postgres") {
    return tables.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(questions);
  }
  return tables.connection().execute(async (connection) => {
    await connection.executeQuery(CompiledQuery.raw("BEGIN DEFERRED"));
    try {
      return await questions(connection);
    } finally {
      await connection.executeQuery(CompiledQuery.raw("COMMIT"));
    }
  });
}

type Known = Pick<Database, "engine" | "schema" | "where" | "clock">;

function databaseOn(tables: Kysely<Tables>, known: Known, patience: Patience, faulted: Faulted): Database {
  const { where } = known;
  const closing = new AbortController();

  /** @param attempt does it once, and says what may follow a fault */
  async function patiently<Result>(milliseconds: number, attempt: () => Promise<Result>): Promise<Result> {
    const until = performance.now() + milliseconds;
    let pause = 2;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const { fate, error: coded } = faultOf(error, where);
        if (!isTributaryError(error) && fate !== "undone") faulted(isTributaryError(coded) ? coded.code : "other");
        if (closing.signal.aborted)
          throw fate === "final" && isTributaryError(coded) ? coded : fail("TRB_COORDINATOR_STOPPING");
        if (fate === "final" || performance.now() + pause > until) throw coded;
        pause = Math.min(2 * pause, longestPause[fate]);
      }
      await sleep(pause, undefined, { signal: closing.signal }).catch(() => {
        throw fail("TRB_COORDINATOR_STOPPING");
      });
    }
  }

  return {
    ...known,
    read: (question) => patiently(patience.reading, () => question(tables)),
    snapshot: (questions) => patiently(patience.reading, () => atOneMoment(tables, known.engine, questions)),
    write(work, landed) {
      let unanswered = false;
      return patiently(patience.writing, async () => {
        let committing = false;
        try {
          return await tables.transaction().execute(async (writing) => {
            const before = unanswered && landed !== "again" ? await landed(writing) : undefined;
            const result = before === undefined ? await work(writing) : before.result;
            committing = true;
            return result;
          });
        } catch (error) {
          const fault = faultOf(error, where);
          unanswered ||= committing && fault.fate === "unreachable";
          throw error;
        }
      });
    },
    async ping() {
      try {
        await sql`SELECT 1`.execute(tables);
      } catch (error) {
        throw faultOf(error, where).error;
      }
    },
    async close() {
      closing.abort();
      await tables.destroy();
    },
  };
}
