/**
 * `ledger.jsonl`: the ledger as everyone can read it. SQLite is the source of truth; the file follows it, and a start after a
 * crash completes it.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { fail } from "@tributary/errors";
import { writeDurably } from "../home/layout.ts";

export interface LedgerFile {
  /** @throws TRB_COORDINATOR_DATABASE_FULL, and what the file ends with is mended when it is next opened */
  append(line: string): void;
  close(): void;
}

/** @param lines what the store holds; the file is made equal to it first @throws TRB_COORDINATOR_DATABASE_FULL */
export function openLedgerFile(path: string, lines: readonly string[]): LedgerFile {
  const expected = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
  if (!existsSync(path) || !readFileSync(path).equals(expected)) {
    withRoom(path, () => writeDurably(path, expected, 0o644));
  }
  const file = openSync(path, "a");
  return {
    append(line) {
      const bytes = Buffer.from(`${line}\n`, "utf8");
      withRoom(path, () => {
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
        fsyncSync(file);
      });
    },
    close: () => closeSync(file),
  };
}

function withRoom(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (reason !== "ENOSPC" && reason !== "EDQUOT") throw error;
    throw fail("TRB_COORDINATOR_DATABASE_FULL", { where: path, reason }, error);
  }
}
