/**
 * Kysely over `node:sqlite`: one connection of this process to one file, which other processes may read and write beside it. Write-ahead log with
 * `synchronous = FULL`: what was committed survives a power cut. A transaction takes the write lock when it begins, so that what it reads is still
 * true when it writes. Kysely lets one user of the connection in after the other.
 */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { z } from "zod";

/** How long opening waits for another process that is just closing the file, in milliseconds. */
const busyTimeout = 5_000;

/** @throws SQLite's own error when the file can't be opened or is none of its own */
export function openSqlite(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    // From here on nothing waits inside of SQLite: the whole process would, with a transaction of its own perhaps that is waited for. Who finds the
    // write lock taken asks again (`database.ts`), and lets others read meanwhile.
    database.exec("PRAGMA busy_timeout = 0;");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function sqliteDialect(database: DatabaseSync): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driverOn(database),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function driverOn(database: DatabaseSync): Driver {
  const connection = connectionOn(database);
  const say = async (words: string) => void (await connection.executeQuery(CompiledQuery.raw(words)));
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    beginTransaction: () => say("BEGIN IMMEDIATE"),
    commitTransaction: () => say("COMMIT"),
    // a full disk ends a transaction by itself
    rollbackTransaction: async () => (database.isTransaction ? say("ROLLBACK") : undefined),
    destroy: async () => database.close(),
  };
}

function connectionOn(database: DatabaseSync): DatabaseConnection {
  return {
    async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
      const statement = database.prepare(sql);
      const values = parameters.map((parameter) => valueSchema.parse(parameter));
      if (statement.columns().length > 0) return { rows: statement.all(...values) as Row[] };
      const { changes, lastInsertRowid } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    },
    // biome-ignore lint/correctness/useYield: it is refused
    async *streamQuery() {
      throw new Error("rows are read at once here");
    },
  };
}

/** What SQLite can hold, with truth values as it knows them. */
const valueSchema: z.ZodType<SQLInputValue> = z.union([
  z.string(),
  z.number(),
  z.bigint(),
  z.null(),
  z.instanceof(Uint8Array),
  z.boolean().transform(Number),
]);
