import { DatabaseSync } from "node:sqlite";
import { DuckDBInstance } from "@duckdb/node-api";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { makeCatalogue } from "../catalogue.ts";
import { inWords, logFiles, refusal } from "../log-files.fixture.ts";
import { ingested } from "./ingested.fixture.ts";
import type { LogSource } from "./source.ts";

const file = logFiles();
const catalogue = makeCatalogue(["7", "8"].map((id) => ({ id })));
const load = (source: LogSource) => ingested({ sources: [source], catalogue, now: 2e9, leastCustomers: 1 });
const expected = ["ann: 2 buy 1430623510, 1 view 1430623511.5", "bob: 1 view 1430623512"];

describe("ingestLog reads", () => {
  it("Parquet: numbers as ids, and times as timestamps", async () => {
    const path = file(
      "log.parquet",
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: "customer", data: ["bob", "ann", "ann"] },
            { name: "item", data: [7, 7, 8], type: "INT32" },
            { name: "action", data: ["pv", "view", "purchase"] },
            {
              name: "event_time",
              data: [1430623512000, 1430623511500, 1430623510000].map((time) => new Date(time)),
              type: "TIMESTAMP",
            },
          ],
        }),
      ),
    );
    expect(inWords((await load(path)).histories)).toEqual(expected);
    const sql = `SELECT customer, item, action, event_time AS time FROM '${path}' WHERE item > 7`;
    expect(inWords((await load({ sql })).histories)).toEqual(["ann: 2 buy 1430623510"]);
  });

  it("many files of any kind that DuckDB reads, by one query, whatever comment it ends with", async () => {
    const write = (name: string, customers: string[], time: number) =>
      file(
        name,
        new Uint8Array(
          parquetWriteBuffer({
            columnData: [
              { name: "customer", data: customers },
              { name: "item", data: customers.map(() => 7), type: "INT32" },
              { name: "time", data: customers.map(() => time), type: "INT32" },
            ],
          }),
        ),
      );
    write("month-01.parquet", ["ann", "bob"], 1430623510);
    const last = write("month-02.parquet", ["ann"], 1430623512);
    const json = file("more.json", '[{"customer":"cid","item":8,"time":"2015-05-03T03:25:12Z"}]');
    const glob = last.replace("02", "*");
    const sql = `SELECT * FROM '${glob}' UNION ALL BY NAME SELECT customer, item, epoch("time")::INTEGER AS time FROM '${json}' -- all of them`;
    const { histories, report } = await load({ sql });
    expect(inWords(histories)).toEqual([
      "ann: 1 view 1430623510, 1 view 1430623512",
      "bob: 1 view 1430623510",
      "cid: 2 view 1430623512",
    ]);
    expect(report.files).toEqual(["the query"]);
  });

  it("SQLite, by a query over two tables, with numbers beyond 2⁵³ as they are", async () => {
    const path = file("shop.sqlite", "");
    const database = new DatabaseSync(path);
    database.exec(
      "CREATE TABLE visits (who INTEGER, sku INTEGER, what TEXT, at REAL); CREATE TABLE people (id INTEGER, name TEXT)",
    );
    database.exec("INSERT INTO people VALUES (9007199254740993, 'ann'), (2, 'bob')");
    database.exec(
      "INSERT INTO visits VALUES (2, 7, 'view', 1430623512), (9007199254740993, 7, 'view', 1430623511.5), (9007199254740993, 8, 'buy', 1430623510), (9007199254740993, 8, NULL, 1)",
    );
    database.close();
    const sql =
      "SELECT name AS customer, sku AS item, what AS action, at AS time FROM visits JOIN people ON who = id ORDER BY visits.rowid;";
    const { histories, report } = await load({ sql, database: path });
    expect(inWords(histories)).toEqual(expected);
    expect([report.rows, report.dropped.missingField]).toEqual([4, 1]);
    const numbers = await load({ sql: "SELECT who AS customer, sku AS item, at AS time FROM visits", database: path });
    expect(numbers.histories.customers).toEqual(["2", "9007199254740993"]);
  });

  it("a DuckDB file, by a query over its own tables", async () => {
    const path = file("x", "").replace(/x$/, "shop.duckdb");
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run(
      "CREATE TABLE visits AS SELECT * FROM (VALUES ('bob', 7, 'view', TIMESTAMPTZ '2015-05-03 03:25:12+00'), ('ann', 7, 'view', TIMESTAMPTZ '2015-05-03 03:25:11.5+00'), ('ann', 8, 'buy', TIMESTAMPTZ '2015-05-03 03:25:10+00')) t(who, sku, what, moment)",
    );
    connection.closeSync();
    instance.closeSync();
    const sql = "SELECT who AS customer, sku AS item, what AS action, moment AS time FROM visits";
    expect(inWords((await load({ sql, database: path })).histories)).toEqual(expected);
  });
});

describe("ingestLog refuses", () => {
  it("queries that don't parse or name what isn't there, and databases that can't be asked, without their passwords", async () => {
    const sqlite = file("empty.sqlite", "");
    const database = new DatabaseSync(sqlite);
    database.exec("CREATE TABLE t (a)");
    database.close();
    const codes = await Promise.all(
      [
        { sql: "SELEC 1" },
        { sql: "SELECT nothing FROM nowhere" },
        { sql: "SELECT b FROM t", database: sqlite },
        { sql: "SELECT 1", database: file("text.db", "no database") },
        { sql: "SELECT 1", database: `${sqlite}.not` },
        { sql: "SELECT 1 AS only" },
      ].map(async (source) => (await refusal(() => load(source))).code.replace("TRB_EVENTS_", "")),
    );
    expect(codes).toEqual(["BAD_QUERY", "BAD_QUERY", "BAD_QUERY", "SOURCE_UNAVAILABLE", "FILE_NOT_FOUND", "UNKNOWN_COLUMN"]);
    for (const database of [
      "postgres:/shop:secret@localhost/shop",
      "password=secret host=localhost dbname=shop",
      "shop:secret@localhost",
    ]) {
      const misspelt = await refusal(() => load({ sql: "SELECT 1", database }));
      expect(misspelt.code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
      expect(JSON.stringify([misspelt, misspelt.details, misspelt.stack])).not.toContain("secret");
    }
    const remote = await refusal(() => load({ sql: "SELECT 1", database: "mysql://shop:secret@localhost/shop" }));
    expect(remote.code).toBe("TRB_EVENTS_SOURCE_UNAVAILABLE");
    expect(JSON.stringify([remote, remote.details])).not.toContain("secret");
  });
});
