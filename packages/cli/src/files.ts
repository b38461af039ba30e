/** Reading and writing the files that a command names. */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  createReadStream,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { fail } from "@tributary/errors";
import { jsonFault } from "./json-fault.ts";
import { withProgress } from "./progress.ts";

/** @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE */
export function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown) {
  const reason = systemCode(cause);
  if (reason === "ENOENT" || reason === "ENOTDIR") return fail("TRB_CLI_FILE_NOT_FOUND", { path }, cause);
  return fail("TRB_CLI_FILE_UNREADABLE", { path, reason: reason === "EISDIR" ? "it is a folder" : reason }, cause);
}

/** A file bit by bit, for those that may be larger than the memory. @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE */
export async function* readChunks(path: string): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 });
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The same, and how far the reading is, on stderr. @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE */
export const readWatched = (path: string): AsyncIterable<Uint8Array> =>
  withProgress(path, readChunks(path), statSync(path, { throwIfNoEntry: false })?.size ?? 0);

/**
 * All of a file or what was there before, whenever the disk is full or the command is interrupted: it is written beside its place, synced, and renamed. A link stays
 * a link, a file that was there keeps its mode, and what is no file (a pipe, a terminal) is written to as it is.
 * @param mode of a file that others on this machine may not read: 0o600
 * @throws TRB_CLI_FILE_NOT_WRITABLE
 */
export function writeOutput(path: string, content: string | Uint8Array, mode?: 0o600): void {
  let beside: string | undefined;
  try {
    const before = statSync(path, { throwIfNoEntry: false });
    if (before !== undefined && !before.isFile()) {
      writeFileSync(path, content);
      return;
    }
    if (before !== undefined) accessSync(path, constants.W_OK); // renaming asks the folder alone
    const place = before === undefined ? path : realpathSync(path);
    beside = `${place}.${randomBytes(6).toString("hex")}.half-written`;
    writeFileSync(beside, content, { mode: mode ?? 0o666, flag: "wx", flush: true });
    if (before !== undefined) chmodSync(beside, mode ?? before.mode & 0o777);
    renameSync(beside, place);
  } catch (cause) {
    if (beside !== undefined) rmSync(beside, { force: true });
    throw fail("TRB_CLI_FILE_NOT_WRITABLE", { path, reason: systemCode(cause) }, cause);
  }
}

/** @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE, TRB_CLI_NOT_JSON */
export function readJson(path: string): unknown {
  return parseJson(path, textOf(path));
}

/**
 * A document that people sign: the same, and no key may stand in it twice.
 * @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE, TRB_CLI_NOT_JSON
 */
export function readJsonOnce(path: string): unknown {
  const text = textOf(path);
  const document = parseJson(path, text);
  const fault = jsonFault(text);
  if (fault === undefined) return document;
  const { line, column, repeated } = fault;
  const what = repeated === undefined ? "it is nested too deeply" : `the key ${repeated} stands there again`;
  throw fail("TRB_CLI_NOT_JSON", { path, where: ` at line ${line}, column ${column}: ${what}` });
}

/** Without the mark of its byte order. */
const textOf = (path: string) =>
  Buffer.from(readInput(path))
    .toString("utf8")
    .replace(/^\ufeff/, "");

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const fault = jsonFault(text);
    const where = fault === undefined ? "" : ` at line ${fault.line}, column ${fault.column}`;
    throw fail("TRB_CLI_NOT_JSON", { path, where }, cause);
  }
}

/** `ENOENT`, `EACCES`, …: what the operating system calls it. */
export function systemCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
}
