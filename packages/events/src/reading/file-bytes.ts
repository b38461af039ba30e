/**
 * A file's lines, one after another, in memory that depends on neither the file's size nor its longest line.
 *
 * Whoever exports a log by accident in one 2 GB line gets a coded error after the first `limit` bytes of it.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";

/** 1 MiB: some thousand times an ordinary row. */
export const defaultLineLimit = 1 << 20;

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * The file's bytes, chunk by chunk.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE
 */
export async function* fileChunks(path: string): AsyncGenerator<Buffer> {
  try {
    if ((await stat(path)).isDirectory()) throw fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason: "it is a folder" });
    yield* createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw readFailure(path, error);
  }
}

/**
 * Passes the chunks on unchanged and refuses as soon as a line grows past the limit.
 * @throws TRB_EVENTS_LINE_TOO_LONG
 */
export async function* guardLines(path: string, chunks: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let line = 1;
  let length = 0; // bytes of the current line in earlier chunks
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      if (length + end - start > limit) throw fail("TRB_EVENTS_LINE_TOO_LONG", { file: path, line, limit });
      line++;
      length = 0;
      start = end + 1;
    }
    length += chunk.length - start;
    if (length > limit) throw fail("TRB_EVENTS_LINE_TOO_LONG", { file: path, line, limit });
    yield chunk;
  }
}

/**
 * Calls `onLine` for each line that isn't blank, without its line end and without a byte order mark.
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG
 */
export async function forEachLine(path: string, limit: number, onLine: (text: string, line: number) => void): Promise<void> {
  const splitter = lineSplitter(onLine);
  for await (const chunk of guardLines(path, fileChunks(path), limit)) splitter.push(chunk);
  splitter.end();
}

/** Cuts chunks into lines. A line that spans chunks is held in pieces until it ends; `guardLines` bounds how many. */
export function lineSplitter(onLine: (text: string, line: number) => void): { push(chunk: Buffer): void; end(): void } {
  let line = 0;
  let pieces: Buffer[] = [];
  const emit = (bytes: Buffer) => {
    line++;
    const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
    const text = bytes.toString("utf8", 0, end);
    const content = line === 1 && text.startsWith("\uFEFF") ? text.slice(1) : text;
    if (content.trim() !== "") onLine(content, line);
  };
  const push = (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const piece = chunk.subarray(start, end);
      if (pieces.length === 0) emit(piece);
      else {
        emit(Buffer.concat([...pieces, piece]));
        pieces = [];
      }
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  };
  const end = () => {
    if (pieces.length > 0) emit(Buffer.concat(pieces));
    pieces = [];
  };
  return { push, end };
}

/** What the operating system says, as one of our errors; our own errors pass. */
export function readFailure(path: string, error: unknown): TributaryError {
  if (isTributaryError(error)) return error;
  const reason = systemErrorCode(error);
  if (reason === "ENOENT" || reason === "ENOTDIR") return fail("TRB_EVENTS_FILE_NOT_FOUND", { file: path }, error);
  return fail("TRB_EVENTS_FILE_UNREADABLE", { file: path, reason }, error);
}

/** `ENOENT`, `EACCES`, …; the error's own words when it has no such code. */
export function systemErrorCode(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
