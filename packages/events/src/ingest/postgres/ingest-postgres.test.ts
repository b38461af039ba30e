import { chmodSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startPostgres } from "../../../../../test/postgres/server.ts";
import { customersOfItems, itemsOfLog } from "../../catalogue/customers-of-items.ts";
import { makeCatalogue } from "../../catalogue.ts";
import { inWords, logFiles, refusal } from "../../log-files.fixture.ts";
import { type IngestOptions, ingestLog } from "../ingest-log.ts";
import { ingested } from "../ingested.fixture.ts";
import { previewLog } from "../preview.ts";

const file = logFiles();
const catalogue = makeCatalogue(["7", "8"].map((id) => ({ id })));

let server: Awaited<ReturnType<typeof startPostgres>>;
let admin: pg.Client;
const reader = () => server.url("shop", "reader", "s3cret/word".replace("/", "%2F"));
beforeAll(async () => {
  server = await startPostgres();
  const first = new pg.Client({ connectionString: server.url() });
  await first.connect();
  await first.query("CREATE DATABASE shop");
  await first.query("CREATE DATABASE old TEMPLATE template0 ENCODING 'LATIN1'");
  await first.end();
  admin = new pg.Client({ connectionString: server.url("shop") });
  await admin.connect();
  await admin.query(`
    REVOKE ALL ON DATABASE shop FROM public;
    REVOKE CREATE ON SCHEMA public FROM public;
    CREATE ROLE reader LOGIN PASSWORD 's3cret/word';
    GRANT CONNECT, TEMPORARY ON DATABASE shop TO reader;
    ALTER ROLE reader SET statement_timeout = '500ms';
    CREATE ROLE stranger LOGIN PASSWORD 'stranger';
    GRANT CONNECT ON DATABASE shop TO stranger;
    CREATE TABLE visits (who text, sku integer, what text, moment timestamptz, cost numeric);
    INSERT INTO visits VALUES ('bobby', 7, 'view', '2015-05-03 03:25:12+00', NULL), ('annika', 7, 'pv', '2015-05-03 03:25:11.5+00', 2.50),
      ('annika', 8, 'buy', '2015-05-03 03:25:10+00', -1), ('annika', 8, NULL, '2015-05-03 03:25:10+00', 1);
    GRANT SELECT ON visits TO reader, stranger;
    CREATE TABLE secrets (who text);
    CREATE SEQUENCE counter;
    GRANT ALL ON SEQUENCE counter TO reader;
  `);
}, 120_000);
afterAll(async () => {
  await admin?.end();
  await server?.stop();
});

const sql = "SELECT who AS customer, sku AS item, what AS action, moment AS time, cost AS price FROM visits";
/** Customers 0 … 2,999, ten events each, in an order of their own. */
const many = `SELECT i % 3000 AS customer, 7 + i % 2 AS item, 'view' AS action, 1000 + i AS time FROM generate_series(1, 30000) AS i`;

const load = (query: string, options: Partial<IngestOptions> = {}, database = reader()) =>
  ingested({ sources: [{ sql: query, database }], catalogue, now: 2e9, leastCustomers: 1, ...options });

describe("ingestLog reads PostgreSQL", () => {
  it("by a role that may only read and make temporary tables, whatever its time limit, and leaves nothing there", async () => {
    const { histories, report } = await load(`${sql}, pg_sleep(0.6); `, { timeZone: "Asia/Kolkata" });
    expect(inWords(histories)).toEqual(["annika: 2 buy 1430623510, 1 view 1430623511.5", "bobby: 1 view 1430623512"]);
    expect([...(histories.prices ?? [])]).toEqual([Number.NaN, 2.5, Number.NaN]);
    expect([report.rows, report.kept, report.dropped.missingField, report.amountsCleared]).toEqual([4, 3, 1, 1]);
    expect(report.files).toEqual([`postgres://reader@127.0.0.1:${server.port}/shop`]);
    const left = await admin.query("SELECT count(*)::int AS tables FROM pg_class WHERE relname LIKE 'tributary%'");
    expect(left.rows).toEqual([{ tables: 0 }]);
  });

  it("chunk by chunk, customers ascending and whole, and goes on behind a customer", async () => {
    const { histories, report, chunks } = await load(many, { chunkEvents: 1000 });
    expect([chunks.length, report.kept, report.customers, report.outOfOrder]).toEqual([30, 30_000, 3000, 0]);
    expect(chunks.every(({ customers, offsets }) => customers.length === 100 && offsets.at(-1) === 1000)).toBe(true);
    expect(histories.customers).toEqual(Array.from({ length: 3000 }, (_, customer) => String(customer)).sort());
    const resumed = await load(many, { resumeAfter: histories.customers[2989] });
    expect([resumed.histories.customers.length, resumed.report.kept]).toEqual([10, 30_000]);
  });

  it("with a password from the environment or from the file that PGPASSFILE names", async () => {
    const address = `postgres://reader@127.0.0.1:${server.port}/shop`;
    vi.stubEnv("PGPASSWORD", "s3cret/word");
    expect((await load(sql, {}, address)).report.kept).toBe(3);
    vi.unstubAllEnvs();
    const path = file("pgpass", `127.0.0.1:${server.port}:shop:reader:s3cret/word\n`);
    chmodSync(path, 0o600);
    vi.stubEnv("PGPASSFILE", path);
    expect((await load(sql, {}, address)).report.kept).toBe(3);
    vi.unstubAllEnvs();
  });

  it("for the items that it has, and for how many customers had each, as a file with the same rows", async () => {
    const rows = `SELECT i % 7 AS customer, (i * i) % 11 AS item, 'view' AS action, 1000 + i AS time`;
    const there = { sources: [{ sql: `${rows} FROM generate_series(1, 9000) AS i`, database: reader() }], now: 2e9 };
    const here = { sources: [{ sql: `${rows} FROM generate_series(1, 9000) AS numbers(i)` }], now: 2e9 };
    expect(await itemsOfLog(there)).toEqual(await itemsOfLog(here));
    const naming = { maxItems: 3, nameOf: (sku: string) => (sku === "0" ? undefined : sku) };
    const counts = await customersOfItems({ ...there, ...naming });
    expect([...counts].sort()).toEqual([...(await customersOfItems({ ...here, ...naming }))].sort());
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(21);
  });

  it("for a look, too", async () => {
    const source = { sql, database: reader() };
    const { rows, columns, kept, file: name } = await previewLog({ source, now: 2e9, catalogue });
    expect(columns).toMatchObject({ customer: "customer", item: "item", action: "action", time: "time", price: "price" });
    expect([rows[1]?.time, rows.length, kept]).toEqual(["2015-05-03T03:25:11.500Z", 4, 3]);
    expect(name).not.toContain("s3cret");
  });
});

describe("ingestLog refuses of PostgreSQL", () => {
  const codeOf = async (query: string, options: Partial<IngestOptions> = {}, database?: string) => {
    const error = await refusal(() => load(query, options, database));
    const words = JSON.stringify([error, error.details, error.message, error.stack, error.cause]);
    for (const secret of ["s3cret", "wrong-one", "annika", "bobby"]) expect(words).not.toContain(secret);
    return error.code.replace("TRB_EVENTS_", "");
  };

  it("queries that don't parse, name what isn't there or isn't theirs, can't be computed, or would change something", async () => {
    expect(await codeOf("SELEC 1")).toBe("BAD_QUERY");
    expect(await codeOf("SELECT nothing FROM nowhere")).toBe("BAD_QUERY");
    expect(await codeOf("SELECT nothing FROM visits")).toBe("BAD_QUERY");
    expect(await codeOf("SELECT who FROM secrets")).toBe("BAD_QUERY");
    expect(await codeOf(`SELECT who::integer AS customer, sku AS item, moment AS time FROM visits`)).toBe("BAD_QUERY");
    expect(await codeOf("SELECT 1) AS a; COMMIT; DROP TABLE visits; SELECT (1")).toBe("BAD_QUERY");
    expect(await codeOf("SELECT nextval('counter') AS customer, sku AS item, moment AS time FROM visits")).toBe("BAD_QUERY");
    expect(await codeOf("SELECT who, sku AS item, moment AS time FROM visits")).toBe("UNKNOWN_COLUMN");
    expect(await codeOf(`${sql} WHERE false`)).toBe("EMPTY");
    expect(await codeOf(`SELECT who AS customer, sku AS item, what AS time FROM visits`)).toBe("BAD_TIMESTAMP");
    expect(await codeOf(`SELECT who AS customer, sku + 90 AS item, moment AS time FROM visits`)).toBe("NOTHING_LEFT");
    expect(await codeOf(sql, { leastCustomers: 3 })).toBe("TOO_FEW_CUSTOMERS");
    expect(await codeOf(sql, { timeFormats: ["%j %Y"] })).toBe("TIME_FORMAT_UNSUPPORTED");
    expect(await codeOf(sql, { timeZone: "Europe/Nowhere" })).toBe("BAD_TIME_ZONE");
    expect(await codeOf(sql, { rejects: "/nowhere/at/all.csv" })).toBe("FILE_UNWRITABLE");
    expect(await codeOf(sql, { sources: [file("a.csv", "x"), { sql, database: reader() }] })).toBe("SOURCE_ALONE");
  });

  it("wrong credentials and servers that aren't there, and never says a password", async () => {
    expect(await codeOf(sql, {}, server.url("shop", "reader", "wrong-one"))).toBe("SOURCE_REFUSED");
    expect(await codeOf(sql, {}, server.url("shop", "nobody", "wrong-one"))).toBe("SOURCE_REFUSED");
    expect(await codeOf(sql, {}, server.url("elsewhere"))).toBe("SOURCE_REFUSED");
    expect(await codeOf(sql, {}, `postgres://reader@127.0.0.1:${server.port}/shop`)).toBe("SOURCE_REFUSED");
    expect(await codeOf(sql, {}, `${reader()}?sslmode=verify-full`)).toBe("SOURCE_UNREACHABLE");
    expect(await codeOf(sql, {}, "postgres://reader:wrong-one@127.0.0.1:1/shop")).toBe("SOURCE_UNREACHABLE");
    expect(await codeOf(sql, {}, "postgres://reader:wrong-one@[/shop")).toBe("SOURCE_UNREACHABLE");
    expect(await codeOf(sql, {}, server.url("old"))).toBe("SOURCE_UNAVAILABLE");
    expect(await codeOf(sql, {}, server.url("shop", "stranger", "stranger"))).toBe("SOURCE_NO_TEMPORARY");
  });

  it("a connection that breaks while events come, and what the taker of chunks throws is the taker's own", async () => {
    let chunks = 0;
    const options = { sources: [{ sql: many, database: reader() }], catalogue, now: 2e9, chunkEvents: 1000 };
    const error = await refusal(() =>
      ingestLog(options, async () => {
        if (chunks++ > 0) return;
        const ended = await admin.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary'",
        );
        expect(ended.rowCount).toBe(1);
      }),
    );
    expect(error.code).toBe("TRB_EVENTS_SOURCE_LOST");
    const own = new Error("the store is full");
    await expect(ingestLog(options, () => Promise.reject(own))).rejects.toBe(own);
    const open = () => admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'tributary'");
    await expect.poll(async () => (await open()).rowCount, { timeout: 20_000 }).toBe(0);
  });
});
