/**
 * Step 1b of a round of more than 150 nodes: randomness that nobody chose, and from it the graph of neighbours.
 *
 *   coordinator              node                 coordinator                node
 *   (announceCohort) ──▶ hearCohort ── reveal ──▶ collectReveal ── reveals ──▶ hearReveals (shares.ts answers)
 *
 * In a round of fewer `hearCohort` answers with shares at once.
 *
 * Everybody has committed in its advert, and h₁ binds all commitments, before anybody reveals. So the last to reveal can choose
 * between this graph and no round, and nothing else: a reveal that is missing ends the round and bars whose it is, and a node helps
 * to draw at most sixteen graphs in vain (`requireGraphsLeft` in offer.ts).
 */
import { fail } from "@tributary/errors";
import { hashOf, isGraphRound, type MessageOf, type Sha256 } from "@tributary/protocol";
import { graphCommitment, graphSeed, type RoundBinding } from "@tributary/secagg";
import { bySender, messageFrom, sameDocument, senderNode, senders, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { NodeRound, NodeState } from "../node-state.ts";
import type { Context, Step } from "../step.ts";
import { giveUp } from "./abort.ts";
import { admitCohort } from "./keys.ts";
import { shareSecrets } from "./shares.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Checks U1 and goes on: with its reveal where the round is on a graph of neighbours, else with its shares at once. A repeated announcement
 * gets the same bytes.
 * @throws what `admitCohort` refuses; TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_ROUND_STEP_UNEXPECTED
 */
export function hearCohort(
  state: NodeState,
  round: NodeRound,
  message: MessageOf<"adverts">,
  context: Context,
): Step<NodeState, NodeEffect> {
  const { adverts } = message.body;
  if (round.h1 !== null) {
    if (hashOf(context.crypto, adverts) !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "adverts" });
    const said = round.phase === "reveal" || round.phase === "shares" ? (round.reveal ?? round.shares) : null;
    return { state, effects: said === null ? [] : [{ type: "send", message: said }] };
  }
  if (round.phase !== "keys") throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "adverts", phase: round.phase });
  const h1 = admitCohort(state, round, adverts, context);
  const known: NodeRound = { ...round, adverts, cohort: senders(adverts), h1 };
  if (isGraphRound(state.plan, adverts.length)) return revealRandomness(state, known, context);
  return shareSecrets(state, known, context);
}

/** Reveals what this node committed to, now that h₁ stands. @param round with U1 and h₁ in it */
function revealRandomness(state: NodeState, round: NodeRound, context: Context): Step<NodeState, NodeEffect> {
  const { plan, planHash, self } = state;
  const randomness = round.secrets?.graphRandomness;
  if (round.h1 === null || randomness === undefined) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "adverts", phase: round.phase });
  }
  const bound = { plan, planHash, modelHash: round.modelHash, round: round.number };
  const reveal = speak(context, bound, self, "reveal", { h1: round.h1, randomness });
  const next: NodeRound = { ...round, phase: "reveal", reveal };
  return {
    state: { ...state, graphsDrawn: state.graphsDrawn + 1, round: next },
    effects: [
      { type: "persist" }, // before it leaves: a graph more has been helped to
      { type: "send", message: reveal },
    ],
  };
}

/**
 * Takes everybody's randomness, draws the graph, and keeps the keys of neighbours only.
 * @throws TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_REVEALS_MISMATCHED, TRB_SECAGG_REVEAL_INVALID, TRB_ROUND_STEP_UNEXPECTED
 */
export function hearReveals(
  state: NodeState,
  round: NodeRound,
  message: MessageOf<"reveals">,
  context: Context,
): Step<NodeState, NodeEffect> {
  const { h1, reveals } = message.body;
  const { planHash } = state;
  if (round.h1 === null || h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "reveals" });
  const binding: RoundBinding = { planHash, modelHash: round.modelHash, round: round.number, h1 };
  const seed = graphSeed(context.crypto, binding, reveals);
  if (round.graphSeed !== null) {
    if (seed !== round.graphSeed) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "reveals" });
    return {
      state,
      effects: round.phase === "shares" && round.shares !== null ? [{ type: "send", message: round.shares }] : [],
    };
  }
  if (round.phase !== "reveal") throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "reveals", phase: round.phase });
  if (reveals.length !== round.adverts.length) throw fail("TRB_SECAGG_REVEALS_MISMATCHED", { round: round.number });
  for (const [place, advert] of round.adverts.entries()) requireReveal(context, binding, advert, reveals[place] ?? "");
  return shareSecrets(state, { ...round, graphSeed: seed }, context);
}

// ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws TRB_SECAGG_REVEAL_INVALID */
function requireReveal(
  { crypto }: Context,
  binding: Pick<RoundBinding, "planHash" | "round">,
  advert: MessageOf<"advert">,
  randomness: string,
): void {
  const node = senderNode(advert);
  if (graphCommitment(crypto, binding, node, randomness) !== advert.body.graphCommitment) {
    throw fail("TRB_SECAGG_REVEAL_INVALID", { node, round: binding.round });
  }
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Takes one node's randomness; goes on when everybody of U1 has revealed.
 * @throws TRB_SECAGG_SECOND_MESSAGE, TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_REVEAL_INVALID, TRB_ROUND_STEP_UNEXPECTED,
 *   TRB_ROUND_NOT_INVITED
 */
export function collectReveal(
  state: CoordinatorState,
  round: CoordinatorRound,
  reveal: MessageOf<"reveal">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const node = senderNode(reveal);
  const earlier = messageFrom(round.reveals, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, reveal)) return { state, effects: [] };
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "reveal", round: round.number });
  }
  if (round.phase !== "reveal" || round.h1 === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "reveal", phase: round.phase });
  }
  const advert = messageFrom(round.adverts, node);
  if (advert === undefined) throw fail("TRB_ROUND_NOT_INVITED", { node, round: round.number });
  if (reveal.body.h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "reveal" });
  requireReveal(context, bindingOf(state, round, round.h1), advert, reveal.body.randomness);
  const next: CoordinatorRound = { ...round, reveals: withMessage(round.reveals, reveal) };
  if (next.reveals.length < round.cohort.length) return { state: { ...state, round: next }, effects: [] };
  return closeReveals(state, next, context);
}

/** Fixes the graph; or gives the round up, which nobody has paid for, and bars whoever has not revealed. */
export function closeReveals(
  state: CoordinatorState,
  round: CoordinatorRound,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const revealed = new Set(senders(round.reveals));
  const refusers = round.cohort.filter((node) => !revealed.has(node));
  if (refusers.length > 0) return giveUp(state, round, "TRB_SECAGG_REVEAL_MISSING", context, refusers);
  if (round.h1 === null) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "reveals", phase: round.phase });
  const seed = graphSeed(context.crypto, bindingOf(state, round, round.h1), randomnessOf(round));
  const next: CoordinatorRound = { ...round, phase: "shares", graphSeed: seed };
  return {
    state: { ...state, round: next },
    effects: [
      { type: "persist" }, // before the graph is known to anybody else
      { type: "send", to: round.cohort, message: announceReveals(state, next, context) },
      { type: "setDeadline", round: round.number, phase: "shares", milliseconds: state.plan.deadlines.shares },
    ],
  };
}

export function announceReveals({ plan, planHash }: CoordinatorState, round: CoordinatorRound, context: Context) {
  const bound = { plan, planHash, modelHash: round.offer.modelHash, round: round.number };
  if (round.h1 === null) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "reveals", phase: round.phase });
  return speak(context, bound, "coordinator", "reveals", { h1: round.h1, reveals: randomnessOf(round) });
}

/** In the order of U1. */
function randomnessOf({ cohort, reveals }: CoordinatorRound): string[] {
  const known = bySender(reveals);
  return cohort.flatMap((node) => known.get(node)?.body.randomness ?? []);
}

function bindingOf({ planHash }: CoordinatorState, { offer, number }: CoordinatorRound, h1: Sha256): RoundBinding {
  return { planHash, modelHash: offer.modelHash, round: number, h1 };
}
