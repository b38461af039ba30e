/** Databases of earlier versions, of later ones, and of nobody's yet, on both engines. */
import { CompiledQuery, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database } from "./database.ts";
import { member, type Place, postgresEngine, sqliteEngine } from "./engines.test-support.ts";
import { migrate } from "./migrating.ts";
import { type Migration, migrations } from "./migrations.ts";
import { storeOn } from "./store-tables.ts";

const code = (name: string) => expect.objectContaining({ code: name });

/** Rows as a federation of that version left them; versions without rows of their own are upgraded with those before them. */
const fixtures: Readonly<Record<number, readonly string[]>> = {
  1: [
    `INSERT INTO settings (name, value) VALUES ('standstill', '{"code":"TRB_COORDINATOR_OFFERS_REFUSED","reason":"r","offers":2,"nodes":["north"]}')`,
    "INSERT INTO state (id, json) VALUES (1, 'the state')",
    `INSERT INTO ledger (place, line, hash) VALUES (0, '{"index":0}', '${"1".repeat(64)}'), (1, '{"index":1}', '${"2".repeat(64)}')`,
    `INSERT INTO members (node, key, member) VALUES ('north', '${member("north").key}', '${JSON.stringify(member("north"))}')`,
    "INSERT INTO invites (token_hash, node, expires) VALUES ('t', 'south', '2030-01-01T00:00:00.000Z')",
    "INSERT INTO connected (node) VALUES ('north')",
    "INSERT INTO rounds (round, started_at, seconds, nodes, released, epsilon) VALUES (1, '2026-01-01T00:00:00.000Z', 2.5, 4, 1, '0.5')",
  ],
  2: [`INSERT INTO requests (note) VALUES ('{"kind":"operator","words":"asked for"}')`],
  3: ["UPDATE leadership SET fence = 7, replica = 'a'", "INSERT INTO replicas (replica, seen) VALUES ('a', 5)"],
  5: ["INSERT INTO operators (name, role, password, made) VALUES ('ada', 'operator', 'p', '2026-01-01T00:00:00.000Z')"],
};

/** The first two versions of SQLite homes, as the program of their day made them. */
const firstSchema = `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
  CREATE TABLE ledger (place INTEGER PRIMARY KEY, line TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TABLE members (node TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, member TEXT NOT NULL) STRICT;
  CREATE TABLE invites (token_hash TEXT PRIMARY KEY, node TEXT NOT NULL, expires TEXT NOT NULL, key TEXT) STRICT;
  CREATE TABLE connected (node TEXT PRIMARY KEY) STRICT;
  CREATE TABLE rounds (
    round INTEGER PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL, bytes_in INTEGER, bytes_out INTEGER, nodes INTEGER,
    released INTEGER, model_hash TEXT, epsilon TEXT, code TEXT
  ) STRICT;`;
const secondSchema = `${firstSchema}
  CREATE TABLE requests (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL) STRICT;`;

async function say(database: Database, statements: readonly string[]): Promise<void> {
  await database.write(async (tables) => {
    for (const statement of statements) await tables.executeQuery(CompiledQuery.raw(statement));
  }, "again");
}

/** A database that programs of every version up to this one have served. */
async function servedUpTo(place: Place, version: number): Promise<Database> {
  const database = place.database();
  for (let served = 1; served <= version; served += 1) {
    await migrate(database, { create: true, steps: migrations.slice(0, served) });
    await say(database, fixtures[served] ?? []);
  }
  return database;
}

async function expectFilled(database: Database, version: number): Promise<void> {
  const store = storeOn(database);
  expect(await store.state()).toBe("the state");
  expect(await store.ledgerHead()).toEqual({ entries: 2, head: "2".repeat(64) });
  expect(await store.ledgerLines(0)).toEqual(['{"index":0}', '{"index":1}']);
  expect(await store.members()).toEqual([member("north")]);
  expect(await store.invite("t")).toEqual({ tokenHash: "t", node: "south", expires: "2030-01-01T00:00:00.000Z", key: null });
  expect(await store.standstill()).toMatchObject({ offers: 2, nodes: ["north"] });
  expect(await store.rounds.all()).toMatchObject([{ round: 1, seconds: 2.5, released: true, epsilon: 0.5 }]);
  expect(await store.requests()).toEqual(version < 2 ? [] : [{ id: 1, note: { kind: "operator", words: "asked for" } }]);
  const operators = await database.read((tables) => tables.selectFrom("operators").select("name").execute());
  expect(operators).toEqual(version < 5 ? [] : [{ name: "ada" }]);
  // and it goes on from there
  const fence = await store.takeLeadership("b");
  expect(fence).toBe(version < 3 ? 1 : 8);
  await store.persist({ state: "the next state", fence });
  expect(await store.state()).toBe("the next state");
}

/** Of every table: its columns, and which may be null. */
const columns = (database: Database) =>
  database.read(async (tables) => {
    const known = (await tables.introspection.getTables()).filter(
      (table) => database.schema === undefined || table.schema === database.schema,
    );
    return known.map(({ name, columns }) => [name, columns.map((column) => `${column.name} ${column.isNullable}`)]).sort();
  });

describe.each([sqliteEngine(), postgresEngine()])("migrations on $engine", (engine) => {
  beforeAll(() => engine.start(), 60_000);
  afterAll(() => engine.stop());

  test("lead from each earlier version to this one, with everything that was there", async () => {
    const fresh = await engine.place().migrated();
    const expected = await columns(fresh);
    await fresh.close();
    for (let version = 1; version <= migrations.length; version += 1) {
      const place = engine.place();
      await (await servedUpTo(place, version)).close();
      const database = place.database();
      await migrate(database, { create: false });
      await expectFilled(database, version);
      expect(await columns(database)).toEqual(expected);
      await database.close();
    }
  });

  test("are done once by those who start together", async () => {
    const place = engine.place();
    const counted: Migration = { name: "counted", sql: () => ["INSERT INTO settings (name, value) VALUES ('once', '1')"] };
    const opened = await Promise.all([1, 2, 3, 4].map(() => place.migrated([...migrations, counted])));
    const [database] = opened;
    expect(await database?.read((tables) => tables.selectFrom("settings").select("name").execute())).toEqual([
      { name: "once" },
    ]);
    await Promise.all(opened.map((each) => each.close()));
  });

  test("that fail half way leave the database as it was, and fit to be served by the program that served it", async () => {
    const place = engine.place();
    const served = await servedUpTo(place, migrations.length);
    const before = await columns(served);
    const good: Migration = { name: "good", sql: () => ["CREATE TABLE good (id TEXT)", "DELETE FROM ledger"] };
    const poisoned: Migration = {
      name: "poisoned",
      sql: () => ["CREATE TABLE half (id TEXT)", "INSERT INTO nowhere VALUES (1)"],
    };
    const database = place.database();
    const upgrade = migrate(database, { create: true, steps: [...migrations, good, poisoned] });
    await expect(upgrade).rejects.toMatchObject({
      code: "TRB_COORDINATOR_MIGRATION_FAILED",
      details: { migration: "poisoned" },
    });
    await database.close();
    expect(await columns(served)).toEqual(before);
    await migrate(served, { create: false });
    await expectFilled(served, migrations.length);
    await served.close();
  });

  test("never go back: a database of a newer program is refused", async () => {
    const place = engine.place();
    const newer = await place.migrated([...migrations, { name: "of tomorrow", sql: () => [] }]);
    await newer.close();
    await expect(place.store()).rejects.toEqual(code("TRB_COORDINATOR_DATABASE_NEWER"));
  });

  test("fill a database only when they are asked to", async () => {
    const place = engine.place();
    const database = place.database();
    const opened = migrate(database, { create: false });
    await expect(opened).rejects.toEqual(code("TRB_COORDINATOR_HOME_EMPTY"));
    expect(await columns(database)).toEqual([]);
    await database.close();
  });
});

describe("homes on SQLite", () => {
  const engine = sqliteEngine();
  beforeAll(() => engine.start());
  afterAll(() => engine.stop());

  test.each([
    [1, firstSchema],
    [2, secondSchema],
  ])("of version %i, made by a program of that day, are what migrations make", async (version, schema) => {
    const place = engine.place();
    const old = place.database();
    await say(old, [...schema.split(";").filter((statement) => statement.trim() !== ""), `PRAGMA user_version = ${version}`]);
    for (let filled = 1; filled <= version; filled += 1) await say(old, fixtures[filled] ?? []);
    const made = (database: Database) =>
      database.read((tables) =>
        sql`SELECT name, sql FROM sqlite_schema ORDER BY name`.execute(tables).then(({ rows }) => rows),
      );
    const ours = await engine.place().migrated(migrations.slice(0, version));
    const words = (rows: unknown) => JSON.stringify(rows).replaceAll(/\s|\\n/g, "");
    expect(words(await made(old))).toBe(words(await made(ours)));
    await ours.close();
    await migrate(old, { create: false });
    await expectFilled(old, version);
    await old.close();
  });
});
