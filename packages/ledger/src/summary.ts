/** `tributary ledger show`: one row an entry, for people. Reads without verifying; `verifyLedger` verifies. */
import { fail } from "@tributary/errors";
import { type Crypto, type Decimal, type Plan, parseDecimal, type Release, type Sha256 } from "@tributary/protocol";
import { lineHash } from "./building.ts";
import type { Entry, EntryKind, EntryOf } from "./entries.ts";
import { featuresOf, type ReleasedFeatures } from "./features.ts";
import { metricsOf, type ReleasedMetrics, sumDeviation } from "./metrics.ts";
import { decodeLine, lineReader, parseLine, splitLines } from "./parsing.ts";

export interface LedgerRow {
  readonly index: number;
  readonly kind: EntryKind;
  readonly at: string;
  readonly hash: Sha256;
  readonly round?: number;
  /** Place in `plan.releases`, and what is summed there. */
  readonly release?: number;
  readonly what?: Release["kind"];
  /** How many nodes' vectors are in the sum. */
  readonly survivors?: number;
  /** Whether this entry's round counts. */
  readonly charged?: boolean;
  /** Spent so far, as claimed. */
  readonly epsilon?: Decimal;
  /** Why a round was given up, or the ledger closed. */
  readonly reason?: string;
  /** What a round of metrics says. */
  readonly metrics?: ReleasedMetrics;
  /** The model kept before, where metrics gave the one that they judged up for it. */
  readonly wentBackTo?: Sha256;
  readonly query?: ReleasedQuery;
  /** What a round of features' moments says. */
  readonly features?: ReleasedFeatures;
}

/** What a round of an extension's query says. */
export interface ReleasedQuery {
  readonly round: number;
  /** The extension's. */
  readonly name: string;
  /** Noisy, in the query's own units. [dimension] */
  readonly sum: readonly number[];
  /** Of the noise in each coordinate, in the same units. */
  readonly deviation: number;
}

/** @throws TRB_LEDGER_EMPTY, TRB_LEDGER_UNTERMINATED, TRB_LEDGER_LINE_INVALID, TRB_LEDGER_NOT_CANONICAL */
export function summarizeLedger(bytes: Uint8Array, crypto: Pick<Crypto, "sha256">): LedgerRow[] {
  const { lines, ended } = splitLines(bytes);
  if (lines.length === 0) throw fail("TRB_LEDGER_EMPTY");
  if (!ended) throw fail("TRB_LEDGER_UNTERMINATED");
  let plan: Plan | undefined;
  return lines.map((bytesOfLine) => {
    const line = decodeLine(bytesOfLine);
    const entry = parseLine(line);
    if (entry.kind === "genesis") plan ??= entry.plan;
    return rowOf(entry, lineHash(crypto, line), plan);
  });
}

/**
 * The same of a file that needn't fit into memory: one line of it is held at a time, and the genesis' plan.
 * @throws TRB_LEDGER_EMPTY, TRB_LEDGER_UNTERMINATED, TRB_LEDGER_LINE_INVALID, TRB_LEDGER_NOT_CANONICAL
 */
export async function* summarizeLedgerStream(
  chunks: AsyncIterable<Uint8Array>,
  crypto: Pick<Crypto, "sha256">,
): AsyncGenerator<LedgerRow> {
  let plan: Plan | undefined;
  for await (const { entry, hash } of readEntries(chunks, crypto)) {
    if (entry.kind === "genesis") plan ??= entry.plan;
    yield rowOf(entry, hash, plan);
  }
}

/**
 * Entries of a file in their order, each with the hash that the next one names; nothing is verified.
 * @throws TRB_LEDGER_EMPTY, TRB_LEDGER_UNTERMINATED, TRB_LEDGER_LINE_INVALID, TRB_LEDGER_NOT_CANONICAL
 */
export async function* readEntries(
  chunks: AsyncIterable<Uint8Array>,
  crypto: Pick<Crypto, "sha256">,
): AsyncGenerator<{ readonly entry: Entry; readonly hash: Sha256 }> {
  const read: { readonly entry: Entry; readonly hash: Sha256 }[] = [];
  let [lines, atEnd] = [0, false];
  const reader = lineReader((bytes) => {
    if (atEnd) throw fail("TRB_LEDGER_UNTERMINATED");
    if (bytes === "too long")
      throw fail("TRB_LEDGER_LINE_INVALID", { path: "the line", reason: "it is longer than any entry" });
    const line = decodeLine(bytes);
    lines++;
    read.push({ entry: parseLine(line), hash: lineHash(crypto, line) });
  });
  for await (const chunk of chunks) {
    reader.take(chunk);
    yield* read.splice(0);
  }
  atEnd = true;
  reader.end();
  if (lines === 0) throw fail("TRB_LEDGER_EMPTY");
}

function rowOf(entry: Entry, hash: Sha256, plan: Plan | undefined): LedgerRow {
  const { index, kind, at } = entry;
  return { index, kind, at, hash, ...particulars(entry), ...whatOf(entry, plan), ...writtenIn(entry, plan) };
}

/** Nothing, where an entry names a release that the plan doesn't have: that is the verifier's to say. */
function whatOf(entry: Entry, plan: Plan | undefined): Pick<LedgerRow, "what"> {
  const release = "release" in entry ? plan?.releases[entry.release] : undefined;
  return release === undefined ? {} : { what: release.kind };
}

/** What stands in an entry in numbers. */
export function writtenIn(
  entry: Entry,
  plan: Plan | undefined,
): Pick<LedgerRow, "metrics" | "wentBackTo" | "query" | "features"> {
  if (entry.kind !== "round" || plan === undefined || entry.sum === undefined) return {};
  const release = plan.releases[entry.release];
  if (release?.kind === "metrics") {
    const metrics = metricsOf(plan, entry);
    if (metrics === undefined) return {};
    return entry.nextModelHash === entry.modelHash ? { metrics } : { metrics, wentBackTo: entry.nextModelHash };
  }
  if (release?.kind === "features") {
    const features = featuresOf(plan, entry);
    return features === undefined ? {} : { features };
  }
  if (release?.query === undefined) return {};
  const scale = parseDecimal(release.scale);
  const deviation = sumDeviation(plan, entry.release, entry.survivors.length);
  return { query: { round: entry.round, name: release.query, sum: entry.sum.map((units) => units / scale), deviation } };
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
    case "roster":
      return { reason: `${rosterNews(entry)}: ${entry.reason}` };
    case "operator":
      return { reason: `${operatorWords(entry)} by ${entry.operator}: ${entry.reason}` };
    case "erasure":
      return { reason: `${entry.node}, ${entry.on}` };
    case "promotion":
      return { reason: `${entry.modelHash.slice(0, 12)} by ${entry.rule}` };
    case "rollback":
      return { reason: `to ${entry.modelHash.slice(0, 12)} by ${entry.operator}: ${entry.reason}` };
    case "closing":
      return { epsilon: entry.spent.epsilon, reason: entry.reason };
  }
}

/** `invite bookshop`, `add-operator night-shift as auditor` */
function operatorWords({ action, subject, role }: EntryOf<"operator">): string {
  return [action, subject, role && `as ${role}`].filter((word) => word !== undefined).join(" ");
}

/** Who came, went, or has another key. */
function rosterNews({ revoked, admitted = [], rotated = [], from }: EntryOf<"roster">): string {
  const names = (members: readonly { readonly node: string }[]) => members.map(({ node }) => node).join(", ");
  return [
    ...(revoked.length === 0 ? [] : [`revoked ${revoked.join(", ")}`]),
    ...(admitted.length === 0 ? [] : [`admitted ${names(admitted)} from round ${from} on`]),
    ...(rotated.length === 0 ? [] : [`new key of ${names(rotated)} from round ${from} on`]),
  ].join("; ");
}
