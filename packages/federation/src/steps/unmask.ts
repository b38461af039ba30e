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
import { rosterAt } from "@tributary/ledger";
import { type MessageOf, type NodeId, type Sha256, survivorChoice, wireFormOf } from "@tributary/protocol";
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
  type ShareGraph,
  seedCommitment,
  shareIndex,
  type Unmasking,
} from "@tributary/secagg";
import { bySender, messageFrom, sameDocument, senderNode, speak, withMessage } from "../binding.ts";
import type { CoordinatorEffect } from "../coordinator-events.ts";
import type { CoordinatorRound, CoordinatorState } from "../coordinator-state.ts";
import type { NodeEffect } from "../node-events.ts";
import type { NodeRound, NodeState } from "../node-state.ts";
import { countVotes, rebuildVote } from "../quorum-proof.ts";
import { graphOf } from "../round-graph.ts";
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
  const { plan, planHash, self } = state;
  if (round.h1 === null || h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "unmask" });
  const choice = round.vote?.body.choice;
  if (choice === undefined) throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "unmask", phase: round.phase });
  if (!sameDocument(choice, survivorChoice(context.crypto, plan, round.cohort.length, round.sharers, survivors))) {
    throw fail("TRB_SECAGG_UNMASK_SET_DIFFERS", { round: round.number });
  }
  if (round.unmaskShares !== null) {
    return { state, effects: round.phase === "unmasked" ? [{ type: "send", message: round.unmaskShares }] : [] };
  }
  if (round.phase !== "voted" || round.secrets === null) {
    throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "unmask", phase: round.phase });
  }
  const bound = { plan, planHash, modelHash: round.modelHash, round: round.number };
  const ballot = {
    ...bound,
    version: round.offer.version,
    cohort: new Set(round.cohort),
    h1,
    roster: rosterAt(state, round.number),
  };
  const counted = countVotes(
    context,
    ballot,
    votes.map((vote) => rebuildVote(ballot, vote, choice)),
    choice,
  );
  const least = quorum(round.cohort.length, plan.maxCorrupt);
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
  const graph = graphOf(state, round, context);
  const joined = new Set([node, ...graph.peers(node)]);
  const survived = new Set(round.survivors);
  requireAsked(node, message.body.ownMask, (of) => joined.has(of) && survived.has(of));
  const sharing = new Set(round.sharers);
  requireAsked(node, message.body.maskKey, (of) => joined.has(of) && sharing.has(of) && !survived.has(of));
  const heard: CoordinatorRound = { ...round, unmaskShares: withMessage(round.unmaskShares, message) };
  const next: CoordinatorRound = {
    ...heard,
    recovered: { ...heard.recovered, ...reconstructFrom(heard, message, graph, context) },
  };
  if (Object.keys(next.recovered).length < round.sharers.length) return { state: { ...state, round: next }, effects: [] };
  const unmasking = unmaskingOf(state, next, round.h1, graph, context);
  const summing: CoordinatorRound = { ...next, phase: "summing", unmasking, unmaskShares: [], recovered: {} };
  return { state: { ...state, round: summing }, effects: [{ type: "persist" }, sumEffect(state, summing, unmasking)] };
}

/** What the shell is asked for, also once more after a restart. */
export function sumEffect({ plan }: CoordinatorState, round: CoordinatorRound, unmasking: Unmasking): CoordinatorEffect {
  const { coordinates, bits } = wireFormOf(plan, round.release);
  return {
    type: "sum",
    round: round.number,
    length: coordinates,
    ...(bits === 32 ? {} : { bits }),
    uploads: round.uploads.map((upload) => ({ node: senderNode(upload), sha256: upload.body.sha256 })),
    unmasking,
  };
}

function requireAsked(
  from: NodeId,
  shares: readonly { readonly node: NodeId; readonly share: string }[],
  isAsked: (node: NodeId) => boolean,
): void {
  for (const { share } of shares) requireShare(share);
  const nodes = shares.map(({ node }) => node);
  if (new Set(nodes).size !== nodes.length || !nodes.every(isAsked)) {
    throw fail("TRB_SECAGG_SHARES_UNASKED", { node: from });
  }
}

/** The secrets that a node's shares complete: those of which t good ones are there now. */
function reconstructFrom(
  round: CoordinatorRound,
  { body }: MessageOf<"unmaskShares">,
  { holders, threshold }: ShareGraph,
  { crypto }: Context,
): Record<NodeId, string> {
  const said = bySender(round.unmaskShares);
  const adverts = bySender(round.adverts);
  const found: Record<NodeId, string> = {};
  for (const kind of ["ownMask", "maskKey"] as const) {
    for (const { node } of body[kind]) {
      if (Object.hasOwn(round.recovered, node)) continue; // "constructor" is a fine name for a node
      const speaking = holders(node).filter((holder) => said.has(holder));
      if (speaking.length < threshold) continue;
      const shares = speaking.flatMap((holder): Share[] => {
        const message = said.get(holder);
        const y = message === undefined ? undefined : shareOf(message, kind, node);
        return y === undefined ? [] : [{ x: shareIndex(round.cohort, holder), y }];
      });
      const keys = adverts.get(node)?.body;
      if (shares.length < threshold || keys === undefined) continue;
      const secret = reconstruct(shares, threshold, (candidate) =>
        kind === "ownMask"
          ? seedCommitment(crypto, candidate) === keys.seedCommitment
          : agreementKeyOf(crypto, candidate) === keys.maskKey,
      );
      if (secret !== undefined) found[node] = secret;
    }
  }
  return found;
}

function shareOf({ body }: MessageOf<"unmaskShares">, kind: "ownMask" | "maskKey", node: NodeId): string | undefined {
  return body[kind].find((one) => one.node === node)?.share;
}

/** All stream keys of the masks to take off, every secret being known. */
function unmaskingOf(
  { planHash }: CoordinatorState,
  { sharers, survivors, adverts, recovered, offer: { modelHash }, number }: CoordinatorRound,
  h1: Sha256,
  { peers }: ShareGraph,
  { crypto }: Context,
): Unmasking {
  const binding: RoundBinding = { planHash, modelHash, round: number, h1 };
  const survived = new Set(survivors);
  const keys = bySender(adverts);
  const ownMasks = survivors.map((node) => ownMaskKey(crypto, binding, recovered[node] ?? ""));
  const pairMasks = sharers
    .filter((node) => !survived.has(node))
    .flatMap((node) =>
      peers(node).flatMap((survivor) => {
        const peerKey = keys.get(survivor)?.body.maskKey;
        if (!survived.has(survivor) || peerKey === undefined) return [];
        // the survivor put it on with pairSign(survivor, node): the opposite takes it off
        const key = pairMaskKey(crypto, binding, recovered[node] ?? "", peerKey);
        return [{ key, sign: pairSign(node, survivor) }];
      }),
    );
  return { ownMasks, pairMasks };
}
