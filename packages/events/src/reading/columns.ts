/** Which column of a log is which. */
import { fail } from "@tributary/errors";
import { parseTime } from "../timestamps.ts";

/** The columns' names in the file. What is left out is looked for under the usual names. */
export interface ColumnNames {
  readonly customer?: string | undefined;
  readonly item?: string | undefined;
  /** Without such a column every event is a view. */
  readonly action?: string | undefined;
  readonly time?: string | undefined;
  /** How long the customer stayed, in seconds; may be missing. */
  readonly dwell?: string | undefined;
  /** What the item cost at that moment; may be missing. */
  readonly price?: string | undefined;
  /** What was searched for, or the page's name, of an event without an item; may be missing. Of it a topic of the catalogue is kept. */
  readonly keywords?: string | undefined;
}

export type ColumnRole = keyof ColumnNames;

/** The names found in the file; no `action`: every event is a view. No `dwell`, `price` or `keywords`: no event has one. */
export interface FoundColumns {
  readonly customer: string;
  readonly item: string;
  readonly action: string | undefined;
  readonly time: string;
  readonly dwell: string | undefined;
  readonly price: string | undefined;
  readonly keywords: string | undefined;
}

/** A log may lack these. */
const optionalRoles: ReadonlySet<ColumnRole> = new Set(["action", "dwell", "price", "keywords"]);

/** Looked for in this order, in any case, when the caller names nothing. */
const usualNames: Readonly<Record<ColumnRole, readonly string[]>> = {
  customer: ["customer", "customer_id", "customerid", "user", "user_id", "userid", "visitor", "visitorid", "visitor_id", "uid"],
  item: ["item", "item_id", "itemid", "product", "product_id", "productid", "sku", "asin"],
  action: ["action", "event", "event_type", "behavior", "behaviour", "behavior_type", "type"],
  time: ["time", "timestamp", "ts", "event_time", "datetime", "date", "unix_time"],
  dwell: ["dwell", "dwell_time", "dwelltime", "dwell_seconds", "time_on_page", "duration"],
  price: ["price", "unit_price", "unitprice", "item_price"],
  keywords: ["keywords", "keyword", "query", "search_query", "search_term", "search_terms", "searchterm", "search_keywords"],
};

/** The column that is called as columns of this role usually are. */
export function usualColumn(existing: readonly string[], role: ColumnRole): string | undefined {
  const lowerCase = existing.map((name) => name.toLowerCase());
  const name = usualNames[role].find((candidate) => lowerCase.includes(candidate));
  return name === undefined ? undefined : existing[lowerCase.indexOf(name)];
}

/**
 * Matches the wanted names to those that exist.
 * @throws TRB_EVENTS_UNKNOWN_COLUMN listing those that exist; TRB_EVENTS_NO_HEADER when they are values, which are not listed
 */
export function findColumns(file: string, existing: readonly string[], wanted: ColumnNames): FoundColumns {
  const find = (role: ColumnRole) => {
    const name = wanted[role] ?? usualColumn(existing, role);
    if (name !== undefined && existing.includes(name)) return name;
    if (name === undefined && optionalRoles.has(role)) return undefined;
    throw unknownColumn(file, role, name, existing);
  };
  const required = (role: ColumnRole) => {
    const name = find(role);
    if (name === undefined) throw unknownColumn(file, role, name, existing);
    return name;
  };
  return {
    customer: required("customer"),
    item: required("item"),
    action: find("action"),
    time: required("time"),
    dwell: find("dwell"),
    price: find("price"),
    keywords: find("keywords"),
  };
}

/** How many existing names an error lists, and how much of each. */
const listedNames = 30;
const listedCharacters = 40;

export function unknownColumn(file: string, role: ColumnRole, name: string | undefined, existing: readonly string[]) {
  if (existing.some(isValue)) return fail("TRB_EVENTS_NO_HEADER", { file });
  const listed = existing.slice(0, listedNames).map((text) => (isIdentifier(text) ? "…" : text.slice(0, listedCharacters)));
  if (existing.length > listedNames) listed.push("…");
  return fail("TRB_EVENTS_UNKNOWN_COLUMN", {
    file,
    role,
    column: name ?? `named like ${usualNames[role][0]}`,
    existing: listed,
  });
}

/**
 * A file without a header has a row of values there, a customer's id among them: no column is called 1600000000, 2024-05-01, or 10:30, nor as a line of JSON
 * begins that is read as CSV.
 */
export function isValue(name: string): boolean {
  return !Number.isNaN(parseTime(name)) || /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|^\s*[[{]|\b\d{1,2}:\d{2}\b/.test(name);
}

/** What may be somebody's: an address, or a number as ids have it. `sales2024` is a name as well, but not one that has to be shown. */
const isIdentifier = (name: string) => /@|\d{4}/.test(name);
