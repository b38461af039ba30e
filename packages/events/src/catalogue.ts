/**
 * The public list of items. An item's number in histories and models is its place in it, counted from 1.
 *
 * Its bytes are canonical JSONL, so that everyone who holds the same catalogue computes the same `catalogueHash`: one item a line, keys in
 * ascending order, absent keys left out, numbers as RFC 8785 writes them, each line ended by one `\n`. Items keep their order, because their
 * numbers depend on it.
 */
import { fail } from "@tributary/errors";
import { z } from "zod";
import { compareCodeUnits } from "./cleaning/order-events.ts";

export interface CatalogueItem {
  readonly id: string;
  readonly title?: string;
  readonly category?: string;
  readonly brand?: string;
  readonly price?: number;
  /** Public properties, ascending by code unit, each once. */
  readonly attributes?: readonly string[];
  /** A frozen public vector (text, image), as long for every item that has one. */
  readonly features?: readonly number[];
}

export interface Catalogue {
  readonly items: readonly CatalogueItem[];
  /** Item id to its number, counted from 1. */
  readonly numbers: ReadonlyMap<string, number>;
}

/** A catalogue that was read, and what was left out in reading it. */
export interface ReadCatalogue extends Catalogue {
  /** Keys that a catalogue doesn't know, over all items. */
  readonly unknownKeys: number;
}

const text = z
  .union([z.string(), z.int()])
  .transform((value) => String(value).trim())
  .refine((value) => value.isWellFormed(), "text with half a character in it");
const nonEmpty = text.refine((value) => value !== "", "empty text");

/** Attributes as shops write them: a list of texts or numbers. */
export const attributesSchema = z.array(nonEmpty);

/** Null is how many exports write "none". */
const optionally = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();
const itemSchema = z.object({
  id: nonEmpty,
  title: optionally(text),
  category: optionally(text),
  brand: optionally(text),
  price: optionally(z.number().min(0)),
  attributes: optionally(attributesSchema),
  features: optionally(z.array(z.number()).min(1)),
});
const knownKeys: ReadonlySet<string> = new Set(Object.keys(itemSchema.shape));

/**
 * A catalogue of these items, in this order. `source` is what an error calls it.
 * @throws TRB_EVENTS_CATALOGUE_EMPTY, TRB_EVENTS_CATALOGUE_INVALID, TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM
 */
export function makeCatalogue(items: Iterable<CatalogueItem>, source = "in memory"): Catalogue {
  const builder = catalogueBuilder(source);
  let place = 0;
  for (const item of items) builder.add(item, ++place);
  const { items: list, numbers } = builder.finish();
  return { items: list, numbers };
}

/** The canonical bytes; `plan.catalogueHash` is their SHA-256. */
export function catalogueBytes(catalogue: Catalogue): Uint8Array {
  return new TextEncoder().encode(catalogue.items.map((item) => `${canonicalLine(item)}\n`).join(""));
}

/** One item as canonical JSON, without the line end. */
function canonicalLine({ attributes, brand, category, features, id, price, title }: CatalogueItem): string {
  return JSON.stringify({ attributes, brand, category, features, id, price, title }); // JSON leaves undefined out
}

/**
 * A catalogue from JSONL bytes, canonical or not.
 * @throws TRB_EVENTS_CATALOGUE_EMPTY, TRB_EVENTS_CATALOGUE_INVALID, TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM
 */
export function parseCatalogue(bytes: Uint8Array, source = "in memory"): ReadCatalogue {
  const builder = catalogueBuilder(source);
  const lines = new TextDecoder().decode(bytes).split("\n"); // a byte order mark goes
  for (const [place, line] of lines.entries()) if (line.trim() !== "") builder.line(line, place + 1);
  return builder.finish();
}

/** Takes items one by one, from JSON lines or as values. */
export function catalogueBuilder(source: string) {
  const items: CatalogueItem[] = [];
  const numbers = new Map<string, number>();
  let unknownKeys = 0;
  let width: number | undefined; // of the first vector

  const add = (value: unknown, line: number) => {
    const read = itemSchema.safeParse(value);
    if (!read.success) {
      const issue = read.error.issues[0];
      const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
      throw fail("TRB_EVENTS_CATALOGUE_INVALID", { file: source, line, reason: `${where}${issue?.message ?? "not an item"}` });
    }
    if (typeof value === "object" && value !== null) {
      for (const key of Object.keys(value)) if (!knownKeys.has(key)) unknownKeys++;
    }
    const item = tidy(read.data);
    if (numbers.has(item.id)) throw fail("TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM", { file: source, line, item: item.id });
    const length = item.features?.length ?? width;
    width ??= length;
    if (length !== width) {
      const reason = `features: ${length} numbers, where other items have ${width}`;
      throw fail("TRB_EVENTS_CATALOGUE_INVALID", { file: source, line, reason });
    }
    items.push(item);
    numbers.set(item.id, items.length);
  };
  const line = (json: string, lineNumber: number) => {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch (error) {
      throw fail("TRB_EVENTS_CATALOGUE_INVALID", { file: source, line: lineNumber, reason: "it is not JSON" }, error);
    }
    add(value, lineNumber);
  };
  const finish = (): ReadCatalogue => {
    if (items.length === 0) throw fail("TRB_EVENTS_CATALOGUE_EMPTY", { file: source });
    return { items, numbers, unknownKeys };
  };
  return { add, line, finish };
}

/** Leaves out what is empty; attributes ascending, each once, so that equal items have equal bytes. */
function tidy({ id, title, category, brand, price, attributes, features }: z.infer<typeof itemSchema>): CatalogueItem {
  return {
    id,
    ...(title ? { title } : {}),
    ...(category ? { category } : {}),
    ...(brand ? { brand } : {}),
    ...(typeof price === "number" ? { price: price + 0 } : {}), // −0 becomes 0
    ...(attributes?.length ? { attributes: [...new Set(attributes)].sort(compareCodeUnits) } : {}),
    ...(features ? { features: features.map((value) => value + 0) } : {}),
  };
}
