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

/** No entry is so long: of ten thousand nodes one is a tenth of it. */
export const mostLineBytes = 64 * 1024 * 1024;

/**
 * Lines of a file that comes in chunks cut anywhere, each without its `\n`. Holds what it has of one line, and of a line that is longer than any entry
 * nothing.
 */
export function lineReader(deliver: (line: Uint8Array | "too long") => void): {
  readonly take: (chunk: Uint8Array) => void;
  /** Delivers what stands after the last `\n`. @returns whether nothing does */
  readonly end: () => boolean;
} {
  let parts: Uint8Array[] = [];
  let length = 0;
  const hold = (part: Uint8Array) => {
    if (part.length === 0) return;
    length += part.length;
    if (length > mostLineBytes) parts = [];
    else parts.push(part);
  };
  const release = () => {
    deliver(length > mostLineBytes ? "too long" : joined(parts, length));
    [parts, length] = [[], 0];
  };
  return {
    take(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
        hold(chunk.subarray(start, end));
        release();
        start = end + 1;
      }
      hold(chunk.slice(start)); // a copy: what it is cut from may be written over
    },
    end() {
      if (length === 0) return true;
      release();
      return false;
    },
  };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
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
