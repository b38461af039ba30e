/**
 * Under which key a node speaks. In a round it is the reducer's to say; outside of one it is the key that the ledger has for the next round, as far as the node has
 * followed it. A change is told to the coordinator at each connection until the ledger has it, and is over once the new key is in force.
 */
import { fail } from "@tributary/errors";
import type { NodeState } from "@tributary/federation";
import { keysByNode, rosterAt } from "@tributary/ledger";
import { type IdentityKey, type RosterMember, type RotatedMember, type Signer, signRotation } from "@tributary/protocol";
import type { Keyring } from "../home/keyring.ts";
import type { Party } from "./begin-state.ts";

type Standing = Pick<NodeState, "self" | "roster" | "rosterChanges" | "settledRound">;

/** This node in a round, by the ledger; undefined where it is not admitted by then. */
function ownPlace(state: Standing, round: number): RosterMember | undefined {
  return rosterAt(state, round).find(({ node }) => node === state.self);
}

const nextRound = ({ settledRound }: Standing) => settledRound + 1;

/** Outside of rounds. Before this node is admitted, and before it knows better, it is the key that it has gone by. */
export function speakingKey(keyring: Keyring, state: Standing | undefined): IdentityKey {
  const key = state && ownPlace(state, nextRound(state))?.key;
  return key !== undefined && keyring.holds(key) ? key : keyring.current().key;
}

/**
 * That the ledger knows this node by its own keys, once it knows it at all.
 * @returns whether this node is admitted, be it for a round to come
 * @throws TRB_NODE_KEY_NOT_IN_ROSTER
 */
export function requireOwnKey(
  { identity, membership }: Pick<Party, "identity" | "membership">,
  keyring: Keyring,
  state: Standing,
): boolean {
  const [first, ...later] = keysByNode(state, Number.POSITIVE_INFINITY).get(state.self) ?? [];
  if (first === undefined) return false;
  const inForce = ownPlace(state, nextRound(state))?.key ?? later.at(-1) ?? first;
  if (first === identity.first && keyring.holds(inForce)) return true;
  throw fail("TRB_NODE_KEY_NOT_IN_ROSTER", { node: membership.node });
}

/** What the coordinator is to be told of a change under way; undefined: nothing, or the ledger has it. */
export function untoldRotation(
  { membership }: Pick<Party, "membership">,
  keyring: Keyring,
  state: (Standing & Pick<NodeState, "closed">) | undefined,
): RotatedMember | undefined {
  const next = keyring.next();
  if (next === undefined || state === undefined || state.closed) return undefined;
  const place = ownPlace(state, nextRound(state));
  if (place === undefined || keysByNode(state, Number.POSITIVE_INFINITY).get(state.self)?.includes(next.key)) return undefined;
  const previous: Signer & { key: IdentityKey } = {
    key: place.key,
    sign: (message) => keyring.signAs(place.key, message),
  };
  const { node, kind } = place;
  return signRotation({ previous, next }, membership.federation, { node, kind, key: next.key });
}

/** Whether the key that was to come is in force, and no round is under way that still has the one before it. */
export function isNextInForce(keyring: Keyring, state: Standing & Pick<NodeState, "round">): boolean {
  const next = keyring.next();
  if (next === undefined || ownPlace(state, nextRound(state))?.key !== next.key) return false;
  return state.round === null || ownPlace(state, state.round.number)?.key === next.key;
}
