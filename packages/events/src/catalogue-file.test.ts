import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { catalogueBytes, makeCatalogue } from "./catalogue.ts";
import { catalogueFromLog, readCatalogue, withAttributes, writeCatalogue } from "./catalogue-file.ts";
import { importLog } from "./import-log.ts";
import { logFiles, refusal } from "./log-files.fixture.ts";

const file = logFiles();
const log = `user,item,action,ts
ann,pear,view,1
ann,apple,buy,2
bob,zucchini,view,never
bob,apple,teleport,3
bob,fruit,category,4
bob,pear,view,5
,melon,view,6
`;

describe("catalogueFromLog", () => {
  it("lists the items of usable events only, by id, so that nobody's order shows", async () => {
    const catalogue = await catalogueFromLog(file("log.csv", log));
    expect(catalogue.items).toEqual([{ id: "apple" }, { id: "pear" }]);
  });

  it("gives a catalogue by which nothing of the log is outside", async () => {
    const path = file("log.csv", log);
    const { report } = await importLog({ path, catalogue: await catalogueFromLog(path) });
    expect(report.dropped.outsideCatalogue).toBe(0);
    expect(report.kept).toBe(4);
  });

  it("adds attributes from JSON and from JSONL alike", async () => {
    const path = file("log.csv", log);
    const json = file("attributes.json", '{"pear":[3,"green"],"melon":["big"]}');
    const jsonl = file(
      "attributes.jsonl",
      '{"id":"pear","attributes":["green"]}\n{"id":"melon","attributes":[1]}\n{"id":"pear","attributes":[3]}\n',
    );
    const expected = [{ id: "apple" }, { id: "pear", attributes: ["3", "green"] }];
    for (const attributes of [json, jsonl]) expect((await catalogueFromLog(path, { attributes })).items).toEqual(expected);
  });

  it("refuses what importLog refuses", async () => {
    expect((await refusal(() => catalogueFromLog(file("empty.csv", "")))).code).toBe("TRB_EVENTS_EMPTY");
    expect((await refusal(() => catalogueFromLog(file("bad.csv", "user,item,ts\na,b,x\n")))).code).toBe(
      "TRB_EVENTS_BAD_TIMESTAMP",
    );
    expect((await refusal(() => catalogueFromLog(file("cols.csv", "a,b\n1,2\n")))).code).toBe("TRB_EVENTS_UNKNOWN_COLUMN");
  });
});

describe("withAttributes", () => {
  const catalogue = makeCatalogue([{ id: "b", attributes: ["old"] }, { id: "a" }]);

  it("keeps items, their order and what they have, and counts what does not fit", async () => {
    const joined = await withAttributes(catalogue, file("more.json", '{"b":["new","old"],"c":["x"]}'));
    expect(joined.items).toEqual([{ id: "b", attributes: ["new", "old"] }, { id: "a" }]);
    expect([joined.itemsWithAttributes, joined.attributesOfOtherItems]).toEqual([1, 1]);
  });

  it.each([
    ["broken.json", "{"],
    ["list.json", '[["b"]]'],
    ["text.json", '{"b":"red"}'],
    ["line.jsonl", '{"id":"b","attributes":["x"]}\n{"attributes":["x"]}\n'],
  ])("refuses %s", async (name, content) => {
    expect((await refusal(() => withAttributes(catalogue, file(name, content)))).code).toBe(
      "TRB_EVENTS_CATALOGUE_ATTRIBUTES_INVALID",
    );
  });

  it("refuses a missing file", async () => {
    expect((await refusal(() => withAttributes(catalogue, "/nowhere/at all.json"))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
  });
});

describe("catalogue files", () => {
  it("hold the canonical bytes and are read back", async () => {
    const catalogue = makeCatalogue([
      { id: "é", price: 2 },
      { id: "a", attributes: ["x"] },
    ]);
    const path = file("catalogue.jsonl", "");
    await writeCatalogue(path, catalogue);
    expect(new Uint8Array(readFileSync(path))).toEqual(catalogueBytes(catalogue));
    expect((await readCatalogue(path)).items).toEqual(catalogue.items);
  });

  it("are refused when missing or unwritable", async () => {
    expect((await refusal(() => readCatalogue("/nowhere/catalogue.jsonl"))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
    const unwritable = await refusal(() => writeCatalogue("/nowhere/catalogue.jsonl", makeCatalogue([{ id: "a" }])));
    expect(unwritable.code).toBe("TRB_EVENTS_FILE_UNWRITABLE");
  });
});
