import { closeSync, openSync, writeSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { makeCatalogue } from "../catalogue.ts";
import { logFiles, refusal } from "../log-files.fixture.ts";
import type { IngestOptions } from "./ingest-log.ts";
import { ingested } from "./ingested.fixture.ts";

const file = logFiles();
const catalogue = makeCatalogue([{ id: "apple" }, { id: "bread" }]);
const columns = { customer: "user", item: "item", action: "action", time: "ts" };
const header = "user,item,action,ts\n";
const good = "ann,apple,view,1\nbob,bread,view,2\n";

const refused = (path: string, options: Partial<IngestOptions> = {}) =>
  refusal(() => ingested({ sources: [path], catalogue, columns, now: 2e9, ...options }));

describe("ingestLog refuses", () => {
  it.each([
    ["an empty file", "", "TRB_EVENTS_EMPTY"],
    ["a header alone", header, "TRB_EVENTS_EMPTY"],
    ["one customer", `${header}ann,apple,view,1\n`, "TRB_EVENTS_TOO_FEW_CUSTOMERS"],
    ["nothing left after cleaning", `${header}ann,lobster,view,1\nbob,apple,teleport,1\n`, "TRB_EVENTS_NOTHING_LEFT"],
    ["times none of which can be read", `${header}ann,apple,view,x\nbob,apple,view,y\n`, "TRB_EVENTS_BAD_TIMESTAMP"],
    ["a quotation mark that is never closed", `${header}${good}"ann,apple,view,3\n`, "TRB_EVENTS_MALFORMED_CSV"],
    ["a missing column", `user,thing,action,ts\n${good}`, "TRB_EVENTS_UNKNOWN_COLUMN"],
    ["values in place of names", `${good.replace(",1\n", ",1600000000\n")}`, "TRB_EVENTS_NO_HEADER"],
  ] as const)("%s", async (name, content, code) => {
    expect((await refused(file(`${name}.csv`, content))).code).toBe(code);
  });

  it.each([
    ["lines of JSON that are read as CSV", '{"user": "secret-ann", "item": "apple", "ts": "soon"}\n', "TRB_EVENTS_NO_HEADER"],
    ["a time of day among the names", "secret-ann;apple;Jan 5 10:30\n", "TRB_EVENTS_NO_HEADER"],
    ["ids in place of names", "secret-c0000017,sally@secret.example,view\n", "TRB_EVENTS_UNKNOWN_COLUMN"],
  ] as const)("%s, and quotes none of it", async (name, line, code) => {
    const error = await refused(file(`${name}.log`, line.repeat(3)), { columns: {} });
    expect(error.code).toBe(code);
    expect(JSON.stringify(error) + error.stack).not.toContain("secret");
  });

  it("a missing file, a folder, a delimiter of two characters, an unknown zone and a format of times that is none", async () => {
    const path = file("here.csv", header + good);
    const codes = await Promise.all([
      refused(`${path}.not`),
      refused(path.replace("here.csv", "")),
      refused(path, { delimiter: "||" }),
      refused(path, { timeZone: "Mars/Base" }),
      refused(path, { timeFormats: ["%Q"] }),
    ]);
    expect(codes.map(({ code }) => code.replace("TRB_EVENTS_", ""))).toEqual([
      "FILE_NOT_FOUND",
      "FILE_UNREADABLE",
      "BAD_DELIMITER",
      "BAD_TIME_ZONE",
      "BAD_TIME_FORMAT",
    ]);
  });

  it("files that were cut short or damaged, which DuckDB alone would take for shorter ones", async () => {
    const log = `${header}${Array.from({ length: 20_000 }, (_, i) => `u${i % 97},apple,view,${i * 7919}`).join("\n")}\n`;
    const zipped = gzipSync(log);
    const zstd = zstdCompressSync(log);
    const parquet = Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: "user", data: ["ann", "bob"] },
          { name: "item", data: ["apple", "bread"] },
          { name: "ts", data: [1, 2] },
        ],
      }),
    );
    const whole = await ingested({ sources: [file("ok.csv.gz", zipped)], catalogue, columns, now: 2e9 });
    expect(whole.report.rows).toBe(20_000);
    for (const [name, bytes] of [
      ["cut.csv.gz", zipped.subarray(0, zipped.length / 2)],
      ["not.csv.gz", Buffer.from(log)],
      ["cut.csv.zst", zstd.subarray(0, zstd.length / 2)],
      ["cut.parquet", parquet.subarray(0, parquet.length / 2)],
      ["not.parquet", Buffer.from(log)],
    ] as const) {
      const error = await refused(file(name, bytes));
      expect([name, error.code]).toEqual([name, "TRB_EVENTS_FILE_DAMAGED"]);
      expect(error.details["file"]).toContain(name);
    }
  });

  it("a field of 100 MB, quoted or not, with its line, and in bounded memory", async () => {
    const long = "y".repeat(100_000_000);
    const before = process.memoryUsage().rss;
    const bare = await refused(file("long.csv", `${header}ann,apple,view,1\n${long},apple,view,2\nbob,apple,view,3\n`));
    expect([bare.code, bare.details["line"]]).toEqual(["TRB_EVENTS_LINE_TOO_LONG", 3]);
    const quoted = await refused(file("long.csv", `${header}ann,apple,view,1\n"${long}",apple,view,2\nbob,apple,view,3\n`));
    expect([quoted.code, quoted.details["line"]]).toEqual(["TRB_EVENTS_LINE_TOO_LONG", 3]);
    const json = await refused(file("long.jsonl", `{"user":"ann","item":"apple","ts":1}\n{"user":"${long}"}\n`));
    expect([json.code, json.details["line"]]).toEqual(["TRB_EVENTS_LINE_TOO_LONG", 2]);
    expect(process.memoryUsage().rss - before).toBeLessThan(700e6); // of which the text itself is 100 MB
  });

  it("unreadable times with file, line, column and field, without showing anybody's id", async () => {
    const path = file(
      "times.csv",
      `${header}secret-ann,apple,view,\nsecret-ann,apple,view,${"z".repeat(200)}\nsecret-bob,apple,view,soon\n`,
    );
    const error = await refused(path);
    expect([error.details["file"], error.details["line"], error.details["column"], error.details["field"]]).toEqual([
      path,
      3,
      "ts",
      4,
    ]);
    expect(String(error.details["text"])).toContain(`"${"a".repeat(79)}…"`);
    const mixed = await Promise.all([
      refused(path, { columns: { ...columns, time: "user" } }),
      refused(path, { columns: { ...columns, item: "user" } }),
      refused(file("quote.csv", `${header}"secret-1,apple,view,1\n`)),
      refused(path, { columns: {}, sources: [{ sql: `SELECT CAST(user AS INTEGER) FROM '${path}'` }] }),
    ]);
    for (const one of mixed)
      expect(JSON.stringify([one, one.details, one.message, String(one.cause ?? "")])).not.toContain("secret");
  });
});

describe("ingestLog reads", () => {
  it("the file that is named, and no other, whatever a pattern of its name would match", async () => {
    const others = ["log1.csv", "logX.csv", "log[1]b.csv"];
    for (const other of others) file(other, `${header}other,apple,view,1\nanother,apple,view,2\n`);
    const parquet = parquetWriteBuffer({
      columnData: [
        { name: "user", data: ["ann", "bob"] },
        { name: "item", data: ["apple", "bread"] },
        { name: "ts", data: [1, 2] },
      ],
    });
    const lines = '{"user":"ann","item":"apple","ts":1}\n{"user":"bob","item":"bread","ts":2}\n';
    for (const [name, content] of [
      ["log[1].csv", header + good],
      ["log?.csv", header + good],
      ["log*.csv", header + good],
      ["log**[!a-z]{x,y}.csv.gz", gzipSync(header + good)],
      ["log[1]*.jsonl", lines],
      ["log[1]*.parquet", new Uint8Array(parquet)],
    ] as const) {
      const { action: _, ...unnamed } = columns;
      const read = await ingested({
        ...{ sources: [file(name, content)], catalogue, now: 2e9 },
        columns: name.includes(".csv") ? columns : unnamed,
      });
      expect([name, read.histories.customers]).toEqual([name, ["ann", "bob"]]);
    }
    expect((await refused(file("log[1].csv", header + good).replace("[1]", "[2]"))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
  });

  it.each([
    ["a CSV as JSON lines", { format: "jsonl" }, "none of its lines is a JSON object"],
    ["UTF-8 as UTF-16", { encoding: "utf-16" }, "it is not UTF-16, as --encoding says"],
  ] as const)("%s is told as such, and nothing of what is in it", async (_, options, reason) => {
    const error = await refusal(() =>
      ingested({ sources: [file("secret.csv", "user,item,ts\nsecret-ann,apple,1\n")], catalogue, now: 2e9, ...options }),
    );
    expect(error).toMatchObject({ code: "TRB_EVENTS_FILE_UNREADABLE", details: { reason } });
    expect(JSON.stringify(error)).not.toContain("secret-ann");
  });

  it("columns of mixed types, value by value: what can't be meant is dropped and counted", async () => {
    const rows = [
      '{"user":7,"item":"apple","ts":1}',
      '{"user":"7","item":"bread","ts":"2"}',
      '{"user":7.5,"item":"apple","ts":3.25}',
      '{"user":true,"item":"apple","ts":"1970-01-01T00:00:04Z"}',
      '{"user":{"id":1},"item":"apple","ts":5}',
      '{"user":"x","item":["apple"],"ts":6}',
      '{"user":"x","item":"apple","ts":false}',
      '{"user":null,"item":"apple","ts":8}',
      '{"user":"x","item":12,"ts":9}',
    ];
    const { action: _, ...unnamed } = columns;
    const jsonl = await ingested({ sources: [file("mixed.jsonl", rows.join("\n"))], catalogue, columns: unnamed, now: 2e9 });
    expect(jsonl.histories.customers).toEqual(["7", "7.5", "true", '{"id":1}'].sort());
    expect(jsonl.report.dropped).toMatchObject({ outsideCatalogue: 2, unparsableTime: 1, missingField: 1 });
    expect(jsonl.report.rows).toBe(rows.length);

    const path = file("mixed.sqlite", "");
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE visits (who, sku, at)"); // without types, as SQLite permits
    database.exec(
      "INSERT INTO visits VALUES (7, 'apple', 1), ('7', 'bread', '2'), (7.5, 'apple', 3.25), ('x', 12, 5), ('x', 'apple', 'soon')",
    );
    database.close();
    const sql = "SELECT who AS user, sku AS item, at AS ts FROM visits";
    const sqlite = await ingested({ sources: [{ sql, database: path }], catalogue, columns: unnamed, now: 2e9 });
    expect(sqlite.histories.customers).toEqual(["7", "7.5"]);
    expect(sqlite.report.dropped).toMatchObject({ outsideCatalogue: 1, unparsableTime: 1 });
  });

  const [distinct, most] = process.env["TRIBUTARY_LONG"] === "1" ? [10_000_000, 900e6] : [100_000, 500e6];
  it(`${distinct} distinct actions, counted as unknown, without keeping them`, async () => {
    const path = file("actions.csv", "");
    const lines = openSync(path, "w");
    writeSync(lines, header + good);
    for (let done = 0; done < distinct; done += 100_000) {
      writeSync(
        lines,
        Array.from({ length: 100_000 }, (_, i) => `ann,apple,action ${done + i} of ${distinct},${done + i}\n`).join(""),
      );
    }
    closeSync(lines);
    const before = process.memoryUsage().rss;
    const { report } = await ingested({ sources: [path], catalogue, columns, now: 2e9 });
    expect([report.rows, report.kept, report.dropped.unknownAction]).toEqual([distinct + 2, 2, distinct]);
    expect(process.memoryUsage().rss - before).toBeLessThan(most);
  }, 300_000);
});
