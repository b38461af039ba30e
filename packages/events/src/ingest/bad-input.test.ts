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
