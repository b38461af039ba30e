/**
 * Step 5 of a round: the masks come off the sum, and off nothing else.
 *
 *   coordinator                       node
 *   requestUnmasking ── unmask ──▶ releaseShares ── unmaskShares ──▶ collectUnmaskShares ── effect `sum`
 *
 * For a survivor the share of its own-mask seed is released, for a node that dropped out after step 2 the share of its mask
 * key; never both for one node, because a node does this once, for the one set that it voted for.
 */
import { fail } from "@tributary/errors";
import type { MessageOf, NodeId } from "@tributary/protocol";
import {
  agreementKeyOf,
  ownMaskKey,
  pairMaskKey,
  pairSign,
  quorum,
  type RoundBinding,
  reconstruct,
  requireShare,
  type Share,
  seedCommitment,
  shareIndex,
  type Unmasking,
} from "@tributary/secagg";
import { messageFrom, sameDocument, sameNodes, senderNode, senders, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { NodeRound, NodeState } from "../node-state.ts";
import { countVotes, rebuildVote } from "../quorum-proof.ts";
import type { Context, Step } from "../step.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * On a quorum of votes of U1 for exactly the set that this node voted for.
 * @throws TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_UNMASK_SET_DIFFERS, TRB_SECAGG_TOO_FEW_VOTES, TRB_SECAGG_VOTE_INVALID,
 *   TRB_SECAGG_VOTE_FROM_OUTSIDE, TRB_ROUND_SIGNATURE_INVALID, TRB_ROUND_STEP_UNEXPECTED
 */
export function releaseShares(
  state: NodeState,
  round: NodeRound,
  message: MessageOf<"unmask">,
  context: Context,
): Step<NodeState, NodeEffect> {
  const { h1, survivors, votes } = message.body;
  const { plan, planHash, roster, self } = state;
  if (round.h1 === null || h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "unmask" });
  const choice = round.vote?.body.choice;
  if (choice === undefined) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "unmask", phase: round.phase });
  if (choice.for !== "survivors" || !sameNodes(choice.survivors, survivors)) {
    throw fail("TRB_SECAGG_UNMASK_SET_DIFFERS", { round: round.number });
  }
  if (round.unmaskShares !== null) {
    return { state, effects: round.phase === "unmasked" ? [{ type: "send", message: round.unmaskShares }] : [] };
  }
  if (round.phase !== "voted" || round.secrets === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "unmask", phase: round.phase });
  }
  const bound = { plan, planHash, modelHash: round.modelHash, round: round.number };
  const cohort = senders(round.adverts);
  const ballot = { ...bound, version: round.offer.version, roster, cohort, h1 };
  const counted = countVotes(
    context,
    ballot,
    votes.map((vote) => rebuildVote(ballot, vote, choice)),
    choice,
  );
  const least = quorum(cohort.length, plan.maxCorrupt);
  if (counted < least) throw fail("TRB_SECAGG_TOO_FEW_VOTES", { votes: counted, quorum: least });

  const { held } = round.secrets;
  const survived = new Set<string>(survivors);
  const unmaskShares = speak(context, bound, self, "unmaskShares", {
    h1,
    ownMask: held.filter(({ of }) => survived.has(of)).map(({ of, ownMask }) => ({ node: of, share: ownMask })),
    maskKey: held.filter(({ of }) => !survived.has(of)).map(({ of, maskKey }) => ({ node: of, share: maskKey })),
  });
  return {
    state: { ...state, round: { ...round, phase: "unmasked", unmaskShares, secrets: null } },
    effects: [
      { type: "persist" }, // before a share leaves: a restart must not release the other one
      { type: "eraseSecrets", round: round.number },
      { type: "send", message: unmaskShares },
    ],
  };
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

export function requestUnmasking({ plan, planHash }: CoordinatorState, round: CoordinatorRound, context: Context) {
  const bound = { plan, planHash, modelHash: round.offer.modelHash, round: round.number };
  if (round.h1 === null) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "unmask", phase: round.phase });
  // all of these votes are for the same sets, so their signatures say everything
  const votes = round.votes.map((vote) => ({ node: senderNode(vote), signature: vote.signature }));
  const body = { h1: round.h1, survivors: [...round.survivors], votes };
  return speak(context, bound, "coordinator", "unmask", body);
}

/**
 * Takes one survivor's shares; goes on when every secret that is needed has been reconstructed and fits its commitment.
 * @throws TRB_SECAGG_SECOND_MESSAGE, TRB_SECAGG_TRANSCRIPT_MISMATCHED, TRB_SECAGG_SHARES_UNASKED, TRB_ROUND_STEP_UNEXPECTED,
 *   TRB_ROUND_NOT_INVITED
 */
export function collectUnmaskShares(
  state: CoordinatorState,
  round: CoordinatorRound,
  message: MessageOf<"unmaskShares">,
  context: Context,
): Step<CoordinatorState, CoordinatorEffect> {
  const node = senderNode(message);
  const earlier = messageFrom(round.unmaskShares, node);
  if (earlier !== undefined) {
    if (sameDocument(earlier, message)) return { state, effects: [] };
    throw fail("TRB_SECAGG_SECOND_MESSAGE", { node, step: "unmaskShares", round: round.number });
  }
  if (!round.survivors.includes(node)) throw fail("TRB_ROUND_NOT_INVITED", { node, round: round.number });
  if (round.phase === "summing" || round.phase === "applying") return { state, effects: [] }; // enough are here
  if (round.phase !== "unmask" || round.h1 === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "unmaskShares", phase: round.phase });
  }
  if (message.body.h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "unmaskShares" });
  const dropped = droppedSharers(round);
  requireAsked(node, message.body.ownMask, round.survivors);
  requireAsked(node, message.body.maskKey, dropped);
  const next: CoordinatorRound = { ...round, unmaskShares: withMessage(round.unmaskShares, message) };
  const unmasking =
    next.unmaskShares.length < quorum(round.cohort.length, state.plan.maxCorrupt) ? undefined : recover(state, next, context);
  if (unmasking === undefined) return { state: { ...state, round: next }, effects: [] };
  const summing: CoordinatorRound = { ...next, phase: "summing", unmasking, unmaskShares: [] };
  return { state: { ...state, round: summing }, effects: [{ type: "persist" }, sumEffect(state, summing, unmasking)] };
}

/** What the shell is asked for, also once more after a restart. */
export function sumEffect({ plan }: CoordinatorState, round: CoordinatorRound, unmasking: Unmasking): CoordinatorEffect {
  return {
    type: "sum",
    round: round.number,
    length: plan.releases[round.release]?.dimension ?? 0,
    uploads: round.uploads.map((upload) => ({ node: senderNode(upload), sha256: upload.body.sha256 })),
    unmasking,
  };
}

/** U2∖U3: who shared its secrets and is not in the sum. */
function droppedSharers({ sharers, survivors }: CoordinatorRound): NodeId[] {
  return sharers.filter((node) => !survivors.includes(node));
}

function requireAsked(
  from: NodeId,
  shares: readonly { readonly node: NodeId; readonly share: string }[],
  asked: readonly NodeId[],
): void {
  for (const { share } of shares) requireShare(share);
  const nodes = shares.map(({ node }) => node);
  if (new Set(nodes).size !== nodes.length || !nodes.every((node) => asked.includes(node))) {
    throw fail("TRB_SECAGG_SHARES_UNASKED", { node: from });
  }
}

/** All stream keys of the masks to take off; undefined as long as a secret lacks shares, or enough good ones. */
function recover({ plan, planHash }: CoordinatorState, round: CoordinatorRound, { crypto }: Context): Unmasking | undefined {
  const { cohort, h1 } = round;
  if (h1 === null) return undefined;
  const threshold = quorum(cohort.length, plan.maxCorrupt);
  const binding: RoundBinding = { planHash, modelHash: round.offer.modelHash, round: round.number, h1 };
  const sharesOf = (node: NodeId, kind: "ownMask" | "maskKey"): Share[] =>
    round.unmaskShares.flatMap((message) => {
      const share = message.body[kind].find((one) => one.node === node)?.share;
      return share === undefined ? [] : [{ x: shareIndex(cohort, senderNode(message)), y: share }];
    });
  const secretOf = (node: NodeId, kind: "ownMask" | "maskKey", accept: (secret: string) => boolean) => {
    const shares = sharesOf(node, kind);
    return shares.length < threshold ? undefined : reconstruct(shares, threshold, accept);
  };

  const ownMasks: string[] = [];
  for (const node of round.survivors) {
    const commitment = messageFrom(round.adverts, node)?.body.seedCommitment;
    const seed = secretOf(node, "ownMask", (secret) => seedCommitment(crypto, secret) === commitment);
    if (seed === undefined) return undefined;
    ownMasks.push(ownMaskKey(crypto, binding, seed));
  }
  const pairMasks: { key: string; sign: 1 | -1 }[] = [];
  for (const node of droppedSharers(round)) {
    const maskKey = messageFrom(round.adverts, node)?.body.maskKey;
    const secret = secretOf(node, "maskKey", (candidate) => agreementKeyOf(crypto, candidate) === maskKey);
    if (secret === undefined) return undefined;
    for (const survivor of round.survivors) {
      const peerKey = messageFrom(round.adverts, survivor)?.body.maskKey;
      if (peerKey === undefined) return undefined;
      // the survivor put it on with pairSign(survivor, node): the opposite takes it off
      pairMasks.push({ key: pairMaskKey(crypto, binding, secret, peerKey), sign: pairSign(node, survivor) });
    }
  }
  return { ownMasks, pairMasks };
}
