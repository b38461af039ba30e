/**
 * `ledger.jsonl`: the ledger as everyone can read it. SQLite is the source of truth; the file follows it, and a start after a
 * crash completes it.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { writeDurably } from "../home/layout.ts";

export interface LedgerFile {
  append(line: string): void;
  close(): void;
}

/** @param lines what the store holds; the file is made equal to it first */
export function openLedgerFile(path: string, lines: readonly string[]): LedgerFile {
  const expected = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
  if (!existsSync(path) || !readFileSync(path).equals(expected)) writeDurably(path, expected, 0o644);
  const file = openSync(path, "a");
  return {
    append(line) {
      const bytes = Buffer.from(`${line}\n`, "utf8");
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
      fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}
