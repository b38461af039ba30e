/** Where an import may read from, and how it is told to read. */
import type { ColumnNames } from "../reading/columns.ts";
import { withoutQuery } from "./pages/page-address.ts";
import type { PagesSource } from "./pages/pages-source.ts";
import { holdsPassword, isPostgres, withoutPassword } from "./postgres/address.ts";
import type { IngestPreset } from "./presets.ts";

/** Rows that a query gives. */
export interface QuerySource {
  readonly sql: string;
  /**
   * A SQLite or DuckDB file that the query reads, or the address of a PostgreSQL database (`postgres://…`), which is then cleaned there;
   * without one the query names files itself: `SELECT … FROM 'log.parquet'`.
   */
  readonly database?: string | undefined;
}

/** A file's path, a query, or the pages of an HTTP API. */
export type LogSource = string | QuerySource | PagesSource;

export const isPages = (source: LogSource): source is PagesSource => typeof source !== "string" && "url" in source;

export const logFormats = ["csv", "jsonl", "parquet"] as const;
export type LogFormat = (typeof logFormats)[number];

export const encodings = ["utf-8", "utf-16", "latin-1"] as const;
export type Encoding = (typeof encodings)[number];

export interface ReadingOptions {
  readonly preset?: IngestPreset | undefined;
  /** Default: by the file's ending, behind `.gz` or `.zst`; what isn't known is CSV. */
  readonly format?: LogFormat | undefined;
  /** CSV only. Default: a comma, or a tab for `.tsv`. */
  readonly delimiter?: string | undefined;
  /** CSV only: one character, or empty for a log that never quotes. Default: `"`. */
  readonly quote?: string | undefined;
  /** Default: UTF-8. */
  readonly encoding?: Encoding | undefined;
  readonly columns?: ColumnNames | undefined;
  /** How times are written (strptime), tried in this order before numbers and ISO 8601. */
  readonly timeFormats?: readonly string[] | undefined;
  /** Of times that don't say where they were read off, such as `Europe/Berlin`. Default: UTC. */
  readonly timeZone?: string | undefined;
  /** Longest line, in bytes. */
  readonly lineLimit?: number | undefined;
}

/** Rows of a source that a preview looks at. */
export const sampledRows = 10_000;

/** What an error or a report calls the source: never with a password. */
export function nameOf(source: LogSource): string {
  if (typeof source === "string") return source;
  if (isPages(source)) return URL.canParse(source.url) ? withoutQuery(new URL(source.url)) : "the HTTP API";
  if (source.database === undefined) return "the query";
  if (isPostgres(source.database)) return withoutPassword(source.database);
  // another database's, or ours written another way
  return holdsPassword(source.database) ? "(not shown: it may hold a password)" : source.database;
}
