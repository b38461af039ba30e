/**
 * Step 0 of a round: the coordinator offers it, a node decides whether it wants to pay for it.
 *
 *   coordinator                     node
 *   offerRound ──── offer ────▶  acceptOffer ── advert (step 1) ──▶
 *
 * Everything that a merchant's policy, budget or ledger copy has to say is said here, before anything is computed or sent.
 */
import { fail } from "@tributary/errors";
import { rosterAt, spentAfter } from "@tributary/ledger";
import { isSpentBefore, type MessageOf, type NodeId, parseDecimal, type Release } from "@tributary/protocol";
import { agreementKeyOf, graphCommitment, requireCohort, seedCommitment, uniformSeed } from "@tributary/secagg";
import { sameDocument, speak } from "../binding.ts";
import { affordableFrom, chargesInPeriod } from "../budget-period.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import { type CoordinatorRound, type CoordinatorState, requireNothingDue, whatFollows } from "../coordinator-state.ts";
import { countersignedHead } from "../heads.ts";
import type { NodeEffect } from "../node-events.ts";
import { type Charge, chargedRounds, graphAborts, type NodeRound, type NodeState } from "../node-state.ts";
import type { Context, Step } from "../step.ts";
import { giveUp, leaveRound } from "./abort.ts";
import { closeLedger } from "./apply.ts";

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Begins the next round with everyone who is a member by then and connected; closes the ledger when none can follow (`whatFollows`).
 * @throws TRB_ROUND_IN_PROGRESS, TRB_ROUND_LEDGER_CLOSED, TRB_ROUND_PROMOTION_DUE, TRB_ROUND_PAUSED, TRB_ROUND_COHORT_TOO_SMALL, TRB_SECAGG_COHORT_TOO_LARGE
 */
export function offerRound(
  state: CoordinatorState,
  online: readonly NodeId[],
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan } = state;
  if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
  if (state.round !== null) throw fail("TRB_ROUND_IN_PROGRESS", { round: state.round.number });
  requireNothingDue(state);
  const next = whatFollows(state);
  if ("closing" in next) return closeLedger(state, next.closing, context);
  if (state.paused) throw fail("TRB_ROUND_PAUSED");
  if ("passed" in next) return passOver(state, next.of, context);
  const { release } = next;
  const [there, gone] = [new Set(online), new Set(state.barred)];
  const number = state.lastRound + 1;
  const members = rosterAt(state, number).map(({ node }) => node);
  const invited = members.filter((node) => there.has(node) && !gone.has(node));
  requireCohort(invited.length, plan);

  const round = newRound(state, release, invited, context);
  return {
    state: { ...state, lastRound: number, round },
    effects: [
      { type: "persist" }, // before the offer leaves: a round number is used once
      { type: "send", to: invited, message: round.offer },
      { type: "setDeadline", round: number, phase: "keys", milliseconds: plan.deadlines.keys },
    ],
  };
}

/**
 * The next round can have no cohort, and those who were announced will make one later: its number is used up, in the ledger and for nothing, so that their
 * notice passes.
 */
function passOver(state: CoordinatorState, release: number, context: Context): Step<CoordinatorState, CoordinatorEffect> {
  const round = newRound(state, release, [], context);
  return giveUp({ ...state, lastRound: round.number }, round, "TRB_ROUND_COHORT_TOO_SMALL", context);
}

/** Nothing of it has happened yet. */
export function newRound(
  { plan, planHash, modelHash, head, lastRound }: CoordinatorState,
  release: number,
  invited: readonly NodeId[],
  context: Context,
): CoordinatorRound {
  const number = lastRound + 1;
  const bound = { plan, planHash, modelHash, round: number };
  const offer = speak(context, bound, "coordinator", "offer", { release, head: head.hash });
  return {
    number,
    release,
    phase: "keys",
    invited,
    offer,
    adverts: [],
    cohort: [],
    h1: null,
    reveals: [],
    graphSeed: null,
    shares: [],
    sharers: [],
    uploads: [],
    survivors: [],
    votes: [],
    abortVotes: [],
    unmaskShares: [],
    recovered: {},
    unmasking: null,
    sumHash: null,
  };
}

/** How many graphs a node lets be drawn in vain in one plan: the bounds of a graph are 2⁻⁴⁴, of seventeen still below 2⁻³⁹. */
const mostGraphAborts = 16;

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Accepts a round: makes its keys, starts training, and answers with the advert of step 1.
 * @throws TRB_ROUND_LEDGER_CLOSED, TRB_ROUND_REPLAYED, TRB_ROUND_LEDGER_BEHIND, TRB_ROUND_NOT_IN_ROSTER, TRB_ROUND_MODEL_MISMATCHED,
 *   TRB_ROUND_RELEASE_UNKNOWN, TRB_ROUND_RELEASE_SPENT, TRB_ROUND_GRAPH_ABORTS_SPENT, TRB_POLICY_…
 */
export function acceptOffer(state: NodeState, offer: MessageOf<"offer">, context: Context): Step<NodeState, NodeEffect> {
  const { plan, planHash, self } = state;
  if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
  if (state.round !== null && sameDocument(state.round.offer, offer)) {
    return { state, effects: state.round.phase === "keys" ? [{ type: "send", message: state.round.advert }] : [] };
  }
  const last = Math.max(state.lastRound, state.settledRound);
  if (offer.round <= last) throw fail("TRB_ROUND_REPLAYED", { round: offer.round, last });
  if (offer.body.head !== state.head.hash) throw fail("TRB_ROUND_LEDGER_BEHIND", { entries: state.head.entries });
  if (!rosterAt(state, offer.round).some(({ node }) => node === self)) throw fail("TRB_ROUND_NOT_IN_ROSTER", { node: self });
  if (offer.modelHash !== state.modelHash) throw fail("TRB_ROUND_MODEL_MISMATCHED", { round: offer.round });
  const release = plan.releases[offer.body.release];
  if (release === undefined) throw fail("TRB_ROUND_RELEASE_UNKNOWN", { release: offer.body.release });
  requirePermitted(state, release);
  requireAffordable(state, offer.body.release, context.now);
  requireGraphsLeft(state);

  const keys = context.random(offer.round, "keys");
  const maskSecret = uniformSeed(keys);
  const encryptionSecret = uniformSeed(keys);
  const ownSeed = uniformSeed(keys);
  const { crypto } = context;
  const bound = { plan, planHash, modelHash: offer.modelHash, round: offer.round };
  const graphRandomness = plan.graph === undefined ? undefined : uniformSeed(keys);
  const advert = speak(context, bound, self, "advert", {
    maskKey: agreementKeyOf(crypto, maskSecret),
    encryptionKey: agreementKeyOf(crypto, encryptionSecret),
    seedCommitment: seedCommitment(crypto, ownSeed),
    ...(graphRandomness === undefined ? {} : { graphCommitment: graphCommitment(crypto, bound, self, graphRandomness) }),
    head: countersignedHead(state, context),
  });
  const round: NodeRound = {
    number: offer.round,
    release: offer.body.release,
    modelHash: offer.modelHash,
    phase: "keys",
    offeredAt: context.now,
    offer,
    secrets: {
      ...{ encryptionSecret, maskSecret, ownSeed, held: [] },
      ...(graphRandomness === undefined ? {} : { graphRandomness }),
    },
    advert,
    reveal: null,
    shares: null,
    masked: null,
    vote: null,
    unmaskShares: null,
    uploaded: false,
    cohort: [],
    h1: null,
    adverts: [],
    graphSeed: null,
    sharers: [],
  };
  const before = leaveRound(state, false, context); // a round that the coordinator never settled
  return {
    state: { ...before.state, lastRound: offer.round, round, unpersisted: { vector: null } },
    effects: [
      ...before.effects,
      { type: "persist" }, // before the advert leaves: other keys for this round must never follow
      { type: "setExpiry", round: offer.round, milliseconds: expiryOf(state) },
      {
        type: "startTraining",
        round: offer.round,
        release: round.release,
        modelHash: round.modelHash,
        offeredAt: round.offeredAt,
      },
      { type: "send", message: advert },
    ],
  };
}

/** After the last deadline of a round and the grace for a coordinator that restarts, secrets go. */
function expiryOf({ plan: { deadlines, graph } }: NodeState): number {
  const { keys, shares, uploadOffset, masked, consistency, unmask, grace } = deadlines;
  const reveal = graph === undefined ? 0 : keys; // the step takes as long as that of keys
  return keys + reveal + shares + uploadOffset + masked + consistency + unmask + grace;
}

/** What the merchant permits. @throws TRB_POLICY_…, TRB_PLAN_CENTRAL_NOISE */
function requirePermitted({ plan, policy }: NodeState, { kind }: Release): void {
  if (plan.noiseMode === "central") throw fail("TRB_PLAN_CENTRAL_NOISE"); // the coordinator would see the bare sum
  if (!policy.releases.includes(kind)) throw fail("TRB_POLICY_RELEASE_FORBIDDEN", { kind });
  const strange = plan.extensions?.find(({ sha256 }) => !policy.extensions?.includes(sha256));
  if (strange !== undefined) throw fail("TRB_POLICY_EXTENSION_UNKNOWN", { ...strange });
  if (plan.minCohort < policy.minCohort) {
    throw fail("TRB_POLICY_COHORT_TOO_SMALL", { cohort: plan.minCohort, least: policy.minCohort });
  }
  if (parseDecimal(plan.delta) > parseDecimal(policy.delta)) {
    throw fail("TRB_POLICY_DELTA_TOO_LARGE", { delta: plan.delta, limit: policy.delta });
  }
  const forEver = (policy.periodDays ?? null) === null; // else each round is weighed, and the plan as a whole isn't
  if (forEver && parseDecimal(plan.epsilon) > parseDecimal(policy.maxEpsilon)) {
    throw fail("TRB_POLICY_PLAN_ABOVE_LIMIT", { epsilon: plan.epsilon, limit: policy.maxEpsilon });
  }
}

/** @throws TRB_ROUND_GRAPH_ABORTS_SPENT */
function requireGraphsLeft(state: NodeState): void {
  const aborts = graphAborts(state);
  if (state.plan.graph !== undefined && aborts >= mostGraphAborts) throw fail("TRB_ROUND_GRAPH_ABORTS_SPENT", { aborts });
}

/**
 * Whether this node may pay for one more round of a release, whatever else its merchant permits. Without a period the worst case counts, by the
 * node's own charges or the ledger's, whichever are more; in a period the node's own that count there.
 * @param place in `plan.releases`
 * @param now ISO 8601
 * @throws TRB_ROUND_RELEASE_SPENT, TRB_POLICY_EPSILON_EXCEEDED, TRB_POLICY_PERIOD_EXCEEDED
 */
export function requireAffordable(
  state: Pick<NodeState, "plan" | "policy" | "charges" | "ledgerCharged">,
  place: number,
  now: string,
): void {
  const { plan, policy, charges, ledgerCharged } = state;
  const { periodDays = null, maxEpsilon } = policy;
  const before = chargedRounds(state).map((own, i) => Math.max(own, ledgerCharged[i] ?? 0));
  const rounds = plan.releases[place]?.rounds ?? 0;
  if ((before[place] ?? 0) >= rounds) throw fail("TRB_ROUND_RELEASE_SPENT", { rounds });

  const costWith = (counts: readonly number[]) => spentAfter(plan, withOneMore(counts, place)).epsilon;
  const keeps = (epsilon: string) => Number(epsilon) <= parseDecimal(maxEpsilon);
  if (periodDays === null) {
    const epsilon = costWith(before);
    if (keeps(epsilon)) return;
    const spent = epsilonSpent(plan, before);
    throw fail("TRB_POLICY_EPSILON_EXCEEDED", { epsilon, limit: maxEpsilon, spent });
  }
  const counting = (counted: readonly Charge[]) => chargedRounds({ plan, charges: counted });
  const counted = counting(chargesInPeriod(charges, periodDays, now));
  const epsilon = costWith(counted);
  if (keeps(epsilon)) return;
  const from = affordableFrom(charges, periodDays, now, (left) => keeps(costWith(counting(left))));
  const spent = epsilonSpent(plan, counted);
  throw fail("TRB_POLICY_PERIOD_EXCEEDED", {
    epsilon,
    limit: maxEpsilon,
    days: periodDays,
    spent,
    from: from ?? "not by itself",
  });
}

const withOneMore = (counts: readonly number[], place: number) => counts.map((count, i) => count + (i === place ? 1 : 0));

/** What these rounds have cost; nothing charged costs nothing. */
const epsilonSpent = (plan: NodeState["plan"], counts: readonly number[]): string =>
  counts.some((count) => count > 0) || isSpentBefore(plan) ? spentAfter(plan, counts).epsilon : "0";
