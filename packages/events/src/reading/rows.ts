/** What every format of log is read into: one call a row, no row kept. */
import type { FoundColumns } from "./columns.ts";

/** The columns, and which field of a row the time is, counted from 1 (0: the format has no fields by number). */
export interface FoundFields extends FoundColumns {
  readonly fieldOfTime: number;
}

export interface RowSink {
  /** Once, before the first row. */
  start(fields: FoundFields): void;
  /**
   * One row as written. Undefined is a field that the row lacks.
   * @param action ignored when the log has no action column
   * @param line the row's (last) line in the file, counted from 1
   */
  row(
    customer: string | undefined,
    item: string | undefined,
    action: string | undefined,
    time: string | number | undefined,
    line: number,
  ): void;
  /** A row that can't be taken apart at all. */
  malformed(line: number): void;
}
