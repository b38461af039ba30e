/** What both sides ask of the graph of a round: who is joined to whom, which U2 masks are for, whether enough holders are left. */
import { hashOf, isGraphRound, type NodeId, type Plan, type Sha256 } from "@tributary/protocol";
import { type ShareGraph, shareGraphOf } from "@tributary/secagg";
import type { Context } from "./step.ts";

/** A round, on either side, as far as its graph goes. */
interface GraphRound {
  readonly number: number;
  readonly cohort: readonly NodeId[];
  readonly graphSeed: Sha256 | null;
}

/** Who shares with whom in the round that is under way. @throws TRB_SECAGG_GRAPH_IMPOSSIBLE */
export function graphOf(
  { plan }: { readonly plan: Plan },
  { cohort, graphSeed, number }: GraphRound,
  { crypto }: Context,
): ShareGraph {
  return shareGraphOf(crypto, plan, cohort, graphSeed, number);
}

/**
 * Which U2 a masked vector has masks for. On a graph each node says so, and its neighbours release no share of its seed unless it
 * is the U2 that they vote for: else a coordinator could show a few nodes a U2 in which they have nobody but each other.
 */
export function sharersNamed(
  plan: Pick<Plan, "graph">,
  { cohort, sharers }: { readonly cohort: readonly NodeId[]; readonly sharers: readonly NodeId[] },
  { crypto }: Pick<Context, "crypto">,
): { readonly sharersHash?: Sha256 } {
  return isGraphRound(plan, cohort.length) ? { sharersHash: hashOf(crypto, [...sharers]) } : {};
}

/** A member of U2 of whose secrets fewer than t holders are in U3; in the full graph everybody holds shares of everybody. */
export function fewestHolders(
  { holders, threshold }: ShareGraph,
  sharers: readonly NodeId[],
  survivors: readonly NodeId[],
): { readonly node: NodeId; readonly holders: number } | undefined {
  const survived = new Set(survivors);
  for (const node of sharers) {
    let left = 0;
    for (const holder of holders(node)) if (survived.has(holder)) left++;
    if (left < threshold) return { node, holders: left };
  }
  return undefined;
}
