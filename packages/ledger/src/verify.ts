/**
 * Offline verification of a whole ledger file: from its bytes alone, and from a key fingerprint and a head hash that the
 * reader got elsewhere. What no file can show is in `notVerifiable` and in every verdict.
 */
import { isTributaryError } from "@tributary/errors";
import {
  type Crypto,
  type Decimal,
  fingerprintOf,
  isSpentBefore,
  notVerifiable,
  type Plan,
  rosterFingerprint,
  type Sha256,
} from "@tributary/protocol";
import { decodeLine, splitLines } from "./parsing.ts";
import { spentAfter } from "./spending.ts";
import { verifyLine } from "./verification/entry.ts";
import { type Failure, initialVerification, reporter, type VerificationState } from "./verification/state.ts";

export interface VerifyOptions {
  readonly crypto: Crypto;
  /** Fingerprint of the coordinator's key, obtained elsewhere; hex in either case. */
  readonly key?: string;
  /** Hash of the last entry, obtained elsewhere. */
  readonly head?: string;
}

export interface LedgerVerdict {
  /** Everything that the file itself can show holds. With `trust: "unpinned"` this is self-consistency and no more. */
  readonly verified: boolean;
  /** Verified, by the coordinator whose key the reader knows, and with nothing missing at the end. */
  readonly fullyVerified: boolean;
  readonly trust: "unpinned" | "pinned";
  /** The last entry is the closing one, or the one that the reader's head hash names. */
  readonly complete: boolean;
  readonly entries: number;
  readonly failures: readonly Failure[];
  /** Hash of the last entry: what to compare with other members. */
  readonly head: Sha256;
  readonly federation: string | null;
  /** Fingerprint of the coordinator's key, as the ledger has it. */
  readonly key: Sha256 | null;
  readonly rosterFingerprint: Sha256 | null;
  readonly planHash: Sha256 | null;
  /** The model that the last entry leaves. */
  readonly modelHash: Sha256 | null;
  /** The model that metrics have kept last, where the plan has a rule for that; null before the first. */
  readonly keptModelHash: Sha256 | null;
  readonly rounds: { readonly released: number; readonly abortedCharged: number; readonly abortedRefunded: number };
  /** ε spent so far: what the last entry claims, at least the recomputed one when verified. */
  readonly epsilon: Decimal | null;
  readonly delta: Decimal | null;
  /** What ε is added up by, and was recomputed by. */
  readonly accountant: Plan["accountant"] | null;
  /** ε that the plan permits in all. */
  readonly limit: Decimal | null;
  readonly unit: Plan["unit"] | null;
  /** Set when the promise holds only under a condition. */
  readonly conditional: "catalogue treated as public" | null;
  readonly notVerifiable: readonly string[];
}

/** Never throws for any bytes: what is wrong with them is in the verdict. */
export function verifyLedger(bytes: Uint8Array, options: VerifyOptions): LedgerVerdict {
  const failures: Failure[] = [];
  const { state, hashes } = verifyLines(bytes, options.crypto, failures);
  const last = Math.max(hashes.length - 1, 0);
  const known = options.head?.toLowerCase();
  const atHead = known !== undefined && known === hashes.at(-1);
  if (known !== undefined && !hashes.some((hash) => hash === known)) reporter(last, failures)("TRB_LEDGER_HEAD_MISMATCH");

  const key = state.genesis === null ? null : fingerprintOf(options.crypto, state.genesis.coordinatorKey);
  if (options.key !== undefined && key !== null && options.key.toLowerCase() !== key) {
    reporter(0, failures)("TRB_LEDGER_KEY_MISMATCH");
  }
  const verified = failures.length === 0;
  const trust = options.key !== undefined && options.key.toLowerCase() === key ? "pinned" : "unpinned";
  const complete = state.closed || atHead;
  return {
    verified,
    fullyVerified: verified && trust === "pinned" && complete,
    trust,
    complete,
    entries: hashes.length,
    failures: failures.sort((a, b) => a.entry - b.entry),
    head: state.head.hash,
    key,
    ...summary(state, options.crypto),
  };
}

function verifyLines(bytes: Uint8Array, crypto: Crypto, failures: Failure[]): { state: VerificationState; hashes: Sha256[] } {
  const { lines, ended } = splitLines(bytes);
  if (lines.length === 0) reporter(0, failures)("TRB_LEDGER_EMPTY");
  let state = initialVerification;
  const hashes: Sha256[] = [];
  for (const [place, line] of lines.entries()) {
    const text = readable(line, place, failures);
    const step = verifyLine(state, text ?? "", crypto);
    if (text !== undefined) failures.push(...step.failures);
    state = step.state;
    hashes.push(state.head.hash);
    // without plan, roster and key nothing after it can be held to anything
    if (state.genesis === null) break;
  }
  if (!ended) reporter(lines.length - 1, failures)("TRB_LEDGER_UNTERMINATED");
  return { state, hashes };
}

/** The line as text, or undefined with the reason reported. */
function readable(line: Uint8Array, place: number, failures: Failure[]): string | undefined {
  try {
    return decodeLine(line);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    reporter(place, failures)(error.code, error.details);
    return undefined;
  }
}

/** Before the first round: nothing, or what choosing the recipe cost; null where the plan makes no sense. */
function unspent(plan: Plan): Decimal | null {
  if (!isSpentBefore(plan)) return "0" as Decimal;
  try {
    return spentAfter(
      plan,
      plan.releases.map(() => 0),
    ).epsilon;
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return null;
  }
}

function summary({ genesis, modelHash, kept, released, aborted, spent }: VerificationState, crypto: Crypto) {
  const plan = genesis?.plan;
  return {
    federation: genesis?.federation ?? null,
    rosterFingerprint: genesis === null ? null : rosterFingerprint(crypto, genesis.roster),
    planHash: genesis?.planHash ?? null,
    modelHash,
    keptModelHash: kept?.modelHash ?? null,
    rounds: { released, abortedCharged: aborted.charged, abortedRefunded: aborted.refunded },
    epsilon: spent?.epsilon ?? (plan === undefined ? null : unspent(plan)),
    delta: plan?.delta ?? null,
    accountant: plan?.accountant ?? null,
    limit: plan?.epsilon ?? null,
    unit: plan?.unit ?? null,
    conditional: plan?.catalogueProvenance === "log" ? ("catalogue treated as public" as const) : null,
    notVerifiable,
  };
}
