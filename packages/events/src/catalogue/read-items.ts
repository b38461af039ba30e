/**
 * Public items from files of a merchant's or a manufacturer's: CSV, JSONL or Parquet, columns by name, into the one catalogue that a plan is bound to. What is
 * wrong is told with file, line and column; catalogues are public, so that the field may be shown.
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { type Catalogue, type CatalogueItem, makeCatalogue } from "../catalogue.ts";
import { compareCodeUnits } from "../cleaning/order-events.ts";
import { gtinNamespace, gtinOf, type ItemNaming, sharedIdOf } from "./item-naming.ts";
import { type RecordsOptions, readRecords } from "./records.ts";

type ItemRole = "id" | "gtin" | "title" | "category" | "brand" | "price" | "attributes" | "features";

/** Columns' names; of attributes there may be several, whose values then read `column:value`. */
export type ItemColumns = Readonly<Partial<Record<Exclude<ItemRole, "attributes">, string>>> & {
  readonly attributes?: readonly string[];
};

export interface ReadItemsOptions extends RecordsOptions {
  readonly files: readonly string[];
  readonly columns?: ItemColumns | undefined;
  readonly naming?: ItemNaming | undefined;
  /** Takes rows that are no items; without it the first of them ends the reading. */
  readonly onBadRow?: (error: TributaryError) => void;
}

export interface ReadItems extends Catalogue {
  readonly rows: number;
  readonly badRows: number;
  /** By SKU, as the files have it: the item's id in the catalogue. */
  readonly skus: ReadonlyMap<string, string>;
}

const usual: Readonly<Record<ItemRole, readonly string[]>> = {
  id: ["id", "sku", "item", "item_id", "itemid", "product", "product_id", "productid", "asin", "parent_asin"],
  gtin: ["gtin", "ean", "upc", "isbn", "barcode"],
  title: ["title", "name", "product_name", "product_title"],
  category: ["category", "categoryid", "category_id", "product_category", "main_category"],
  brand: ["brand", "manufacturer", "vendor"],
  price: ["price", "unit_price", "unitprice", "list_price"],
  attributes: ["attributes", "properties", "tags"],
  features: ["features", "vector", "embedding", "embeddings"],
};

/**
 * Items in the order of the files, as a matrix of vectors beside them has its rows.
 * @throws TRB_EVENTS_CATALOGUE_COLUMN_UNKNOWN, TRB_EVENTS_CATALOGUE_FIELD_INVALID, TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM, TRB_EVENTS_CATALOGUE_EMPTY, and what
 *   `readRecords` throws
 */
export async function readItems(options: ReadItemsOptions): Promise<ReadItems> {
  const { files, columns = {}, naming = {}, onBadRow } = options;
  const found: CatalogueItem[] = [];
  const ids = new Set<string>();
  const skus = new Map<string, string>();
  let [rows, badRows] = [0, 0];
  for (const file of files) {
    let place: Places | undefined;
    const wanted = new Set(named(columns));
    await readRecords(file, options, {
      start: (names) => {
        place = placesOf(file, names, columns);
      },
      record: (fields, line) => {
        rows += 1;
        for (const name of wanted) if (fields[name] !== undefined) wanted.delete(name);
        if (place === undefined) return;
        try {
          const { sku, item } = itemOf(fields, place, naming, { file, line });
          if (ids.has(item.id)) throw fail("TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM", { file, line, item: item.id });
          ids.add(item.id);
          skus.set(sku, item.id);
          found.push(item);
        } catch (error) {
          if (onBadRow === undefined || !isTributaryError(error)) throw error;
          badRows += 1;
          onBadRow(error);
        }
      },
    });
    const [missing] = [...wanted];
    if (missing !== undefined)
      throw fail("TRB_EVENTS_CATALOGUE_COLUMN_UNKNOWN", { file, column: missing, existing: "none of its rows has it" });
  }
  const source = files.join(", ");
  return { ...makeCatalogue(found, source), rows, badRows, skus };
}

/** The same items ascending by id, so that a part's bytes depend on nothing but what it holds. */
export const byId = ({ items }: Catalogue): Catalogue => makeCatalogue(items.toSorted((a, b) => compareCodeUnits(a.id, b.id)));

const named = ({ attributes = [], ...others }: ItemColumns): readonly string[] => [
  ...Object.values(others).filter((name) => name !== undefined),
  ...attributes,
];

interface Places extends Partial<Record<Exclude<ItemRole, "id" | "attributes">, string>> {
  readonly id: string;
  readonly attributes: readonly string[];
}

function placesOf(file: string, names: readonly string[], columns: ItemColumns): Places {
  const byUse = (role: ItemRole) => {
    const name = usual[role].find((one) => names.some((existing) => existing.toLowerCase() === one));
    return name === undefined ? undefined : names.find((existing) => existing.toLowerCase() === name);
  };
  const id = columns.id ?? byUse("id");
  if (id === undefined) {
    const existing = names.slice(0, 30).map((name) => name.slice(0, 40));
    throw fail("TRB_EVENTS_CATALOGUE_COLUMN_UNKNOWN", { file, column: "id", existing });
  }
  const { attributes } = columns;
  const usualAttributes = byUse("attributes");
  const rest = (["gtin", "title", "category", "brand", "price", "features"] as const).flatMap((role) => {
    const name = columns[role] ?? byUse(role);
    return name === undefined || name === id ? [] : [[role, name] as const];
  });
  return {
    ...Object.fromEntries(rest),
    id,
    attributes: attributes ?? (usualAttributes === undefined ? [] : [usualAttributes]),
  };
}

interface Line {
  readonly file: string;
  readonly line: number;
}

function itemOf(fields: Readonly<Record<string, unknown>>, places: Places, naming: ItemNaming, at: Line) {
  const bad = (column: string, reason: string) => fail("TRB_EVENTS_CATALOGUE_FIELD_INVALID", { ...at, column, reason });
  const textAt = (column: string | undefined): string | undefined => {
    if (column === undefined) return undefined;
    const value = fields[column];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
    if (typeof value !== "string") throw bad(column, "it is neither a text nor a number");
    if (!value.isWellFormed()) throw bad(column, "it has half a character in it");
    return value.trim() === "" ? undefined : value.trim();
  };
  const sku = textAt(places.id);
  if (sku === undefined) throw bad(places.id, "an item has no id");
  const number = textAt(places.gtin);
  const gtin = number === undefined ? undefined : gtinOf(number);
  if (number !== undefined && gtin === undefined) throw bad(places.gtin ?? "", "it is no GTIN, or its check digit is wrong");
  const id = gtin === undefined ? sharedIdOf(sku, naming) : `${gtinNamespace}:${gtin}`;
  if (id === undefined) throw bad(places.id, "no rule says which item it is: it is in no list, or no GTIN");
  const price = priceOf(textAt(places.price));
  if (price !== undefined && !(price >= 0)) throw bad(places.price ?? "", "a price is a number, not below zero");
  const features = places.features === undefined ? undefined : listOf(fields[places.features]);
  if (features?.some((value) => typeof value !== "number" || !Number.isFinite(value)) === true || features?.length === 0)
    throw bad(places.features ?? "", "a vector is a list of numbers");
  const attributes = attributesOf(fields, places.attributes, bad);
  const [title, category, brand] = [textAt(places.title), textAt(places.category), textAt(places.brand)];
  const item: CatalogueItem = {
    id,
    ...(title === undefined ? {} : { title }),
    ...(category === undefined ? {} : { category }),
    ...(brand === undefined ? {} : { brand }),
    ...(price === undefined ? {} : { price }),
    ...(attributes.length === 0 ? {} : { attributes }),
    ...(features === undefined ? {} : { features: features as readonly number[] }),
  };
  return { sku, item };
}

/** NaN for what is written with a comma or a currency: which of both is meant can't be known. */
const priceOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));

/** A list, or a list as JSON text; undefined where there is none. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return [value];
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [value];
  } catch {
    return [value];
  }
}

function attributesOf(
  fields: Readonly<Record<string, unknown>>,
  columns: readonly string[],
  bad: (column: string, reason: string) => TributaryError,
): readonly string[] {
  return columns.flatMap((column) => {
    const value = fields[column];
    const list = typeof value === "string" && !value.trim().startsWith("[") ? value.split("|") : listOf(value);
    return (list ?? []).flatMap((one) => {
      if (one === null || one === undefined) return [];
      if (typeof one !== "string" && typeof one !== "number") throw bad(column, "an attribute is a text or a number");
      const text = String(one).trim();
      if (!text.isWellFormed()) throw bad(column, "it has half a character in it");
      if (text === "") return [];
      return [columns.length > 1 ? `${column}:${text}` : text];
    });
  });
}
