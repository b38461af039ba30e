/**
 * Giving a round up, from either side, at any step.
 *
 *   coordinator                         node
 *   collectAbort ◀──── vote(abort) ──── leaveRound
 *   giveUp ─────────── abort ─────────▶ (the ledger entry: `follow` in apply.ts)
 *
 * An aborted round is charged as soon as some node may have persisted its masked vector, which is once the envelopes have
 * left: from then on nobody but a quorum of abort votes can show that the sum was never unmasked.
 */

import type { ErrorCode } from "@tributary/errors";
import { fail } from "@tributary/errors";
import { rosterAt, spentAfter, writeAfter } from "@tributary/ledger";
import { baseVersion, type MessageOf, type NodeId } from "@tributary/protocol";
import { quorum } from "@tributary/secagg";
import { messageFrom, sameDocument, senderNode, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import { type CoordinatorPhase, type CoordinatorRound, type CoordinatorState, everybody } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import { isTraining, type NodeRound, type NodeState } from "../node-state.ts";
import { requireVote } from "../quorum-proof.ts";
import type { Context, Step } from "../step.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Drops out of the current round and erases what it held. A charge stays open until the ledger says what became of it.
 * @param vote whether to vote for abort, if this node has not voted and knows h₁: its way of telling the others that it will
 *   never vote for a set of survivors
 */
export function leaveRound(state: NodeState, vote: boolean, context: Context): Step<NodeState, NodeEffect> {
  const { round } = state;
  if (round === null) return { state, effects: [] };
  const stop: NodeEffect[] = isTraining(round) ? [{ type: "stopTraining", round: round.number }] : [];
  const ballot = vote && round.vote === null && round.h1 !== null ? abortVote(state, round, round.h1, context) : round.vote;
  const next: NodeState = {
    ...state,
    round: { ...round, phase: "left", secrets: null, vote: ballot },
    unpersisted: { vector: null },
  };
  return {
    state: next,
    effects: [
      ...stop,
      { type: "persist" }, // before the vote leaves
      { type: "eraseSecrets", round: round.number },
      { type: "eraseVector", round: round.number },
      ...(ballot !== null && ballot !== round.vote ? [{ type: "send", message: ballot } as const] : []),
    ],
  };
}

function abortVote(
  { plan, planHash, self }: NodeState,
  round: NodeRound,
  h1: MessageOf<"vote">["body"]["h1"],
  context: Context,
) {
  const bound = { plan, planHash, modelHash: round.modelHash, round: round.number };
  return speak(context, bound, self, "vote", { h1, choice: { for: "abort" } });
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Counts one vote for abort; gives the round up, uncharged, when a quorum of U1 wants it.
 * @throws TRB_SECAGG_VOTE_FROM_OUTSIDE, TRB_SECAGG_VOTE_INVALID, TRB_SECAGG_SECOND_MESSAGE, TRB_ROUND_STEP_UNEXPECTED
 */
export function collectAbort(
  state: CoordinatorState,
  round: CoordinatorRound,
  vote: MessageOf<"vote">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const node = senderNode(vote);
  const earlier = messageFrom(round.votes, node) ?? messageFrom(round.abortVotes, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, vote)) return { state, effects: [] };
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "vote", round: round.number });
  }
  const open: readonly CoordinatorPhase[] = ["reveal", "shares", "masked", "consistency"];
  if (round.h1 === null || !open.includes(round.phase)) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "vote", phase: round.phase });
  }
  const { plan, planHash } = state;
  const { modelHash, version } = round.offer;
  const bound = { plan, planHash, modelHash, version, round: round.number, roster: rosterAt(state, round.number) };
  requireVote(context, { ...bound, cohort: new Set(round.cohort), h1: round.h1 }, vote, { for: "abort" });
  const next: CoordinatorRound = { ...round, abortVotes: withMessage(round.abortVotes, vote) };
  if (next.abortVotes.length < quorum(round.cohort.length, plan.maxCorrupt)) {
    return { state: { ...state, round: next }, effects: [] };
  }
  return giveUp(state, next, "TRB_ROUND_ABORT_VOTED", context);
}

/** Steps in which no node can have sent a masked vector yet, so that giving up costs nothing. */
const freePhases: readonly CoordinatorPhase[] = ["keys", "reveal", "shares"];

/**
 * Ends the round without a release: ledger entry, news to everybody, uploads erased.
 * @param barred who takes part no longer, for having ended it by refusing to reveal
 */
export function giveUp(
  state: CoordinatorState,
  round: CoordinatorRound,
  code: ErrorCode,
  context: Context,
  barred: readonly NodeId[] = [],
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan, planHash } = state;
  const voted = round.h1 !== null && round.abortVotes.length >= quorum(round.cohort.length, plan.maxCorrupt);
  const charge = !voted && !freePhases.includes(round.phase);
  const charged = state.charged.map((rounds, i) => rounds + (charge && i === round.release ? 1 : 0));
  const { modelHash, version } = round.offer;
  const content = {
    kind: "aborted" as const,
    round: round.number,
    release: round.release,
    planHash,
    modelHash,
    ...(version === baseVersion ? {} : { protocol: version }),
    code,
    step: round.phase,
    charged: charge,
    votes: voted ? round.abortVotes.map((vote) => ({ node: senderNode(vote), signature: vote.signature })) : [],
    h1: round.h1,
    ...(round.h1 === null ? {} : { cohort: [...round.cohort] }), // what the quorum of votes is counted in
    ...(barred.length === 0 ? {} : { barred: [...barred] }),
    spent: spentAfter(plan, charged),
  };
  const { entry, line, head } = writeAfter(context, state.head, content, state.writtenAt);
  const bound = { plan, planHash, modelHash, round: round.number };
  const announcement = speak(context, bound, "coordinator", "abort", { code, entry: line });
  return {
    state: {
      ...{ ...state, head, writtenAt: entry.at, charged, announcement },
      ...{ barred: [...state.barred, ...barred], round: null },
    },
    effects: [
      { type: "persist", entry: { line, entry } },
      { type: "send", to: everybody(state), message: announcement },
      { type: "eraseUploads", round: round.number },
      { type: "roundEnded", round: round.number, released: false },
    ],
  };
}
