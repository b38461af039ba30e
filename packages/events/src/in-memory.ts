/**
 * `@tributary/events/in-memory`: a log and a catalogue that are in memory already, read as those in files are. Nothing reachable from here imports from
 * `node:`, so that a browser can (`pure.test.ts`).
 */
import { fail } from "@tributary/errors";
import { CsvError, parse } from "csv-parse/browser/esm/sync";
import { type CleanOptions, cleanLog, type ImportResult } from "./clean-log.ts";
import type { ColumnNames } from "./reading/columns.ts";
import { csvRecords, csvSettings } from "./reading/csv-records.ts";
import { objectRows, parseJson } from "./reading/object-rows.ts";

export { type Catalogue, type CatalogueItem, parseCatalogue } from "./catalogue.ts";

export interface InMemoryOptions extends CleanOptions {
  /** Names of the columns or keys; default: the usual names. */
  readonly columns?: ColumnNames;
}

/** Events as values. @throws what `cleanLog` does, TRB_EVENTS_UNKNOWN_COLUMN */
export function historiesOfEvents(events: Iterable<unknown>, options: InMemoryOptions): Promise<ImportResult> {
  return cleanLog(options, (sink) => {
    const rows = objectRows(options.source, options.columns ?? {}, sink);
    let line = 0;
    for (const event of events) rows.take(event, ++line);
    rows.end();
  });
}

/**
 * A log's text: a JSON list of events, JSON lines, or CSV with a header, told apart by how it begins.
 * @throws what `cleanLog` does, TRB_EVENTS_UNKNOWN_COLUMN, TRB_EVENTS_NO_HEADER, TRB_EVENTS_MALFORMED_CSV
 */
export function historiesOfText(text: string, options: InMemoryOptions): Promise<ImportResult> {
  const content = text.trimStart();
  if (content.startsWith("[")) {
    const list = parseJson(content);
    return historiesOfEvents(Array.isArray(list) ? list : [], options);
  }
  if (content.startsWith("{")) {
    const lines = content.split("\n").filter((line) => line.trim() !== "");
    return historiesOfEvents(lines.map(parseJson), options);
  }
  return cleanLog(options, (sink) => {
    const take = csvRecords(options.source, options.columns ?? {}, sink);
    try {
      parse(text, {
        ...csvSettings,
        on_record(record: readonly string[], { lines }) {
          take(record, lines);
          return null;
        },
      });
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      // csv-parse's own message quotes the row, which may hold a customer's id: only its code goes on
      throw fail("TRB_EVENTS_MALFORMED_CSV", { file: options.source, line: Number(error["lines"] ?? 0), reason: error.code });
    }
  });
}
