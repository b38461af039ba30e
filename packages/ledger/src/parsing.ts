/** ledger.jsonl in, entries out: byte for byte, because an entry with two spellings could be two entries. */
import { fail } from "@tributary/errors";
import { canonicalBytes, parseWith } from "@tributary/protocol";
import { type Entry, entrySchema } from "./entries.ts";

/**
 * One line without its `\n`.
 * @throws TRB_LEDGER_LINE_INVALID when it is not JSON or not an entry, TRB_LEDGER_NOT_CANONICAL when its bytes are not the
 *   canonical ones
 */
export function parseLine(line: string): Entry {
  const value = parseJson(line);
  const entry = parseWith(entrySchema, value, "TRB_LEDGER_LINE_INVALID");
  if (new TextDecoder().decode(canonicalBytes(entry)) !== line) throw fail("TRB_LEDGER_NOT_CANONICAL");
  return entry;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw fail("TRB_LEDGER_LINE_INVALID", { path: "the line", reason: "it is not JSON" }, cause);
  }
}

/** Splits a file at its `\n`s. `ended` tells whether the last line has one. */
export function splitLines(bytes: Uint8Array): { readonly lines: readonly Uint8Array[]; readonly ended: boolean } {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) lines.push(bytes.subarray(start));
  return { lines, ended: start === bytes.length };
}

/** @throws TRB_LEDGER_LINE_INVALID for bytes that are not UTF-8; a byte order mark is kept, and so refused as JSON */
export function decodeLine(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw fail("TRB_LEDGER_LINE_INVALID", { path: "the line", reason: "it is not UTF-8" }, cause);
  }
}
