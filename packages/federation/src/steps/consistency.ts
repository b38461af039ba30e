/**
 * Step 4 of a round: everyone who will unmask agrees on who survived.
 *
 * Without it a coordinator could tell one half of the cohort that A survived and the other half that A did not,
 * and collect both of A's secrets. Source: Bonawitz et al., CCS 2017, §6.2 ("ConsistencyCheck").
 *
 *   coordinator                         node
 *   announceSurvivors ── survivors ──▶ agree ── vote ──▶ collectAgreement
 */
import { fail } from "@tributary/errors";
import { rosterAt } from "@tributary/ledger";
import { isGraphRound, type MessageOf, type NodeId, survivorChoice } from "@tributary/protocol";
import { isWithin, leastSurvivors, quorum, type ShareGraph, strictlyAscending } from "@tributary/secagg";
import {
  bySender,
  messageFrom,
  requirePlan,
  requireRound,
  requireSignature,
  rosterKey,
  sameDocument,
  sameNodes,
  senderNode,
  senders,
  speak,
  withMessage,
} from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { NodeRound, NodeState } from "../node-state.ts";
import { type Choice, requireVote } from "../quorum-proof.ts";
import { fewestHolders, graphOf, sharersNamed } from "../round-graph.ts";
import type { Context, Step } from "../step.ts";
import { collectAbort } from "./abort.ts";
import { requireTrusted } from "./keys.ts";
import { requestUnmasking } from "./unmask.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Votes for the survivor set, once. The same set again gets the same vote again.
 * @throws TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_SECOND_SURVIVOR_SET, TRB_SECAGG_SURVIVORS_UNORDERED,
 *   TRB_SECAGG_SURVIVORS_NOT_SUBSET, TRB_SECAGG_TOO_FEW_SURVIVORS, TRB_SECAGG_TOO_FEW_SHARE_HOLDERS,
 *   TRB_SECAGG_UPLOADS_MISMATCHED, TRB_SECAGG_SHARERS_DIFFER, TRB_ROUND_TOO_FEW_TRUSTED, TRB_ROUND_STEP_UNEXPECTED
 */
export function agree(
  state: NodeState,
  round: NodeRound,
  message: MessageOf<"survivors">,
  context: Context,
): Step<NodeState, NodeEffect> {
  const { h1, survivors } = message.body;
  const { plan, planHash, self } = state;
  if (round.h1 === null || h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "survivors" });
  if (round.vote !== null) {
    if (!sameDocument(round.vote.body.choice, choiceOf(state, round, survivors, context))) {
      throw fail("TRB_SECAGG_SECOND_SURVIVOR_SET", { round: round.number });
    }
    return { state, effects: round.phase === "voted" ? [{ type: "send", message: round.vote }] : [] };
  }
  if (round.phase !== "masked" || round.secrets === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "survivors", phase: round.phase });
  }
  const { sharers, cohort } = round;
  const least = leastSurvivors(cohort.length, plan);
  if (!strictlyAscending(survivors)) throw fail("TRB_SECAGG_SURVIVORS_UNORDERED", { round: round.number });
  if (!survivors.includes(self) || !isWithin(survivors, sharers)) {
    throw fail("TRB_SECAGG_SURVIVORS_NOT_SUBSET", { round: round.number });
  }
  if (survivors.length < least) throw fail("TRB_SECAGG_TOO_FEW_SURVIVORS", { survivors: survivors.length, least });
  const graph = graphOf(state, round, context);
  const short = fewestHolders(graph, sharers, survivors);
  if (short !== undefined) throw fail("TRB_SECAGG_TOO_FEW_SHARE_HOLDERS", { ...short, threshold: graph.threshold });
  requireTrusted(state, round, survivors, context);
  requireSameMasks(state, round, message, graph, context);

  const bound = { plan, planHash, modelHash: round.modelHash, round: round.number };
  const choice = choiceOf(state, round, survivors, context);
  const vote = speak(context, bound, self, "vote", { h1, choice });
  return {
    state: { ...state, round: { ...round, phase: "voted", vote, uploaded: true } },
    effects: [
      { type: "persist" }, // before the vote leaves: a restart must not vote for another set
      ...(round.uploaded ? [] : [{ type: "eraseVector", round: round.number } as const]), // being in U3, it arrived
      { type: "send", message: vote },
    ],
  };
}

function choiceOf(
  { plan }: NodeState,
  { cohort, sharers }: NodeRound,
  survivors: readonly NodeId[],
  { crypto }: Context,
): Choice {
  return survivorChoice(crypto, plan, cohort.length, sharers, survivors);
}

/**
 * On a graph: every neighbour that survived has signed that its vector has masks for the U2 that this node knows. Whoever masked for
 * another gets no share of its seed from an honest neighbour.
 * @throws TRB_SECAGG_UPLOADS_MISMATCHED, TRB_SECAGG_SHARERS_DIFFER, TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_ROUND_SIGNATURE_INVALID, and what
 *   binds a message
 */
function requireSameMasks(
  state: NodeState,
  round: NodeRound,
  { body: { survivors, uploads } }: MessageOf<"survivors">,
  graph: ShareGraph,
  context: Context,
): void {
  const { plan, planHash, self } = state;
  const roster = rosterAt(state, round.number);
  const own = sharersNamed(plan, round, context).sharersHash;
  const survived = new Set(survivors);
  const expected = own === undefined ? undefined : graph.peers(self).filter((node) => survived.has(node));
  if ((uploads === undefined) !== (expected === undefined) || !sameNodes(senders(uploads ?? []), expected ?? [])) {
    throw fail("TRB_SECAGG_UPLOADS_MISMATCHED", { round: round.number });
  }
  for (const upload of uploads ?? []) {
    const node = senderNode(upload);
    requirePlan(upload, { plan, planHash });
    requireRound(upload, { round: round.number, modelHash: round.modelHash, version: round.offer.version });
    if (upload.body.h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "masked" });
    if (upload.body.sharersHash !== own) throw fail("TRB_SECAGG_SHARERS_DIFFER", { node, round: round.number });
    requireSignature(context, upload, rosterKey(roster, node));
  }
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * U3; on a graph with what one node's neighbours said of their uploads.
 * @param uploads the round's, by sender, where many are asked for
 */
export function announceSurvivors(
  state: CoordinatorState,
  round: CoordinatorRound,
  node: NodeId | undefined,
  context: Context,
  uploads = bySender(round.uploads),
) {
  const { plan, planHash } = state;
  const bound = { plan, planHash, modelHash: round.offer.modelHash, round: round.number };
  if (round.h1 === null) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "survivors", phase: round.phase });
  const body = { h1: round.h1, survivors: [...round.survivors] };
  if (node === undefined || !isGraphRound(plan, round.cohort.length)) {
    return speak(context, bound, "coordinator", "survivors", body);
  }
  const theirs = graphOf(state, round, context)
    .peers(node)
    .flatMap((peer) => uploads.get(peer) ?? []);
  return speak(context, bound, "coordinator", "survivors", { ...body, uploads: theirs });
}

/**
 * Counts one vote; moves on when enough nodes have voted for this very set that no second set can win.
 * @throws TRB_SECAGG_SECOND_MESSAGE, TRB_SECAGG_VOTE_FROM_OUTSIDE, TRB_SECAGG_VOTE_INVALID, TRB_ROUND_STEP_UNEXPECTED
 */
export function collectVote(
  state: CoordinatorState,
  round: CoordinatorRound,
  vote: MessageOf<"vote">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  if (vote.body.choice.for === "abort") return collectAbort(state, round, vote, context);
  const node = senderNode(vote);
  const earlier = messageFrom(round.votes, node) ?? messageFrom(round.abortVotes, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, vote)) return { state, effects: [] };
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "vote", round: round.number });
  }
  const { plan, planHash } = state;
  const roster = rosterAt(state, round.number);
  const late = round.phase === "unmask" || round.phase === "summing" || round.phase === "applying";
  if (round.h1 === null || (round.phase !== "consistency" && !late)) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "vote", phase: round.phase });
  }
  const { modelHash, version } = round.offer;
  const ballot = { plan, planHash, modelHash, version, round: round.number, roster, h1: round.h1 };
  const choice = survivorChoice(context.crypto, plan, round.cohort.length, round.sharers, round.survivors);
  requireVote(context, { ...ballot, cohort: new Set(round.survivors) }, vote, choice);
  if (late) return { state, effects: [] }; // the quorum stands already
  const next: CoordinatorRound = { ...round, votes: withMessage(round.votes, vote) };
  if (next.votes.length < quorum(round.cohort.length, plan.maxCorrupt)) {
    return { state: { ...state, round: next }, effects: [] };
  }
  const asking: CoordinatorRound = { ...next, phase: "unmask" };
  return {
    state: { ...state, round: asking },
    effects: [
      { type: "persist" },
      { type: "send", to: round.survivors, message: requestUnmasking(state, asking, context) },
      { type: "setDeadline", round: round.number, phase: "unmask", milliseconds: plan.deadlines.unmask },
    ],
  };
}
