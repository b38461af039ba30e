/**
 * What an honest node may say, step by step, written down from DESIGN §5 and not from the reducers: each rule looks at what the node says,
 * at what it was told, and at what was really said by others. A rule that is broken is a finding, whatever came of it.
 */

import type { NodeState } from "@tributary/federation";
import {
  canonicalBytes,
  fingerprintOf,
  hashOf,
  type Message,
  type MessageOf,
  type NodeId,
  type Plan,
  toHex,
} from "@tributary/protocol";
import { type Federation, leastHonest, quorumOf } from "./federation.ts";

/** Something that must not happen. */
export function finding(what: string, detail = ""): Error {
  const error = new Error(detail === "" ? what : `${what}: ${detail}`);
  error.name = "Finding";
  return error;
}

/** What was really said so far. */
export interface Record {
  /** Whether an honest node really said this. */
  readonly wasSaid: (message: Message) => boolean;
  /** U3 as a node was told it when it voted. */
  readonly survivorsTold: (node: string, round: number) => readonly NodeId[];
  /** Honest nodes that voted for this choice, whatever became of their vote. */
  readonly votersFor: (round: number, h1: string, choice: string) => ReadonlySet<string>;
}

export const documentOf = (value: unknown) => toHex(canonicalBytes(value));

/** Checks one message of an honest node against its own state, which holds what it was told. */
export function requireProper(federation: Federation, record: Record, state: NodeState, message: Message): void {
  switch (message.step) {
    case "reveal":
      requireProperCohort(federation, record, state, message);
      return;
    case "shares":
      // on a graph it has shown what it thinks of U1 before, and keeps the keys of its neighbours only
      if (state.round?.graphSeed === null) requireProperCohort(federation, record, state, message);
      requireProperEnvelopes(state, message);
      return;
    case "masked":
      requireProperUpload(federation, state, message);
      return;
    case "vote":
      requireProperVote(federation, record, state, message);
      return;
    case "unmaskShares":
      requireProperRelease(federation, record, state, message);
      return;
    default:
      return;
  }
}

function roundOf({ round }: NodeState, message: Message) {
  if (round === null || round.number !== message.round)
    throw finding("a node speaks about a round that it isn't in", message.step);
  return round;
}

function requireProperCohort(
  federation: Federation,
  record: Record,
  state: NodeState,
  message: MessageOf<"shares"> | MessageOf<"reveal">,
): void {
  const { plan, crypto, honest } = federation;
  const { adverts, modelHash } = roundOf(state, message);
  const nodes = adverts.map(({ sender }) => sender as NodeId);
  const wrong = (what: string) => finding(`U1 with ${what} was accepted`, `${state.self}, round ${message.round}`);
  if (!isAscending(nodes)) throw wrong("nodes out of order");
  if (!nodes.includes(state.self)) throw wrong("the node itself missing");
  if (nodes.length < plan.minCohort) throw wrong("too few nodes");
  if (message.body.h1 !== hashOf(crypto, adverts)) throw wrong("another h1");
  const keys = adverts.flatMap(
    ({ body }) => [body.maskKey, body.encryptionKey, body.seedCommitment, body.graphCommitment ?? []].flat() as string[],
  );
  if (new Set(keys).size !== keys.length) throw wrong("one key twice");
  for (const advert of adverts) {
    if (advert.round !== message.round || advert.modelHash !== modelHash) throw wrong("an advert of another round or model");
    const isHonest = honest.some((node) => node === advert.sender);
    if (isHonest && !record.wasSaid(advert)) {
      throw wrong("an advert that an honest node never made");
    }
  }
  requireEnoughTrusted(federation, state, nodes, "U1");
}

/** For everybody else in U1; on a graph for some of them, each once. */
function requireProperEnvelopes(state: NodeState, message: MessageOf<"shares">): void {
  const { cohort, graphSeed, h1 } = roundOf(state, message);
  const to = message.body.envelopes.map((envelope) => envelope.to);
  const others = cohort.filter((node) => node !== state.self);
  const proper =
    graphSeed === null ? documentOf(to) === documentOf(others) : isAscending(to) && to.every((node) => others.includes(node));
  if (!proper) throw finding("envelopes for others than U1", state.self);
  if (message.body.h1 !== h1) throw finding("envelopes under another h1", state.self);
}

function requireProperUpload(federation: Federation, state: NodeState, message: MessageOf<"masked">): void {
  const { plan } = federation;
  const { cohort, sharers, h1 } = roundOf(state, message);
  const wrong = (what: string) => finding(`U2 with ${what} was accepted`, `${state.self}, round ${message.round}`);
  if (message.body.h1 !== h1) throw wrong("another h1");
  if (!isAscending(sharers)) throw wrong("nodes out of order");
  if (!sharers.includes(state.self)) throw wrong("the node itself missing");
  if (!sharers.every((node) => cohort.includes(node))) throw wrong("nodes outside U1");
  if (sharers.length < Math.max(plan.minCohort, quorumOf(cohort.length, plan))) throw wrong("too few nodes");
  requireEnoughTrusted(federation, state, sharers, "U2");
}

function requireProperVote(federation: Federation, record: Record, state: NodeState, message: MessageOf<"vote">): void {
  const { plan, crypto } = federation;
  const { cohort, sharers, h1 } = roundOf(state, message);
  const { choice } = message.body;
  const wrong = (what: string) => finding(`a vote for ${what}`, `${state.self}, round ${message.round}`);
  if (message.body.h1 !== h1) throw wrong("another h1");
  if (choice.for === "abort") return;
  const survivors = choice.for === "survivors" ? choice.survivors : record.survivorsTold(state.self, message.round);
  if (choice.for === "survivors" && documentOf(choice.sharers) !== documentOf(sharers)) throw wrong("another U2");
  if (choice.for === "sets" && choice.sha256 !== hashOf(crypto, { sharers, survivors }))
    throw wrong("sets that it was not told");
  if (!isAscending(survivors)) throw wrong("survivors out of order");
  if (!survivors.includes(state.self)) throw wrong("survivors without the voter");
  if (!survivors.every((node) => sharers.includes(node))) throw wrong("survivors outside U2");
  if (survivors.length < Math.max(plan.minCohort, quorumOf(cohort.length, plan))) throw wrong("too few survivors");
  requireEnoughTrusted(federation, state, survivors, "U3");
}

function requireProperRelease(
  federation: Federation,
  record: Record,
  state: NodeState,
  message: MessageOf<"unmaskShares">,
): void {
  const { plan, corrupt } = federation;
  const { cohort, sharers, h1, vote } = roundOf(state, message);
  const wrong = (what: string) => finding(`shares were released ${what}`, `${state.self}, round ${message.round}`);
  const choice = vote?.body.choice;
  if (h1 === null || choice === undefined || choice.for === "abort") throw wrong("without a vote for survivors");
  const survivors = choice.for === "survivors" ? choice.survivors : record.survivorsTold(state.self, message.round);
  const voters = record.votersFor(message.round, h1, documentOf(choice));
  const votes = cohort.filter((node) => voters.has(node) || corrupt.some((one) => one === node)).length;
  if (votes < quorumOf(cohort.length, plan)) throw wrong("although no quorum can have voted so");
  const { ownMask, maskKey } = message.body;
  if (!ownMask.every(({ node }) => survivors.includes(node))) throw wrong("of an own mask of a node that is no survivor");
  const dropped = sharers.filter((node) => !survivors.includes(node));
  if (!maskKey.every(({ node }) => dropped.includes(node))) throw wrong("of a mask key of a node that has not dropped out");
  if (state.round?.secrets !== null) throw wrong("and kept");
}

function requireEnoughTrusted(federation: Federation, state: NodeState, nodes: readonly NodeId[], set: string): void {
  const { plan, crypto, members } = federation;
  const trusted = nodes.filter((node) => {
    const key = members.find(({ id }) => id === node)?.identity.key; // the first: a merchant compared no other
    return node === state.self || (key !== undefined && state.policy.trustedPeers.includes(fingerprintOf(crypto, key)));
  });
  if (trusted.length < leastHonest(plan)) throw finding(`${set} of too few trusted nodes was accepted`, state.self);
}

function isAscending(nodes: readonly string[]): boolean {
  return nodes.every((node, i) => i === 0 || (nodes[i - 1] ?? "") < node);
}

/** What a node's state may still hold of a round's secrets, by how far the round is. Source: DESIGN §5, "Persist, erase, restore". */
export function requireErased({ round, self }: Pick<NodeState, "round" | "self">): void {
  if (round === null) return;
  const { phase, secrets } = round;
  const over = phase === "unmasked" || phase === "left";
  if (over && secrets !== null) throw finding("secrets outlived the round", `${self}, ${phase}`);
  if (secrets === null) return;
  const isRevealed = phase !== "keys" && phase !== "reveal";
  if (isRevealed && secrets.graphRandomness !== undefined) throw finding("the graph's randomness outlived the graph", self);
  if (phase !== "masked" && phase !== "voted") return;
  const { encryptionSecret, maskSecret, ownSeed } = secrets;
  if (encryptionSecret !== null || maskSecret !== null || ownSeed !== null) {
    throw finding("the keys of a masked vector outlived it", `${self}, ${phase}`);
  }
}

/** No more rounds of a release are paid for than the plan has and the policy allows; no round twice; a charge stays. */
export function requireWithinBudget(plan: Plan, state: NodeState): void {
  const rounds = state.charges.map(({ round }) => round);
  if (new Set(rounds).size !== rounds.length) throw finding("a round is charged twice", state.self);
  for (const [place, release] of plan.releases.entries()) {
    const charged = state.charges.filter((charge) => charge.release === place && charge.standing !== "refunded").length;
    if (charged > release.rounds) throw finding("more was spent than the budget allows", `${state.self}: ${charged} rounds`);
  }
}
