/** Catalogues in files: read, written, taken from a log (demo only), and joined with attributes. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { fail } from "@tributary/errors";
import { z } from "zod";
import { needsItem } from "./action-names.ts";
import {
  attributesSchema,
  type Catalogue,
  type CatalogueItem,
  catalogueBuilder,
  catalogueBytes,
  makeCatalogue,
  type ReadCatalogue,
} from "./catalogue.ts";
import { interner } from "./cleaning/growing-columns.ts";
import { compareCodeUnits } from "./cleaning/order-events.ts";
import { rowCleaner } from "./cleaning/row-cleaner.ts";
import { defaultLineLimit, forEachLine, readFailure, systemErrorCode } from "./reading/file-bytes.ts";
import { type LogOptions, readLog } from "./reading/log.ts";

/**
 * Reads a JSONL catalogue. Keys that a catalogue doesn't know are dropped; `unknownKeys` says how many.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_CATALOGUE_EMPTY,
 *   TRB_EVENTS_CATALOGUE_INVALID, TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM
 */
export async function readCatalogue(path: string): Promise<ReadCatalogue> {
  const builder = catalogueBuilder(path);
  await forEachLine(path, defaultLineLimit, builder.line);
  return builder.finish();
}

/**
 * Writes the canonical bytes.
 * @throws TRB_EVENTS_FILE_UNWRITABLE
 */
export async function writeCatalogue(path: string, catalogue: Catalogue): Promise<void> {
  try {
    await writeFile(path, catalogueBytes(catalogue));
  } catch (error) {
    throw fail("TRB_EVENTS_FILE_UNWRITABLE", { file: path, reason: systemErrorCode(error) }, error);
  }
}

export interface CatalogueFromLogOptions extends LogOptions {
  /** A file of public attributes: JSON `{ id: [attribute, …] }`, or JSONL `{ id, attributes }`. */
  readonly attributes?: string | undefined;
}

/**
 * The items of a log's usable events, ascending by id: **demo only**. Such a list is derived from behaviour (provenance `log`), and a real
 * federation refuses it. Sorted, because the order of first appearance would tell who came first, and would break ties by it.
 * @throws what `importLog` throws, except TRB_EVENTS_TOO_FEW_CUSTOMERS; TRB_EVENTS_CATALOGUE_ATTRIBUTES_INVALID
 */
export async function catalogueFromLog(path: string, options: CatalogueFromLogOptions = {}): Promise<Catalogue> {
  const items = interner();
  const used = new Set<number>();
  const cleaner = rowCleaner(
    (id) => items.number(id) + 1,
    () => 0,
    (_customer, item, action) => {
      if (needsItem[action]) used.add(item - 1); // a category's id in the item column makes no item
    },
  );
  await readLog(path, options, cleaner);
  const unusable = cleaner.verdict(path);
  if (unusable !== undefined) throw unusable;
  const ids = items.texts.filter((_id, number) => used.has(number)).sort(compareCodeUnits);
  const catalogue = makeCatalogue(
    ids.map((id) => ({ id })),
    path,
  );
  return options.attributes === undefined ? catalogue : withAttributes(catalogue, options.attributes);
}

/** A catalogue with attributes from a file, and how the two fit. */
export interface CatalogueWithAttributes extends Catalogue {
  /** Items that have at least one attribute now. */
  readonly itemsWithAttributes: number;
  /** Entries of the file whose item is not in the catalogue; they are left out. */
  readonly attributesOfOtherItems: number;
}

/**
 * The same items in the same order, each with its attributes of the file added to those that it has.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_CATALOGUE_ATTRIBUTES_INVALID
 */
export async function withAttributes(catalogue: Catalogue, path: string): Promise<CatalogueWithAttributes> {
  const added = await readAttributes(path);
  const items = catalogue.items.map((item): CatalogueItem => {
    const more = added.get(item.id);
    return more === undefined ? item : { ...item, attributes: [...(item.attributes ?? []), ...more] };
  });
  let attributesOfOtherItems = 0;
  for (const id of added.keys()) if (!catalogue.numbers.has(id)) attributesOfOtherItems++;
  const joined = makeCatalogue(items, path);
  const itemsWithAttributes = joined.items.filter((item) => item.attributes !== undefined).length;
  return { ...joined, itemsWithAttributes, attributesOfOtherItems };
}

/** A JSON document is read whole; larger ones have to be JSONL. */
const largestJson = 256 * 2 ** 20;

const attributesDocument = z.record(z.string(), attributesSchema);
const attributesLine = z.object({
  id: z.union([z.string(), z.int()]).transform(String),
  attributes: attributesSchema.nullish(),
});

async function readAttributes(path: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const invalid = (reason: string) => fail("TRB_EVENTS_CATALOGUE_ATTRIBUTES_INVALID", { file: path, reason });
  const ending = extname(path).toLowerCase();
  if (ending !== ".jsonl" && ending !== ".ndjson") {
    const document = attributesDocument.safeParse(parseJson(await readWhole(path, invalid)));
    if (!document.success) throw invalid("it is not JSON of the form item id to list of attributes");
    return new Map(Object.entries(document.data).map(([id, list]) => [id.trim(), list]));
  }
  const attributes = new Map<string, readonly string[]>();
  await forEachLine(path, defaultLineLimit, (text, line) => {
    const read = attributesLine.safeParse(parseJson(text));
    if (!read.success) throw invalid(`line ${line} has no id with a list of attributes`);
    const id = read.data.id.trim();
    attributes.set(id, [...(attributes.get(id) ?? []), ...(read.data.attributes ?? [])]);
  });
  return attributes;
}

async function readWhole(path: string, invalid: (reason: string) => Error): Promise<string> {
  try {
    if ((await stat(path)).size > largestJson) throw invalid("it is larger than 256 MiB; as JSONL it may be any size");
    return await readFile(path, "utf8");
  } catch (error) {
    throw readFailure(path, error);
  }
}

/** Undefined when it is no JSON, which no schema here accepts. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
