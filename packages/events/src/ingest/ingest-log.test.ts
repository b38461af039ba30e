import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeCatalogue } from "../catalogue.ts";
import type { Histories } from "../histories.ts";
import { importLog } from "../import-log.ts";
import { inWords, logFiles } from "../log-files.fixture.ts";
import { mergeHistories } from "../merge-histories.ts";
import type { ColumnNames } from "../reading/columns.ts";
import { encodeHistories } from "../store-format.ts";
import { topicsOf } from "../topics/topics.ts";
import { type IngestOptions, type IngestReport, ingestLog } from "./ingest-log.ts";
import { ingested } from "./ingested.fixture.ts";

const file = logFiles();
const catalogue = makeCatalogue(
  ["apple", "bread", "cheese", "é", "𝄞"].map((id) => ({ id, category: `kind of ${id}`, brand: "Baker" })),
);
const columns: ColumnNames = { customer: "user", item: "item", action: "action", time: "ts" };
const header = "user,item,action,ts\n";
const now = 2e9;

const load = (path: string, options: Partial<IngestOptions> = {}) =>
  ingested({ sources: [path], catalogue, columns, now, leastCustomers: 1, ...options });

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
const addsUp = (report: IngestReport) => expect(report.kept + sum(report.dropped)).toBe(report.rows);

describe("ingestLog", () => {
  it("equals its readable twin, importLog, byte for byte, and counts alike", async () => {
    const field = fc.constantFrom(
      "",
      "apple",
      "bread",
      "é",
      "𝄞",
      "lobster",
      " apple ",
      "view",
      "Add to cart",
      "buy",
      "log-in",
      "search",
      "teleport",
    );
    const time = fc.constantFrom(
      "",
      "10",
      "11",
      "12.5",
      "1e3",
      "1430623510123",
      "2020-01-01",
      "2020-01-01T10:00:00+02:00",
      "soon",
      "-3",
    );
    const amount = fc.constantFrom("", "1", "2.5", "-1", "free", "1e39");
    const customer = fc.constantFrom("", "ann", "bob", "é", "𝄞", "\uFFFD", "\uE000", "B", "10", "9", "a,b", 'q"q');
    const keywords = fc.constantFrom(
      "",
      "  ",
      "Bread",
      "bakers",
      "kinds of é",
      "lobster",
      'a "quoted", text',
      `${"word ".repeat(300)}bread`,
    );
    const row = fc.tuple(customer, field, field, time, amount, amount, keywords);
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 60, size: "max" }), async (rows) => {
        const quoted = (text: string) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const lines = [["ann", "apple", "view", "1", "", "", "bread"], ...rows].map((fields) => fields.map(quoted).join());
        const path = file(`twin-${serial++}.csv`, `user,item,action,ts,dwell,price,keywords\n${lines.join("\n")}\n`);
        const twin = await importLog({ path, catalogue, columns, leastCustomers: 1 });
        const { histories, report } = await load(path, { botEventsPerHour: 0 });
        expect(histories).toEqual(twin.histories);
        expect(encodeHistories(histories)).toEqual(encodeHistories(twin.histories));
        const { file: _, ...counts } = twin.report;
        expect(report).toMatchObject(counts);
        addsUp(report);
      }),
      { numRuns: 25, seed: 8 },
    );
  });

  it("keeps what searches and category pages are about, and nothing of their words", async () => {
    const rows = [
      "ann,,search,1,cheese!",
      "ann,apple,view,2,cheese",
      "bob,,category,1,kind-of-bread",
      "bob,bread,search,5,cheese",
      "bob,,login,6,",
    ];
    const path = file("searches.csv", `user,item,action,ts,typed\n${rows.join("\n")}\n`);
    const { histories, report } = await load(path, { columns: { ...columns, keywords: "typed" } });
    const names = topicsOf(catalogue.items).map(({ value }) => value);
    expect([...(histories.topics ?? [])].map((topic) => names[topic - 1])).toEqual([
      ...["kind of cheese", undefined], // an event with an item is about that
      ...["kind of bread", undefined, undefined],
    ]);
    expect(report.withTopic).toBe(2);
    expect((await load(path)).histories.topics).toBeUndefined(); // `typed` is nothing that columns are usually called
  });

  it("reads JSONL as its twin does, with lines that are no objects, and gzip and zstd by their endings", async () => {
    const rows = [
      '{"user":7,"item":"apple","action":"view","ts":1430623510}',
      "not json",
      '{"user":"7","item":"bread","action":"view","ts":"2015-05-03T03:25:11Z","more":{"nested":true}}',
      "[1]",
      "",
      '{"user":"8","item":"cheese","action":"buy","ts":1430623512000}',
      '{"user":"8","ts":1430623513}',
    ].join("\n");
    const path = file("a.jsonl", rows);
    const twin = await importLog({ path, catalogue, columns });
    const { gzipSync, zstdCompressSync } = await import("node:zlib");
    for (const log of [path, file("a.jsonl.gz", gzipSync(rows)), file("a.jsonl.zst", zstdCompressSync(rows))]) {
      const { histories, report } = await load(log);
      expect(histories).toEqual(twin.histories);
      expect([report.rows, report.dropped.malformedRow, report.dropped.missingField]).toEqual([6, 2, 1]);
    }
  });

  it("reads several files as one log: an event that stands in both is kept once", async () => {
    const first = file("one.csv", `${header}bob,apple,view,5\nann,apple,view,1\nann,bread,view,3\n`);
    const second = file("two.csv", `${header}ann,bread,view,3\nann,cheese,buy,2\ncid,apple,view,1\n`);
    const { histories, report } = await load(first, { sources: [first, second] });
    expect(inWords(histories)).toEqual(["ann: 1 view 1, 3 buy 2, 2 view 3", "bob: 1 view 5", "cid: 1 view 1"]);
    expect([report.rows, report.kept, report.dropped.duplicate, report.outOfOrder]).toEqual([6, 5, 1, 1]);
  });

  it("reads times in the zone and the formats that it is told, three in one column among them", async () => {
    const path = file(
      "formats.csv",
      `${header}ann,apple,view,03.05.2015 05:25\nann,bread,view,5/3/15 5:26\nann,cheese,view,2015-05-03 05:27\n`,
    );
    const { histories } = await load(path, { timeFormats: ["%d.%m.%Y %H:%M", "%m/%d/%y %H:%M"], timeZone: "Europe/Berlin" });
    expect(inWords(histories)).toEqual(["ann: 1 view 1430623500, 2 view 1430623560, 3 view 1430623620"]);
  });

  it("drops events of the future and customers at a bot's rate, and counts both", async () => {
    const robot = Array.from({ length: 30 }, (_, i) => `robot,apple,view,${7200 + i}`).join("\n");
    const busy = Array.from({ length: 30 }, (_, i) => `busy,apple,view,${1000 * i}`).join("\n");
    const path = file("bot.csv", `${header}${robot}\n${busy}\nann,apple,view,5\nann,bread,view,${now + 100_000}\n`);
    const { report, histories } = await load(path, { botEventsPerHour: 20 });
    expect([report.dropped.bot, report.dropped.futureTime, report.kept]).toEqual([30, 1, 31]);
    expect(histories.customers).toEqual(["ann", "busy"]);
    addsUp(report);
  });

  it("keeps events of negative or unreadable prices without their price, and says how many", async () => {
    const path = file(
      "prices.csv",
      "user,item,action,ts,price\nann,apple,buy,1,-5\nann,apple,buy,2,5\nann,apple,buy,3,free\nann,apple,buy,4,\n",
    );
    const { report, histories } = await load(path);
    expect([report.kept, report.amountsCleared, report.withPrice]).toEqual([4, 2, 1]);
    expect([...(histories.prices ?? [])]).toEqual([Number.NaN, 5, Number.NaN, Number.NaN]);
  });

  it("keeps the first of equal events with its own price, even if that is none", async () => {
    const path = file(
      "equal.csv",
      "user,item,action,ts,price\nann,apple,buy,1,\nann,apple,buy,1,9\nann,bread,buy,2,3\nann,bread,buy,2,4\n",
    );
    const { report, histories } = await load(path);
    expect([[...(histories.prices ?? [])], report.dropped.duplicate]).toEqual([[Number.NaN, 3], 2]);
  });

  it("counts rows of too many and too few fields and of bytes that are no UTF-8, and reads other encodings when told", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${header}ann,apple,view,1\nshort,x\nlong,apple,view,2,more,more\nb`),
      Buffer.from([0xff]),
      Buffer.from(",apple,view,3\nbob,apple,view,4\n"),
    ]);
    const { report, histories } = await load(file("broken.csv", bytes));
    expect([report.rows, report.kept, report.dropped.malformedRow]).toEqual([5, 2, 3]);
    expect(histories.customers).toEqual(["ann", "bob"]);
    const latin = Buffer.from(`${header}ann,é,view,1\n`, "latin1");
    expect(inWords((await load(file("latin.csv", latin), { encoding: "latin-1" })).histories)).toEqual(["ann: 4 view 1"]);
    const wide = Buffer.from(`\uFEFF${header}ann,é,view,1\n`, "utf16le");
    expect(inWords((await load(file("wide.csv", wide), { encoding: "utf-16" })).histories)).toEqual(["ann: 4 view 1"]);
  });

  it("delivers whole customers in chunks, waits for each, and goes on behind a customer with the same report", async () => {
    const rows = Array.from({ length: 90_000 }, (_, i) => `c${(i * 7919) % 4_999},apple,view,${(i * 31) % 1000}`).join("\n");
    const path = file("chunks.csv", `${header}${rows}\nc5,bread,buy,2000\n`);
    const whole = await load(path);
    const options = { sources: [path], catalogue, columns, now, chunkEvents: 1_000 };
    const chunks: Histories[] = [];
    let busy = false;
    const report = await ingestLog(options, async (chunk) => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((done) => setTimeout(done, 1));
      busy = false;
      chunks.push(chunk);
    });
    expect(report).toEqual(whole.report);
    expect(mergeHistories(chunks)).toEqual(whole.histories);
    expect(chunks.length).toBeGreaterThan(20);
    for (const { items } of chunks.slice(0, -1)) {
      expect(items.length).toBeGreaterThanOrEqual(1_000);
      expect(items.length).toBeLessThan(1_000 + 20);
    }
    const last = chunks[4]?.customers.at(-1) ?? "";
    const rest = await ingested({ ...options, resumeAfter: last });
    expect(rest.report).toEqual(report);
    expect(rest.histories).toEqual(mergeHistories(chunks.slice(5)));
  });

  it("ends with what its taker throws, as it is", async () => {
    const path = file("taker.csv", `${header}ann,apple,view,1\nbob,apple,view,2\n`);
    const full = new Error("no room");
    await expect(ingestLog({ sources: [path], catalogue, columns, now }, () => Promise.reject(full))).rejects.toBe(full);
  });
});
