/**
 * Step 6 of a round: the sum becomes the next model, and the ledger says so.
 *
 *   coordinator                                                   node
 *   takeSum ── effect `apply` ──▶ takeModel ── entry, result ──▶ hearResult (ledger-copy.ts checks the entry)
 */
import { fail } from "@tributary/errors";
import {
  courseAfterRound,
  type Entry,
  emptyHead,
  keptAfter,
  mechanismOf,
  spentAfter,
  stopOf,
  type WrittenEntry,
  writeAfter,
} from "@tributary/ledger";
import { baseVersion, planHash as hashOfPlan, type MessageOf, type Plan, type Roster, type Sha256 } from "@tributary/protocol";
import { senderNode, speak } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import { type CoordinatorRound, type CoordinatorState, everybody, requireNothingDue } from "../coordinator-state.ts";
import { followEntry } from "../ledger-copy.ts";
import type { NodeEffect } from "../node-events.ts";
import type { NodeState } from "../node-state.ts";
import type { Context, Step } from "../step.ts";

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The ledger's first entry: the plan and the founding roster. To be written before any state machine exists. */
export function genesisEntry(
  { plan, roster }: { readonly plan: Plan; readonly roster: Roster },
  context: Pick<Context, "crypto" | "sign" | "now" | "software">,
): WrittenEntry<"genesis"> {
  return writeAfter(context, emptyHead, {
    kind: "genesis",
    federation: plan.federation,
    coordinatorKey: plan.coordinatorKey,
    plan,
    planHash: hashOfPlan(context.crypto, plan),
    roster,
  });
}

/** The unmasked sum is stored; the shell is asked for the optimiser's step. */
export function takeSum(
  state: CoordinatorState,
  round: CoordinatorRound,
  sumHash: Sha256,
): Step<CoordinatorState, CoordinatorEffect> {
  const next: CoordinatorRound = { ...round, phase: "applying", sumHash, unmasking: null };
  return { state: { ...state, round: next }, effects: [{ type: "persist" }, applyEffect(state, next, sumHash)] };
}

/** What the shell is asked for, also once more after a restart. */
export function applyEffect(state: CoordinatorState, round: CoordinatorRound, sumHash: Sha256): CoordinatorEffect {
  const { modelHash, optimiserHash } = state;
  const { number, release, survivors } = round;
  const releasedBefore = state.released[release] ?? 0;
  const from = { modelHash, optimiserHash, sumHash };
  return { type: "apply", round: number, release, ...from, survivors: survivors.length, releasedBefore };
}

interface NextModel {
  readonly modelHash: Sha256;
  readonly optimiserHash: Sha256 | null;
  readonly sum?: readonly number[];
}

/** The next model is stored: the round is released, charged, written down and announced. */
export function takeModel(
  state: CoordinatorState,
  round: CoordinatorRound,
  next: NextModel,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan, planHash } = state;
  if (round.h1 === null || round.sumHash === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "applied", phase: round.phase });
  }
  const withThis = (rounds: readonly number[]) => rounds.map((count, i) => count + (i === round.release ? 1 : 0));
  const charged = withThis(state.charged);
  const { kept, modelHash, optimiserHash } = judged(state, round, next);
  const content = {
    kind: "round" as const,
    round: round.number,
    release: round.release,
    planHash,
    modelHash: state.modelHash,
    nextModelHash: modelHash,
    ...(round.offer.version === baseVersion ? {} : { protocol: round.offer.version }),
    h1: round.h1,
    cohort: [...round.cohort],
    sharers: [...round.sharers],
    survivors: [...round.survivors],
    votes: round.votes.map((vote) => ({ node: senderNode(vote), signature: vote.signature })),
    heads: round.adverts.map((advert) => ({ node: senderNode(advert), signature: advert.body.head.signature })),
    mechanism: mechanismOf(plan, round.release),
    sumHash: round.sumHash,
    ...(next.sum === undefined ? {} : { sum: [...next.sum] }),
    spent: spentAfter(plan, charged),
  };
  const { entry, line, head } = writeAfter(context, state.head, content, state.writtenAt);
  const announcement = announceEntry(state, round.number, line, context);
  return {
    state: {
      ...state,
      ...{ modelHash, optimiserHash, kept, course: courseAfterRound(plan, state.course, entry) },
      ...{ head, writtenAt: entry.at, charged, released: withThis(state.released) },
      ...{ completed: state.completed + 1, announcement, round: null },
    },
    effects: [
      { type: "persist", entry: { line, entry } },
      { type: "send", to: everybody(state), message: announcement },
      { type: "eraseUploads", round: round.number },
      { type: "roundEnded", round: round.number, released: true },
    ],
  };
}

/** After metrics of a plan that keeps models by them: the model that was judged, or the one kept before with the optimiser's state of then. */
function judged(
  { plan, modelHash, kept }: CoordinatorState,
  { number, release, survivors }: CoordinatorRound,
  next: NextModel,
): Pick<CoordinatorState, "kept" | "modelHash" | "optimiserHash"> {
  const after = { modelHash: next.modelHash, optimiserHash: next.optimiserHash };
  if (plan.acceptance === undefined || next.sum === undefined || plan.releases[release]?.kind !== "metrics") {
    return { ...after, kept };
  }
  const best = keptAfter(plan, kept, { round: number, release, sum: [...next.sum], survivors: [...survivors], modelHash });
  if (best === null) return { ...after, kept };
  if (best !== kept) return { ...after, kept: { ...best, optimiserHash: next.optimiserHash } };
  return { modelHash: kept.modelHash, optimiserHash: kept.optimiserHash, kept };
}

/** Writes the last entry; where the plan's rule ended training, in its words. @throws TRB_ROUND_IN_PROGRESS, TRB_ROUND_LEDGER_CLOSED, TRB_ROUND_PROMOTION_DUE */
export function closeLedger(
  state: CoordinatorState,
  reason: string,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan, charged, modelHash } = state;
  if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
  if (state.round !== null) throw fail("TRB_ROUND_IN_PROGRESS", { round: state.round.number });
  requireNothingDue(state);
  const content = {
    kind: "closing" as const,
    reason,
    ...stopOf(plan, state.course),
    modelHash,
    rounds: state.completed,
    spent: spentAfter(plan, charged),
  };
  const { entry, line, head } = writeAfter(context, state.head, content, state.writtenAt);
  const announcement = announceEntry(state, Math.max(1, state.lastRound), line, context);
  return {
    state: { ...state, head, writtenAt: entry.at, closed: true, announcement },
    effects: [
      { type: "persist", entry: { line, entry } },
      { type: "send", to: everybody(state), message: announcement },
      { type: "finished" },
    ],
  };
}

function announceEntry({ plan, planHash, modelHash }: CoordinatorState, round: number, entry: string, context: Context) {
  return speak(context, { plan, planHash, modelHash, round }, "coordinator", "result", { entry });
}

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * News about a round, good or bad, is a ledger entry; the message around it may only repeat what the entry says.
 * @throws TRB_ROUND_LEDGER_BEHIND, TRB_ROUND_LEDGER_FORKED, TRB_ROUND_ENTRY_INVALID, and what a line is refused for
 */
export function hearResult(
  state: NodeState,
  message: MessageOf<"result"> | MessageOf<"abort">,
  context: Context,
): Step<NodeState, NodeEffect> {
  return followEntry(state, message.body.entry, context, (entry) => requireSameRound(message, entry));
}

function requireSameRound(message: MessageOf<"result"> | MessageOf<"abort">, entry: Entry): void {
  const kinds: readonly Entry["kind"][] = message.step === "abort" ? ["aborted"] : ["round", "closing"];
  const invalid = (field: string) => fail("TRB_ROUND_ENTRY_INVALID", { entry: entry.index, field });
  if (!kinds.includes(entry.kind)) throw invalid("kind");
  if ("round" in entry && entry.round !== message.round) throw invalid("round");
  if ("modelHash" in entry && entry.modelHash !== message.modelHash) throw invalid("model hash");
}
