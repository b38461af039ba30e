/** The first rows of a query of PostgreSQL, for `node import --dry-run`, which looks at them as at any other source's. */
import { type Engine, identifier } from "../engine.ts";
import { type PostgresSource, relationOf } from "./ingest-postgres.ts";
import { withSession } from "./session.ts";

/**
 * Fills a table of the engine, as text.
 * @returns the columns' names
 */
export function samplePostgres(
  engine: Engine,
  source: PostgresSource,
  timeZone: string,
  most: number,
  table: string,
): Promise<string[]> {
  return withSession(source.database, { timeZone }, async (session) => {
    const from = relationOf(source);
    const columns = await session.columns(`SELECT * FROM ${from} LIMIT 0`);
    const texts = columns.map((name) => `CAST(${identifier(name)} AS text)`).join();
    const rows = columns.length === 0 ? [] : await session.rows(`SELECT ${texts} FROM ${from} LIMIT ${most}`);
    await engine.fill(
      table,
      columns,
      rows.map((row) => row.map((field) => (field === null ? null : String(field)))),
    );
    return columns;
  });
}
