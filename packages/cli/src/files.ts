/** Reading and writing the files that a command names. */
import { chmodSync, createReadStream, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { jsonFault } from "./json-fault.ts";

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

/** @param mode of a file that others on this machine may not read: 0o600. @throws TRB_CLI_FILE_NOT_WRITABLE */
export function writeOutput(path: string, content: string | Uint8Array, mode?: 0o600): void {
  try {
    if (mode === undefined) writeFileSync(path, content);
    else {
      writeFileSync(path, "", { mode });
      chmodSync(path, mode); // of a file that was there before
      writeFileSync(path, content);
    }
  } catch (cause) {
    throw fail("TRB_CLI_FILE_NOT_WRITABLE", { path, reason: systemCode(cause) }, cause);
  }
}

/** All of a file or what was there before, whenever the command is interrupted. @throws TRB_CLI_FILE_NOT_WRITABLE */
export function replaceOutput(path: string, content: string): void {
  const whole = `${path}.${process.pid}.part`;
  try {
    writeFileSync(whole, content);
    renameSync(whole, path);
  } catch (cause) {
    rmSync(whole, { force: true });
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
