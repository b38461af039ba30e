/**
 * Logs of any form → clean histories, and a report of what was dropped and why.
 *
 * DuckDB reads, cleans, sorts and drops duplicates; only ordered rows come out, a chunk at a time, into the arrays that the store writes.
 * Each source goes through the one cleaning query into one table, so that several files of a shop are one log.
 */
import { fail } from "@tributary/errors";
import type { Catalogue } from "../catalogue.ts";
import type { ImportReport } from "../clean-log.ts";
import { type DropReason, describeDrops, dropReasons } from "../cleaning/drop-reasons.ts";
import { offendingText } from "../cleaning/row-cleaner.ts";
import { type Action, actions } from "../histories.ts";
import { findColumns, unknownColumn } from "../reading/columns.ts";
import { topicIndex } from "../topics/match-topic.ts";
import { checkBytes } from "./check-bytes.ts";
import {
  type CleaningOptions,
  cleaningQuery,
  clearedAmount,
  clearedItem,
  type FoundRoles,
  reasonNumber,
} from "./cleaning-query.ts";
import { actionTypeStatement } from "./duckdb-dialect.ts";
import { type Engine, literal, withEngine } from "./engine.ts";
import { engineFailure, reading } from "./engine-failures.ts";
import { type Deliver, deliverOrdered, numberCustomers } from "./ordered-events.ts";
import { ingestPostgres, postgresSource } from "./postgres/ingest-postgres.ts";
import { type Preset, presets } from "./presets.ts";
import { writeRejects } from "./rejects.ts";
import { countRejects, openRelation, type Relation, refuseBrokenLines } from "./relation.ts";
import { type LogSource, nameOf, type ReadingOptions } from "./source.ts";

export interface IngestOptions extends ReadingOptions {
  readonly sources: readonly LogSource[];
  /** The public list of items; events of other items are dropped and counted. */
  readonly catalogue: Catalogue;
  /** Default 2; a device, which holds one person, says 1. */
  readonly leastCustomers?: number | undefined;
  /** Unix seconds. Events more than a day after it are dropped: a shop's clock may run ahead, or be in another time zone. */
  readonly now: number;
  /** A customer with more events than this in one hour of the clock is no person. Default 1000; 0 keeps them. */
  readonly botEventsPerHour?: number | undefined;
  /** A file that dropped rows are written to, with the reason of each. It holds what the log holds. */
  readonly rejects?: string | undefined;
  /** Customers up to this one, which an earlier run of the same import has delivered, are counted but not delivered again. */
  readonly resumeAfter?: string | undefined;
  /** Events in a chunk, and as many more as its last customer has. Default 2¹⁸. */
  readonly chunkEvents?: number | undefined;
  /** The folder for what doesn't fit in memory, which is encrypted there and goes at the end. Default: the system's for temporary files. */
  readonly spillIn?: string | undefined;
}

/** Counts only, safe to print and to log. `rows = kept + Σ dropped`. */
export interface IngestReport extends Omit<ImportReport, "file"> {
  readonly files: readonly string[];
  /** Events whose dwell time or price could not be read, or is negative: kept, without it. */
  readonly amountsCleared: number;
  /** Events that arrived after a later one of their customer: put where they belong. */
  readonly outOfOrder: number;
}

const defaultBotEventsPerHour = 1000;
const defaultChunkEvents = 2 ** 18;
export const secondsAhead = 86_400;

/**
 * Nothing is delivered of a log that is refused.
 * @param deliver takes the histories, `chunkEvents` at a time: customers ascending over all chunks, each customer whole within one
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_FILE_DAMAGED, TRB_EVENTS_EMPTY, TRB_EVENTS_UNKNOWN_COLUMN,
 *   TRB_EVENTS_NO_HEADER, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_MALFORMED_CSV, TRB_EVENTS_BAD_DELIMITER, TRB_EVENTS_BAD_TIMESTAMP (when no time
 *   of a source can be read), TRB_EVENTS_BAD_TIME_ZONE, TRB_EVENTS_BAD_TIME_FORMAT, TRB_EVENTS_BAD_QUERY, TRB_EVENTS_SOURCE_UNAVAILABLE,
 *   TRB_EVENTS_NOTHING_LEFT, TRB_EVENTS_TOO_FEW_CUSTOMERS, TRB_EVENTS_NO_ROOM, TRB_EVENTS_FILE_UNWRITABLE
 */
export function ingestLog(options: IngestOptions, deliver: Deliver): Promise<IngestReport> {
  const files = options.sources.map(nameOf);
  const elsewhere = postgresSource(options.sources);
  if (elsewhere !== undefined) {
    const defaults = { botEventsPerHour: defaultBotEventsPerHour, chunkEvents: defaultChunkEvents };
    return ingestPostgres(elsewhere, options, defaults, deliver);
  }
  let undelivered: { readonly error: unknown } | undefined;
  const delivering: Deliver = async (chunk) => {
    try {
      await deliver(chunk);
    } catch (error) {
      undelivered = { error }; // the caller's, and none of DuckDB's
      throw error;
    }
  };
  return withEngine(async (engine) => {
    try {
      return await ingest(engine, options, files, delivering);
    } catch (error) {
      throw undelivered === undefined ? engineFailure(files.join(", "), error) : undelivered.error;
    }
  }, options);
}

async function ingest(
  engine: Engine,
  options: IngestOptions,
  files: readonly string[],
  deliver: Deliver,
): Promise<IngestReport> {
  const { sources, catalogue, leastCustomers = 2, botEventsPerHour = defaultBotEventsPerHour } = options;
  await prepare(engine, options, catalogue);
  const preset = options.preset === undefined ? undefined : presets[options.preset];
  const read: SourceRead[] = [];
  for (const [place, source] of sources.entries()) {
    const start = read.reduce((rows, one) => rows + one.rows, 0);
    read.push(await readSource(engine, source, options, preset, place, start));
  }
  if (preset?.cancelledOrders !== undefined) await engine.run(cancelledStatement);
  const customers = await customersWithoutBots(engine, botEventsPerHour);
  const counts = await countReasons(engine, read[0]?.lacking ?? []);
  const malformed = read.reduce((sum, one) => sum + one.malformed, 0);
  const rows = read.reduce((sum, one) => sum + one.rows, malformed);
  const dropped = { ...counts.dropped, malformedRow: counts.dropped.malformedRow + malformed };
  if (counts.kept === 0) {
    if (options.rejects !== undefined) await writeRejects(engine, options.rejects, read);
    throw fail("TRB_EVENTS_NOTHING_LEFT", { file: files.join(", "), rows, reasons: describeDrops(dropped) });
  }
  if (customers < leastCustomers) {
    if (options.rejects !== undefined) await writeRejects(engine, options.rejects, read);
    throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers, least: leastCustomers });
  }
  const { resumeAfter, chunkEvents = defaultChunkEvents } = options;
  const ordered = {
    rows: rows - malformed,
    dwell: counts.withDwell > 0,
    price: counts.withPrice > 0,
    topicOf: counts.withKeywords > 0 ? topicIndex(catalogue.items).match : undefined,
    resumeAfter,
    chunkEvents,
  };
  const delivered = await deliverOrdered(engine, ordered, catalogue.items.length, deliver);
  if (options.rejects !== undefined) await writeRejects(engine, options.rejects, read);
  return {
    files,
    rows,
    kept: delivered.kept,
    dropped: { ...dropped, duplicate: counts.kept - delivered.kept },
    itemsCleared: counts.itemsCleared,
    amountsCleared: counts.amountsCleared,
    outOfOrder: delivered.outOfOrder,
    withDwell: counts.withDwell,
    withPrice: counts.withPrice,
    withTopic: delivered.withTopic,
    customers,
    items: delivered.items.subarray(1).reduce((different, events) => different + (events > 0 ? 1 : 0), 0),
    actions: actionCounts(delivered.actions),
  };
}

const actionCounts = (counts: Uint32Array) =>
  Object.fromEntries(actions.map((action, number) => [action, counts[number] ?? 0])) as Record<Action, number>;

/** Sets the time zone, and makes the types and the table that the cleaning query needs. */
export async function prepare(engine: Engine, options: ReadingOptions, catalogue: Catalogue | undefined): Promise<void> {
  const { timeZone = "UTC", timeFormats = [] } = options;
  await engine.run(`SET TimeZone = ${literal(timeZone)}`).catch(() => {
    throw fail("TRB_EVENTS_BAD_TIME_ZONE", { zone: timeZone.slice(0, 80) });
  });
  for (const format of timeFormats) {
    await engine.run(`SELECT try_strptime('', ${literal(format)})`).catch(() => {
      throw fail("TRB_EVENTS_BAD_TIME_FORMAT", { format: format.slice(0, 80) });
    });
  }
  await engine.run(actionTypeStatement);
  if (catalogue === undefined) return;
  await engine.fill(
    "catalogue",
    ["id"],
    catalogue.items.map(({ id }) => [id]),
  );
  await engine.run("CREATE TYPE catalogue_item AS ENUM (SELECT id FROM catalogue ORDER BY rowid)");
  await engine.run("DROP TABLE catalogue");
}

/** A source that went into the table `cleaned`. */
export interface SourceRead {
  readonly relation: Relation;
  /** Rows in the table, and the place of the first. */
  readonly rows: number;
  readonly start: number;
  /** Lines that the reader could not take apart, and that are not in the table. */
  readonly malformed: number;
  /** Columns that the table has not. */
  readonly lacking: readonly string[];
}

async function readSource(
  engine: Engine,
  source: LogSource,
  options: IngestOptions,
  preset: Preset | undefined,
  place: number,
  start: number,
): Promise<SourceRead> {
  const relation = await openRelation(engine, source, options, place);
  const cleaning: CleaningOptions = {
    roles: findRoles(relation, options, preset),
    preset,
    malformed: relation.malformed,
    timeFormats: options.timeFormats ?? preset?.timeFormats ?? [],
    latest: options.now + secondsAhead,
    catalogue: true,
    texts: options.rejects !== undefined,
  };
  const query = cleaningQuery(relation.from, cleaning);
  const lacking = lackingColumns(options, cleaning.roles);
  const columns = lacking.length === 0 ? "*" : `* EXCLUDE (${lacking.join()})`;
  const statement =
    place === 0 ? `CREATE TEMP TABLE temp.cleaned AS SELECT ${columns} FROM (${query})` : `INSERT INTO temp.cleaned ${query}`;
  await reading(relation.name, () => bothOrNeither(engine.run(statement), checkBytes(relation, options.lineLimit)));
  if (relation.rejects !== undefined) await refuseBrokenLines(engine, relation.name, relation.rejects, options);
  const [malformed] = relation.rejects === undefined ? [[0]] : await engine.rows(countRejects(relation.rejects));
  const [counts] = await engine.rows(
    `SELECT count(*), count(time), count(*) FILTER (reason = ${reasonNumber("unparsableTime")}) FROM temp.cleaned WHERE rowid >= ${start}`,
  );
  const [rows = 0, readable = 0, unreadable = 0] = (counts ?? []).map(Number);
  if (rows === 0 && Number(malformed?.[0]) === 0) throw fail("TRB_EVENTS_EMPTY", { file: relation.name });
  if (readable === 0 && unreadable > 0) throw await badTimestamp(engine, relation, cleaning);
  return { relation, rows, start, malformed: Number(malformed?.[0] ?? 0), lacking };
}

/** Amounts and keywords of which a log in one source has no column: a table takes memory for what it holds nothing of, too. */
const lackingColumns = ({ sources }: IngestOptions, roles: FoundRoles) =>
  sources.length === 1 ? (["dwell", "price", "keywords"] as const).filter((role) => roles[role] === undefined) : [];

/** Waits for both, whichever fails: neither may go on when the engine is closed. */
async function bothOrNeither(...works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  // a file that was cut short is the cause of whatever the reader says of its contents
  for (const result of results.toReversed()) if (result.status === "rejected") throw result.reason;
}

/** @throws TRB_EVENTS_UNKNOWN_COLUMN, TRB_EVENTS_NO_HEADER */
export function findRoles(
  { name, columns }: Pick<Relation, "name" | "columns">,
  options: ReadingOptions,
  preset: Preset | undefined,
): FoundRoles {
  if (preset === undefined) return findColumns(name, columns, options.columns ?? {}) as FoundRoles;
  const roles = Object.entries(preset.columns).map(([role, names]) => {
    const wanted = options.columns?.[role as keyof typeof options.columns];
    const found = wanted === undefined ? names.find((one) => columns.includes(one)) : columns.find((one) => one === wanted);
    if (found !== undefined) return [role, found] as const;
    throw unknownColumn(name, role as "customer", wanted ?? names.join(" or "), columns);
  });
  return preset.sequences ? { customer: "user", item: "item", time: "time" } : Object.fromEntries(roles);
}

/** Of each line that takes back so many of an item, the last purchase before it of just as many was never made. */
const cancelledStatement = `UPDATE temp.cleaned SET reason = ${reasonNumber("cancelled")} WHERE reason IS NULL AND rowid IN (
  SELECT bought.row FROM (SELECT customer, item, quantity, time FROM temp.cleaned WHERE reason = ${reasonNumber("cancellation")} AND item > 0) AS back
  ASOF JOIN (SELECT customer, item, quantity, time, rowid AS row FROM temp.cleaned WHERE reason IS NULL) AS bought
  ON back.customer = bought.customer AND back.item = bought.item AND back.quantity = -bought.quantity AND back.time >= bought.time)`;

/** Only who has so many events at all can have them in an hour: hours are counted for those alone, and hardly ever for anybody. */
const botStatement = (
  most: number,
) => `UPDATE temp.cleaned SET reason = ${reasonNumber("bot")} WHERE reason IS NULL AND customer IN (
  SELECT customer FROM temp.cleaned WHERE reason IS NULL AND customer IN (SELECT customer FROM memory.main.customers WHERE events > ${most})
  GROUP BY customer, floor(time / 3600) HAVING count(*) > ${most})`;

/** Numbers the customers that are left, and says how many they are. */
async function customersWithoutBots(engine: Engine, most: number): Promise<number> {
  const { customers, busiest } = await numberCustomers(engine);
  if (most === 0 || busiest <= most) return customers;
  await engine.run(botStatement(most));
  const [found] = await engine.rows(`SELECT 1 FROM temp.cleaned WHERE reason = ${reasonNumber("bot")} LIMIT 1`);
  return found === undefined ? customers : (await numberCustomers(engine)).customers;
}

async function countReasons(engine: Engine, lacking: readonly string[]) {
  const given = (column: string) => (lacking.includes(column) ? "0" : `count(${column})`);
  const rows = await engine.rows(`SELECT reason, count(*), ${given("dwell")}, ${given("price")},
    count(*) FILTER (cleared & ${clearedItem} > 0), count(*) FILTER (cleared & ${clearedAmount} > 0), ${given("keywords")} FROM temp.cleaned GROUP BY reason`);
  const dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
  let [kept, withDwell, withPrice, itemsCleared, amountsCleared, withKeywords] = [0, 0, 0, 0, 0, 0];
  for (const [reason, ...numbers] of rows) {
    const counts = numbers.map(Number);
    const name = reason === null ? undefined : dropReasons[Number(reason)];
    if (name !== undefined) dropped[name] = counts[0] ?? 0;
    else [kept = 0, withDwell = 0, withPrice = 0, itemsCleared = 0, amountsCleared = 0, withKeywords = 0] = counts;
  }
  return { dropped, kept, withDwell, withPrice, itemsCleared, amountsCleared, withKeywords };
}

/** Where the first time that can't be read stands, and what it looks like. */
async function badTimestamp(engine: Engine, relation: Relation, cleaning: CleaningOptions) {
  const numbered = `(SELECT row_number() OVER () AS place, * FROM (${cleaningQuery(relation.from, { ...cleaning, texts: true })}))`;
  const [first] = await engine.rows(
    `SELECT place, time_text, customer, item_text FROM ${numbered} WHERE reason = ${reasonNumber("unparsableTime")} LIMIT 1`,
  );
  const [place, time, customer, item] = first ?? [];
  const column = cleaning.roles.time ?? "time";
  return fail("TRB_EVENTS_BAD_TIMESTAMP", {
    file: relation.name,
    line: Number(place) + relation.headerLines,
    column,
    field: relation.format === "csv" ? relation.columns.indexOf(column) + 1 : 0,
    text: offendingText(String(time), String(customer), String(item)),
  });
}
