/**
 * Step 3 of a round: the one masked vector of a node, paid for before it leaves.
 *
 *   node                                                   coordinator
 *   maskWhenReady ── persist y with its charge ── y ──▶ collectUpload ── (survivors, step 4) ──▶
 *
 * y = V + PRG(b_u) + Σ_v ± PRG(k_uv) mod 2³², over everybody of U2 that u is joined to; of a packed release mod 2^b, and what is persisted and hashed is what is sent. Once y is on disk the keys that made it are erased, so there can be no
 * other y for this node and round; until it is on disk nothing was sent, so there was none.
 */
import { fail } from "@tributary/errors";
import { isGraphRound, type MessageOf, type NodeId, type Sha256, toHex, vectorOctets, wireFormOf } from "@tributary/protocol";
import { leastSurvivors, type Mask, maskVector, ownMaskKey, pairMaskKey, pairSign, type RoundBinding } from "@tributary/secagg";
import { bySender, messageFrom, sameDocument, senderNode, senders, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { Charge, NodeRound, NodeState } from "../node-state.ts";
import { wireVector } from "../packing.ts";
import { fewestHolders, graphOf, sharersNamed } from "../round-graph.ts";
import type { Context, Step } from "../step.ts";
import { giveUp } from "./abort.ts";
import { announceSurvivors } from "./consistency.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Keeps the trained vector until the masks are known. @throws TRB_SECAGG_VECTOR_MISMATCHED */
export function takeVector(state: NodeState, vector: Uint32Array, context: Context): Step<NodeState, NodeEffect> {
  const { round, plan } = state;
  const expected = round === null ? 0 : wireFormOf(plan, round.release).coordinates;
  if (round === null || vector.length !== expected) {
    throw fail("TRB_SECAGG_VECTOR_MISMATCHED", { round: round?.number ?? 0, length: vector.length, expected });
  }
  return maskWhenReady({ ...state, unpersisted: { vector } }, context);
}

/** Masks, persists with the charge, uploads: as soon as both U2 and the vector are there. */
export function maskWhenReady(state: NodeState, context: Context): Step<NodeState, NodeEffect> {
  const { round, plan, planHash, self } = state;
  const { vector } = state.unpersisted;
  if (round === null || round.phase !== "masking" || vector === null) return { state, effects: [] };
  const { secrets, h1, number, modelHash, release } = round;
  if (h1 === null || secrets === null || secrets.maskSecret === null || secrets.ownSeed === null) return { state, effects: [] };

  const binding: RoundBinding = { planHash, modelHash, round: number, h1 };
  const { maskSecret } = secrets;
  const sharing = new Set<string>(round.sharers);
  const pairs = round.adverts.flatMap((advert): Mask[] => {
    const peer = senderNode(advert);
    if (peer === self || !sharing.has(peer)) return [];
    const key = pairMaskKey(context.crypto, binding, maskSecret, advert.body.maskKey);
    return [{ key, sign: pairSign(self, peer) }];
  });
  const own: Mask = { key: ownMaskKey(context.crypto, binding, secrets.ownSeed), sign: 1 };
  const y = wireVector(maskVector(vector, [own, ...pairs], context.crypto), wireFormOf(plan, release).bits);
  const masked = speak(context, { plan, planHash, modelHash, round: number }, self, "masked", {
    h1,
    sha256: hashVector(y, context),
    length: y.length,
    ...sharersNamed(plan, round, context),
  });
  const charge: Charge = { round: number, release, standing: "open", cohort: round.cohort, h1, chargedAt: round.offeredAt };
  const next: NodeRound = {
    ...round,
    phase: "masked",
    masked,
    secrets: { encryptionSecret: null, maskSecret: null, ownSeed: null, held: secrets.held },
  };
  return {
    state: { ...state, round: next, charges: [...state.charges, charge], unpersisted: { vector: null } },
    effects: [
      { type: "persist", charge: { round: number, release }, vector: y },
      { type: "upload", message: masked },
    ],
  };
}

/** The coordinator has y: it may be erased here. */
export function acknowledgeUpload(state: NodeState): Step<NodeState, NodeEffect> {
  const { round } = state;
  if (round === null || round.masked === null || round.uploaded) return { state, effects: [] };
  return {
    state: { ...state, round: { ...round, uploaded: true } },
    effects: [{ type: "persist" }, { type: "eraseVector", round: round.number }],
  };
}

/** SHA-256 of a vector's octets, little-endian u32. */
export function hashVector(vector: Uint32Array, { crypto }: Pick<Context, "crypto">): Sha256 {
  return toHex(crypto.sha256(vectorOctets(vector))) as Sha256;
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Whether an upload with this message would be taken: to be asked before its octets are stored. Signature and binding are
 * checked already.
 * @throws TRB_ROUND_NOT_INVITED, TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_SHARERS_DIFFER, TRB_SECAGG_VECTOR_MISMATCHED,
 *   TRB_SECAGG_SECOND_MESSAGE, TRB_ROUND_STEP_UNEXPECTED when it is too late
 */
export function requireUpload({ plan }: CoordinatorState, round: CoordinatorRound, masked: MessageOf<"masked">): void {
  const node = senderNode(masked);
  const earlier = messageFrom(round.uploads, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, masked)) return;
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "masked", round: round.number });
  }
  if (round.phase !== "masked") throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "masked", phase: round.phase });
  if (!round.sharers.includes(node)) throw fail("TRB_ROUND_NOT_INVITED", { node, round: round.number });
  if (masked.body.h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "masked" });
  if (masked.body.sharersHash !== round.sharersHash) throw fail("TRB_SECAGG_SHARERS_DIFFER", { node, round: round.number });
  const expected = wireFormOf(plan, round.release).words;
  if (masked.body.length !== expected) {
    throw fail("TRB_SECAGG_VECTOR_MISMATCHED", { round: round.number, length: masked.body.length, expected });
  }
}

/** Counts an upload that is on disk; closes the step when all of U2 have uploaded. */
export function collectUpload(
  state: CoordinatorState,
  round: CoordinatorRound,
  masked: MessageOf<"masked">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  requireUpload(state, round, masked);
  if (messageFrom(round.uploads, senderNode(masked)) !== undefined) return { state, effects: [] };
  const next: CoordinatorRound = { ...round, uploads: withMessage(round.uploads, masked) };
  if (next.uploads.length === round.sharers.length) return closeUploads(state, next, context);
  return { state: { ...state, round: next }, effects: [{ type: "persist" }] }; // the node won't send it again
}

/** Whoever's masked vector is stored by now has survived. Later ones are never added. */
export function closeUploads(
  state: CoordinatorState,
  round: CoordinatorRound,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const { plan } = state;
  const least = leastSurvivors(round.cohort.length, plan);
  if (round.uploads.length < least) return giveUp(state, round, "TRB_SECAGG_TOO_FEW_SURVIVORS", context);
  const survivors: NodeId[] = senders(round.uploads);
  if (fewestHolders(graphOf(state, round, context), round.sharers, survivors) !== undefined) {
    return giveUp(state, round, "TRB_SECAGG_TOO_FEW_SHARE_HOLDERS", context);
  }
  const next: CoordinatorRound = { ...round, phase: "consistency", survivors, shares: [] };
  const uploads = bySender(next.uploads);
  const announcements = isGraphRound(plan, round.cohort.length)
    ? survivors.map((node) => ({ to: [node], message: announceSurvivors(state, next, node, context, uploads) }))
    : [{ to: survivors, message: announceSurvivors(state, next, survivors[0], context, uploads) }];
  return {
    state: { ...state, round: next },
    effects: [
      { type: "persist" }, // before U3 is announced: there is one U3 a round
      ...announcements.map((announcement) => ({ type: "send", ...announcement }) as const),
      { type: "setDeadline", round: round.number, phase: "consistency", milliseconds: plan.deadlines.consistency },
    ],
  };
}
