/**
 * Step 2 of a round: every node deposits its two secrets with the others, so that masks can come off when it is gone.
 *
 *   coordinator              node                      coordinator                       node
 *   (reveal.ts) ───────▶ shareSecrets ── shares ──▶ collectShares ── envelopes ──▶ receiveEnvelopes
 *
 * With everyone or with its neighbours on the graph (`shareGraphOf`): threshold t = Q = ⌊(n + n_corrupt)/2⌋ + 1 of n = |U1|, or the graph's t
 * of k. The coordinator forwards boxes that it can't open, and fixes U2.
 */
import { fail } from "@tributary/errors";
import type { MessageOf, NodeId } from "@tributary/protocol";
import {
  envelopeKey,
  isWithin,
  leastSurvivors,
  openEnvelope,
  type RoundBinding,
  sealEnvelope,
  shareIndex,
  splitSecretAt,
  strictlyAscending,
} from "@tributary/secagg";
import { bySender, messageFrom, sameDocument, sameNodes, senderNode, senders, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { HeldShares, NodeRound, NodeState } from "../node-state.ts";
import { graphOf, sharersNamed } from "../round-graph.ts";
import type { Context, Step } from "../step.ts";
import { giveUp } from "./abort.ts";
import { requireTrusted } from "./keys.ts";
import { maskWhenReady } from "./masked.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Sends everybody that this node is joined to shares of its two secrets. @param round with U1, h₁ and the graph in it */
export function shareSecrets(state: NodeState, round: NodeRound, context: Context): Step<NodeState, NodeEffect> {
  const { plan, planHash, self } = state;
  const { number, modelHash, secrets, h1, cohort, graphSeed } = round;
  const { encryptionSecret = null, maskSecret = null, ownSeed = null } = secrets ?? {};
  if (h1 === null || secrets === null || encryptionSecret === null || maskSecret === null || ownSeed === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "adverts", phase: round.phase });
  }
  const { crypto } = context;
  const graph = graphOf(state, round, context);
  const holders = graph.holders(self);
  const points = holders.map((node) => shareIndex(cohort, node));
  const coefficients = context.random(number, "shares");
  const ownMask = splitSecretAt(ownSeed, graph.threshold, points, coefficients);
  const maskKey = splitSecretAt(maskSecret, graph.threshold, points, coefficients);
  const sharesOf = new Map(holders.map((node, i) => [node, { ownMask: ownMask[i] ?? "", maskKey: maskKey[i] ?? "" }]));
  const binding: RoundBinding = { planHash, modelHash, round: number, h1 };
  const nonces = context.random(number, "nonces");
  const joined = new Set<string>(graph.peers(self));
  const adverts = round.adverts.filter(({ sender }) => joined.has(sender) || graphSeed === null);
  const envelopes = adverts.flatMap((advert) => {
    const to = senderNode(advert);
    const forTo = sharesOf.get(to);
    if (to === self || forTo === undefined) return [];
    const key = envelopeKey(crypto, binding, encryptionSecret, advert.body.encryptionKey, self, to);
    const sealed = sealEnvelope(crypto, key, { from: self, to, round: number }, forTo, nonces);
    key.fill(0);
    return [{ to, ...sealed }];
  });
  const shares = speak(context, { plan, planHash, modelHash, round: number }, self, "shares", { h1, envelopes });
  const own = sharesOf.get(self);
  const { graphRandomness: _, ...kept } = secrets;
  const next: NodeRound = {
    ...round,
    phase: "shares",
    adverts,
    shares,
    secrets: { ...kept, held: own === undefined ? [] : [{ of: self, ...own }] },
  };
  return {
    state: { ...state, round: next },
    effects: [{ type: "persist" }, { type: "send", message: shares }], // other shares of the same secret must never follow
  };
}

/**
 * Checks U2 and opens the envelopes. One that doesn't open costs its maker a share-holder, not this node the round.
 * @throws TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_SHARERS_UNORDERED, TRB_SECAGG_SHARERS_NOT_SUBSET,
 *   TRB_SECAGG_SHARERS_CHANGED, TRB_SECAGG_TOO_FEW_SHARERS, TRB_SECAGG_TOO_FEW_SHARE_HOLDERS, TRB_SECAGG_ENVELOPES_MISMATCHED,
 *   TRB_ROUND_TOO_FEW_TRUSTED
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
  const { cohort } = round;
  if (!strictlyAscending(sharers)) throw fail("TRB_SECAGG_SHARERS_UNORDERED", { round: round.number });
  if (!sharers.includes(self) || !isWithin(sharers, cohort)) {
    throw fail("TRB_SECAGG_SHARERS_NOT_SUBSET", { round: round.number });
  }
  const least = leastSurvivors(cohort.length, plan);
  if (sharers.length < least) throw fail("TRB_SECAGG_TOO_FEW_SHARERS", { sharers: sharers.length, least });
  const graph = graphOf(state, round, context);
  const sharing = new Set(sharers);
  const holders = graph.holders(self).filter((node) => sharing.has(node)).length;
  if (holders < graph.threshold) {
    throw fail("TRB_SECAGG_TOO_FEW_SHARE_HOLDERS", { node: self, holders, threshold: graph.threshold });
  }
  requireTrusted(state, round, sharers, context);
  const others = graph.peers(self).filter((node) => sharing.has(node));
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
  const adverts = bySender(round.adverts);
  const held = envelopes.flatMap(({ from, nonce, box }): HeldShares[] => {
    const advert = adverts.get(from);
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
 * Takes one node's envelopes: exactly one for everybody that it is joined to, in the order of U1.
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
  const others = graphOf(state, round, context).peers(node);
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
  const least = leastSurvivors(round.cohort.length, plan);
  if (round.shares.length < least) return giveUp(state, round, "TRB_SECAGG_TOO_FEW_SHARERS", context);
  const fixed: CoordinatorRound = { ...round, phase: "masked", sharers: senders(round.shares), reveals: [] };
  const next: CoordinatorRound = { ...fixed, ...sharersNamed(plan, fixed, context) };
  const shares = bySender(next.shares);
  return {
    state: { ...state, round: next },
    effects: [
      { type: "persist" }, // before U2 is announced: there is one U2 a round
      ...next.sharers.map(
        (node) => ({ type: "send", to: [node], message: forwardEnvelopes(state, next, node, context, shares) }) as const,
      ),
      { type: "setDeadline", round: round.number, phase: "masked", milliseconds: maskedDeadline(state) },
    ],
  };
}

/** Uploads leave `uploadOffset` after the offer, so that is added to the step's own time. */
export function maskedDeadline({ plan: { deadlines } }: CoordinatorState): number {
  return deadlines.uploadOffset + deadlines.masked;
}

/** What the others made for one node. @param shares the round's, by sender, where many are asked for */
export function forwardEnvelopes(
  state: CoordinatorState,
  round: CoordinatorRound,
  node: NodeId,
  context: Context,
  shares = bySender(round.shares),
) {
  const envelopes = graphOf(state, round, context)
    .peers(node)
    .flatMap((from) => {
      const envelope = shares.get(from)?.body.envelopes.find(({ to }) => to === node);
      return envelope === undefined ? [] : [{ from, nonce: envelope.nonce, box: envelope.box }];
    });
  const { plan, planHash } = state;
  const bound = { plan, planHash, modelHash: round.offer.modelHash, round: round.number };
  if (round.h1 === null) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "envelopes", phase: round.phase });
  return speak(context, bound, "coordinator", "envelopes", { h1: round.h1, sharers: [...round.sharers], envelopes });
}
