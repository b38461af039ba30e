/**
 * Frozen public vectors of items (text, images), from a file. They are public content like the catalogue, whose order they take: the
 * vectors themselves are never trained, only their projection is.
 */
import { createHash } from "node:crypto";
import { extname } from "node:path";
import { fail } from "@tributary/errors";
import { type Catalogue, makeCatalogue } from "../catalogue.ts";
import { fileChunks } from "../reading/file-bytes.ts";
import { readNpy } from "./npy.ts";

export interface Features {
  /** `[items · width]`, row-major: row i is the vector of item number i + 1, zero where the file has none. */
  readonly values: Float32Array;
  readonly width: number;
  /** Items of the catalogue without a vector in the file. */
  readonly missing: number;
  /** Rows of the file whose item is not in the catalogue; they are left out. */
  readonly ofOtherItems: number;
  /** SHA-256 of the file's bytes, lower-case hex: what everybody who trains together must have in common. */
  readonly sha256: string;
}

/**
 * The catalogue with each item's vector in it, so that `catalogueHash` fixes the vectors and whoever fetches the catalogue has them. They
 * are written with five significant digits: more than a projection of them can tell apart, and half the bytes. Items whose vector is
 * zero have none.
 */
export function withFeatures(catalogue: Catalogue, { values, width }: Pick<Features, "values" | "width">): Catalogue {
  return makeCatalogue(
    catalogue.items.map(({ features: _, ...item }, place) => {
      const vector = values.subarray(place * width, (place + 1) * width);
      return vector.every((value) => value === 0) ? item : { ...item, features: Array.from(vector, fiveDigits) };
    }),
  );
}

const fiveDigits = (value: number) => Number(value.toPrecision(5));

/** Numbers that are held at most: 4 bytes each, together 4 GiB. */
const mostNumbers = 2 ** 30;

/**
 * Reads `.npy` (rows in the catalogue's order) or `.parquet` (rows by item id).
 *
 * `.npy`: float32 or float64, little-endian, C order, `[items, width]`. Parquet: a column `id` (or `item`, `item_id`, …) and either one
 * column of lists, all of one length, or as many number columns as the vector is wide.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_FEATURES_INVALID, TRB_EVENTS_FEATURES_ROWS,
 *   TRB_EVENTS_FEATURES_NOT_FINITE
 */
export async function readFeatures(path: string, catalogue: Catalogue): Promise<Features> {
  const ending = extname(path).toLowerCase();
  const sha256 = await hashOf(path);
  if (ending === ".npy") {
    const { values, rows, width } = await readNpy(path, mostNumbers);
    const items = catalogue.items.length;
    if (rows !== items) throw fail("TRB_EVENTS_FEATURES_ROWS", { file: path, rows, items });
    checkFinite(path, values, width);
    return { values, width, missing: 0, ofOtherItems: 0, sha256 };
  }
  if (ending !== ".parquet") {
    throw fail("TRB_EVENTS_FEATURES_INVALID", { file: path, reason: "its name ends neither in .npy nor in .parquet" });
  }
  const { readParquetFeatures } = await import("./parquet.ts"); // its library is for those who have such a file
  const read = await readParquetFeatures(path, catalogue, mostNumbers);
  checkFinite(path, read.values, read.width);
  return { ...read, sha256 };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of fileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** One NaN in a public vector would make every customer of its item count as zero. */
function checkFinite(path: string, values: Float32Array, width: number): void {
  const place = values.findIndex((value) => !Number.isFinite(value));
  if (place < 0) return;
  const [item, column] = [1 + Math.floor(place / width), 1 + (place % width)];
  throw fail("TRB_EVENTS_FEATURES_NOT_FINITE", { file: path, item, column });
}
