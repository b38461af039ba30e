import type { TributaryError } from "@tributary/errors";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { catalogueBytes } from "../catalogue.ts";
import { logFiles, refusal } from "../log-files.fixture.ts";
import { byId, readItems } from "./read-items.ts";
import { readSkuMap } from "./sku-map.ts";

const file = logFiles();
const csv = `sku,name,category,brand,price,tags
b,"Bread, dark",food,Mill,2.5,dark|fresh
a,Apple,fruit,,0.4,
`;
const jsonl = `{"sku":"b","name":"Bread, dark","category":"food","brand":"Mill","price":2.5,"tags":["fresh","dark"]}
{"sku":"a","name":"Apple","category":"fruit","price":0.4,"brand":null}
`;
const parquet = Buffer.from(
  parquetWriteBuffer({
    schema: [
      { name: "root", num_children: 6 },
      ...["sku", "name", "category", "brand"].map((name) => ({
        ...{ name, type: "BYTE_ARRAY" as const, converted_type: "UTF8" as const, repetition_type: "OPTIONAL" as const },
      })),
      { name: "price", type: "DOUBLE", repetition_type: "OPTIONAL" },
      { name: "tags", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    ],
    columnData: [
      { name: "sku", data: ["b", "a"] },
      { name: "name", data: ["Bread, dark", "Apple"] },
      { name: "category", data: ["food", "fruit"] },
      { name: "brand", data: ["Mill", null] },
      { name: "price", data: [2.5, 0.4] },
      { name: "tags", data: [["fresh", "dark"], []] },
    ],
  }),
);

const refused = (name: string, content: string | Uint8Array, options: object = {}) =>
  refusal(() => readItems({ files: [file(name, content)], ...options }));

describe("readItems", () => {
  it("makes the same catalogue of CSV, JSONL and Parquet, and ascending by id where that is wished", async () => {
    const expected =
      '{"category":"fruit","id":"a","price":0.4,"title":"Apple"}\n{"attributes":["dark","fresh"],"brand":"Mill","category":"food","id":"b","price":2.5,"title":"Bread, dark"}\n';
    for (const path of [file("items.csv", csv), file("items.jsonl", jsonl), file("items.parquet", parquet)]) {
      const items = await readItems({ files: [path] });
      expect(new TextDecoder().decode(catalogueBytes(byId(items)))).toBe(expected);
      expect([items.rows, items.badRows]).toEqual([2, 0]);
    }
  });

  it("reads the Parquet that is named, though its name has a pattern's characters", async () => {
    file("items-1.parquet", parquet.subarray(0, 4)); // what the pattern would find
    expect((await readItems({ files: [file("items-[1].parquet", parquet)] })).rows).toBe(2);
  });

  it("reads whole numbers of 64 bits as they are, and vectors as lists or as JSON", async () => {
    const bytes = Buffer.from(
      parquetWriteBuffer({
        schema: [
          { name: "root", num_children: 2 },
          { name: "id", type: "INT64", repetition_type: "OPTIONAL" },
          { name: "vector", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
          { name: "list", repetition_type: "REPEATED", num_children: 1 },
          { name: "element", type: "FLOAT", repetition_type: "OPTIONAL" },
        ],
        columnData: [
          { name: "id", data: [9007199254740993n, 7n] },
          {
            name: "vector",
            data: [
              [0.5, -1],
              [2, 0],
            ],
          },
        ],
      }),
    );
    const path = file("vectors.parquet", bytes);
    expect((await readItems({ files: [path] })).items).toEqual([
      { id: "9007199254740993", features: [0.5, -1] },
      { id: "7", features: [2, 0] },
    ]);
    const text = file("vectors.csv", 'id,vector\n7,"[2,0]"\n8,\n');
    expect((await readItems({ files: [text] })).items).toEqual([{ id: "7", features: [2, 0] }, { id: "8" }]);
  });

  it("takes columns by name, several of attributes as properties of the form name:value, and several files", async () => {
    const one = file("one.tsv", "code\twhat\tcolour\tsize\n1\tShirt\tred\tL\n");
    const two = file("two.csv", "code,what,colour,size\n2,Hat,blue,\n");
    const columns = { id: "code", title: "what", attributes: ["colour", "size"] };
    expect((await readItems({ files: [one, two], columns })).items).toEqual([
      { id: "1", title: "Shirt", attributes: ["colour:red", "size:L"] },
      { id: "2", title: "Hat", attributes: ["colour:blue"] },
    ]);
  });

  it("names items by the number on them, else by the namespace, and says which SKU became which id", async () => {
    const path = file("shop.csv", "sku,ean,title\nA-1,6291041500213,Tea\nA-2,,Own cake\n");
    const items = await readItems({ files: [path], naming: { gtin: true, namespace: "shop" } });
    expect(items.items.map(({ id }) => id)).toEqual(["gtin:06291041500213", "shop:A-2"]);
    expect([...items.skus]).toEqual([
      ["A-1", "gtin:06291041500213"],
      ["A-2", "shop:A-2"],
    ]);
  });

  it.each([
    ["a price that is none", "id,price\na,1\nb,cheap\n", 3, "price"],
    ["a negative price", "id,price\na,-1\n", 2, "price"],
    ["a row without an id, behind one of two lines", 'id,title\na,"two\nlines"\n,x\n', 4, "id"],
    ["a wrong check digit", "id,ean\na,6291041500214\n", 2, "ean"],
    ["a vector that is none", 'id,vector\na,"[1,2]"\nb,red\n', 3, "vector"],
  ] as const)("refuses %s with its line and column", async (_, content, line, column) => {
    const { code, details } = await refused("bad.csv", content);
    expect([code, details["line"], details["column"]]).toEqual(["TRB_EVENTS_CATALOGUE_FIELD_INVALID", line, column]);
  });

  it.each([
    ["an item twice", "twice.csv", "id\na\na\n", "TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM"],
    ["no column of ids", "none.csv", "what,price\na,1\n", "TRB_EVENTS_CATALOGUE_COLUMN_UNKNOWN"],
    ["nothing", "empty.csv", "", "TRB_EVENTS_EMPTY"],
    ["a header alone", "header.csv", "id,title\n", "TRB_EVENTS_CATALOGUE_EMPTY"],
    ["a line that is no object", "line.jsonl", '{"id":"a"}\n[1]\n', "TRB_EVENTS_CATALOGUE_INVALID"],
    ["a Parquet that was cut", "cut.parquet", parquet.subarray(0, parquet.length / 2), "TRB_EVENTS_FILE_DAMAGED"],
    ["a quotation mark that is never closed", "quote.csv", 'id,title\na,"b\n', "TRB_EVENTS_MALFORMED_CSV"],
  ] as const)("refuses %s", async (_, name, content, code) => {
    expect((await refused(name, content)).code).toBe(code);
  });

  it("refuses a column that was named and is nowhere, and an item that no rule names", async () => {
    const columns = { brand: "maker" };
    expect((await refused("named.csv", csv, { columns })).details["column"]).toBe("maker");
    expect((await refused("gtin.csv", csv, { naming: { gtin: true } })).details["column"]).toBe("sku");
    expect((await refusal(() => readItems({ files: ["/nowhere/items.parquet"] }))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
  });

  it("goes on past bad rows where somebody takes them, and counts them", async () => {
    const bad: TributaryError[] = [];
    const path = file("some.csv", "id,price\na,1\n,2\nb,x\na,3\n");
    const items = await readItems({ files: [path], onBadRow: (error) => bad.push(error) });
    expect(items.items).toEqual([{ id: "a", price: 1 }]);
    expect([items.rows, items.badRows]).toEqual([4, 3]);
    expect(bad.map(({ details }) => details["line"])).toEqual([3, 4, 5]);
  });
});

describe("readSkuMap", () => {
  it("reads pairs, the same one twice as one", async () => {
    expect([...(await readSkuMap(file("map.csv", "sku,id\nA-1,x\n7,y\nA-1,x\n")))]).toEqual([
      ["A-1", "x"],
      ["7", "y"],
    ]);
    expect([...(await readSkuMap(file("map.jsonl", '{"sku":7,"id":"y"}\n')))]).toEqual([["7", "y"]]);
  });

  it.each([
    ["sku,item\na,b\n", 1, "id"],
    ["sku,id\na,b\na,c\n", 3, "sku"],
    ["sku,id\na,\n", 2, "id"],
    ["sku,id\n", 1, "sku"],
  ] as const)("refuses %j with its place, and shows no SKU", async (content, line, column) => {
    const { code, details } = await refusal(() => readSkuMap(file("bad-map.csv", content)));
    expect([code, details["line"], details["column"]]).toEqual(["TRB_EVENTS_SKU_MAP_INVALID", line, column]);
  });
});
