import { readFileSync } from "node:fs";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { catalogueBytes, makeCatalogue, parseCatalogue } from "../catalogue.ts";
import { logFiles, refusal } from "../log-files.fixture.ts";
import { readFeatures, withFeatures } from "./features.ts";

const file = logFiles();
const catalogue = makeCatalogue(["apple", "bread", "cheese"].map((id) => ({ id })));
const numbers = [0.5, -1, 2, 0, 3.25, 1e-3];

interface Npy {
  readonly descr?: string;
  readonly order?: string;
  readonly shape?: string;
  readonly version?: number;
  readonly data?: Float32Array | Float64Array;
}

/** As numpy.save writes it: the header padded with blanks to 64 bytes and ended by a line end. */
function npy({ descr = "<f4", order = "False", shape = "(3, 2)", version = 1, data = Float32Array.from(numbers) }: Npy = {}) {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const lead = version === 1 ? 10 : 12;
  const length = Math.ceil((lead + text.length + 1) / 64) * 64 - lead;
  const start = Buffer.alloc(lead);
  start.write("\x93NUMPY", "latin1");
  start[6] = version;
  if (version === 1) start.writeUInt16LE(length, 8);
  else start.writeUInt32LE(length, 8);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(length - 1)}\n`), Buffer.from(data.buffer)]);
}

interface Column {
  readonly name: string;
  readonly data: readonly unknown[];
  readonly type: "STRING" | "DOUBLE" | "FLOAT" | "INT64" | "LIST";
}

const ids = (...data: readonly string[]): Column => ({ name: "item_id", data, type: "STRING" });
const lists = (...data: readonly (readonly number[])[]): Column => ({ name: "vector", data, type: "LIST" });
const doubles = (...data: readonly (number | null)[]): Column => ({ name: "v", data, type: "DOUBLE" });

/** A file of these columns; lists of doubles in the three levels that the format prescribes. */
function parquet(columns: readonly Column[]): Uint8Array {
  const elements = columns.flatMap(({ name, type }): SchemaElement[] => {
    if (type === "STRING") return [{ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" }];
    if (type !== "LIST") return [{ name, type, repetition_type: "OPTIONAL" }];
    return [
      { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type: "DOUBLE", repetition_type: "OPTIONAL" },
    ];
  });
  const columnData = columns.map(({ name, data }) => ({ name, data: [...data] }));
  const schema: SchemaElement[] = [{ name: "root", num_children: columns.length }, ...elements];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema }));
}

describe("feature vectors from .npy", () => {
  it.each([
    ["float32", npy()],
    ["float64", npy({ descr: "<f8", data: Float64Array.from(numbers) })],
    ["version 2", npy({ version: 2 })],
  ])("are read in the catalogue's order: %s", async (name, bytes) => {
    const path = file(`${name}.npy`, bytes);
    const features = await readFeatures(path, catalogue);
    expect([...features.values]).toEqual(numbers.map(Math.fround));
    expect(features).toMatchObject({ width: 2, missing: 0, ofOtherItems: 0 });
    expect(features.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it("of many blocks of float64 come in order", async () => {
    const items = 3000;
    const many = makeCatalogue(Array.from({ length: items }, (_, i) => ({ id: `i${i}` })));
    const data = Float64Array.from({ length: items * 50 }, (_, i) => i);
    const path = file("many.npy", npy({ descr: "<f8", shape: `(${items}, 50)`, data }));
    expect((await readFeatures(path, many)).values.every((value, i) => value === i)).toBe(true);
  });

  it.each([
    ["another magic number", Buffer.concat([Buffer.from("PK"), npy().subarray(2)]), "magic"],
    ["nothing in it", Buffer.alloc(3), "short"],
    ["a format of the future", npy({ version: 4 }), "version 4"],
    ["Fortran order", npy({ order: "True" }), "Fortran"],
    ["integers", npy({ descr: "<i4" }), "<i4"],
    ["big-endian numbers", npy({ descr: ">f4" }), ">f4"],
    ["objects", npy({ descr: "|O" }), "|O"],
    ["one axis", npy({ shape: "(6,)" }), "(6,)"],
    ["three axes", npy({ shape: "(3, 2, 1)" }), "(3, 2, 1)"],
    ["no columns", npy({ shape: "(3, 0)" }), "(3, 0)"],
    ["a row too few in the data", npy().subarray(0, -8), "bytes"],
    ["more data than its shape", Buffer.concat([npy(), Buffer.alloc(4)]), "bytes"],
    ["a header that ends early", npy().subarray(0, 40), "early"],
    ["a shape beyond all memory", npy({ shape: "(3, 999999999999)" }), "more than"],
  ])("are refused with %s", async (name, bytes, told) => {
    const error = await refusal(() => readFeatures(file(`${name.replaceAll(" ", "-")}.npy`, bytes), catalogue));
    expect(error.code).toBe("TRB_EVENTS_FEATURES_INVALID");
    expect(error.details["reason"]).toContain(told);
  });

  it("are refused with another number of rows, naming both", async () => {
    const error = await refusal(() => readFeatures(file("rows.npy", npy({ shape: "(2, 3)" })), catalogue));
    expect([error.code, error.details["rows"], error.details["items"]]).toEqual(["TRB_EVENTS_FEATURES_ROWS", 2, 3]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e39])(
    "are refused with %s, which float32 can't hold, naming the place",
    async (bad) => {
      const data = Float64Array.from(numbers, (value, i) => (i === 3 ? bad : value));
      const error = await refusal(() => readFeatures(file("bad.npy", npy({ descr: "<f8", data })), catalogue));
      expect(error.code).toBe("TRB_EVENTS_FEATURES_NOT_FINITE");
      expect([error.details["item"], error.details["column"]]).toEqual([2, 2]);
    },
  );

  it("are refused where there is no file, and by another name", async () => {
    expect((await refusal(() => readFeatures("/nowhere/x.npy", catalogue))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
    expect((await refusal(() => readFeatures("/nowhere/x.parquet", catalogue))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
    const error = await refusal(() => readFeatures(file("x.csv", "1,2"), catalogue));
    expect(error.code).toBe("TRB_EVENTS_FEATURES_INVALID");
  });
});

describe("feature vectors from Parquet", () => {
  it("come by item id in any order, as lists; items without one get zeros and are counted", async () => {
    const columns = [ids("cheese", "unknown", "apple"), lists([1, 2], [3, 4], [5, 6])];
    const path = file("lists.parquet", parquet(columns));
    const features = await readFeatures(path, catalogue);
    expect([...features.values]).toEqual([5, 6, 0, 0, 1, 2]);
    expect(features).toMatchObject({ width: 2, missing: 1, ofOtherItems: 1 });
    expect(readFileSync(path).subarray(0, 4).toString()).toBe("PAR1");
  });

  it("come as number columns, in the file's order of columns; text beside them is no part", async () => {
    const columns: Column[] = [
      { name: "v0", data: [1, 2, 3], type: "FLOAT" },
      { name: "title", data: ["A", "B", "C"], type: "STRING" },
      { name: "v1", data: [0.5, 0.25, 0.125], type: "DOUBLE" },
      ids("apple", "bread", "cheese"),
    ];
    const path = file("columns.parquet", parquet(columns));
    const features = await readFeatures(path, catalogue);
    expect([...features.values]).toEqual([1, 0.5, 2, 0.25, 3, 0.125]);
    expect(features.missing).toBe(0);
  });

  it("come by ids that are numbers", async () => {
    const numbered = makeCatalogue([{ id: "7" }, { id: "12" }]);
    const path = file("numbered.parquet", parquet([{ name: "id", data: [12n, 7n], type: "INT64" }, doubles(1, 2)]));
    expect([...(await readFeatures(path, numbered)).values]).toEqual([2, 1]);
  });

  it.each([
    ["no item ids", [doubles(1, 2)], "ids"],
    ["no vector", [ids("apple")], "neither"],
    ["vectors of two lengths", [ids("apple", "bread"), lists([1, 2], [1])], "row 2 has 1"],
    ["empty vectors", [ids("apple"), lists([])], "empty"],
    ["a hole in a vector", [ids("apple", "bread"), doubles(1, null)], "row 2"],
    ["an item twice", [ids("apple", "apple"), doubles(1, 2)], "row 2"],
    ["only other items", [ids("x", "y"), doubles(1, 2)], "none"],
    ["lists and numbers", [ids("apple"), lists([1]), doubles(1)], "both"],
    ["two columns of lists", [ids("apple"), lists([1]), { ...lists([1]), name: "other" }], "several"],
  ] satisfies [string, Column[], string][])("are refused with %s", async (name, columns, told) => {
    const error = await refusal(() => readFeatures(file(`${name.replaceAll(" ", "-")}.parquet`, parquet(columns)), catalogue));
    expect(error.code).toBe("TRB_EVENTS_FEATURES_INVALID");
    expect(error.details["reason"]).toContain(told);
  });

  it("are refused, coded, when the bytes are cut or are none of Parquet", async () => {
    const bytes = parquet([ids("apple", "bread"), doubles(1, 2)]);
    for (const broken of [bytes.subarray(0, 20), bytes.subarray(0, -5), Buffer.from("hello, world, hello"), Buffer.alloc(0)]) {
      const error = await refusal(() => readFeatures(file("broken.parquet", broken), catalogue));
      expect(error.code).toBe("TRB_EVENTS_FEATURES_INVALID");
    }
  });

  it("with NaN are refused, naming the place", async () => {
    const path = file("nan.parquet", parquet([ids("apple", "bread"), doubles(1, Number.NaN)]));
    expect((await refusal(() => readFeatures(path, catalogue))).code).toBe("TRB_EVENTS_FEATURES_NOT_FINITE");
  });
});

describe("a catalogue with features", () => {
  it("keeps them in its canonical bytes, with five digits, and reads them back", async () => {
    const bytes = npy({ data: Float32Array.of(1 / 3, -0, 0, 0, 12345.678, 1e-7) });
    const joined = withFeatures(catalogue, await readFeatures(file("joined.npy", bytes), catalogue));
    expect(joined.items.map(({ features }) => features)).toEqual([[0.33333, 0], undefined, [12346, 1e-7]]);
    const text = new TextDecoder().decode(catalogueBytes(joined));
    expect(text.split("\n")[0]).toBe('{"features":[0.33333,0],"id":"apple"}');
    expect(parseCatalogue(catalogueBytes(joined)).items).toEqual(joined.items);
    expect(withFeatures(joined, { width: 1, values: new Float32Array(3) }).items).toEqual(catalogue.items);
  });

  it("is refused when vectors have different lengths, or hold no numbers", async () => {
    for (const lines of [
      '{"id":"a","features":[1,2]}\n{"id":"b"}\n{"id":"c","features":[1]}',
      '{"id":"a","features":[null]}',
      '{"id":"a","features":[]}',
    ]) {
      const error = await refusal(() => parseCatalogue(Buffer.from(lines)));
      expect(error.code).toBe("TRB_EVENTS_CATALOGUE_INVALID");
    }
  });
});
