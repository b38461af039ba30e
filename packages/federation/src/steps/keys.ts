/**
 * Step 1 of a round: everyone's fresh keys, and who is in U1.
 *
 *   node                      coordinator                    node
 *   (acceptOffer) ── advert ──▶ collectAdvert ── adverts ──▶ admitCohort (`hearCohort` of reveal.ts answers)
 *
 * h₁, the hash of all signed adverts, is the name of this very cohort with these very keys: everything after is bound to it.
 */
import { fail } from "@tributary/errors";
import { keysByNode, rosterAt } from "@tributary/ledger";
import {
  type Crypto,
  fingerprintOf,
  hashOf,
  isGraphRound,
  type MessageOf,
  type NodeId,
  type Plan,
  type Roster,
  type Sha256,
} from "@tributary/protocol";
import { requireCohort, strictlyAscending } from "@tributary/secagg";
import {
  messageFrom,
  requirePlan,
  requireRound,
  requireSignature,
  rosterKey,
  sameDocument,
  senderNode,
  senders,
  speak,
  withMessage,
} from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import { requireSameHead, requireTakenIn } from "../heads.ts";
import { barredAmong, type NodeRound, type NodeState } from "../node-state.ts";
import type { Context, Step } from "../step.ts";
import { giveUp } from "./abort.ts";

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Takes one node's keys; goes on when everyone who was invited has answered.
 * @throws TRB_SECAGG_SECOND_MESSAGE, TRB_SECAGG_DUPLICATE_KEY, TRB_SECAGG_GRAPH_COMMITMENT_MISSING, TRB_ROUND_STEP_UNEXPECTED,
 *   TRB_ROUND_HEADS_DIFFER, TRB_ROUND_HEAD_UNSIGNED
 */
export function collectAdvert(
  state: CoordinatorState,
  round: CoordinatorRound,
  advert: MessageOf<"advert">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const node = senderNode(advert);
  const earlier = messageFrom(round.adverts, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, advert)) return { state, effects: [] };
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "advert", round: round.number });
  }
  if (round.phase !== "keys") throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "advert", phase: round.phase });
  requireCommitment(state.plan, advert);
  requireTakenIn(state, advert, context);
  const adverts = withMessage(round.adverts, advert);
  const duplicate = duplicateKey(adverts);
  if (duplicate !== undefined) throw fail("TRB_SECAGG_DUPLICATE_KEY", { round: round.number, node });
  const next: CoordinatorRound = { ...round, adverts };
  if (adverts.length < round.invited.length) return { state: { ...state, round: next }, effects: [] };
  return closeKeys(state, next, context);
}

/** Fixes U1, or gives the round up when it is too small. */
export function closeKeys(
  state: CoordinatorState,
  round: CoordinatorRound,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan } = state;
  if (round.adverts.length < plan.minCohort) return giveUp(state, round, "TRB_ROUND_COHORT_TOO_SMALL", context);
  const cohort = senders(round.adverts);
  const phase = isGraphRound(plan, cohort.length) ? "reveal" : "shares";
  const next: CoordinatorRound = { ...round, phase, cohort, h1: hashOf(context.crypto, round.adverts) };
  return {
    state: { ...state, round: next },
    effects: [
      { type: "persist" }, // before U1 is announced: there is one U1 a round
      { type: "send", to: cohort, message: announceCohort(state, next, context) },
      { type: "setDeadline", round: round.number, phase, milliseconds: stepTime(plan, phase) },
    ],
  };
}

/** To reveal takes what it takes to answer an offer. */
export function stepTime({ deadlines }: Pick<Plan, "deadlines">, phase: "reveal" | "shares"): number {
  return phase === "reveal" ? deadlines.keys : deadlines.shares;
}

/** Ed25519 is deterministic, so the same announcement comes out whenever it is asked for. */
export function announceCohort({ plan, planHash }: CoordinatorState, round: CoordinatorRound, context: Context) {
  const bound = { plan, planHash, modelHash: round.offer.modelHash, round: round.number };
  return speak(context, bound, "coordinator", "adverts", { adverts: [...round.adverts] });
}

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Checks U1: everyone's signature against the pinned roster, everyone's keys different, itself inside with the very bytes
 * that it sent, enough nodes, enough of them trusted.
 * @returns h₁
 * @throws TRB_SECAGG_ADVERTS_UNORDERED, TRB_SECAGG_OWN_ADVERT_CHANGED, TRB_SECAGG_DUPLICATE_KEY, TRB_SECAGG_COHORT_TOO_LARGE,
 *   TRB_SECAGG_GRAPH_IMPOSSIBLE, TRB_SECAGG_GRAPH_COMMITMENT_MISSING, TRB_ROUND_NODE_BARRED, TRB_ROUND_HEADS_DIFFER, TRB_ROUND_COHORT_TOO_SMALL, TRB_ROUND_TOO_FEW_TRUSTED, TRB_ROUND_SIGNATURE_INVALID, TRB_ROUND_SENDER_UNKNOWN, and what binds a message
 */
export function admitCohort(
  state: NodeState,
  round: NodeRound,
  adverts: readonly MessageOf<"advert">[],
  context: Context,
): Sha256 {
  const { plan, planHash, self } = state;
  const roster = rosterAt(state, round.number);
  const bound = { plan, planHash, modelHash: round.modelHash, round: round.number };
  const nodes = adverts.map((advert) => senderNode(advert));
  if (!strictlyAscending(nodes)) throw fail("TRB_SECAGG_ADVERTS_UNORDERED", { round: round.number });
  const own = messageFrom(adverts, self);
  if (own === undefined || !sameDocument(own, round.advert)) {
    throw fail("TRB_SECAGG_OWN_ADVERT_CHANGED", { round: round.number });
  }
  const barred = barredAmong(state, nodes);
  if (barred !== undefined) throw fail("TRB_ROUND_NODE_BARRED", { ...barred, round: round.number });
  for (const advert of adverts) {
    requirePlan(advert, bound);
    requireRound(advert, { ...bound, version: round.offer.version });
    requireSignature(context, advert, rosterKey(roster, senderNode(advert)));
    requireCommitment(plan, advert);
    requireSameHead(round, advert);
  }
  const duplicate = duplicateKey(adverts);
  if (duplicate !== undefined) throw fail("TRB_SECAGG_DUPLICATE_KEY", { round: round.number, node: duplicate });
  requireCohort(adverts.length, plan);
  requireTrusted(state, round, nodes, context);
  return hashOf(context.crypto, adverts);
}

/**
 * The sum hides this node only among nodes that are not the coordinator's: at least n_min − n_corrupt of them, itself
 * included, must be known by fingerprint. In `local` mode it hides by itself. Who was trusted by an earlier key still is: that key
 * signed the next one.
 * @throws TRB_ROUND_TOO_FEW_TRUSTED
 */
export function requireTrusted(
  state: NodeState,
  { number }: Pick<NodeRound, "number">,
  nodes: readonly NodeId[],
  { crypto }: Context,
): void {
  const { plan, policy, self } = state;
  if (plan.noiseMode === "local") return;
  const peers = new Set(policy.trustedPeers);
  const known = fingerprintsIn(state, number, crypto);
  const trusted = nodes.filter((node) => node === self || known(node).some((fingerprint) => peers.has(fingerprint))).length;
  const least = plan.minCohort - plan.maxCorrupt;
  if (trusted < least) throw fail("TRB_ROUND_TOO_FEW_TRUSTED", { trusted, least });
}

/** Rounds between two changes have one roster, and three steps of each ask for all its fingerprints. */
const fingerprints = new WeakMap<Roster, Map<NodeId, readonly Sha256[]>>();

/** Of each member's keys up to a round. @throws TRB_ROUND_SENDER_UNKNOWN */
function fingerprintsIn(state: NodeState, round: number, crypto: Pick<Crypto, "sha256">): (node: NodeId) => readonly Sha256[] {
  const roster = rosterAt(state, round);
  const known = fingerprints.get(roster) ?? new Map<NodeId, readonly Sha256[]>();
  fingerprints.set(roster, known);
  let keys: ReturnType<typeof keysByNode> | undefined;
  return (node) => {
    const before = known.get(node);
    if (before !== undefined) return before;
    keys ??= keysByNode(state, round);
    const found = (keys.get(node) ?? [rosterKey(roster, node)]).map((key) => fingerprintOf(crypto, key));
    known.set(node, found);
    return found;
  };
}

/** A plan with a graph has everybody commit, a plan without has nobody. @throws TRB_SECAGG_GRAPH_COMMITMENT_MISSING */
function requireCommitment({ graph }: Pick<Plan, "graph">, advert: MessageOf<"advert">): void {
  if ((advert.body.graphCommitment === undefined) === (graph === undefined)) return;
  throw fail("TRB_SECAGG_GRAPH_COMMITMENT_MISSING", { node: senderNode(advert), round: advert.round });
}

/** A node one of whose keys or commitment was seen before it, in the order of the list. */
function duplicateKey(adverts: readonly MessageOf<"advert">[]): NodeId | undefined {
  const seen = new Set<string>();
  for (const advert of adverts) {
    const { maskKey, encryptionKey, seedCommitment, graphCommitment } = advert.body;
    for (const value of [maskKey, encryptionKey, seedCommitment, graphCommitment]) {
      if (value === undefined) continue;
      if (seen.has(value)) return senderNode(advert);
      seen.add(value);
    }
  }
  return undefined;
}
