/** Rows of a log, from wherever they come → clean histories, and a report of what was dropped and why. */
import { fail } from "@tributary/errors";
import type { Catalogue } from "./catalogue.ts";
import type { DropCounts } from "./cleaning/drop-reasons.ts";
import { growingColumns, interner } from "./cleaning/growing-columns.ts";
import { orderEvents } from "./cleaning/order-events.ts";
import { rowCleaner } from "./cleaning/row-cleaner.ts";
import { type Action, actions, type Histories } from "./histories.ts";
import type { RowSink } from "./reading/rows.ts";
import { type TopicIndex, topicIndex } from "./topics/match-topic.ts";

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

export interface CleanOptions {
  /** What the report and errors call the log. */
  readonly source: string;
  /** The public list of items; events of other items are dropped and counted. */
  readonly catalogue: Catalogue;
  /** Fewer customers are refused. */
  readonly leastCustomers: number;
}

/**
 * @param feed hands all rows to the sink
 * @throws TRB_EVENTS_EMPTY, TRB_EVENTS_BAD_TIMESTAMP (when no time at all can be read), TRB_EVENTS_NOTHING_LEFT, TRB_EVENTS_TOO_FEW_CUSTOMERS, and what `feed` does
 */
export async function cleanLog(
  { source, catalogue, leastCustomers }: CleanOptions,
  feed: (sink: RowSink) => void | Promise<void>,
): Promise<ImportResult> {
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
  await feed(cleaner);
  const unusable = cleaner.verdict(source);
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
    file: source,
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
