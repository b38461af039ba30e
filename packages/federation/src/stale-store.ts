/**
 * A node whose store was restored from a backup has forgotten rounds that it paid for. Three questions, all of them pure (DESIGN §5,
 * "Persist, erase, restore"):
 *
 *   forgottenRound   does an entry of the ledger show this node in a round that its store doesn't remember?
 *   confirmLedger    is what the coordinator shows the whole ledger, as far as enough peers know?
 *   recoverCharges   what has such a node to count, at most?
 *
 * A coordinator can keep entries back, and with them the traces of the node's own rounds; it can't keep them from every peer, nor
 * speak for one. Of maxCorrupt + 1 peers that answer a fresh nonce one is honest: what that one knows, the node learns.
 */
import { fail } from "@tributary/errors";
import { type Entry, keysByNode, type RosterChanges, rosterAt, spentAfter } from "@tributary/ledger";
import {
  baseVersion,
  type Crypto,
  fingerprintOf,
  type HeadStatement,
  type MessageOf,
  type NodeId,
  type Plan,
  parseDecimal,
  type Roster,
  type Sha256,
  type Signature,
  survivorChoice,
  verifyHead,
  verifyMessage,
} from "@tributary/protocol";
import { quorum } from "@tributary/secagg";
import { rosterKey } from "./binding.ts";
import { forkOfHeads } from "./forks.ts";
import type { Charge, NodePolicy, NodeState } from "./node-state.ts";
import { type Choice, rebuildVote } from "./quorum-proof.ts";

/** Who this node is, and in which federation. */
interface Membership {
  readonly self: NodeId;
  readonly plan: Plan;
  /** As founded. */
  readonly roster: Roster;
  readonly rosterChanges: RosterChanges;
}

/** The same, and where its copy of the ledger is: the next round's members are its peers. */
interface Standing extends Membership {
  readonly settledRound: number;
}

/** What a store remembers of rounds. */
export interface RoundMemory {
  /** The largest round number that an offer was accepted for: on disk before the advert left. */
  readonly lastRound: number;
  /** Whether this node's vote with this signature was cast by this store: on disk before it left. */
  readonly remembersVote: (round: number, signature: Signature) => boolean;
}

/**
 * The number of the round in which an entry shows this node while its store doesn't remember it: its name stands in the cohort
 * of a round that it never accepted, or under a vote of its own that it never cast. Undefined: nothing is forgotten.
 */
export function forgottenRound(entry: Entry, member: Membership, memory: RoundMemory, crypto: Crypto): number | undefined {
  if (entry.kind !== "round" && entry.kind !== "aborted") return undefined;
  const { self } = member;
  if (entry.cohort?.includes(self) && entry.round > memory.lastRound) return entry.round;
  const own = entry.votes.find(({ node }) => node === self);
  if (own === undefined || memory.remembersVote(entry.round, own.signature)) return undefined;
  const vote = voteIn(entry, member, own.signature, crypto);
  // a forged one is the reducer's to refuse
  const key = rosterAt(member, entry.round).find(({ node }) => node === self)?.key;
  return vote !== undefined && key !== undefined && verifyMessage(crypto, vote, key) ? entry.round : undefined;
}

function voteIn(
  entry: Extract<Entry, { kind: "round" | "aborted" }>,
  { self, plan }: Membership,
  signature: Signature,
  crypto: Crypto,
): MessageOf<"vote"> | undefined {
  const { planHash, modelHash, round, h1, protocol: version = baseVersion } = entry;
  if (h1 === null) return undefined;
  const choice: Choice =
    entry.kind === "aborted"
      ? { for: "abort" }
      : survivorChoice(crypto, plan, entry.cohort.length, entry.sharers, entry.survivors);
  return rebuildVote({ plan, planHash, modelHash, round, version, h1 }, { node: self, signature }, choice);
}

/** `round` of this node's own head: the largest number of a round whose cohort it knows, or that is over. */
export function knownRound({ round, lastRound }: Pick<NodeState, "round" | "lastRound">): number {
  return round !== null && round.h1 === null && round.number === lastRound ? lastRound - 1 : lastRound;
}

/** Peers whose word counts: those whom the merchant trusts by name, or, where none is named, all other members of the roster. */
export function countedPeers(member: Standing, { trustedPeers }: NodePolicy, crypto: Crypto): NodeId[] {
  const round = member.settledRound + 1;
  const others = rosterAt(member, round)
    .map(({ node }) => node)
    .filter((node) => node !== member.self);
  if (trustedPeers.length === 0) return others;
  const keys = keysByNode(member, round);
  return others.filter((node) => keys.get(node)?.some((key) => trustedPeers.includes(fingerprintOf(crypto, key))));
}

/** The ledger as the coordinator shows it, verified. */
export interface ShownLedger {
  readonly entries: number;
  /** The hash after so many entries, at most `entries`; of 64 zeros after none. */
  readonly hashAfter: (entries: number) => Sha256;
}

/** What the peers' heads come to. */
export interface Confirmation {
  readonly heads: number;
  /**
   * The largest round number of which one of them knows the cohort: in such a round a store that has lost its memory may have masked
   * a vector already, and must not begin it again. (Nobody knows the cohort of a round that waits for this node's keys.)
   */
  readonly round: number;
}

/**
 * Compares the ledger shown with what peers state.
 * @param heads answers to `nonce`, unverified; what is no counted peer's genuine answer is passed over
 * @throws TRB_NODE_PEERS_MISSING for fewer than maxCorrupt + 1 genuine answers, TRB_NODE_LEDGER_WITHHELD when a peer knows more entries
 *   than are shown, TRB_NODE_LEDGER_FORKED when a peer knows others
 */
export function confirmLedger(
  shown: ShownLedger,
  { nonce, heads }: { readonly nonce: string; readonly heads: readonly HeadStatement[] },
  member: Standing & { readonly policy: NodePolicy },
  crypto: Crypto,
): Confirmation {
  const { plan } = member;
  // a peer that has taken in more may have a key in force that is only announced here; one whose old key it is has taken in too little
  const rosters = [rosterAt(member, member.settledRound + 1), rosterAt(member, Number.POSITIVE_INFINITY)];
  const counted = new Set<string>(countedPeers(member, member.policy, crypto));
  const genuine = new Map<NodeId, HeadStatement>();
  for (const head of heads) {
    if (!counted.has(head.node)) continue;
    const isGenuine = rosters.some((roster) => verifyHead(crypto, plan.federation, nonce, head, rosterKey(roster, head.node)));
    if (isGenuine) genuine.set(head.node, head);
  }
  const least = plan.maxCorrupt + 1;
  if (genuine.size < least) throw fail("TRB_NODE_PEERS_MISSING", { heads: genuine.size, least });
  const known = [...genuine.values()];
  const fork = forkOfHeads(
    shown.hashAfter,
    known.filter(({ entries }) => entries <= shown.entries),
  );
  if (fork !== undefined) throw fork;
  const [further] = known.toSorted((a, b) => b.entries - a.entries);
  if (further !== undefined && further.entries > shown.entries) {
    const { node, entries, head } = further;
    throw fail("TRB_NODE_LEDGER_WITHHELD", { shown: shown.entries, entries, node, head });
  }
  return { heads: genuine.size, round: Math.max(0, ...known.map(({ round }) => round)) };
}

/** What a recovered store has to remember besides what it does. */
export interface Recovery {
  /** Rounds that may have been paid for: all of them final, so that no entry can refund them. */
  readonly charges: readonly Charge[];
  readonly votes: readonly { readonly round: number; readonly choice: "survivors" | "abort"; readonly signature: Signature }[];
  readonly lastRound: number;
}

/**
 * The most that a node can have spent whose store ends at `lastRound`: of the rounds from there on, whatever the ledger counts against
 * it, each round given up without a quorum's refund, and a round that is still open, at the price of the dearest release.
 * @param open the largest round number of which some peer knows the cohort
 */
export function recoverCharges(
  entries: readonly Entry[],
  { self, plan }: Pick<Membership, "self" | "plan">,
  store: { readonly charges: readonly Charge[]; readonly lastRound: number },
  open: number,
): Recovery {
  const known = new Set(store.charges.map(({ round }) => round));
  const charges: Charge[] = [];
  const votes: Recovery["votes"][number][] = [];
  let settled = store.lastRound;
  let spent = plan.releases.map(() => 0);
  for (const entry of entries) {
    if (entry.kind !== "round" && entry.kind !== "aborted") continue;
    spent = [...entry.spent.charged];
    settled = Math.max(settled, entry.round);
    const own = entry.votes.find(({ node }) => node === self);
    const choice = entry.kind === "round" ? "survivors" : "abort";
    if (own !== undefined) votes.push({ round: entry.round, choice, signature: own.signature });
    // the round that was under way when the backup was made may have been paid for after it
    if (entry.round < store.lastRound || known.has(entry.round) || !mayBePaid(entry, self, plan)) continue;
    const { round, release, h1, cohort } = entry;
    charges.push({ round, release, standing: "final", cohort: cohort ?? [], h1: h1 ?? noHash });
  }
  // rounds follow each other, so one at most is open; a peer that names a larger number is not believed
  if (open > settled) {
    charges.push({ round: settled + 1, release: dearest(plan, spent), standing: "final", cohort: [], h1: noHash });
  }
  return { charges, votes, lastRound: settled + (open > settled ? 1 : 0) };
}

const noHash = "0".repeat(64) as Sha256;

/** A round released without this node is refunded by the votes for it, one given up by a quorum of votes to abort; all else may be paid. */
function mayBePaid(entry: Extract<Entry, { kind: "round" | "aborted" }>, self: NodeId, plan: Plan): boolean {
  if (entry.kind === "round") return entry.survivors.includes(self);
  const { cohort } = entry;
  // Given up before there was a cohort. Only the coordinator says so; a store that is whole wouldn't believe it of a round that it paid for.
  if (cohort === undefined) return entry.charged || entry.step !== "keys";
  if (!cohort.includes(self)) return false;
  return entry.votes.length < quorum(cohort.length, plan.maxCorrupt);
}

/** The place in `plan.releases` whose next round costs most, of those that have one left; the first where none has. */
function dearest(plan: Plan, charged: readonly number[]): number {
  let [place, most] = [0, -1];
  for (const [candidate, { rounds }] of plan.releases.entries()) {
    if ((charged[candidate] ?? 0) >= rounds) continue;
    const after = charged.map((count, i) => count + (i === candidate ? 1 : 0));
    const epsilon = parseDecimal(spentAfter(plan, after).epsilon);
    if (epsilon > most) [place, most] = [candidate, epsilon];
  }
  return place;
}
