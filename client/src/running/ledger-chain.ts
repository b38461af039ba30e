/** The node's copy of the ledger as everything but its keeper sees it: a chain of lines that only grows. */
import { fail } from "@tributary/errors";
import { type EntryOf, emptyHead, type LedgerPlace, lineHash, parseLine } from "@tributary/ledger";
import { type Crypto, hashOf, type IdentityKey, verifyDocument } from "@tributary/protocol";

export interface LedgerCopy {
  /** Whole lines, without their `\n`. */
  lines(): readonly string[];
  head(): LedgerPlace;
  /**
   * Adds the line of the entry with this index; kept for good when it has returned. The same line again changes nothing.
   * @throws TRB_NODE_LEDGER_FORKED for another line at an index that is taken, or one that leaves a gap
   */
  append(index: number, line: string): void | Promise<void>;
}

/** What these lines end with. */
export function headOf(crypto: Crypto, lines: readonly string[]): LedgerPlace {
  const last = lines.at(-1);
  return { entries: lines.length, hash: last === undefined ? emptyHead.hash : lineHash(crypto, last) };
}

/**
 * Whether a line is to be added to these.
 * @throws TRB_NODE_LEDGER_FORKED for another line at an index that is taken, or one that leaves a gap
 */
export function continues(crypto: Crypto, lines: readonly string[], index: number, line: string): boolean {
  if (index < lines.length && lines[index] === line) return false;
  if (index === lines.length) return true;
  const own = lines[index];
  const held = own === undefined ? `${lines.length} entries` : lineHash(crypto, own);
  const found = `this node's copy has ${held}, and ${lineHash(crypto, line)} was to be written there`;
  throw fail("TRB_NODE_LEDGER_FORKED", { entry: index, found });
}

/**
 * Where a chain of lines leads, starting after `head`.
 * @throws TRB_NODE_LEDGER_INVALID where a line doesn't name the one before it
 */
export function followChain(crypto: Crypto, head: LedgerPlace, lines: readonly string[]): LedgerPlace {
  let { entries, hash } = head;
  for (const line of lines) {
    const entry = parseLine(line);
    if (entry.index !== entries || entry.previous !== hash) {
      throw fail("TRB_NODE_LEDGER_INVALID", { entry: entries, reason: "it doesn't follow the entry before it" });
    }
    entries += 1;
    hash = lineHash(crypto, line);
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
