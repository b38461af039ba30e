/**
 * A log file → clean histories, and a report of what was dropped and why.
 *
 * The raw log is never held: rows go straight into typed arrays, 17 bytes each (4 more for dwell times, 4 for prices, 4 for topics), and each customer's id is kept once.
 */
import { fail } from "@tributary/errors";
import type { Catalogue } from "./catalogue.ts";
import { type DropCounts, dropReasons } from "./cleaning/drop-reasons.ts";
import { growingColumns, interner } from "./cleaning/growing-columns.ts";
import { orderEvents } from "./cleaning/order-events.ts";
import { rowCleaner } from "./cleaning/row-cleaner.ts";
import { type Action, actions, type Histories } from "./histories.ts";
import { type LogOptions, readLog } from "./reading/log.ts";
import { type TopicIndex, topicIndex } from "./topics/match-topic.ts";

export interface ImportOptions extends LogOptions {
  readonly path: string;
  /** The public list of items; events of other items are dropped and counted. */
  readonly catalogue: Catalogue;
  /** Fewer customers are refused. Default 2; a device, which holds one person, says 1. */
  readonly leastCustomers?: number | undefined;
}

/** What an import did: counts only, safe to print and to log. `rows = kept + Σ dropped`. */
export interface ImportReport {
  readonly file: string;
  /** Rows read, header and blank lines not counted. */
  readonly rows: number;
  /** Events in the histories. */
  readonly kept: number;
  readonly dropped: DropCounts;
  /** Events that need no item and named one outside the catalogue: kept, with item 0. */
  readonly itemsCleared: number;
  /** Events whose dwell time could be read, duplicates among them; `withPrice` likewise. */
  readonly withDwell: number;
  readonly withPrice: number;
  /** Events without an item whose keywords are about something of the catalogue (`topics/match-topic.ts`), duplicates not among them. */
  readonly withTopic: number;
  readonly customers: number;
  /** Different items that occur. */
  readonly items: number;
  readonly actions: Readonly<Record<Action, number>>;
}

export interface ImportResult {
  readonly histories: Histories;
  readonly report: ImportReport;
}

/**
 * Reads, cleans and orders a log.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_EMPTY, TRB_EVENTS_UNKNOWN_COLUMN, TRB_EVENTS_LINE_TOO_LONG,
 *   TRB_EVENTS_MALFORMED_CSV, TRB_EVENTS_BAD_DELIMITER, TRB_EVENTS_BAD_TIMESTAMP (when no time at all can be read),
 *   TRB_EVENTS_NOTHING_LEFT, TRB_EVENTS_TOO_FEW_CUSTOMERS
 */
export async function importLog(options: ImportOptions): Promise<ImportResult> {
  const { path, catalogue, leastCustomers = 2 } = options;
  const customers = interner();
  const rows = growingColumns();
  let index: TopicIndex | undefined; // most logs have no keywords
  const cleaner = rowCleaner(
    (id) => catalogue.numbers.get(id) ?? -1,
    (keywords) => {
      index ??= topicIndex(catalogue.items);
      return index.match(keywords);
    },
    (customer, item, action, time, dwell, price, topic) =>
      rows.push(customers.number(customer), item, action, time, dwell, price, topic),
  );
  await readLog(path, options, cleaner);
  const unusable = cleaner.verdict(path);
  if (unusable !== undefined) throw unusable;
  if (customers.texts.length < leastCustomers) {
    throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers: customers.texts.length, least: leastCustomers });
  }

  const ordered = orderEvents(rows.finish(), customers.texts);
  const { duplicates } = ordered;
  const { rows: read, kept, dropped, itemsCleared, withDwell, withPrice, withKeywords } = cleaner.counts();
  // where anything was said, histories say so, though it be that the catalogue names nothing of it
  const topics = ordered.histories.topics ?? (withKeywords > 0 ? new Int32Array(ordered.histories.items.length) : undefined);
  const histories: Histories = { ...ordered.histories, ...(topics ? { topics } : {}) };
  const report: ImportReport = {
    file: path,
    rows: read,
    kept: kept - duplicates,
    dropped: { ...dropped, duplicate: duplicates },
    itemsCleared,
    withDwell,
    withPrice,
    withTopic: topics?.reduce((sum, topic) => sum + (topic > 0 ? 1 : 0), 0) ?? 0,
    customers: histories.customers.length,
    items: distinctItems(histories.items, catalogue.items.length),
    actions: countActions(histories.actions),
  };
  return { histories, report };
}

/** The report for people, one fact a line. */
export function describeImport(report: ImportReport): readonly string[] {
  const dropped = dropReasons.filter((reason) => report.dropped[reason] > 0);
  return [
    `${report.kept} of ${report.rows} rows kept: ${report.customers} customers, ${report.items} items`,
    ...dropped.map((reason) => `dropped ${report.dropped[reason]}: ${dropSentences[reason]}`),
    ...(report.itemsCleared > 0 ? [`kept ${report.itemsCleared} without their item, which is not in the catalogue`] : []),
    ...(report.withDwell > 0 ? [`${report.withDwell} with a dwell time`] : []),
    ...(report.withPrice > 0 ? [`${report.withPrice} with a price`] : []),
    ...(report.withTopic > 0 ? [`${report.withTopic} without an item, about something that the catalogue names`] : []),
  ];
}

const dropSentences: Readonly<Record<keyof DropCounts, string>> = {
  malformedRow: "the row can't be taken apart",
  missingField: "a field is missing",
  unparsableTime: "the time can't be read",
  futureTime: "the time lies in the future",
  unknownAction: "the action is not known",
  cancellation: "the line takes an earlier purchase back",
  outsideCatalogue: "the item is not in the catalogue",
  cancelled: "the purchase was taken back",
  bot: "the customer does more in an hour than a person does",
  duplicate: "the same event came before",
  erased: "the customer was erased and must not come back",
};

function distinctItems(items: Int32Array, catalogueSize: number): number {
  const seen = new Uint8Array(catalogueSize + 1);
  for (const item of items) seen[item] = 1;
  seen[0] = 0;
  return seen.reduce((sum, one) => sum + one, 0);
}

function countActions(actionOfEvent: Uint8Array): Record<Action, number> {
  const counts = actions.map(() => 0);
  for (const action of actionOfEvent) counts[action] = (counts[action] ?? 0) + 1;
  return Object.fromEntries(actions.map((action, number) => [action, counts[number] ?? 0])) as Record<Action, number>;
}
