/** `tributary ledger show`: one row an entry, for people. Reads without verifying; `verifyLedger` verifies. */
import { fail } from "@tributary/errors";
import type { Crypto, Decimal, Sha256 } from "@tributary/protocol";
import { lineHash } from "./building.ts";
import type { Entry, EntryKind } from "./entries.ts";
import { decodeLine, parseLine, splitLines } from "./parsing.ts";

export interface LedgerRow {
  readonly index: number;
  readonly kind: EntryKind;
  readonly at: string;
  readonly hash: Sha256;
  readonly round?: number;
  /** Place in `plan.releases`. */
  readonly release?: number;
  /** How many nodes' vectors are in the sum. */
  readonly survivors?: number;
  /** Whether this entry's round counts. */
  readonly charged?: boolean;
  /** Spent so far, as claimed. */
  readonly epsilon?: Decimal;
  /** Why a round was given up, or the ledger closed. */
  readonly reason?: string;
}

/** @throws TRB_LEDGER_EMPTY, TRB_LEDGER_UNTERMINATED, TRB_LEDGER_LINE_INVALID, TRB_LEDGER_NOT_CANONICAL */
export function summarizeLedger(bytes: Uint8Array, crypto: Pick<Crypto, "sha256">): LedgerRow[] {
  const { lines, ended } = splitLines(bytes);
  if (lines.length === 0) throw fail("TRB_LEDGER_EMPTY");
  if (!ended) throw fail("TRB_LEDGER_UNTERMINATED");
  return lines.map((bytesOfLine) => {
    const line = decodeLine(bytesOfLine);
    const entry = parseLine(line);
    return { index: entry.index, kind: entry.kind, at: entry.at, hash: lineHash(crypto, line), ...particulars(entry) };
  });
}

function particulars(entry: Entry): Partial<LedgerRow> {
  switch (entry.kind) {
    case "genesis":
      return {};
    case "round":
      return {
        round: entry.round,
        release: entry.release,
        survivors: entry.survivors.length,
        charged: true,
        epsilon: entry.spent.epsilon,
      };
    case "aborted":
      return {
        round: entry.round,
        release: entry.release,
        charged: entry.charged,
        epsilon: entry.spent.epsilon,
        reason: entry.code,
      };
    case "closing":
      return { epsilon: entry.spent.epsilon, reason: entry.reason };
  }
}
