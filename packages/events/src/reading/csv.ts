/** Rows of a CSV log with a header, by csv-parse (RFC 4180, any one-character delimiter). */
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail, isTributaryError } from "@tributary/errors";
import { CsvError, parse } from "csv-parse";
import type { ColumnNames } from "./columns.ts";
import { csvRecords, csvSettings } from "./csv-records.ts";
import { fileChunks, guardLines } from "./file-bytes.ts";
import type { RowSink } from "./rows.ts";

export interface CsvOptions {
  readonly columns: ColumnNames;
  readonly delimiter: string;
  readonly lineLimit: number;
}

/**
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_MALFORMED_CSV,
 *   TRB_EVENTS_UNKNOWN_COLUMN, TRB_EVENTS_BAD_DELIMITER
 */
export async function readCsv(path: string, { columns, delimiter, lineLimit }: CsvOptions, sink: RowSink): Promise<void> {
  if ([...delimiter].length !== 1 || /["\r\n]/.test(delimiter)) {
    throw fail("TRB_EVENTS_BAD_DELIMITER", { characters: [...delimiter].length });
  }
  const onRecord = csvRecords(path, columns, sink);
  const parser = parse({
    ...csvSettings,
    delimiter,
    max_record_size: lineLimit, // guardLines can't see a quotation mark that swallows line after line
    // Rows are taken here, and null keeps them out of the stream: thrice as fast as reading objects from it.
    on_record: (record: readonly string[], context) => {
      onRecord(record, context.lines);
      return null;
    },
  });
  const nothing = new Writable({ objectMode: true, write: (_row, _encoding, done) => done() });
  try {
    await pipeline(guardLines(path, fileChunks(path), lineLimit), parser, nothing);
  } catch (error) {
    if (isTributaryError(error)) throw error;
    if (!(error instanceof CsvError))
      throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "it can't be parsed" }, error);
    const line = parser.info.lines;
    if (error.code === "CSV_MAX_RECORD_SIZE") throw fail("TRB_EVENTS_LINE_TOO_LONG", { file: path, line, limit: lineLimit });
    // csv-parse's own message quotes the row, which may hold a customer's id: only its code goes on.
    throw fail("TRB_EVENTS_MALFORMED_CSV", { file: path, line, reason: error.code });
  }
}
