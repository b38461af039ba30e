/** PostgreSQL and DuckDB are held to the same events, counts and rejects, over random rows of the kinds that logs are messy in. */
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgres } from "../../../../../test/postgres/server.ts";
import { makeCatalogue } from "../../catalogue.ts";
import { logFiles } from "../../log-files.fixture.ts";
import type { IngestOptions } from "../ingest-log.ts";
import { ingested } from "../ingested.fixture.ts";

const file = logFiles();
const catalogue = makeCatalogue(["apple", "bread", "cheese", "é", "𝄞", "10", "nul\0"].map((id) => ({ id, brand: `of ${id}` })));
const now = 2e9;

let server: Awaited<ReturnType<typeof startPostgres>>;
let admin: pg.Client;
beforeAll(async () => {
  server = await startPostgres();
  const first = new pg.Client({ connectionString: server.url() });
  await first.connect();
  // a database that sorts and folds texts by rules of its own
  await first.query("CREATE DATABASE ordered TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'");
  await first.end();
  admin = new pg.Client({ connectionString: server.url("ordered") });
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin?.end();
  await server?.stop();
});

type Row = Readonly<Record<string, string | null>>;
let serial = 0;

/** The same rows as a table and as a file, imported from both. */
async function both(rows: readonly Row[], columns: readonly string[], options: Partial<IngestOptions>) {
  const name = `log_${serial++}`;
  const quoted = columns.map((column) => `"${column}"`);
  await admin.query(`CREATE TABLE ${name} (n serial, ${quoted.map((column) => `${column} text`).join()})`);
  const values = columns.map((column) => rows.map((row) => row[column] ?? null));
  await admin.query(
    `INSERT INTO ${name} (${quoted.join()}) SELECT * FROM unnest(${columns.map((_, at) => `$${at + 1}::text[]`).join()})`,
    values,
  );
  const keys = JSON.stringify(Object.fromEntries(columns.map((column) => [column, null]))); // every key is there, even if no row has it
  const path = file(`${name}.jsonl`, `${[...rows.map((row) => JSON.stringify(row, [...columns])), keys].join("\n")}\n`);
  await admin.query(`INSERT INTO ${name} DEFAULT VALUES`);
  const sql = `SELECT ${quoted.join()} FROM ${name} ORDER BY n -- as it lies`;
  const [here, there] = [file(`${name}.here.csv`, ""), file(`${name}.there.csv`, "")];
  const given = { catalogue, now, leastCustomers: 1, botEventsPerHour: 3, ...options };
  const duckdb = await outcome({ ...given, sources: [path], rejects: here });
  const postgres = await outcome({ ...given, sources: [{ sql, database: server.url("ordered") }], rejects: there });
  await admin.query(`DROP TABLE ${name}`);
  return { duckdb, postgres };
}

/** Everything that an import gives, or the code of its refusal. */
async function outcome(options: IngestOptions & { readonly rejects: string }) {
  const rejects = () =>
    (parse(readFileSync(options.rejects, "utf8"), { from_line: 2 }) as string[][]).map((row) => row.toSpliced(1, 1)).sort();
  try {
    const { histories, report } = await ingested(options);
    return { histories, report: { ...report, files: [] }, rejects: rejects() };
  } catch (error) {
    return { code: String(error instanceof Error && "code" in error ? error.code : error) };
  }
}

const blank = fc.constantFrom("", "", "", " ", "\t", "\u00a0", "\u2003", "\u3000", "\ufeff", "\n", "\u200b");
const messy = (texts: readonly string[]) =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(null, "", " ") },
    { weight: 12, arbitrary: fc.tuple(blank, fc.constantFrom(...texts), blank).map((parts) => parts.join("")) },
  );
const customers = messy([
  "ann",
  "bob",
  "é",
  "𝄞",
  "\uFFFD",
  "\uE000",
  "\uFFFF",
  "\u{10FFFF}",
  "B",
  "10",
  "9",
  "a,b",
  'q"q',
  "17850.0",
  "17850",
  "1.00",
  "l\nl",
]);
const items = messy(["apple", "apple", "bread", "cheese", "é", "𝄞", "10", "lobster", "APPLE", "it's", "half"]);
const actions = messy([
  ...["view", "view", "buy", "Add to cart", "ADD_TO-CART", "log-in", "search", "teleport", "add\u00a0to cart", "p.v", "vİew"],
  ...["boo\u212amark", "v\u0131ew", "check/out", "remove_from_cart", "View;"],
]);
const amounts = messy([
  ...[
    "1",
    "2.5",
    "-1",
    "free",
    "1e39",
    "1e400",
    "-1e400",
    "1e-400",
    "1e99999",
    "+3",
    "3.",
    ".5",
    ".",
    "1_000",
    "0x1F",
    "NaN",
    "inf",
    "-0",
    "12,5",
  ],
  ...[
    "3.4028235e38",
    "3.4028236e38",
    "1e-46",
    "-1e-46",
    "7.1e-46",
    "1e5.5",
    "٣",
    `${"9".repeat(50)}`,
    `0.${"1".repeat(60)}`,
    "1e0001",
    "0e9999",
    "0e99999",
    "1e-99999",
    "1e00001",
    "-1e99999",
  ],
]);
const times = messy([
  ...[
    "10",
    "11",
    "11",
    "12.5",
    "1e3",
    "1430623510",
    "1430623510123",
    "1430623510123456",
    "99999999999",
    "100000000000",
    "1e14",
    "-3",
    "+10",
  ],
  ...[
    "2020-01-01",
    "2020-1-1",
    "2020-02-30",
    "2020-02-29",
    "2019-02-29",
    "2020-13-01",
    "2020-00-10",
    "0000-01-01",
    "12020-01-01",
    "2020-01-01 24:00:00",
  ],
  ...[
    "2020-01-01T10:00:00+02:00",
    "2020-01-01T10:00:00+0200",
    "2020-01-01 10:00:00+02",
    "2020-01-01T10:00+02:00",
    "2020-01-01 10:00 Z",
    "2020-01-01t10:00z",
  ],
  ...[
    "2020-01-01 10:00:00 UTC",
    "2020-01-01 10:00:00UTC",
    "2020-01-01T10:00:00.5",
    "2020-01-01T10:00:00,1234567",
    "2020-01-01T10:00:00.Z",
    "2020-01-01 1:2:3",
  ],
  ...[
    "2020-01-01 25:00",
    "2020-01-01 10:60",
    "2020-01-01 10:00:60",
    "2020/01/01 10:00",
    "2020-01/01",
    "2020-01-01  10:00",
    "2020-01-01 10",
    "1969-12-31 23:00:00-05",
  ],
  ...[
    "2020-03-29 02:30:00",
    "2020-10-25 02:30",
    "2038-01-01",
    "5138-11-17",
    "soon",
    "infinity",
    "epoch",
    "now",
    "2020-01-01 10:00:00-02:30:15",
    "20200101",
    "2020-W10",
  ],
  ...[
    "03.05.2015 05:25",
    "3.5.2015 5:5",
    "31.02.2015 05:25",
    "5/3/15 5:26",
    "5/3/2015 05:26",
    "3 May 2015",
    "03 SEP 2015",
    "3 September 2015",
    "Mai 3, 2015",
  ],
  ...[
    "may 3, 2015",
    "20150503",
    "2015503",
    "3.5.2015 5:25 PM",
    "3.5.2015 12:25 am",
    "3.5.2015 13:25 PM",
    "Sun, 03 May 2015 05:25:10 +0200",
    "3.5.2015  05:25",
  ],
]);
const formats = [
  ...[
    "%d.%m.%Y %H:%M",
    "%m/%d/%y %H:%M",
    "%d %B %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y%m%d",
    "%d.%m.%Y %I:%M %p",
    "%a, %d %b %Y %H:%M:%S %z",
  ],
  ...[
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y",
    "%H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%m/%d/%Y %H:%M",
    "%-d.%-m.%Y %-H:%-M",
  ],
];

describe("a log in PostgreSQL", () => {
  it("gives the same events, counts and rejects as the same log in a file", { timeout: 120_000 }, async () => {
    const keywords = messy(["", "apple", "apples of", "bread", "é", "lobster", "x".repeat(900)]);
    const wild = fc.record({
      ...{ user: customers, item: items, action: actions, ts: times, dwell: amounts, price: amounts },
      keywords,
    });
    const tame = fc.record({
      user: fc.constantFrom("ann", "bob", "é", "𝄞", "\uE000", "\uFFFF"),
      item: fc.constantFrom("apple", "é"),
      action: fc.constantFrom("view", "buy"),
      ts: fc.constantFrom("10", "11", "12", "13", "3610", "3611", "7300", "7200.5"),
      dwell: fc.constantFrom("", "3"),
      price: fc.constantFrom("", "1", "2"),
      keywords,
    });
    const search = fc.record({
      user: fc.constantFrom("ann", "bob"),
      item: fc.constant(""),
      action: fc.constantFrom("search", "category"),
      ts: fc.constantFrom("10", "11"),
      dwell: fc.constant(""),
      price: fc.constant(""),
      keywords,
    });
    const seen: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(wild, tame, search), { minLength: 40, maxLength: 150, size: "max" }),
        fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
        fc.subarray(formats, { maxLength: 3 }),
        fc.boolean(),
        async (rows, timeZone, timeFormats, withAction) => {
          const columns = ["user", "item", ...(withAction ? ["action"] : []), "ts", "dwell", "price", "keywords"];
          const first = { user: "ann", item: "apple", action: "view", ts: "1", dwell: "", price: "", keywords: "" };
          const { duckdb, postgres } = await both([first, ...rows], columns, { timeZone, timeFormats });
          expect(postgres).toEqual(duckdb);
          if (!("report" in duckdb)) throw new Error("nothing was imported");
          const { dropped, outOfOrder, itemsCleared, amountsCleared, withTopic } = duckdb.report;
          for (const [name, count] of Object.entries({ ...dropped, outOfOrder, itemsCleared, amountsCleared, withTopic }))
            seen[name] = (seen[name] ?? 0) + count;
        },
      ),
      { numRuns: 12, seed: 34 },
    );
    // the rows are messy in every way that one column after another can be
    const ways = ["missingField", "unparsableTime", "futureTime", "unknownAction", "outsideCatalogue", "bot", "duplicate"];
    expect([...ways, "outOfOrder", "itemsCleared", "amountsCleared"].filter((way) => (seen[way] ?? 0) === 0)).toEqual([]);
  });

  it("is cleaned by presets as a file is: other names, float customers, invoices that take purchases back", {
    timeout: 120_000,
  }, async () => {
    const shapes = {
      retailrocket: { visitorid: customers, itemid: items, event: actions, timestamp: times },
      taobao: { user: customers, item: items, behaviour: actions, timestamp: times },
      "amazon-reviews": { user_id: customers, asin: items, timestamp: times },
    };
    const shape = fc.constantFrom(...(["retailrocket", "taobao", "amazon-reviews"] as const));
    const log = shape.chain((preset) =>
      fc.array(fc.record<Row>(shapes[preset]), { minLength: 1, maxLength: 100 }).map((rows) => ({ preset, rows })),
    );
    await fc.assert(
      fc.asyncProperty(log, async ({ preset, rows }) => {
        const { duckdb, postgres } = await both(rows, Object.keys(shapes[preset]), { preset });
        expect(postgres).toEqual(duckdb);
      }),
      { numRuns: 6, seed: 34 },
    );
    const line = fc.record({
      InvoiceNo: messy(["536365", "C536379", "c9", "A1"]),
      StockCode: messy(["apple", "bread", "lobster"]),
      Quantity: messy(["1", "1", "-1", "6", "-6", "2", "-2", "0", "many"]),
      UnitPrice: amounts,
      CustomerID: messy(["17850.0", "17850", "ann"]),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 20, maxLength: 200, size: "max" }), async (lines) => {
        const rows = lines.map((one, at) => ({ ...one, InvoiceDate: `12/${1 + (at % 9)}/2010 8:${10 + (at % 50)}` }));
        const distinct = rows.filter((row, at) => rows.findIndex((other) => other.InvoiceDate === row.InvoiceDate) === at);
        const columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];
        const { duckdb, postgres } = await both(distinct, columns, { preset: "uci-online-retail", botEventsPerHour: 0 });
        expect(postgres).toEqual(duckdb);
      }),
      { numRuns: 6, seed: 34 },
    );
  });
});
