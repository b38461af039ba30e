/** What every format of log is read into: one call a row, no row kept. */
import type { FoundColumns } from "./columns.ts";

/** A field as a format gives it: text, or a number where the format has numbers. Undefined is a field that the row lacks. */
export type Field = string | number | undefined;

/** The columns, and which field of a row the time is, counted from 1 (0: the format has no fields by number). */
export interface FoundFields extends FoundColumns {
  readonly fieldOfTime: number;
}

export interface RowSink {
  /** Once, before the first row. */
  start(fields: FoundFields): void;
  /**
   * One row as written.
   * @param action ignored when the log has no action column
   * @param dwell undefined when the log has no such column; `price` and `keywords` likewise
   * @param line the row's (last) line in the file, counted from 1
   */
  row(
    customer: string | undefined,
    item: string | undefined,
    action: string | undefined,
    time: Field,
    dwell: Field,
    price: Field,
    keywords: string | undefined,
    line: number,
  ): void;
  /** A row that can't be taken apart at all. */
  malformed(line: number): void;
}
