/** Rows of a JSONL log: one object a line. */
import type { ColumnNames } from "./columns.ts";
import { forEachLine } from "./file-bytes.ts";
import { objectRows, parseJson } from "./object-rows.ts";
import type { RowSink } from "./rows.ts";

/** @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_UNKNOWN_COLUMN */
export async function readJsonl(path: string, columns: ColumnNames, lineLimit: number, sink: RowSink): Promise<void> {
  const rows = objectRows(path, columns, sink);
  await forEachLine(path, lineLimit, (text, line) => rows.take(parseJson(text), line));
  rows.end();
}
