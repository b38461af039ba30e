/**
 * How a node follows the ledger: line by line, each verified before it counts. The ledger is what moves the node's head and
 * model, and what decides about its charges; a message that brings a line is only an envelope for it.
 *
 * A charge is final when the entry lists this node as a survivor. It is refunded on proof only: a quorum of votes for a set
 * without this node, or a quorum of votes for abort. Whatever else an entry says, the charge stays (DESIGN §4, "Charging").
 */
import { fail } from "@tributary/errors";
import {
  claimFailures,
  courseAfterPromotion,
  courseAfterRollback,
  courseAfterRound,
  type Entry,
  type EntryOf,
  headAfter,
  keptAfter,
  keptAfterRollback,
  type LedgerHead,
  lineHash,
  parseLine,
  pausedAfter,
  placeAfter,
  rosterAt,
  withRosterEntry,
} from "@tributary/ledger";
import { baseVersion, verifyDocument } from "@tributary/protocol";
import { quorum } from "@tributary/secagg";
import { requireSignature, rosterKey, sameNodes } from "./binding.ts";
import type { NodeEffect } from "./node-events.ts";
import { type Charge, isTraining, type NodeState } from "./node-state.ts";
import { type Choice, rebuildVote } from "./quorum-proof.ts";
import type { Context, Step } from "./step.ts";

/** Entries that the node lacks, in order. Lines that it has are passed over. */
export function followLines(state: NodeState, lines: readonly string[], context: Context): Step<NodeState, NodeEffect> {
  let current = state;
  const effects: NodeEffect[] = [];
  for (const line of lines) {
    const step = followEntry(current, line, context, () => undefined);
    current = step.state;
    effects.push(...step.effects);
  }
  // One persist, after everything else: a crash in between repeats lines, and an entry's index tells the shell so.
  const changes = effects.filter(({ type }) => type !== "persist" && type !== "eraseSecrets" && type !== "eraseVector");
  const erasures = effects.filter(({ type }) => type === "eraseSecrets" || type === "eraseVector");
  return { state: current, effects: changes.length === 0 ? [] : [...changes, { type: "persist" }, ...erasures] };
}

/**
 * Verifies the next entry and takes it in. An entry that the node has already changes nothing.
 * @param examine a caller's further check of a new entry, before anything is taken in
 * @throws TRB_LEDGER_…, TRB_ROUND_LEDGER_BEHIND, TRB_ROUND_LEDGER_FORKED, TRB_ROUND_ENTRY_INVALID, TRB_ROUND_SIGNATURE_INVALID
 */
export function followEntry(
  state: NodeState,
  line: string,
  context: Context,
  examine: (entry: Entry) => void,
): Step<NodeState, NodeEffect> {
  const entry = parseLine(line);
  const { head, plan } = state;
  if (entry.index > head.entries) throw fail("TRB_ROUND_LEDGER_BEHIND", { entries: head.entries });
  if (entry.index < head.entries) {
    if (entry.index + 1 === head.entries && lineHash(context.crypto, line) !== head.hash) {
      throw fail("TRB_ROUND_LEDGER_FORKED", { entry: entry.index });
    }
    return { state, effects: [] };
  }
  if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
  if (entry.previous !== head.hash) throw fail("TRB_ROUND_LEDGER_FORKED", { entry: entry.index });
  if (!verifyDocument(context.crypto, entry, plan.coordinatorKey)) throw invalid(entry, "signature");
  const next = headAfter(context.crypto, head, line);
  if (entry.tree !== placeAfter(context.crypto, head).tree) throw invalid(entry, "tree");
  examine(entry);
  switch (entry.kind) {
    case "genesis":
      throw invalid(entry, "kind");
    case "round":
      return takeIn(state, entry, line, next, verifyRelease(state, entry, context), context);
    case "aborted":
      return takeIn(state, entry, line, next, verifyAbort(state, entry, context), context);
    case "roster":
    case "operator":
    case "erasure":
    case "promotion":
    case "rollback":
      requireClaims(state, entry, context);
      return {
        state: { ...state, head: next, ...noted(state, entry) },
        effects: [{ type: "appendLedger", line, entry }, { type: "persist" }],
      };
    case "closing":
      requireClaims(state, entry, context);
      return {
        state: { ...state, head: next, closed: true },
        effects: [{ type: "appendLedger", line, entry }, { type: "persist" }],
      };
  }
}

/** What an entry does to this node's charge for its round. */
type Verdict = "final" | "refunded" | "none";

/** A release whose claims hold. What the node saw of its round must be what the entry says. */
function verifyRelease(state: NodeState, entry: EntryOf<"round">, context: Context): Verdict {
  requireClaims(state, entry, context);
  const { cohort, survivors, h1 } = entry;
  const survived = survivors.includes(state.self);
  const charge = openCharge(state, entry.round);
  if (charge === undefined) return survived ? "final" : "none";
  if (charge.h1 !== h1 || !sameNodes(charge.cohort, cohort)) throw invalid(entry, "cohort");
  return survived ? "final" : "refunded";
}

/** A round given up. A refund needs the quorum of votes for abort, counted in the cohort that this node saw. */
function verifyAbort(state: NodeState, entry: EntryOf<"aborted">, context: Context): Verdict {
  requireClaims(state, entry, context);
  const charge = openCharge(state, entry.round);
  if (charge === undefined) return "none";
  if (entry.h1 !== charge.h1) return "final";
  const { cohort, h1 } = charge;
  const votes = countSignatures(state, { ...entry, h1 }, cohort, { for: "abort" }, context);
  return votes >= quorum(cohort.length, state.plan.maxCorrupt) ? "refunded" : "final";
}

/** By the ledger's own rules, the first that does not hold: an auditor would refuse the file for it. */
function requireClaims(
  {
    plan,
    planHash,
    roster,
    rosterChanges,
    modelHash,
    kept,
    course,
    settledRound: lastRound,
    ledgerCharged: charged,
    ...rest
  }: NodeState,
  entry: Exclude<Entry, { kind: "genesis" }>,
  { crypto }: Context,
): void {
  const { paused, erasures } = rest;
  const barred = rest.barred.map(({ node }) => node);
  const standing = { modelHash, kept, course, lastRound, charged, barred, rosterChanges, paused, erasures };
  const [failure] = claimFailures(entry, standing, { plan, planHash, roster }, crypto);
  if (failure !== undefined) throw invalid(entry, `content (${failure.code})`);
}

type VotedEntry = Pick<EntryOf<"round">, "votes" | "round" | "modelHash" | "h1" | "protocol">;

/** Distinct members of U1 whose signature under the rebuilt vote holds. @throws TRB_ROUND_SIGNATURE_INVALID */
function countSignatures(
  { plan, planHash, ...changing }: NodeState,
  { votes, round, modelHash, h1, protocol: version = baseVersion }: VotedEntry,
  cohort: Charge["cohort"],
  choice: Choice,
  context: Context,
): number {
  const ballot = { plan, planHash, modelHash, round, version, h1 };
  const roster = rosterAt(changing, round);
  for (const vote of votes) requireSignature(context, rebuildVote(ballot, vote, choice), rosterKey(roster, vote.node));
  const members = new Set(cohort);
  return new Set(votes.map(({ node }) => node).filter((node) => members.has(node))).size;
}

function openCharge({ charges }: NodeState, round: number): Charge | undefined {
  return charges.find((charge) => charge.round === round && charge.standing === "open");
}

/** Moves head, model and charges; ends the round that the entry is about. */
function takeIn(
  state: NodeState,
  entry: EntryOf<"round" | "aborted">,
  line: string,
  head: LedgerHead,
  verdict: Verdict,
  { now }: Context,
): Step<NodeState, NodeEffect> {
  const { round } = state;
  const over = round !== null && round.number <= entry.round;
  const settled = settle(state, entry, verdict, now);
  const next: NodeState = {
    ...state,
    head,
    modelHash: entry.kind === "round" ? entry.nextModelHash : state.modelHash,
    kept: entry.kind === "round" ? keptAfter(state.plan, state.kept, entry) : state.kept,
    course: entry.kind === "round" ? courseAfterRound(state.plan, state.course, entry) : state.course,
    ledgerCharged: [...entry.spent.charged],
    settledRound: entry.round,
    barred: [...state.barred, ...barredBy(entry)],
    charges: settled,
    round: over ? null : round,
    unpersisted: over ? { vector: null } : state.unpersisted,
  };
  const before: NodeEffect[] = over && isTraining(round) ? [{ type: "stopTraining", round: round.number }] : [];
  if (verdict !== "none") before.push({ type: "settle", round: entry.round, as: verdict });
  const after: NodeEffect[] = over
    ? [
        { type: "eraseSecrets", round: round.number },
        { type: "eraseVector", round: round.number },
      ]
    : [];
  return { state: next, effects: [...before, { type: "appendLedger", line, entry }, { type: "persist" }, ...after] };
}

/** What a note changes for the rounds after it. */
function noted(
  { barred, rosterChanges, paused, erasures, kept, course }: NodeState,
  entry: EntryOf<"roster" | "operator" | "erasure" | "promotion" | "rollback">,
): Partial<Pick<NodeState, "barred" | "rosterChanges" | "paused" | "erasures" | "modelHash" | "kept" | "course">> {
  switch (entry.kind) {
    case "roster":
      return {
        barred: [...barred, ...entry.revoked.map((node) => ({ node, entry: entry.index }))],
        rosterChanges: withRosterEntry(rosterChanges, entry),
      };
    case "operator":
      return { barred, paused: pausedAfter(entry) ?? paused, erasures };
    case "erasure":
      return { barred, paused, erasures: { ...erasures, [entry.node]: entry.on } };
    case "promotion":
      return { course: courseAfterPromotion(course, entry, kept) };
    case "rollback": {
      const { modelHash } = entry;
      return { modelHash, kept: keptAfterRollback(kept, modelHash), course: courseAfterRollback(course) };
    }
  }
}

function barredBy(entry: EntryOf<"round" | "aborted">): NodeState["barred"] {
  if (entry.kind === "round") return [];
  return (entry.barred ?? []).map((node) => ({ node, entry: entry.index }));
}

/**
 * A survivor without a charge has lost its memory of paying (an old backup): the round is counted all the same.
 */
function settle(
  { charges }: NodeState,
  entry: EntryOf<"round" | "aborted">,
  verdict: Verdict,
  settledAt: string,
): readonly Charge[] {
  if (verdict === "none") return charges;
  if (charges.some(({ round }) => round === entry.round)) {
    return charges.map((charge) => (charge.round === entry.round ? { ...charge, standing: verdict, settledAt } : charge));
  }
  if (entry.kind !== "round") return charges;
  const { round, release, cohort, h1 } = entry;
  return [...charges, { round, release, standing: "final", cohort, h1, settledAt }];
}

function invalid({ index }: Entry, field: string) {
  return fail("TRB_ROUND_ENTRY_INVALID", { entry: index, field });
}
