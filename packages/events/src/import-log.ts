/**
 * A log file → clean histories, and a report of what was dropped and why.
 *
 * The raw log is never held: rows go straight into typed arrays, 17 bytes each (4 more for dwell times, 4 for prices, 4 for topics), and each customer's id is kept once.
 */
import type { Catalogue } from "./catalogue.ts";
import { cleanLog, type ImportReport, type ImportResult } from "./clean-log.ts";
import { type DropCounts, dropReasons } from "./cleaning/drop-reasons.ts";
import { type LogOptions, readLog } from "./reading/log.ts";

export interface ImportOptions extends LogOptions {
  readonly path: string;
  /** The public list of items; events of other items are dropped and counted. */
  readonly catalogue: Catalogue;
  /** Fewer customers are refused. Default 2; a device, which holds one person, says 1. */
  readonly leastCustomers?: number | undefined;
}

/**
 * Reads, cleans and orders a log.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_EMPTY, TRB_EVENTS_UNKNOWN_COLUMN, TRB_EVENTS_LINE_TOO_LONG,
 *   TRB_EVENTS_MALFORMED_CSV, TRB_EVENTS_BAD_DELIMITER, TRB_EVENTS_BAD_TIMESTAMP (when no time at all can be read),
 *   TRB_EVENTS_NOTHING_LEFT, TRB_EVENTS_TOO_FEW_CUSTOMERS
 */
export async function importLog(options: ImportOptions): Promise<ImportResult> {
  const { path, catalogue, leastCustomers = 2 } = options;
  return cleanLog({ source: path, catalogue, leastCustomers }, (sink) => readLog(path, options, sink));
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
