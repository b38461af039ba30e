/** Brings a database to this program's version: everything that is missing in one transaction, by one of those who start together. */
import { fail, isTributaryError } from "@tributary/errors";
import { CompiledQuery, sql } from "kysely";
import type { Database, Reading, Writing } from "./database.ts";
import { faultOf, reasonOf } from "./faults.ts";
import { engineWords, type Migration, migrations } from "./migrations.ts";

/** What PostgreSQL 15 calls itself. */
const leastPostgres = 150_000;

export interface MigrationRequest {
  /** Whether a database that holds nothing is filled; otherwise it is refused. */
  readonly create: boolean;
  readonly steps?: readonly Migration[];
}

/**
 * @throws TRB_COORDINATOR_HOME_EMPTY, TRB_COORDINATOR_DATABASE_NEWER, TRB_COORDINATOR_DATABASE_TOO_OLD, TRB_COORDINATOR_MIGRATION_FAILED, with the database
 *   as it was, and what `Database.write` throws
 */
export async function migrate(database: Database, { create, steps = migrations }: MigrationRequest): Promise<void> {
  const { where, engine, schema } = database;
  const found = await schemaVersion(database);
  if (found === steps.length) return;
  await database.write(async (tables) => {
    if (schema !== undefined) await prepareSchema(tables, schema, create);
    const version = (await versionOf(tables, database)) ?? 0; // another process may have been quicker
    if (version > steps.length) throw fail("TRB_COORDINATOR_DATABASE_NEWER", { where, version, known: steps.length });
    if (version === 0 && !create) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home: where });
    for (const [place, step] of steps.entries()) if (place >= version) await run(tables, step, where, engine);
    await keepVersion(tables, database, steps, version);
  }, "again");
}

/** How many steps a database has taken; undefined where there is nothing yet. Changes nothing. @throws as `Database.read` */
export const schemaVersion = (database: Database): Promise<number | undefined> =>
  database.read((tables) => versionOf(tables, database));

/** Undefined where there is nothing yet. */
export async function versionOf(tables: Reading | Writing, { engine }: Database): Promise<number | undefined> {
  if (engine === "sqlite") {
    const { rows } = await sql<{ readonly user_version: number }>`PRAGMA user_version`.execute(tables);
    return rows[0]?.user_version;
  }
  const { rows } = await sql<{ readonly there: boolean }>`SELECT to_regclass('migrations') IS NOT NULL AS there`.execute(
    tables,
  );
  if (rows[0]?.there !== true) return undefined;
  const newest = await tables
    .selectFrom("migrations")
    .select(({ fn }) => fn.max("version").as("version"))
    .executeTakeFirst();
  return newest?.version ?? 0;
}

async function keepVersion(tables: Writing, { engine }: Database, steps: readonly Migration[], from: number): Promise<void> {
  if (engine === "sqlite") {
    await tables.executeQuery(CompiledQuery.raw(`PRAGMA user_version = ${steps.length}`));
    return;
  }
  const done = steps.map(({ name }, place) => ({ version: place + 1, name })).slice(from);
  if (done.length > 0) await tables.insertInto("migrations").values(done).execute();
}

/** Makes schema and table of versions, and keeps others out until the transaction ends. */
async function prepareSchema(tables: Writing, schema: string, create: boolean): Promise<void> {
  const { rows } = await sql<{
    readonly version: number;
  }>`SELECT current_setting('server_version_num')::int AS version`.execute(tables);
  const version = rows[0]?.version ?? 0;
  if (version < leastPostgres) throw fail("TRB_COORDINATOR_DATABASE_TOO_OLD", { version: Math.floor(version / 10_000) });
  await sql`SELECT pg_advisory_xact_lock(hashtext('tributary migrations'), hashtext(${schema}))`.execute(tables);
  if (!create) return;
  const there = await sql<{ readonly there: boolean }>`SELECT to_regnamespace(${schema}) IS NOT NULL AS there`.execute(tables);
  // who only owns the schema may not be allowed to make one, not even IF NOT EXISTS
  if (there.rows[0]?.there !== true) await sql`CREATE SCHEMA ${sql.id(schema)}`.execute(tables);
  await sql`CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL)`.execute(tables);
}

async function run(tables: Writing, step: Migration, where: string, engine: Database["engine"]): Promise<void> {
  try {
    for (const statement of step.sql(engineWords[engine])) await tables.executeQuery(CompiledQuery.raw(statement));
  } catch (error) {
    const { fate, error: known } = faultOf(error, where);
    if (fate !== "final" || isTributaryError(known)) throw error;
    throw fail("TRB_COORDINATOR_MIGRATION_FAILED", { migration: step.name, where, reason: reasonOf(error) });
  }
}
