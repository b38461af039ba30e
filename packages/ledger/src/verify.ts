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
  type NodeId,
  notVerifiable,
  type Plan,
  rosterFingerprint,
  type Sha256,
} from "@tributary/protocol";
import type { Entry } from "./entries.ts";
import { decodeLine, lineReader, mostLineBytes } from "./parsing.ts";
import { spentAfter } from "./spending.ts";
import { accountantsOf, type CostByAccountant } from "./verification/accountants.ts";
import { verifyLine } from "./verification/entry.ts";
import { seenHashes } from "./verification/replays.ts";
import { foundingAt, roundOf } from "./verification/roster.ts";
import type { Signatories } from "./verification/signatures.ts";
import { type Failure, initialVerification, reporter, type VerificationState } from "./verification/state.ts";

export interface VerifyOptions {
  readonly crypto: Crypto;
  /** Fingerprint of the coordinator's key, obtained elsewhere; hex in either case. */
  readonly key?: string;
  /** Hash of the last entry, obtained elsewhere. */
  readonly head?: string;
  /** Recompute ε by every accountant, not by the plan's alone: a second or two for sampled releases. */
  readonly accountants?: boolean;
  /** Is handed every entry that can be read, in order, whether it holds or not: for who makes more of a ledger than a verdict, and reads it once. */
  readonly watch?: (entry: Entry) => void;
  /** Is told what doesn't hold once that is known, by entries in any order: for who shows it while the rest is verified. What `SignatureChecks` find comes at the end. */
  readonly found?: (failure: Failure) => void;
}

/**
 * `proven`: verified, and ends with the entry that the reader's head names, or is closed by the coordinator whose key the reader knows. `closed, by an unpinned key`: verified and
 * closed, as whoever made the file could have it. `unproven`: entries may be missing at the end, and only a head from elsewhere can show it.
 */
type Completeness = "proven" | "closed, by an unpinned key" | "unproven";

export interface LedgerVerdict {
  /** Everything that the file itself can show holds. With `trust: "unpinned"` this is self-consistency and no more. */
  readonly verified: boolean;
  /** Verified, by the coordinator whose key the reader knows, and with nothing missing at the end. */
  readonly fullyVerified: boolean;
  readonly trust: "unpinned" | "pinned";
  /** The last entry is the closing one, or the one that the reader's head hash names. */
  readonly complete: boolean;
  readonly completeness: Completeness;
  /** Up to which entry the file has everything, when that was written by its own word, and by whom (fingerprint); null unless verified. */
  readonly reaches: { readonly entry: number; readonly at: string; readonly by: Sha256 } | null;
  /** Up to which entry a round's cohort has countersigned, and who was in it; null before the first round and unless verified. */
  readonly countersigned: { readonly entry: number; readonly nodes: readonly NodeId[] } | null;
  readonly entries: number;
  /** Ascending by entry, the first thousand. */
  readonly failures: readonly Failure[];
  readonly failureCount: number;
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
  /** ε of the rounds charged, where that was asked for; null before the first round. */
  readonly accountants: CostByAccountant | null;
  /** ε that the plan permits in all. */
  readonly limit: Decimal | null;
  readonly unit: Plan["unit"] | null;
  /** Set when the promise holds only under a condition. */
  readonly conditional: "catalogue treated as public" | null;
  readonly notVerifiable: readonly string[];
}

/** Never throws for any bytes: what is wrong with them is in the verdict. */
export function verifyLedger(bytes: Uint8Array, options: VerifyOptions): LedgerVerdict {
  const verification = openVerification(options);
  verification.take(bytes);
  return verification.verdict();
}

/** Signatures that are checked on their own, on other threads for one (`@tributary/ledger/threads`). */
export interface SignatureChecks {
  /** A line of a form that holds, with its place in the file. */
  add(line: string, place: number, signatories: Signatories): void;
  /** Settles when more may be added. */
  ready(): Promise<void>;
  /** What doesn't hold of all that were added. */
  rest(): Promise<readonly Failure[]>;
}

/**
 * The same for a file that is read bit by bit. Memory: the longest line, what verification remembers, and the first thousand failures.
 * @param chunks cut anywhere
 * @param signatures unless given, they are checked with everything else
 */
export async function verifyLedgerStream(
  chunks: AsyncIterable<Uint8Array>,
  options: VerifyOptions,
  signatures?: SignatureChecks,
): Promise<LedgerVerdict> {
  const verification = openVerification(options, signatures);
  for await (const chunk of chunks) {
    verification.take(chunk);
    await signatures?.ready();
  }
  return verification.verdict(await signatures?.rest());
}

interface Verification {
  take(chunk: Uint8Array): void;
  /** Once, at the end. */
  verdict(others?: readonly Failure[]): LedgerVerdict;
}

function openVerification(options: VerifyOptions, signatures?: SignatureChecks): Verification {
  const { crypto } = options;
  const failures = firstFailures(options.found);
  const report = (place: number) => {
    const found: Failure[] = [];
    return { found, report: reporter(place, found) };
  };
  const say = (place: number, ...said: Parameters<ReturnType<typeof reporter>>) => {
    const { found, report: tell } = report(place);
    tell(...said);
    failures.add(found);
  };
  const known = options.head?.toLowerCase();
  const isReplay = seenHashes(crypto);
  let state = initialVerification;
  let places = 0;
  /** Whether one of the entries, and whether the last one, has the head that the reader knows. */
  let [seen, atHead] = [false, false];

  const takeLine = (line: Uint8Array | "too long") => {
    const place = places;
    places += 1;
    // without plan, roster and key nothing after it can be held to anything
    if (place > 0 && state.genesis === null) return;
    const text = readable(line, (code, details) => say(place, code, details));
    const step = verifyLine(state, text ?? "", crypto, signatures === undefined ? "here" : "elsewhere");
    if (text !== undefined) failures.add(step.failures);
    const { entry } = step;
    if (entry !== undefined && "h1" in entry && entry.h1 !== null && isReplay(entry.h1)) {
      say(place, "TRB_LEDGER_H1_REPEATED", { round: entry.round });
    }
    if (signatures !== undefined && state.genesis !== null && text !== undefined && entry !== undefined) {
      signatures.add(text, place, foundingAt(state.genesis, state.rosterChanges, roundOf(entry, state)));
    }
    if (entry !== undefined) options.watch?.(entry);
    state = step.state;
    atHead = state.head.hash === known;
    seen ||= atHead;
  };
  const lines = lineReader(takeLine);

  return {
    take: (chunk) => lines.take(chunk),
    verdict(others = []) {
      const ended = lines.end();
      const last = Math.max(places - 1, 0);
      if (places === 0) say(0, "TRB_LEDGER_EMPTY");
      else if (!ended) say(last, "TRB_LEDGER_UNTERMINATED");
      failures.add(others);
      if (known !== undefined && !seen) say(last, "TRB_LEDGER_HEAD_MISMATCH");
      const key = state.genesis === null ? null : fingerprintOf(crypto, state.genesis.coordinatorKey);
      const asked = options.key?.toLowerCase();
      if (asked !== undefined && key !== null && asked !== key) say(0, "TRB_LEDGER_KEY_MISMATCH");
      return verdictOf({ state, failures, key, pinned: asked !== undefined && asked === key, atHead }, options);
    },
  };
}

interface Outcome {
  readonly state: VerificationState;
  readonly failures: ReturnType<typeof firstFailures>;
  readonly key: Sha256 | null;
  readonly pinned: boolean;
  readonly atHead: boolean;
}

function verdictOf({ state, failures, key, pinned, atHead }: Outcome, options: VerifyOptions): LedgerVerdict {
  const found = failures.sorted();
  const verified = found.length === 0;
  const complete = state.closed || atHead;
  const { entries, hash } = state.head;
  return {
    verified,
    fullyVerified: verified && pinned && complete,
    trust: pinned ? "pinned" : "unpinned",
    complete,
    completeness: !(complete && verified) ? "unproven" : pinned || atHead ? "proven" : "closed, by an unpinned key",
    reaches: verified && state.writtenAt !== null && key !== null ? { entry: entries - 1, at: state.writtenAt, by: key } : null,
    countersigned: verified ? state.countersigned : null,
    entries,
    failures: found,
    failureCount: failures.count(),
    head: hash,
    key,
    accountants: options.accountants === true ? accountantsOf(state) : null,
    ...summary(state, options.crypto),
  };
}

/** So many failures are told; a reader that has seen a thousand has seen enough. */
const mostFailures = 1000;

/** The first ones by entry, in whatever order they come, and how many there are. */
function firstFailures(found?: VerifyOptions["found"]) {
  let kept: Failure[] = [];
  let count = 0;
  const sort = () => kept.sort((a, b) => a.entry - b.entry); // stable: of one entry they stay in order
  return {
    add(some: readonly Failure[]): void {
      if (some.length === 0) return;
      count += some.length;
      for (const failure of some) {
        kept.push(failure);
        found?.(failure);
      }
      if (kept.length > 2 * mostFailures) kept = sort().slice(0, mostFailures);
    },
    sorted: (): readonly Failure[] => sort().slice(0, mostFailures),
    count: () => count,
  };
}

/** The line as text, or undefined with the reason reported. */
function readable(
  line: Uint8Array | "too long",
  report: (code: Failure["code"], details: Failure["details"]) => void,
): string | undefined {
  if (line === "too long") {
    const reason = `it is longer than ${mostLineBytes} bytes`;
    report("TRB_LEDGER_LINE_INVALID", { path: "the line", reason });
    return undefined;
  }
  try {
    return decodeLine(line);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report(error.code, error.details);
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
