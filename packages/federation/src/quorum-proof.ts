/**
 * Votes as evidence. A vote is a message that its node signs at most once a round, for one set of survivors or for giving the
 * round up; ⌊(n + n_corrupt)/2⌋ + 1 of them for one choice exclude a quorum for any other. A ledger entry keeps only the
 * signatures, from which the messages can be rebuilt.
 */
import { fail } from "@tributary/errors";
import type { BodyOf, MessageOf, NodeId, Roster, Sha256, Signature } from "@tributary/protocol";
import { type Bound, requirePlan, requireRound, requireSignature, rosterKey, sameDocument, senderNode } from "./binding.ts";
import type { Context } from "./step.ts";

export type Choice = BodyOf<"vote">["choice"];

export interface Ballot extends Bound {
  /** Of the round. */
  readonly roster: Roster;
  /** The round's version of the protocol. */
  readonly version: string;
  /** U1 */
  readonly cohort: ReadonlySet<string>;
  readonly h1: Sha256;
}

/** One vote, checked in full. @throws TRB_SECAGG_VOTE_FROM_OUTSIDE, TRB_SECAGG_VOTE_INVALID, and what binds a message */
export function requireVote(context: Context, ballot: Ballot, vote: MessageOf<"vote">, choice: Choice): void {
  const node = senderNode(vote);
  requirePlan(vote, ballot);
  requireRound(vote, ballot);
  if (!ballot.cohort.has(node)) throw fail("TRB_SECAGG_VOTE_FROM_OUTSIDE", { node });
  if (vote.body.h1 !== ballot.h1 || !sameDocument(vote.body.choice, choice)) throw fail("TRB_SECAGG_VOTE_INVALID", { node });
  requireSignature(context, vote, rosterKey(ballot.roster, node));
}

/** How many distinct nodes of U1 voted so; every vote given must hold. */
export function countVotes(context: Context, ballot: Ballot, votes: readonly MessageOf<"vote">[], choice: Choice): number {
  for (const vote of votes) requireVote(context, ballot, vote, choice);
  return new Set(votes.map(({ sender }) => sender)).size;
}

/** The vote message that a signature in a ledger entry belongs to. */
export function rebuildVote(
  { plan, planHash, modelHash, round, version, h1 }: Omit<Ballot, "roster" | "cohort">,
  { node, signature }: { readonly node: NodeId; readonly signature: Signature },
  choice: Choice,
): MessageOf<"vote"> {
  const header = { version, federation: plan.federation, planHash, modelHash, round };
  return { ...header, sender: node, step: "vote", body: { h1, choice }, signature };
}
