/**
 * Two things that DuckDB passes over without a word, measured with 1.5.6: a compressed file that was cut short is a shorter file to it, and a
 * line that is longer than its buffers (16 MB) is none. Both would be events lost in silence, so a file's bytes are also looked at here.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { extname } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { defaultLineLimit, guardLines, readFailure, systemErrorCode } from "../reading/file-bytes.ts";
import type { Relation } from "./relation.ts";

const newline = 0x0a;
const chunkLength = 256 * 1024;

/**
 * Reads a text file to its end, through its compression.
 * @throws TRB_EVENTS_FILE_DAMAGED, TRB_EVENTS_LINE_TOO_LONG
 */
export async function checkBytes({ name, format }: Relation, lineLimit = defaultLineLimit): Promise<void> {
  if (format === "parquet" || format === "query" || format === "pages") return;
  // lines that lie inside a chunk are DuckDB's to judge: only a line that fills chunks can be missed
  const longest = Math.max(lineLimit, chunkLength);
  try {
    let length = 0; // bytes since the last line end
    for await (const chunk of passingBytesOf(name)) {
      const first = chunk.indexOf(newline);
      if (length + (first < 0 ? chunk.length : first) > longest) throw await lineTooLong(name, lineLimit);
      length = first < 0 ? length + chunk.length : chunk.length - 1 - chunk.lastIndexOf(newline);
    }
  } catch (error) {
    throw damage(name, error);
  }
}

/** The bytes of a file, or of what it compresses, each chunk overwritten by the next where that can be: a log's worth of buffers is much to clear away. */
async function* passingBytesOf(path: string): AsyncGenerator<Buffer> {
  if (compressed.has(extname(path).toLowerCase())) return yield* bytesOf(path);
  const file = await open(path);
  try {
    const chunk = Buffer.allocUnsafe(chunkLength);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunkLength);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

const compressed = new Set([".gz", ".zst"]);

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: chunkLength });
  const ending = extname(path).toLowerCase();
  if (!compressed.has(ending)) return yield* file as AsyncIterable<Buffer>;
  const plain: Readable =
    ending === ".gz" ? createGunzip({ chunkSize: chunkLength }) : createZstdDecompress({ chunkSize: chunkLength });
  file.once("error", (error) => plain.destroy(error));
  try {
    yield* file.pipe(plain as ReturnType<typeof createGunzip>) as AsyncIterable<Buffer>;
  } finally {
    file.destroy();
  }
}

/** The same bytes again, with every line counted. */
async function lineTooLong(path: string, limit: number): Promise<TributaryError> {
  try {
    for await (const _ of guardLines(path, bytesOf(path), limit));
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
  return fail("TRB_EVENTS_LINE_TOO_LONG", { file: path, line: 0, limit });
}

function damage(path: string, error: unknown): TributaryError {
  if (isTributaryError(error)) return error;
  const code = systemErrorCode(error);
  if (!/^(Z_|ERR_|ZSTD)/.test(code)) return readFailure(path, error);
  const reason = code === "Z_BUF_ERROR" ? "it was cut short" : "what compresses it is damaged";
  return fail("TRB_EVENTS_FILE_DAMAGED", { file: path, reason }, error);
}
