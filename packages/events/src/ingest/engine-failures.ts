/**
 * DuckDB's complaints as coded errors. Its messages quote the values that it stumbled over, which may be a customer's: apart from what it
 * says of a query that the caller wrote, only the kind of complaint goes on, and never the message as a cause.
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";

/** Patterns of what is wrong with a file's bytes, and the reason in words that quote nothing. */
const damage: readonly (readonly [RegExp, string])[] = [
  [/No magic bytes|too small to be a Parquet|not a parquet file/i, "it is cut short or no Parquet"],
  [/GZIP/, "its gzip is damaged"],
  [/ZSTD/i, "its zstd is damaged"],
  [/decompression failure|thrift|TProtocolException|Failed to read Parquet|Failed to read file/i, "its Parquet is damaged"],
];

/** @param file what is being read: a path, or what the caller calls the query */
export function engineFailure(file: string, error: unknown): TributaryError {
  if (isTributaryError(error)) return error;
  const message = error instanceof Error ? error.message : "";
  if (/No files found that match/.test(message)) return fail("TRB_EVENTS_FILE_NOT_FOUND", { file });
  if (/Out of Memory|No space left|could not allocate|failed to offload/i.test(message)) {
    return fail("TRB_EVENTS_NO_ROOM", {
      reason: /space/i.test(message) ? "the disk is full" : "memory and its folder are full",
    });
  }
  const damaged = damage.find(([pattern]) => pattern.test(message));
  if (damaged !== undefined) return fail("TRB_EVENTS_FILE_DAMAGED", { file, reason: damaged[1] });
  return fail("TRB_EVENTS_FILE_UNREADABLE", { file, reason: kindOf(message) });
}

/** What is wrong with a query of the caller's: DuckDB's own words where they can only name what the query names. */
export function queryFailure(error: unknown): TributaryError {
  if (isTributaryError(error)) return error;
  const message = error instanceof Error ? error.message : "";
  const names = /^(Parser|Binder|Catalog) Error/.test(message);
  return fail("TRB_EVENTS_BAD_QUERY", { reason: names ? (message.split("\n")[0] ?? "").slice(0, 200) : kindOf(message) });
}

/** `Conversion Error`: the part of a message that quotes nothing. */
const kindOf = (message: string) => /^([A-Z][A-Za-z ]{2,40} Error)\b/.exec(message)?.[1] ?? "the reader gave up";

/** Runs a part of the work, and names the file in what goes wrong. */
export async function reading<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw engineFailure(file, error);
  }
}
