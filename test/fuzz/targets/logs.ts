/** Logs of shops: row by row, and by DuckDB with the check of bytes before it; times; published sequences; answers of HTTP APIs. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Histories, importLog, type LogPreset, makeCatalogue, readSequenceFile } from "@tributary/events";
import { ingestLog, type LogSource, previewLog, writeTable } from "@tributary/events/ingest";
import { pageAddress } from "../../../packages/events/src/ingest/pages/page-address.ts";
import { parseTime } from "../../../packages/events/src/timestamps.ts";
import { type Choices, choicesOf } from "../engine/choices.ts";
import { editBytes, editJson, editTable } from "../engine/edits.ts";
import { ownFolder } from "../engine/own-folder.ts";
import { lenientText, must, type Target, textBytes, verdictLater, verdictOf } from "../engine/target.ts";

const folder = ownFolder("logs");
const catalogue = makeCatalogue(["i1", "i2", "i3", "7"].map((id) => ({ id, title: `the ${id}`, category: "books" })));
/** After every time that a log can say. */
const now = 2e11;

const csvLog = [
  "customer,item,action,time,price,dwell,keywords",
  "c1,i1,view,1577836800,1.5,3,",
  "c1,i2,buy,1577836900,2,,",
  'c2,7,cart,2020-01-01T10:00:00Z,"1,5",-1,"red, shoes"',
  "c2,i9,view,1577836800000,,,",
  "c3,,search,2020-02-31 10:00,,,books",
].join("\n");
const rowsOfLog = [
  { customer: "c1", item: "i1", action: "view", time: 1_577_836_800, price: 1.5 },
  { customer: "c1", item: "i2", action: "pv", time: "2020-01-01 10:00:00", dwell: 3 },
  { customer: 7, item: 7, action: "transaction", time: "1577836800000" },
];
const jsonlLog = rowsOfLog.map((row) => `${JSON.stringify(row)}\n`).join("");
const editedRows = (choices: Choices) => {
  const rows = editJson(rowsOfLog, choices);
  return textBytes(
    (Array.isArray(rows) ? rows : [rows]).map((row) => `${JSON.stringify(row)}\n`).join(choices.of(["", "\n", "x\n"])),
  );
};
const words = [
  "customer",
  "user",
  "item",
  "action",
  "time",
  "ts",
  "price",
  "keywords",
  "1577836800",
  "2020-01-01",
  '"',
  '""',
  "\ufeff",
  "view",
];

/** What of a log that was read must hold, whatever the log was. */
function requireWhole({ customers, offsets, items, times, actions }: Histories): void {
  must(offsets.length === customers.length + 1 && offsets.at(-1) === items.length, "offsets end where events do");
  must(times.length === items.length && actions.length === items.length, "every event has a time and an action");
  must(times.every(Number.isFinite), "times are finite");
  must(
    items.every((item) => item >= 0 && item <= catalogue.items.length),
    "items are the catalogue's",
  );
}

const rowByRow = (
  name: string,
  ending: string,
  seeds: readonly string[],
  structured: Target["structured"],
  preset?: LogPreset,
): Target => {
  const path = join(folder, `${name}${ending}`);
  return {
    ...{ name: `logs-${name}`, parses: `a log, row by row: ${name}`, dictionary: words, smoke: 60 },
    seeds: () => seeds.map(textBytes),
    ...(structured === undefined ? {} : { structured }),
    async fuzz(bytes) {
      writeFileSync(path, bytes);
      const read = await verdictLater(() => importLog({ path, catalogue, preset, leastCustomers: 1 }));
      if ("code" in read) return;
      const { histories, report } = read.value;
      requireWhole(histories);
      const dropped = Object.values(report.dropped).reduce((sum, count) => sum + count, 0);
      must(report.rows === report.kept + dropped, "every row is kept or dropped");
    },
  };
};

const editedCsv = (choices: Choices) => textBytes(editTable(csvLog, ",", choices));

/** DuckDB's way; `bytes` are what lies on disk. */
async function ingested(source: LogSource, bytes: Uint8Array | undefined, path: string) {
  if (bytes !== undefined) writeFileSync(path, bytes);
  const chunks: Histories[] = [];
  const options = { sources: [source], catalogue, leastCustomers: 1, now, botEventsPerHour: 0 };
  const verdict = await verdictLater(() => ingestLog(options, async (chunk) => void chunks.push(chunk)));
  for (const chunk of chunks) requireWhole(chunk);
  return verdict;
}

const byDuckDb = (
  name: string,
  ending: string,
  seeds: () => Promise<readonly Uint8Array[]>,
  structured: Target["structured"],
): Target => {
  const path = join(folder, `${name}${ending}`);
  return {
    ...{ name: `logs-${name}`, parses: `a log, by DuckDB: ${ending}`, dictionary: words, seconds: 10, smoke: 4, seeds },
    ...(structured === undefined ? {} : { structured }),
    async fuzz(bytes) {
      const read = await ingested(path, bytes, path);
      if ("code" in read) return;
      const { rows, kept, dropped } = read.value;
      must(rows === kept + Object.values(dropped).reduce((sum, count) => sum + count, 0), "every row is kept or dropped");
    },
  };
};

/** A plain table is the same to both readers. What is quoted, or cut, each of them judges in its own way. */
const twins: Target = {
  ...{ name: "logs-twins", parses: "a plain table, by both readers", dictionary: words, seconds: 10, smoke: 6 },
  seeds: () => [Uint8Array.of(1), textBytes("the same in both readers")],
  structured: (choices) => textBytes(plainTable(choices)),
  async fuzz(bytes) {
    const text =
      bytes.length > 0 && lenientText(bytes).startsWith("customer,item") ? lenientText(bytes) : plainTable(choicesOf(bytes));
    const path = join(folder, "twins.csv");
    writeFileSync(path, text);
    const slow = await verdictLater(() => importLog({ path, catalogue, leastCustomers: 1 }));
    const fast = await ingested(path, undefined, path);
    if ("code" in slow || "code" in fast) {
      must(
        "code" in slow && "code" in fast,
        `both refuse: ${"code" in slow ? slow.code : "read"}, ${"code" in fast ? fast.code : "read"}`,
      );
      return;
    }
    const counts = ({ rows, kept, customers, items }: { rows: number; kept: number; customers: number; items: number }) =>
      JSON.stringify([rows, kept, customers, items]);
    must(counts(slow.value.report) === counts(fast.value), "both count the same");
  },
};

function plainTable(choices: Choices): string {
  const times = [
    "1577836800",
    "1577836800.5",
    "1577836800000",
    "2020-01-01",
    "2020-01-01T10:00:00Z",
    "2020-02-31",
    "x",
    "",
    "-1",
    "1e9",
  ];
  const fields = [
    ["c1", "c2", "c3", " c4 ", "0", ""],
    ["i1", "i2", "7", "07", "i9", ""],
    ["view", "BUY", "pv", "fav", "x", ""],
    times,
  ];
  const rows = Array.from({ length: 1 + choices.below(12) }, () => fields.map((column) => choices.of(column)).join(","));
  return `customer,item,action,time\n${rows.join("\n")}\n`;
}

const times: Target = {
  ...{
    name: "logs-times",
    parses: "times of events",
    longest: 128,
    dictionary: ["T", "Z", "+02:00", "2020-01-01", "1e9", ".5"],
  },
  seeds: () =>
    ["1577836800", "2020-01-01T10:00:00.123+02:00", "1.5e9", "2020-12-31 23:59:60 UTC", "157783680000"].map(textBytes),
  fuzz(bytes) {
    const time = parseTime(lenientText(bytes));
    must(Number.isNaN(time) || (time >= 0 && time < 1e11), "a time is none, or lies between 1970 and 5138");
  },
};

const sequences: Target = {
  ...{ name: "logs-sequences", parses: "published sequences", longest: 1024, smoke: 60 },
  seeds: () => ["1 2 3\n2 4\n", "1 2\n1 3\n", "5 1048576\n"].map(textBytes),
  async fuzz(bytes) {
    const path = join(folder, "sequences.txt");
    writeFileSync(path, bytes);
    const read = await verdictLater(() => readSequenceFile(path));
    if ("value" in read)
      must(
        read.value.histories.items.every((item) => item >= 1 && item <= read.value.items),
        "items are numbered from 1",
      );
  },
};

/** One answer of an API: a status, headers and a page, as the octets have them. */
let answer:
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }
  | undefined;
let server: ReturnType<typeof createServer> | undefined;
async function address(): Promise<string> {
  if (server === undefined) {
    server = createServer((_request, response) => {
      const { status = 500, headers = {}, body = new Uint8Array(0) } = answer ?? {};
      response.writeHead(status, headers);
      response.end(body);
      answer = { status: 200, headers: {}, body: textBytes('{"data":{"items":[]}}') }; // whatever comes next is the last
    });
    server.unref();
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const page = { data: { items: rowsOfLog }, paging: { next: "abc", more: true } };
const links = [
  '</next>; rel="next"',
  "<https://other.example/>; rel=next",
  "<?p=2>;rel=next,",
  "<>;rel=next",
  "<http://[>; rel=next",
  ";;;<",
];
const pages: Target = {
  ...{ name: "logs-pages", parses: "answers of HTTP APIs: pages, links, cursors", seconds: 10, smoke: 4 },
  dictionary: ["rel=next", "data", "items", "paging", "next"],
  seeds: () => [new Uint8Array([0, 0, 0, ...textBytes(JSON.stringify(page))]), new Uint8Array([1, 1, 0, ...textBytes("[]")])],
  structured: (choices) => new Uint8Array([...choices.octets(3), ...textBytes(JSON.stringify(editJson(page, choices)) ?? "")]),
  async fuzz(bytes) {
    const [kind = 0, link = 0, status = 0] = bytes;
    const url = await address();
    const body = bytes.subarray(3);
    verdictOf(() => pageAddress(lenientText(body).slice(0, 200), new URL(url)));
    answer = {
      status: [200, 200, 200, 204, 302, 401, 404, 410][status % 8] ?? 200,
      headers: {
        link: links[link % links.length] ?? "",
        ...(status % 8 === 4 ? { location: ["/again", "http://[", "ftp://x", "//other.example/"][link % 4] ?? "" } : {}),
      },
      body,
    };
    const paging = (
      [
        { kind: "link" },
        { kind: "cursor", next: "paging.next", parameter: "after" },
        { kind: "number", parameter: "page" },
      ] as const
    )[kind % 3];
    await ingested({ url, items: "data.items", retries: 0, paging: paging ?? { kind: "link" } }, undefined, "");
  },
};

const parquetPath = join(folder, "seed.parquet");
async function parquetSeed(): Promise<Uint8Array> {
  const columns: Parameters<typeof writeTable>[1] = [
    { name: "customer", kind: "text" },
    { name: "item", kind: "text" },
    { name: "action", kind: "text" },
    { name: "time", kind: "number" },
  ];
  await writeTable(parquetPath, columns, async (add) => {
    await add([
      ["c1", "i1", "view", 1_577_836_800],
      ["c2", "i2", "buy", 1_577_836_900],
    ]);
  });
  const { readFileSync } = await import("node:fs");
  return new Uint8Array(readFileSync(parquetPath));
}
const parquet = await parquetSeed();

const previews: Target = {
  ...{ name: "logs-preview", parses: "a log of any ending, looked at", seconds: 10, smoke: 2, dictionary: words },
  seeds: () => [textBytes(csvLog), textBytes(jsonlLog), parquet],
  structured: (choices) => choices.of([editedCsv, editedRows])(choices),
  async fuzz(bytes) {
    const ending = [".csv", ".jsonl", ".tsv", ".parquet"][bytes.length % 4] ?? ".csv";
    const path = join(folder, `preview${ending}`);
    writeFileSync(path, bytes);
    await verdictLater(() => previewLog({ source: path, now }));
  },
};

export const targets: readonly Target[] = [
  rowByRow("csv", ".csv", [csvLog, "user\titem\n", csvLog.replaceAll("\n", "\r\n")], editedCsv),
  rowByRow("jsonl", ".jsonl", [jsonlLog], editedRows),
  rowByRow("sasrec", ".txt", ["1 2\n1 3\n2 i1 i2\n", "c1 i1\nc1 i2\n"], undefined, "sasrec-text"),
  byDuckDb("ingest-csv", ".csv", async () => [textBytes(csvLog)], editedCsv),
  byDuckDb("ingest-jsonl", ".jsonl", async () => [textBytes(jsonlLog)], editedRows),
  byDuckDb(
    "ingest-parquet",
    ".parquet",
    async () => [parquet],
    (choices) => editBytes(parquet, choices),
  ),
  byDuckDb(
    "ingest-gz",
    ".csv.gz",
    async () => [new Uint8Array(gzipSync(csvLog)), new Uint8Array(gzipSync(csvLog).subarray(0, 60))],
    (choices) => new Uint8Array(gzipSync(editedCsv(choices))),
  ),
  byDuckDb(
    "ingest-zst",
    ".jsonl.zst",
    async () => [new Uint8Array(zstdCompressSync(jsonlLog))],
    (choices) => new Uint8Array(zstdCompressSync(editedRows(choices))),
  ),
  ...[twins, previews, times, sequences, pages],
];
