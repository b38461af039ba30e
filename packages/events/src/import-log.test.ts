import { closeSync, ftruncateSync, openSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeCatalogue } from "./catalogue.ts";
import type { Histories } from "./histories.ts";
import { describeImport, type ImportOptions, importLog } from "./import-log.ts";
import { inWords, logFiles, refusal } from "./log-files.fixture.ts";

const file = logFiles();
const catalogue = makeCatalogue(["apple", "bread", "cheese"].map((id) => ({ id })));
const header = "user,item,action,ts\n";
const columns = { customer: "user", item: "item", action: "action", time: "ts" };

const load = (path: string, options: Partial<ImportOptions> = {}) => importLog({ path, catalogue, ...options });
const refused = (path: string, options: Partial<ImportOptions> = {}) => refusal(() => load(path, options));

describe("dwell times and prices", () => {
  const amounts = ({ dwells, prices }: Histories) => ({ dwells: dwells && [...dwells], prices: prices && [...prices] });

  it("come with their events, from CSV and JSONL; what can't be read is none, and the event stays", async () => {
    const rows = ["ann,apple,buy,20,3.5,12.99", "ann,bread,view,10,,", "bob,bread,view,15,-1,free", "bob,apple,cart,16,1e1,0"];
    const csv = file("amounts.csv", ["user,item,action,ts,dwell_time,price", ...rows].join("\n"));
    const keys = ["user", "item", "action", "ts", "seen", "cost"];
    const number = (text: string) => (text === "" || Number.isNaN(Number(text)) ? text : Number(text));
    const objects = rows.map((row) => Object.fromEntries(row.split(",").map((text, i) => [keys[i], number(text)])));
    const jsonl = file("amounts.jsonl", objects.map((row) => JSON.stringify(row)).join("\n"));
    for (const loading of [load(csv, { columns }), load(jsonl, { columns: { ...columns, dwell: "seen", price: "cost" } })]) {
      const { histories, report } = await loading;
      expect(inWords(histories)).toEqual(["ann: 2 view 10, 1 buy 20", "bob: 2 view 15, 1 cart 16"]);
      expect(amounts(histories)).toEqual({
        dwells: [Number.NaN, 3.5, Number.NaN, 10],
        prices: [Number.NaN, Math.fround(12.99), Number.NaN, 0],
      });
      expect([report.withDwell, report.withPrice, report.kept]).toEqual([2, 2, 4]);
      expect(describeImport(report).join()).toContain("2 with a dwell time");
    }
  });

  it("are absent when the log has none, and a column that was asked for must be there", async () => {
    const path = file("no-amounts.csv", "user,item,action,ts\nann,apple,view,1\nbob,apple,view,1");
    const { histories } = await load(path, { columns });
    expect(Object.keys(histories)).not.toContain("dwells");
    expect(Object.keys(histories)).not.toContain("prices");
    expect((await refused(path, { columns: { ...columns, price: "cost" } })).code).toBe("TRB_EVENTS_UNKNOWN_COLUMN");
  });

  it("of an equal event that came before are kept, and its own go with the later one", async () => {
    const path = file("twice.csv", "user,item,action,ts,price\nann,apple,buy,1,5\nann,apple,buy,1,6\nbob,apple,buy,1,7");
    expect(amounts((await load(path, { columns })).histories).prices).toEqual([5, 7]);
  });
});

describe("importLog reads", () => {
  const expected = ["ann: 1 view 10, 2 cart 20", "bob: 3 buy 15"];

  it("CSV with named columns in any order, quoted fields and CRLF", async () => {
    const path = file(
      "a.csv",
      'ts,note,item,user,action\r\n20,"a, ""b""",bread,ann,addtocart\r\n15,,"cheese",bob,purchase\r\n10,,apple,ann,pv\r\n',
    );
    expect(inWords((await load(path, { columns })).histories)).toEqual(expected);
  });

  it("CSV with another delimiter, a byte order mark, usual names found by themselves, blank lines and blanks around fields", async () => {
    const path = file(
      "b.csv",
      "\uFEFFTimestamp; user_id ;Product_ID;event_type\n20;ann ;bread;cart\n\n15; bob;cheese;buy\n10;ann;apple;view\n",
    );
    expect(inWords((await load(path, { delimiter: ";" })).histories)).toEqual(expected);
  });

  it("tab-separated files by their ending", async () => {
    const path = file(
      "c.tsv",
      "customer\titem\taction\ttime\nann\tapple\tview\t10\nann\tbread\tcart\t20\nbob\tcheese\tbuy\t15",
    );
    expect(inWords((await load(path)).histories)).toEqual(expected);
  });

  it("JSONL, with ids as numbers or text and times as numbers, milliseconds or ISO 8601", async () => {
    const rows = [
      { user: 7, item: "apple", action: "view", ts: 1430623510 },
      { user: "7", item: "bread", action: "view", ts: "2015-05-03T03:25:11Z", more: { nested: true } },
      { user: "8", item: "cheese", action: "buy", ts: 1430623512000 },
    ];
    const path = file("d.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
    const { histories } = await load(path, { columns });
    expect(inWords(histories)).toEqual(["7: 1 view 1430623510, 2 view 1430623511", "8: 3 buy 1430623512"]);
  });

  it("JSONL keys that only come late in the file, when they are named", async () => {
    const rows = Array.from({ length: 150 }, (_, i) => ({ user: i % 2, item: "apple", ts: i }));
    const path = file(
      "e.jsonl",
      `${rows.map((row) => JSON.stringify(row)).join("\n")}\n{"user":1,"item":"apple","ts":7,"what":"buy"}\n`,
    );
    const { report } = await load(path, { columns: { ...columns, action: "what" }, leastCustomers: 1 });
    expect([report.kept, report.dropped.missingField]).toEqual([1, 150]);
  });

  it("both text forms of sequence recommenders, in order", async () => {
    const events = ["1: 1 view 0, 2 view 86400, 1 view 172800", "2: 3 view 0"];
    const wide = file("wide.txt", "1 apple bread apple\n2 cheese\n");
    const long = file("long.txt", "1 apple\n1 bread\n2 cheese\n1 apple\n");
    for (const path of [wide, long]) expect(inWords((await load(path, { preset: "sasrec-text" })).histories)).toEqual(events);
  });

  it("a log without an action column as views, and an action that needs no item without one", async () => {
    const path = file("f.csv", "user,item,ts\nann,apple,1\nbob,bread,2\n");
    expect(inWords((await load(path)).histories)).toEqual(["ann: 1 view 1", "bob: 2 view 2"]);
    const login = file("g.csv", `${header}ann,,login,1\nann,shoes,category,2\nbob,apple,view,3\n`);
    const { histories, report } = await load(login, { columns });
    expect(inWords(histories)).toEqual(["ann: 0 login 1, 0 category 2", "bob: 1 view 3"]);
    expect(report.itemsCleared).toBe(1);
  });
});

describe("importLog cleans", () => {
  const dirty = `${header}ann,apple,view,10
ann,apple,view,10
ann,apple,view,nonsense
,apple,view,11
ann,,view,11
ann,apple,,11
ann,apple,view,
ann,apple
ann,apple,teleport,12
ann,lobster,view,13
bob,bread,buy,14
`;

  it("and counts every dropped row under one reason", async () => {
    const { report, histories } = await load(file("dirty.csv", dirty), { columns });
    expect(report.dropped).toEqual({
      malformedRow: 0,
      missingField: 5,
      unparsableTime: 1,
      futureTime: 0,
      unknownAction: 1,
      cancellation: 0,
      outsideCatalogue: 1,
      cancelled: 0,
      bot: 0,
      erased: 0,
      duplicate: 1,
    });
    expect([report.rows, report.kept, report.customers, report.items]).toEqual([11, 2, 2, 2]);
    expect(inWords(histories)).toEqual(["ann: 1 view 10", "bob: 2 buy 14"]);
    expect(describeImport(report)).toHaveLength(6);
  });

  it("JSON lines that are no objects, and ids that no UTF-8 can hold apart", async () => {
    const path = file(
      "dirty.jsonl",
      '{"user":"a","item":"apple","ts":1}\nnot json\n[1]\n"x"\n{"user":"\\ud800","item":"apple","ts":1}\n{"user":"b","item":"bread","ts":2}\n{"user":true,"item":"bread","ts":2}',
    );
    const { report } = await load(path);
    expect([report.kept, report.dropped.malformedRow, report.dropped.missingField]).toEqual([2, 4, 1]);
  });

  it("so that rows = kept + dropped, whatever the log holds, and nothing of a customer stands in the report", async () => {
    const field = fc.constantFrom(
      "",
      "apple",
      "bread",
      "secret-customer",
      "view",
      "buy",
      "12",
      "1e3",
      "2020-01-01",
      '"',
      "x,y",
    );
    const row = fc.tuple(fc.constantFrom("secret-customer-1", "secret-customer-2", ""), field, field, field);
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 30, size: "max" }), async (rows) => {
        const text = rows.map((fields) =>
          fields.map((value) => (/[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(","),
        );
        const good = "secret-customer-1,apple,view,1\nsecret-customer-2,apple,view,1\n";
        const { report, histories } = await load(file(`any-${serial++}.csv`, `${header}${good}${text.join("\n")}`), {
          columns,
        });
        const dropped = Object.values(report.dropped).reduce((sum, count) => sum + count, 0);
        expect(report.rows).toBe(rows.length + 2);
        expect(report.kept + dropped).toBe(report.rows);
        expect(histories.items.length).toBe(report.kept);
        expect(Object.values(report.actions).reduce((sum, count) => sum + count, 0)).toBe(report.kept);
        expect(JSON.stringify([report, describeImport(report)])).not.toContain("secret");
      }),
    );
  });
});

describe("importLog refuses", () => {
  const good = "ann,apple,view,1\nbob,bread,view,2\n";

  it.each([
    ["an empty file", "", "TRB_EVENTS_EMPTY"],
    ["a header alone", header, "TRB_EVENTS_EMPTY"],
    ["one customer", `${header}ann,apple,view,1\nann,bread,view,2\n`, "TRB_EVENTS_TOO_FEW_CUSTOMERS"],
    ["nothing left after cleaning", `${header}ann,lobster,view,1\nbob,apple,teleport,1\n`, "TRB_EVENTS_NOTHING_LEFT"],
    ["times none of which can be read", `${header}ann,apple,view,x\nbob,apple,view,y\n`, "TRB_EVENTS_BAD_TIMESTAMP"],
    ["a quotation mark that is never closed", `${header}${good}"ann,apple,view,3\n`, "TRB_EVENTS_MALFORMED_CSV"],
  ] as const)("%s", async (name, content, code) => {
    expect((await refused(file(`${name}.csv`, content), { columns })).code).toBe(code);
  });

  it("a missing file, a folder, and a delimiter of two characters", async () => {
    const path = file("here.csv", header + good);
    expect((await refused(`${path}.not`)).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
    expect((await refused(path.replace("here.csv", ""))).code).toBe("TRB_EVENTS_FILE_UNREADABLE");
    expect((await refused(path, { delimiter: "||" })).code).toBe("TRB_EVENTS_BAD_DELIMITER");
  });

  it.each(["csv", "jsonl"])("a column that does not exist, naming those that do (%s)", async (format) => {
    const path = file(
      `cols.${format}`,
      format === "csv" ? header + good : '{"user":"a","item":"apple","action":"view","ts":1}\n',
    );
    const error = await refused(path, { columns: { ...columns, time: "when" } });
    expect(error.code).toBe("TRB_EVENTS_UNKNOWN_COLUMN");
    expect(error.exitCode).toBe(2);
    for (const name of ["user", "item", "action", "ts"]) expect(error.details["existing"]).toContain(name);
    const unnamed = file(`none.${format}`, format === "csv" ? "a,b\n1,2\n" : '{"a":1,"b":2}\n');
    expect((await refused(unnamed)).details["existing"]).toEqual(["a", "b"]);
    expect((await refused(path, { columns: { ...columns, action: "verb" } })).code).toBe("TRB_EVENTS_UNKNOWN_COLUMN");
  });

  it("a file without a header, without listing the values that stand in its place", async () => {
    const error = await refused(file("headless.csv", good.replaceAll(",1", ",1600000000")), { columns });
    expect(error.code).toBe("TRB_EVENTS_NO_HEADER");
    expect(JSON.stringify(error) + error.stack).not.toContain("ann");
  });

  it("unreadable times with file, line, column and the text's form, cut at 80 characters; a date as it is", async () => {
    const path = file("times.csv", `${header}ann,apple,view,\nann,apple,view,${"z".repeat(200)}\nbob,apple,view,soon\n`);
    const { details } = await refused(path, { columns });
    expect([details["file"], details["line"], details["column"], details["field"]]).toEqual([path, 3, "ts", 4]);
    expect(String(details["text"])).toContain(`"${"a".repeat(79)}…"`);
    for (const date of ["3.5.2021 10:00", "05/03/2021", "3 May 2021"]) {
      const unread = await refused(file("dates.csv", `${header}ann,apple,view,${date}\n`), { columns });
      expect(unread.details["text"]).toBe(`"${date}"`);
    }
  });

  it("but drops unreadable times when one can be read", async () => {
    const { report } = await load(file("some.csv", `${header}${good}ann,apple,view,soon\n`), { columns });
    expect(report.dropped.unparsableTime).toBe(1);
  });

  it("without ever showing a customer's id, even when the columns are mixed up", async () => {
    const path = file("mixed.csv", `${header}secret-1,apple,view,1\nsecret-2,apple,view,2\n`);
    const mixed = await Promise.all([
      refused(path, { columns: { ...columns, time: "user" } }),
      refused(path, { columns: { ...columns, action: "user" } }),
      refused(path, { columns: { ...columns, item: "user" } }),
      refused(file("quote.csv", `${header}"secret-1,apple,view,1\n`), { columns }),
    ]);
    for (const error of mixed) {
      expect(JSON.stringify([error, error.details, String(error.cause ?? "")])).not.toContain("secret");
    }
  });

  it("a 2 GB line after its first mebibyte, in every format", async () => {
    const path = file("huge.csv", header + good);
    const descriptor = openSync(path, "r+");
    ftruncateSync(descriptor, 2 ** 31); // a hole of zero bytes: no line end
    closeSync(descriptor);
    const before = process.memoryUsage().rss;
    for (const options of [
      { columns },
      { columns, format: "jsonl" },
      { preset: "sasrec-text" },
    ] satisfies Partial<ImportOptions>[]) {
      const error = await refused(path, options);
      expect([error.code, error.details["line"]]).toEqual(["TRB_EVENTS_LINE_TOO_LONG", 4]);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it("a quotation mark that swallows line after line, past the limit", async () => {
    const path = file("swallow.csv", `${header}${good}ann,"apple,view,3\n${"bob,apple,view,4\n".repeat(2000)}`);
    expect((await refused(path, { columns, lineLimit: 1000 })).code).toBe("TRB_EVENTS_LINE_TOO_LONG");
  });

  it("one customer, unless one is enough", async () => {
    const path = file("device.csv", `${header}ann,apple,view,1\n`);
    expect((await load(path, { columns, leastCustomers: 1 })).histories.customers).toEqual(["ann"]);
  });
});
