/**
 * After `node forget`: the node tells the ledger, signed, that it erased customers, and on which day. Neither whom nor how many stands in it, and of several erasures on one day
 * one note. It is said at each connection until the ledger has it.
 */
import type { NodeState } from "@tributary/federation";
import { type ErasureNote, type Signer, signErasure } from "@tributary/protocol";
import type { Home } from "../home/open.ts";

/** What the ledger doesn't know yet; undefined: nothing. */
export function untoldErasure(
  { database, membership }: Pick<Home, "database" | "membership">,
  signer: Signer,
  state: Pick<NodeState, "self" | "erasures" | "closed"> | undefined,
): ErasureNote | undefined {
  const last = database.erasures().at(-1)?.at.slice(0, "2026-01-01".length);
  if (last === undefined || state === undefined || state.closed) return undefined;
  const told = state.erasures[state.self];
  if (told !== undefined && told >= last) return undefined;
  return signErasure(signer, membership.federation, { node: state.self, on: last });
}
