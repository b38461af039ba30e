/** What a node's state begins as, once the ledger has its first entry; and as what it comes back after the process ended. */
import { fail } from "@tributary/errors";
import { type Charge, createNode, type NodePolicy, type NodeState } from "@tributary/federation";
import { type EntryOf, emptyHead, headAfter } from "@tributary/ledger";
import { type Crypto, type IdentityKey, type NodeId, type Sha256, verifyMember } from "@tributary/protocol";
import { joinCharges } from "../charges.ts";
import { parseGenesis } from "./ledger-chain.ts";

/** Who this node is, in which federation. */
export interface Party {
  readonly crypto: Crypto;
  readonly membership: {
    readonly federation: string;
    readonly node: NodeId;
    readonly coordinatorKey: IdentityKey;
    readonly planHash: Sha256;
  };
  /** The key that this node has had from the beginning. */
  readonly identity: { readonly first: IdentityKey };
}

/**
 * The state before the first round: the ledger's first entry holds the joined plan, and this node with its own key, if it is a founder.
 * @throws TRB_NODE_LEDGER_INVALID, TRB_NODE_PLAN_CHANGED, TRB_NODE_KEY_NOT_IN_ROSTER
 */
export function beginState(party: Party, policy: NodePolicy, line: string): NodeState {
  const { membership, identity, crypto } = party;
  const genesis = parseGenesis(line, membership.coordinatorKey, crypto);
  requireGenuineRoster(party, genesis);
  if (genesis.planHash !== membership.planHash || genesis.federation !== membership.federation) {
    throw fail("TRB_NODE_PLAN_CHANGED");
  }
  const own = genesis.roster.find(({ node }) => node === membership.node);
  if (own !== undefined && own.key !== identity.first) throw fail("TRB_NODE_KEY_NOT_IN_ROSTER", { node: membership.node });
  return createNode({ self: membership.node, genesis, head: headAfter(crypto, emptyHead, line), policy });
}

/**
 * The state as it was kept, under today's policy, with every charge and round number that is remembered anywhere.
 * @throws TRB_NODE_PLAN_CHANGED
 */
export function resumedState(
  { membership }: Pick<Party, "membership">,
  kept: NodeState,
  known: { readonly policy: NodePolicy; readonly charges: readonly Charge[]; readonly lastRound: number },
): NodeState {
  if (kept.planHash !== membership.planHash || kept.self !== membership.node) throw fail("TRB_NODE_PLAN_CHANGED");
  const charges = joinCharges(kept.charges, known.charges);
  const lastRound = Math.max(kept.lastRound, known.lastRound, ...charges.map(({ round }) => round));
  return { ...kept, policy: known.policy, charges, lastRound };
}

/** The round whose y is still to be sent: no other round's is kept. */
export function awaitedUpload({ round }: NodeState): number | undefined {
  return round !== null && round.masked !== null && !round.uploaded ? round.number : undefined;
}

/** Every member asked to be in this federation itself, under one name and one key each. */
function requireGenuineRoster({ membership, crypto }: Party, { roster }: EntryOf<"genesis">): void {
  const names = new Set(roster.map(({ node }) => node));
  const keys = new Set(roster.map(({ key }) => key));
  const genuine = names.size === roster.length && keys.size === roster.length;
  if (!genuine || !roster.every((member) => verifyMember(crypto, membership.federation, member))) {
    throw fail("TRB_NODE_LEDGER_INVALID", { entry: 0, reason: "a member of the roster did not sign its own place" });
  }
}
