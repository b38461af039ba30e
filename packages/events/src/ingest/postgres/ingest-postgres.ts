/**
 * A log in PostgreSQL → clean histories, without the log: PostgreSQL cleans, counts, drops duplicates and sorts, by the one cleaning query in
 * its dialect, and only ordered events come out, through a cursor. It needs no right but to make temporary tables.
 */
import { fail } from "@tributary/errors";
import { describeDrops } from "../../cleaning/drop-reasons.ts";
import { offendingText } from "../../cleaning/row-cleaner.ts";
import { type Action, actions as knownActions } from "../../histories.ts";
import { topicIndex } from "../../topics/match-topic.ts";
import { type CleaningOptions, cleaningColumns, cleaningQuery, reasonNumber } from "../cleaning-query.ts";
import { historiesBuilder } from "../histories-builder.ts";
import { findRoles, type IngestOptions, type IngestReport, secondsAhead } from "../ingest-log.ts";
import type { Deliver } from "../ordered-events.ts";
import { presets } from "../presets.ts";
import { isPages, type LogSource } from "../source.ts";
import { isPostgres, withoutPassword } from "./address.ts";
import { postgres } from "./dialect.ts";
import { writeRejects } from "./rejects.ts";
import { type Session, withSession } from "./session.ts";
import {
  botStatement,
  cancelledStatement,
  catalogueTable,
  cleanedTable,
  countReasons,
  orderedQuery,
  tableColumns,
} from "./statements.ts";

/** A query of a PostgreSQL database. */
export interface PostgresSource {
  readonly sql: string;
  /** `postgres://…`, with its password or without; one that it lacks comes from PGPASSWORD or from the file that PGPASSFILE names. */
  readonly database: string;
}

/**
 * The source, when it is one in PostgreSQL.
 * @throws TRB_EVENTS_SOURCE_ALONE
 */
export function postgresSource(sources: readonly LogSource[]): PostgresSource | undefined {
  const found = sources.flatMap((source) =>
    typeof source !== "string" && !isPages(source) && source.database !== undefined && isPostgres(source.database)
      ? [{ sql: source.sql, database: source.database }]
      : [],
  );
  const [only] = found;
  if (only !== undefined && sources.length > 1)
    throw fail("TRB_EVENTS_SOURCE_ALONE", { source: withoutPassword(only.database) });
  return only;
}

/** What the query gives, as something to select from; a comment at its end ends with its line. */
export const relationOf = ({ sql }: PostgresSource) => `(${sql.trim().replace(/;\s*$/, "")}\n) AS tributary_log`;

/**
 * As `ingestLog`, for the one source that it is given.
 * @throws what `ingestLog` throws of rows, and what `withSession` throws of the server
 */
export function ingestPostgres(
  source: PostgresSource,
  options: IngestOptions,
  defaults: { readonly botEventsPerHour: number; readonly chunkEvents: number },
  deliver: Deliver,
): Promise<IngestReport> {
  const { botEventsPerHour = defaults.botEventsPerHour, timeZone = "UTC" } = options;
  const preset = options.preset === undefined ? undefined : presets[options.preset];
  const texts = options.rejects !== undefined;
  const prepare = async (session: Session) => {
    await session.makeTable(cleanedTable, tableColumns({ preset, texts }));
    await session.makeTable(catalogueTable, 'id text COLLATE "C", number integer');
    await fillCatalogue(session, options);
  };
  return withSession(source.database, { timeZone, prepare }, async (session) => {
    const from = relationOf(source);
    const columns = await session.columns(`SELECT * FROM ${from} LIMIT 0`);
    const cleaning: CleaningOptions = {
      roles: findRoles({ name: session.source, columns }, options, preset),
      preset,
      malformed: undefined,
      timeFormats: options.timeFormats ?? preset?.timeFormats ?? [],
      timeZone,
      latest: options.now + secondsAhead,
      catalogue: true,
      texts,
    };
    const into = `${cleanedTable} (place, ${cleaningColumns(cleaning).join()})`;
    await session.run(`INSERT INTO ${into} ${cleaningQuery(from, cleaning, postgres)}`);
    await session.run(`ANALYZE ${cleanedTable}`); // without it PostgreSQL takes the table to be small
    if (preset?.cancelledOrders !== undefined) await session.run(cancelledStatement);
    if (botEventsPerHour > 0) await session.run(botStatement(botEventsPerHour));
    const counts = await countReasons(session);
    if (counts.rows === 0) throw fail("TRB_EVENTS_EMPTY", { file: session.source });
    if (counts.readable === 0 && counts.dropped.unparsableTime > 0) throw await badTimestamp(session, from, cleaning);
    const { leastCustomers = 2 } = options;
    if (options.rejects !== undefined) await writeRejects(session, options.rejects);
    if (counts.kept === 0) {
      const reasons = describeDrops(counts.dropped);
      throw fail("TRB_EVENTS_NOTHING_LEFT", { file: session.source, rows: counts.rows, reasons });
    }
    if (counts.customers < leastCustomers) {
      throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers: counts.customers, least: leastCustomers });
    }
    const { chunkEvents = defaults.chunkEvents } = options;
    const amounts = { dwell: counts.withDwell > 0, price: counts.withPrice > 0 };
    const topicOf = counts.withKeywords > 0 ? topicIndex(options.catalogue.items).match : undefined;
    const delivered = await deliverRows(session, { ...options, chunkEvents, ...amounts, topicOf }, deliver);
    return {
      files: [session.source],
      rows: counts.rows,
      kept: delivered.kept,
      dropped: { ...counts.dropped, duplicate: counts.kept - delivered.kept },
      itemsCleared: counts.itemsCleared,
      amountsCleared: counts.amountsCleared,
      outOfOrder: delivered.outOfOrder,
      withDwell: counts.withDwell,
      withPrice: counts.withPrice,
      withTopic: delivered.withTopic,
      customers: counts.customers,
      items: delivered.items.size,
      actions: delivered.actions,
    };
  });
}

/** Items that are sent at once. */
const itemsAtOnce = 10_000;

async function fillCatalogue(session: Session, { catalogue }: IngestOptions): Promise<void> {
  // no text in PostgreSQL holds U+0000: such ids stand in no row
  const items = catalogue.items.map(({ id }, place) => ({ id, number: place + 1 }));
  const possible = items.filter(({ id }) => !id.includes("\0"));
  for (let start = 0; start < possible.length; start += itemsAtOnce) {
    const some = possible.slice(start, start + itemsAtOnce);
    const values = [some.map(({ id }) => id), some.map(({ number }) => number)];
    await session.run(`INSERT INTO ${catalogueTable} SELECT * FROM unnest($1::text[], $2::integer[])`, values);
  }
  await session.run(`ANALYZE ${catalogueTable}`); // else rows are sorted to meet it
}

interface RowsOptions {
  readonly dwell: boolean;
  readonly price: boolean;
  readonly topicOf: ((keywords: string) => number) | undefined;
  readonly resumeAfter?: string | undefined;
  readonly chunkEvents: number;
}

/** Events as they come, customers ascending, handed on a chunk at a time. */
async function deliverRows(
  session: Session,
  { resumeAfter, chunkEvents, topicOf, dwell: hasDwell, price: hasPrice }: RowsOptions,
  deliver: Deliver,
) {
  const builder = historiesBuilder({ dwell: hasDwell, price: hasPrice, topic: topicOf !== undefined });
  const items = new Set<number>();
  const actionCounts = knownActions.map(() => 0);
  let [kept, outOfOrder, withTopic] = [0, 0, 0];
  let customerBefore: string | undefined;
  let [placeBefore, timeBefore] = [0, Number.NaN];
  const saidNow = new Set<number>(); // topics and actions of the customer's events at the last one's time: other words may be about the same
  let delivering = false;
  for await (const rows of session.stream(orderedQuery)) {
    for (const [id, item, action, time, place, dwell, price, keywords] of rows) {
      const [customer, arrived, itemNumber, actionNumber] = [String(id), Number(place), Number(item), Number(action)];
      if (topicOf !== undefined && itemNumber === 0) {
        if (customer !== customerBefore || Number(time) !== timeBefore) saidNow.clear();
        timeBefore = Number(time);
        const key = actionNumber + 256 * (keywords === null ? 0 : topicOf(String(keywords)));
        if (saidNow.has(key)) continue;
        saidNow.add(key);
      }
      if (customer !== customerBefore) {
        if (builder.events() >= chunkEvents) await deliver(builder.finish());
        delivering = resumeAfter === undefined || customer > resumeAfter;
        if (delivering) builder.startCustomer(customer);
        customerBefore = customer;
      } else if (arrived < placeBefore) outOfOrder++;
      placeBefore = arrived;
      if (itemNumber > 0) items.add(itemNumber);
      actionCounts[actionNumber] = (actionCounts[actionNumber] ?? 0) + 1;
      kept++;
      const topic = topicOf === undefined || keywords === null ? 0 : topicOf(String(keywords));
      if (topic > 0) withTopic++;
      if (delivering) builder.add(itemNumber, actionNumber, Number(time), amountOf(dwell), amountOf(price), topic);
    }
  }
  if (builder.events() > 0) await deliver(builder.finish());
  const actions = Object.fromEntries(knownActions.map((action, number) => [action, actionCounts[number] ?? 0]));
  return { kept, outOfOrder, withTopic, items, actions: actions as Record<Action, number> };
}

const amountOf = (value: unknown) => (value === null ? Number.NaN : Number(value));

/** Where the first time that can't be read stands, and what it looks like. */
async function badTimestamp(session: Session, from: string, cleaning: CleaningOptions) {
  const query = cleaningQuery(from, { ...cleaning, texts: true }, postgres);
  const [first = []] = await session.rows(`SELECT place, time_text, customer, item_text FROM (${query}) AS cleaned
    WHERE reason = ${reasonNumber("unparsableTime")} ORDER BY place LIMIT 1`);
  const [place, time, customer, item] = first;
  return fail("TRB_EVENTS_BAD_TIMESTAMP", {
    file: session.source,
    line: Number(place),
    column: cleaning.roles.time ?? "time",
    field: 0,
    text: offendingText(String(time), String(customer), String(item)),
  });
}
