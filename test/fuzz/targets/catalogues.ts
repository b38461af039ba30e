/** What merchants say of items: catalogues as they travel, tables that they are made of, SKUs, GTINs, vectors. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  catalogueBytes,
  gtinOf,
  isNamespace,
  makeCatalogue,
  parseCatalogue,
  readFeatures,
  withAttributes,
} from "@tributary/events";
import { readItems, readSkuMap, writeTable } from "@tributary/events/ingest";
import { readNpy } from "../../../packages/events/src/features/npy.ts";
import type { Choices } from "../engine/choices.ts";
import { editBytes, editJson, editTable } from "../engine/edits.ts";
import { ownFolder } from "../engine/own-folder.ts";
import { lenientText, must, type Target, textBytes, verdictLater, verdictOf } from "../engine/target.ts";

const folder = ownFolder("catalogues");
const items = [
  {
    id: "i1",
    title: "Red shoes",
    category: "shoes",
    brand: "b",
    price: 1.5,
    attributes: ["red", "size:40"],
    features: [0.5, 1],
  },
  { id: "i2", title: "Élan 😀", price: 0 },
];
const small = makeCatalogue(items.map(({ id }) => ({ id })));
const jsonl = (rows: unknown): Uint8Array =>
  textBytes((Array.isArray(rows) ? rows : [rows]).map((row) => `${JSON.stringify(row)}\n`).join(""));
const words = [
  "id",
  "gtin",
  "title",
  "category",
  "brand",
  "price",
  "attributes",
  "features",
  "sku",
  "[0.1,0.2]",
  "|",
  "__proto__",
];

const catalogues: Target = {
  ...{ name: "catalogues-jsonl", parses: "catalogues as they travel", dictionary: words },
  seeds: () => [catalogueBytes(makeCatalogue(items)), jsonl(items)],
  structured: (choices) => jsonl(editJson(items, choices)),
  async fuzz(bytes) {
    const read = verdictOf(() => parseCatalogue(bytes));
    if ("value" in read) {
      const written = catalogueBytes(read.value);
      const again = verdictOf(() => catalogueBytes(parseCatalogue(written)));
      must("value" in again && Buffer.compare(again.value, written) === 0, "a catalogue is read as it was written");
    }
    const path = join(folder, "attributes.jsonl");
    writeFileSync(path, bytes);
    await verdictLater(() => withAttributes(small, path));
  },
};

const csv =
  'id,gtin,title,category,price,attributes,features\ni1,,"Red, shoes",shoes,1.5,red|40,"[0.5,1]"\ni2,4006381333931,x,,0,,\n';
const table = (ending: string, seeds: readonly Uint8Array[], structured: Target["structured"]): Target => {
  const path = join(folder, `items${ending}`);
  return {
    ...{
      name: `catalogues-items${ending.replace(".", "-")}`,
      parses: `tables of items and of SKUs: ${ending}`,
      dictionary: words,
    },
    seeds: () => seeds,
    smoke: ending === ".parquet" ? 4 : 60,
    ...(structured === undefined ? {} : { structured }),
    async fuzz(bytes) {
      writeFileSync(path, bytes);
      const read = await verdictLater(() => readItems({ files: [path], onBadRow: () => {} }));
      if ("value" in read) {
        must(read.value.rows >= read.value.items.length, "there are no more items than rows");
        const written = catalogueBytes(read.value);
        must(Buffer.compare(catalogueBytes(parseCatalogue(written)), written) === 0, "a catalogue is read as it was written");
      }
      await verdictLater(() => readSkuMap(path));
    },
  };
};

async function parquetOf(
  columns: Parameters<typeof writeTable>[1],
  rows: Parameters<Parameters<Parameters<typeof writeTable>[2]>[0]>[0],
): Promise<Uint8Array> {
  const path = join(folder, "written.parquet");
  await writeTable(path, columns, async (add) => add(rows));
  return new Uint8Array(readFileSync(path));
}
const parquetItems = await parquetOf(
  [
    { name: "id", kind: "text" },
    { name: "title", kind: "text" },
    { name: "price", kind: "number" },
  ],
  [
    ["i1", "Red", 1.5],
    ["i2", "Blue", null],
  ],
);
const parquetVectors = await parquetOf(
  [
    { name: "id", kind: "text" },
    { name: "x", kind: "number" },
    { name: "y", kind: "number" },
  ],
  [
    ["i1", 0.5, 1],
    ["i2", 0.25, 2],
  ],
);

function npy(header: string, data: Uint8Array): Uint8Array {
  const padded = `${header}${" ".repeat((64 - ((10 + header.length + 1) % 64)) % 64)}\n`;
  const file = Buffer.alloc(10 + padded.length + data.length);
  file.write("\x93NUMPY\x01\x00", 0, "latin1");
  file.writeUInt16LE(padded.length, 8);
  file.write(padded, 10, "latin1");
  file.set(data, 10 + padded.length);
  return new Uint8Array(file);
}
const npyHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
const npyData = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

function changedNpy(choices: Choices): Uint8Array {
  const header = new TextDecoder("latin1").decode(editBytes(textBytes(npyHeader), choices, 2));
  const shape = choices.of([
    "(2, 3)",
    "(2,)",
    "()",
    "(4294967296, 4294967296)",
    "(2, 3, 1)",
    "(-2, 3)",
    "(1e9, 1)",
    "(99999999999999999999, 1)",
  ]);
  return npy(choices.below(2) === 0 ? npyHeader.replace("(2, 3)", shape) : header, editBytes(npyData, choices, 2));
}

const matrices: Target = {
  ...{ name: "catalogues-npy", parses: "NumPy matrices", longest: 512 },
  dictionary: ["'descr'", "'<f8'", "'<f4'", "'fortran_order'", "'shape'", "(4294967295, 2)", "\x93NUMPY"],
  seeds: () => [npy(npyHeader, npyData), npy(npyHeader.replace("<f4", "<f8").replace("3)", "1)"), npyData.subarray(0, 16))],
  structured: changedNpy,
  async fuzz(bytes) {
    const path = join(folder, "matrix.npy");
    writeFileSync(path, bytes);
    const read = await verdictLater(() => readNpy(path, 2 ** 26));
    if ("value" in read)
      must(read.value.values.length === read.value.rows * read.value.width, "a matrix is as large as its shape");
    await verdictLater(() => readFeatures(path, small));
  },
};

const vectors: Target = {
  ...{ name: "catalogues-vectors", parses: "vectors of items, Parquet", longest: parquetVectors.length + 512, smoke: 40 },
  seeds: () => [parquetVectors, parquetItems],
  structured: (choices) => editBytes(parquetVectors, choices),
  async fuzz(bytes) {
    const path = join(folder, "vectors.parquet");
    writeFileSync(path, bytes);
    const read = await verdictLater(() => readFeatures(path, small));
    if ("value" in read) must(read.value.values.length === 2 * read.value.width, "there is a vector for each item");
  },
};

const numbers: Target = {
  ...{ name: "catalogues-gtin", parses: "GTINs, ISBNs, namespaces", longest: 64 },
  seeds: () => ["4006381333931", "0-306-40615-2", "080442957X", "036000291452"].map(textBytes),
  fuzz(bytes) {
    const text = lenientText(bytes);
    const gtin = gtinOf(text);
    if (gtin !== undefined) must(/^\d{14}$/.test(gtin) && gtinOf(gtin) === gtin, "a GTIN is one in its long form");
    isNamespace(text);
  },
};

const editedItems = (choices: Choices) => jsonl(editJson(items, choices));
export const targets: readonly Target[] = [
  catalogues,
  table(".csv", [textBytes(csv), textBytes("sku,id\na,i1\nb,i2\n")], (choices) => textBytes(editTable(csv, ",", choices))),
  table(".jsonl", [jsonl(items), jsonl([{ sku: "a", id: "i1" }])], editedItems),
  table(".parquet", [parquetItems], (choices) => editBytes(parquetItems, choices)),
  ...[matrices, vectors, numbers],
];
