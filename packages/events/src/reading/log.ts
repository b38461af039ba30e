/** A log file in any of its formats, read row by row into a sink. */
import { extname } from "node:path";
import type { ColumnNames } from "./columns.ts";
import { readCsv } from "./csv.ts";
import { defaultLineLimit } from "./file-bytes.ts";
import { readJsonl } from "./jsonl.ts";
import type { RowSink } from "./rows.ts";
import { readSasrecText } from "./sasrec-text.ts";

export const logPresets = ["sasrec-text"] as const;
export type LogPreset = (typeof logPresets)[number];

/** How a log file is to be read. */
export interface LogOptions {
  /** Default: by the file's ending; `.jsonl` and `.ndjson` are JSONL, everything else is CSV. */
  readonly format?: "csv" | "jsonl" | undefined;
  /** A form that has no named columns; goes before `format`. */
  readonly preset?: LogPreset | undefined;
  /** Names of the columns (CSV) or keys (JSONL); default: the usual names. */
  readonly columns?: ColumnNames | undefined;
  /** CSV only. Default: a comma, or a tab for `.tsv`. */
  readonly delimiter?: string | undefined;
  /** Longest line, in bytes. */
  readonly lineLimit?: number | undefined;
}

/** @throws what the format's reader throws */
export async function readLog(path: string, options: LogOptions, sink: RowSink): Promise<void> {
  const { columns = {}, lineLimit = defaultLineLimit } = options;
  const ending = extname(path).toLowerCase();
  if (options.preset === "sasrec-text") return readSasrecText(path, lineLimit, sink);
  const format = options.format ?? (ending === ".jsonl" || ending === ".ndjson" ? "jsonl" : "csv");
  if (format === "jsonl") return readJsonl(path, columns, lineLimit, sink);
  return readCsv(path, { columns, delimiter: options.delimiter ?? (ending === ".tsv" ? "\t" : ","), lineLimit }, sink);
}
