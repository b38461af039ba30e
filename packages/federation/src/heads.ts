/**
 * The ledger's head goes through every round: each node countersigns with its keys what its own copy ends with, and everybody in the round has everybody's.
 * Who is shown another ledger than the others is found in the first round together, by name. The coordinator takes only what is the head that it wrote, so
 * an advert that it passes on and that names another is its own doing: a node can't stop the others with a false one.
 */
import { fail } from "@tributary/errors";
import { rosterAt } from "@tributary/ledger";
import { type BodyOf, type MessageOf, signTakenIn, verifyTakenIn } from "@tributary/protocol";
import { rosterKey, senderNode } from "./binding.ts";
import type { CoordinatorState } from "./coordinator-state.ts";
import type { NodeRound, NodeState } from "./node-state.ts";
import type { Context } from "./step.ts";

type CountersignedHead = BodyOf<"advert">["head"];

/** What goes with a node's keys. */
export function countersignedHead({ plan, self, head }: NodeState, context: Context): CountersignedHead {
  const { entries, hash } = head;
  const signature = signTakenIn(context, plan.federation, { node: self, entries, head: hash });
  return { entries, hash, signature };
}

/**
 * The coordinator's: the head that it wrote, countersigned by this node.
 * @throws TRB_ROUND_HEADS_DIFFER, TRB_ROUND_HEAD_UNSIGNED
 */
export function requireTakenIn(state: CoordinatorState, advert: MessageOf<"advert">, { crypto }: Context): void {
  const { plan, head: own } = state;
  requireSame(own, advert);
  const node = senderNode(advert);
  const { entries, hash, signature } = advert.body.head;
  const key = rosterKey(rosterAt(state, advert.round), node);
  const genuine = verifyTakenIn(crypto, plan.federation, { node, entries, head: hash, signature }, key);
  if (!genuine) throw fail("TRB_ROUND_HEAD_UNSIGNED", { node });
}

/** A node's: what the others' copies end with is what its own did when it took the offer. @throws TRB_ROUND_HEADS_DIFFER */
export function requireSameHead({ advert: own }: NodeRound, advert: MessageOf<"advert">): void {
  requireSame(own.body.head, advert);
}

function requireSame(own: Pick<CountersignedHead, "entries" | "hash">, advert: MessageOf<"advert">): void {
  const { entries, hash } = advert.body.head;
  if (entries === own.entries && hash === own.hash) return;
  const node = senderNode(advert);
  throw fail("TRB_ROUND_HEADS_DIFFER", { node, entries, theirs: hash, own: own.hash, entry: own.entries - 1 });
}
