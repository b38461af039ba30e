/** Rows of a query: against a DuckDB file, a SQLite file, or whatever the query names itself; of a PostgreSQL database the first ones. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fail } from "@tributary/errors";
import { type Engine, identifier, literal } from "./engine.ts";
import { queryFailure } from "./engine-failures.ts";
import { isPostgres, withoutPassword } from "./postgres/address.ts";
import { samplePostgres } from "./postgres/sample.ts";
import type { Relation } from "./relation.ts";
import { nameOf, type QuerySource, sampledRows } from "./source.ts";

/** @throws TRB_EVENTS_BAD_QUERY, TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_SOURCE_UNAVAILABLE, and what `withSession` throws */
export async function queryRelation(
  engine: Engine,
  { sql, database }: QuerySource,
  timeZone: string,
  place: number,
): Promise<Relation> {
  const query = sql.trim().replace(/;\s*$/, "");
  const rows = `(${query}\n)`; // a comment at its end ends with its line
  if (database === undefined) return described(engine, "the query", rows);
  if (isPostgres(database)) {
    const table = `postgres_${place}`; // for a look: an import has its rows cleaned there
    const columns = await samplePostgres(engine, { sql, database }, timeZone, sampledRows, table);
    return { name: withoutPassword(database), format: "query", from: table, columns, headerLines: 0 };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(database)) {
    const scheme = database.slice(0, database.indexOf(":")); // the rest may hold a password
    throw fail("TRB_EVENTS_SOURCE_UNAVAILABLE", {
      source: `${scheme}://…`,
      reason: "PostgreSQL, SQLite and DuckDB are asked, and no other database",
    });
  }
  if (!existsSync(database)) throw fail("TRB_EVENTS_FILE_NOT_FOUND", { file: nameOf({ sql, database }) });
  if (firstBytes(database).startsWith("SQLite format 3")) {
    const table = `sqlite_${place}`;
    await fillFromSqlite(engine, database, query, table);
    return described(engine, database, table);
  }
  try {
    await engine.run(`ATTACH ${literal(database)} AS ${identifier(`source_${place}`)} (READ_ONLY)`);
    await engine.run(`SET search_path = 'source_${place}.main,memory.main'`); // the query's tables, and our types
  } catch {
    throw fail("TRB_EVENTS_SOURCE_UNAVAILABLE", {
      source: database,
      reason: "it is neither SQLite nor a DuckDB file of this version",
    });
  }
  return described(engine, database, rows);
}

async function described(engine: Engine, name: string, from: string): Promise<Relation> {
  try {
    const columns = (await engine.rows(`DESCRIBE SELECT * FROM ${from}`)).map(([column]) => String(column));
    return { name, format: "query", from, columns, headerLines: 0 };
  } catch (error) {
    throw queryFailure(error);
  }
}

async function fillFromSqlite(engine: Engine, path: string, query: string, table: string): Promise<void> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const statement = database.prepare(query);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    const columns = statement.columns().map(({ name }) => name);
    await engine.fill(table, columns, textRows(statement.iterate()));
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "unknown";
    throw fail("TRB_EVENTS_BAD_QUERY", { reason }, error); // SQLite's messages name tables and columns, never values
  } finally {
    database.close();
  }
}

/** `iterate` is typed as giving objects; after `setReturnArrays` it gives a row's fields in order. */
function* textRows(rows: Iterable<unknown>): Generator<(string | null)[]> {
  for (const row of rows) {
    if (Array.isArray(row)) yield row.map((field: unknown) => (field === null || field === undefined ? null : String(field)));
  }
}

function firstBytes(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(16);
    return bytes.toString("latin1", 0, readSync(file, bytes, 0, 16, 0));
  } finally {
    closeSync(file);
  }
}
