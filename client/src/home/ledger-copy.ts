/**
 * ledger.jsonl: the node's own copy, holding only entries that its reducer verified. It only grows, each line synced before the
 * node goes on; a line that a crash left half written was never relied on, and is cut off.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type EntryOf, type LedgerPlace, parseLine } from "@tributary/ledger";
import { type Crypto, hashOf, type IdentityKey, type Sha256, sha256Hex, verifyDocument } from "@tributary/protocol";
import { appendNow } from "./durable.ts";
import { type Layout, reasonOf } from "./layout.ts";

export interface LedgerCopy {
  /** Whole lines, without their `\n`. */
  lines(): readonly string[];
  head(): LedgerPlace;
  /**
   * Adds the line of the entry with this index. The same line again changes nothing.
   * @throws TRB_NODE_LEDGER_FORKED for another line at an index that is taken, or one that leaves a gap
   */
  append(index: number, line: string): void;
}

/** @throws TRB_NODE_HOME_UNREADABLE */
export function openLedgerCopy(layout: Layout): LedgerCopy {
  const lines: string[] = [];
  let length = 0;
  if (existsSync(layout.ledger)) {
    let text: string;
    try {
      text = readFileSync(layout.ledger, "utf8");
    } catch (cause) {
      throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.ledger, reason: reasonOf(cause) }, cause);
    }
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    lines.push(...whole.split("\n").slice(0, -1));
    length = Buffer.byteLength(whole, "utf8");
  }
  return {
    lines: () => lines,
    head: () => ({ entries: lines.length, hash: hashOfLast(lines) }),
    append(index, line) {
      if (index < lines.length && lines[index] === line) return;
      if (index !== lines.length) {
        const own = lines[index];
        const held = own === undefined ? `${lines.length} entries` : hashOfLine(own);
        const found = `this node's copy has ${held}, and ${hashOfLine(line)} was to be written there`;
        throw fail("TRB_NODE_LEDGER_FORKED", { entry: index, found });
      }
      appendNow(layout.ledger, `${line}\n`, length);
      lines.push(line);
      length += Buffer.byteLength(line, "utf8") + 1;
    },
  };
}

/** An entry's hash is the SHA-256 of its line; 64 zeros stand for no entry. */
export function hashOfLine(line: string): Sha256 {
  return sha256Hex.parse(createHash("sha256").update(line, "utf8").digest("hex"));
}

function hashOfLast(lines: readonly string[]): Sha256 {
  const last = lines.at(-1);
  return last === undefined ? sha256Hex.parse("0".repeat(64)) : hashOfLine(last);
}

/**
 * Where a chain of lines leads, starting after `head`.
 * @throws TRB_NODE_LEDGER_INVALID where a line doesn't name the one before it
 */
export function followChain(head: LedgerPlace, lines: readonly string[]): LedgerPlace {
  let { entries, hash } = head;
  for (const line of lines) {
    const entry = parseLine(line);
    if (entry.index !== entries || entry.previous !== hash) {
      throw fail("TRB_NODE_LEDGER_INVALID", { entry: entries, reason: "it doesn't follow the entry before it" });
    }
    entries += 1;
    hash = hashOfLine(line);
  }
  return { entries, hash };
}

/**
 * The first entry, genuine: signed by the coordinator whose key the invite named.
 * @throws TRB_NODE_LEDGER_INVALID
 */
export function parseGenesis(line: string, coordinatorKey: IdentityKey, crypto: Crypto): EntryOf<"genesis"> {
  const entry = parseLine(line);
  const genuine =
    entry.kind === "genesis" &&
    entry.index === 0 &&
    entry.coordinatorKey === coordinatorKey &&
    entry.plan.coordinatorKey === coordinatorKey &&
    hashOf(crypto, entry.plan) === entry.planHash &&
    verifyDocument(crypto, entry, coordinatorKey);
  if (!genuine) throw fail("TRB_NODE_LEDGER_INVALID", { entry: 0, reason: "it isn't the coordinator's first entry" });
  return entry;
}
