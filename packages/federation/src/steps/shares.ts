/**
 * Step 2 of a round: every node deposits its two secrets with the others, so that masks can come off when it is gone.
 *
 *   coordinator              node                      coordinator                       node
 *   (announceCohort) ──▶ shareSecrets ── shares ──▶ collectShares ── envelopes ──▶ receiveEnvelopes
 *
 * Threshold t = Q = ⌊(n + n_corrupt)/2⌋ + 1 of n = |U1|. The coordinator forwards boxes that it can't open, and fixes U2.
 */
import { fail } from "@tributary/errors";
import type { MessageOf, NodeId } from "@tributary/protocol";
import {
  envelopeKey,
  openEnvelope,
  quorum,
  type RoundBinding,
  sealEnvelope,
  shareIndex,
  splitSecret,
  strictlyAscending,
} from "@tributary/secagg";
import { messageFrom, sameDocument, sameNodes, senderNode, senders, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { HeldShares, NodeRound, NodeState } from "../node-state.ts";
import type { Context, Step } from "../step.ts";
import { giveUp } from "./abort.ts";
import { admitCohort, requireTrusted } from "./keys.ts";
import { maskWhenReady } from "./masked.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Checks U1 and sends every other member its shares. Once: a repeated announcement gets the same bytes. */
export function shareSecrets(
  state: NodeState,
  round: NodeRound,
  message: MessageOf<"adverts">,
  context: Context,
): Step<NodeState, NodeEffect> {
  if (round.shares !== null) {
    if (!sameDocument(round.adverts, message.body.adverts)) {
      throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "adverts" });
    }
    return { state, effects: round.phase === "shares" ? [{ type: "send", message: round.shares }] : [] };
  }
  const { secrets } = round;
  if (round.phase !== "keys" || secrets === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "adverts", phase: round.phase });
  }
  const { encryptionSecret, maskSecret, ownSeed } = secrets;
  if (encryptionSecret === null || maskSecret === null || ownSeed === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "adverts", phase: round.phase });
  }
  const { adverts } = message.body;
  const h1 = admitCohort(state, round, adverts, context);

  const { plan, planHash, self } = state;
  const { number, modelHash } = round;
  const { crypto } = context;
  const cohort = senders(adverts);
  const threshold = quorum(cohort.length, plan.maxCorrupt);
  const coefficients = context.random(number, "shares");
  const ownMask = splitSecret(ownSeed, threshold, cohort.length, coefficients);
  const maskKey = splitSecret(maskSecret, threshold, cohort.length, coefficients);
  const sharesFor = (node: NodeId) => {
    const place = shareIndex(cohort, node) - 1;
    return { ownMask: ownMask[place] ?? "", maskKey: maskKey[place] ?? "" };
  };
  const binding: RoundBinding = { planHash, modelHash, round: number, h1 };
  const nonces = context.random(number, "nonces");
  const envelopes = adverts.flatMap((advert) => {
    const to = senderNode(advert);
    if (to === self) return [];
    const key = envelopeKey(crypto, binding, encryptionSecret, advert.body.encryptionKey, self, to);
    const sealed = sealEnvelope(crypto, key, { from: self, to, round: number }, sharesFor(to), nonces);
    key.fill(0);
    return [{ to, ...sealed }];
  });
  const shares = speak(context, { plan, planHash, modelHash, round: number }, self, "shares", { h1, envelopes });
  const next: NodeRound = {
    ...round,
    phase: "shares",
    adverts,
    h1,
    shares,
    secrets: { ...secrets, held: [{ of: self, ...sharesFor(self) }] },
  };
  return {
    state: { ...state, round: next },
    effects: [{ type: "persist" }, { type: "send", message: shares }], // other shares of the same secret must never follow
  };
}

/**
 * Checks U2 and opens the envelopes. One that doesn't open costs its maker a share-holder, not this node the round.
 * @throws TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_SHARERS_UNORDERED, TRB_SECAGG_SHARERS_NOT_SUBSET,
 *   TRB_SECAGG_SHARERS_CHANGED, TRB_SECAGG_TOO_FEW_SHARERS, TRB_SECAGG_ENVELOPES_MISMATCHED, TRB_ROUND_TOO_FEW_TRUSTED
 */
export function receiveEnvelopes(
  state: NodeState,
  round: NodeRound,
  message: MessageOf<"envelopes">,
  context: Context,
): Step<NodeState, NodeEffect> {
  const { h1, sharers, envelopes } = message.body;
  if (round.h1 === null || h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "envelopes" });
  if (round.sharers.length > 0) {
    if (!sameNodes(round.sharers, sharers)) throw fail("TRB_SECAGG_SHARERS_CHANGED", { round: round.number });
    const again = round.phase === "masked" && !round.uploaded && round.masked !== null;
    return { state, effects: again ? [{ type: "upload", message: round.masked }] : [] };
  }
  const { secrets } = round;
  if (round.phase !== "shares" || secrets === null || secrets.encryptionSecret === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "envelopes", phase: round.phase });
  }
  const { plan, planHash, self } = state;
  const cohort = senders(round.adverts);
  if (!strictlyAscending(sharers)) throw fail("TRB_SECAGG_SHARERS_UNORDERED", { round: round.number });
  if (!sharers.includes(self) || !sharers.every((node) => cohort.includes(node))) {
    throw fail("TRB_SECAGG_SHARERS_NOT_SUBSET", { round: round.number });
  }
  const least = Math.max(plan.minCohort, quorum(cohort.length, plan.maxCorrupt));
  if (sharers.length < least) throw fail("TRB_SECAGG_TOO_FEW_SHARERS", { sharers: sharers.length, least });
  requireTrusted(state, sharers, context);
  const others = sharers.filter((node) => node !== self);
  if (
    !sameNodes(
      others,
      envelopes.map(({ from }) => from),
    )
  ) {
    throw fail("TRB_SECAGG_ENVELOPES_MISMATCHED", { node: self });
  }

  const binding: RoundBinding = { planHash, modelHash: round.modelHash, round: round.number, h1 };
  const { encryptionSecret } = secrets;
  const held = envelopes.flatMap(({ from, nonce, box }): HeldShares[] => {
    const advert = messageFrom(round.adverts, from);
    if (advert === undefined) return [];
    const key = envelopeKey(context.crypto, binding, encryptionSecret, advert.body.encryptionKey, from, self);
    const opened = openEnvelope(context.crypto, key, { nonce, box }, { from, to: self, round: round.number });
    key.fill(0);
    return opened === undefined ? [] : [{ of: from, ...opened }];
  });
  const next: NodeRound = {
    ...round,
    phase: "masking",
    sharers,
    secrets: { ...secrets, encryptionSecret: null, held: [...secrets.held, ...held] },
  };
  return maskWhenReady({ ...state, round: next }, context);
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Takes one node's envelopes: exactly one for every other member of U1, in their order.
 * @throws TRB_SECAGG_SECOND_MESSAGE, TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_ENVELOPES_MISMATCHED,
 *   TRB_ROUND_STEP_UNEXPECTED, TRB_ROUND_NOT_INVITED
 */
export function collectShares(
  state: CoordinatorState,
  round: CoordinatorRound,
  shares: MessageOf<"shares">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const node = senderNode(shares);
  const earlier = messageFrom(round.shares, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, shares)) return { state, effects: [] };
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "shares", round: round.number });
  }
  if (round.phase !== "shares") throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "shares", phase: round.phase });
  if (!round.cohort.includes(node)) throw fail("TRB_ROUND_NOT_INVITED", { node, round: round.number });
  if (shares.body.h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "shares" });
  const others = round.cohort.filter((other) => other !== node);
  if (
    !sameNodes(
      others,
      shares.body.envelopes.map(({ to }) => to),
    )
  ) {
    throw fail("TRB_SECAGG_ENVELOPES_MISMATCHED", { node });
  }
  const next: CoordinatorRound = { ...round, shares: withMessage(round.shares, shares) };
  if (next.shares.length < round.cohort.length) return { state: { ...state, round: next }, effects: [] };
  return closeShares(state, next, context);
}

/** Fixes U2, or gives the round up (nobody has paid yet) when it is too small. */
export function closeShares(
  state: CoordinatorState,
  round: CoordinatorRound,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan } = state;
  const least = Math.max(plan.minCohort, quorum(round.cohort.length, plan.maxCorrupt));
  if (round.shares.length < least) return giveUp(state, round, "TRB_SECAGG_TOO_FEW_SHARERS", context);
  const next: CoordinatorRound = { ...round, phase: "masked", sharers: senders(round.shares) };
  return {
    state: { ...state, round: next },
    effects: [
      { type: "persist" }, // before U2 is announced: there is one U2 a round
      ...next.sharers.map(
        (node) => ({ type: "send", to: [node], message: forwardEnvelopes(state, next, node, context) }) as const,
      ),
      { type: "setDeadline", round: round.number, phase: "masked", milliseconds: maskedDeadline(state) },
    ],
  };
}

/** Uploads leave `uploadOffset` after the offer, so that is added to the step's own time. */
export function maskedDeadline({ plan: { deadlines } }: CoordinatorState): number {
  return deadlines.uploadOffset + deadlines.masked;
}

/** What the others made for one node. */
export function forwardEnvelopes(
  { plan, planHash }: CoordinatorState,
  round: CoordinatorRound,
  node: NodeId,
  context: Context,
) {
  const envelopes = round.shares.flatMap((shares) => {
    const envelope = shares.body.envelopes.find(({ to }) => to === node);
    return envelope === undefined ? [] : [{ from: senderNode(shares), nonce: envelope.nonce, box: envelope.box }];
  });
  const bound = { plan, planHash, modelHash: round.offer.modelHash, round: round.number };
  if (round.h1 === null) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "envelopes", phase: round.phase });
  return speak(context, bound, "coordinator", "envelopes", { h1: round.h1, sharers: [...round.sharers], envelopes });
}
