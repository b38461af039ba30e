/** Item vectors from Parquet: an id column, and either one column of lists or a number column for each coordinate. */
import { fail } from "@tributary/errors";
import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import type { Catalogue } from "../catalogue.ts";
import { readFailure } from "../reading/file-bytes.ts";

const idNames = ["id", "item", "item_id", "itemid", "product", "product_id", "productid", "sku", "asin"];
const numberTypes: ReadonlySet<string | undefined> = new Set(["FLOAT", "DOUBLE", "INT32", "INT64"]);

/** Rows that are read at once. */
const block = 4096;

export interface FeatureRows {
  readonly values: Float32Array;
  readonly width: number;
  readonly missing: number;
  readonly ofOtherItems: number;
}

/** @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_FEATURES_INVALID */
export async function readParquetFeatures(path: string, catalogue: Catalogue, mostNumbers: number): Promise<FeatureRows> {
  const invalid = (reason: string, cause?: unknown) => fail("TRB_EVENTS_FEATURES_INVALID", { file: path, reason }, cause);
  /** Whatever the library makes of broken bytes is one refusal. */
  const unparsable = (error: unknown) =>
    invalid(`it can't be read as Parquet (${error instanceof Error ? error.message.slice(0, 120) : "unknown"})`, error);
  const file = await asyncBufferFromFile(path).catch((error: unknown) => {
    throw readFailure(path, error);
  });
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
    throw unparsable(error);
  });
  const { id, columns } = columnsOf(topOf(metadata, unparsable), invalid);
  const rows = Number(metadata.num_rows);
  const items = catalogue.items.length;
  const seen = new Set<string>();
  let values: Float32Array | undefined;
  let width = 0;
  let found = 0;
  for (let rowStart = 0; rowStart < rows; rowStart += block) {
    const rowEnd = Math.min(rows, rowStart + block);
    const read = { file, metadata, columns: [id, ...columns], rowStart, rowEnd };
    const objects = await parquetReadObjects(read).catch((error: unknown) => {
      throw unparsable(error);
    });
    // a file may say that it has more rows than any loop comes to the end of
    if (objects.length < rowEnd - rowStart)
      throw invalid(`it ends after ${rowStart + objects.length} rows, and says that it has ${rows}`);
    for (const [place, object] of objects.entries()) {
      const row = rowStart + place + 1;
      const item = textOf(object[id]);
      if (item === undefined) throw invalid(`row ${row} has no item id`);
      if (seen.has(item)) throw invalid(`row ${row} gives an item's vector again`);
      seen.add(item);
      const vector = vectorOf(object, columns);
      if (vector === undefined) throw invalid(`row ${row} has something that is no number`);
      if (values === undefined) {
        width = vector.length;
        if (width === 0) throw invalid("its vectors are empty");
        if (items * width > mostNumbers) throw invalid(`${items} vectors of ${width} numbers are more than ${mostNumbers}`);
        values = new Float32Array(items * width);
      }
      if (vector.length !== width) throw invalid(`row ${row} has ${vector.length} numbers where the first has ${width}`);
      const number = catalogue.numbers.get(item);
      if (number === undefined) continue;
      values.set(vector, (number - 1) * width);
      found++;
    }
  }
  if (values === undefined) throw invalid("it has no rows");
  if (found === 0) throw invalid(`none of its ${rows} items is in the catalogue`);
  return { values, width, missing: items - found, ofOtherItems: rows - found };
}

/** The columns that a file says it has, of which each has a name. */
function topOf(metadata: FileMetaData, unparsable: (error: unknown) => Error): readonly SchemaTree[] {
  let top: readonly SchemaTree[];
  try {
    top = parquetSchema(metadata).children;
  } catch (error) {
    throw unparsable(error);
  }
  if (top.some(({ element }) => typeof element?.name !== "string")) throw unparsable(new Error("a column has no name"));
  return top;
}

/** The id column's name and those of the vector: one list column, or all number columns in the file's order. */
function columnsOf(top: readonly SchemaTree[], invalid: (reason: string) => Error) {
  const id = idNames.map((name) => top.find(({ element }) => element.name.toLowerCase() === name)).find((one) => one);
  if (id === undefined) throw invalid(`it has no column of item ids, named ${idNames.slice(0, 3).join(", ")} or the like`);
  const others = top.filter((column) => column !== id);
  const lists = others.filter(({ children }) => children.length > 0);
  const numbers = others.filter(({ children, element }) => children.length === 0 && numberTypes.has(element.type));
  const chosen = lists.length > 0 ? lists : numbers;
  if (chosen.length === 0) throw invalid("it has neither a column of lists nor columns of numbers");
  if (lists.length > 1) throw invalid("it has several columns of lists; one is the vector");
  if (lists.length > 0 && numbers.length > 0)
    throw invalid("it has a column of lists and columns of numbers; one of both is the vector");
  return { id: id.element.name, columns: chosen.map(({ element }) => element.name) };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value.trim() === "" ? undefined : value.trim();
  return typeof value === "number" || typeof value === "bigint" ? String(value) : undefined;
}

/** Undefined when something in it is no number. NaN passes: it is refused with its place. */
function vectorOf(object: Readonly<Record<string, unknown>>, columns: readonly string[]): readonly number[] | undefined {
  const fields = columns.map((name) => object[name]);
  const list = fields.length === 1 && Array.isArray(fields[0]) ? (fields[0] as readonly unknown[]) : fields;
  const numbers: number[] = [];
  for (const value of list) {
    if (typeof value !== "number" && typeof value !== "bigint") return undefined;
    numbers.push(Number(value));
  }
  return numbers;
}
