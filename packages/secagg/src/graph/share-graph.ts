/** Who holds shares of whose secrets, and who shares a mask with whom: everybody with everybody, or neighbours on a ring. */
import type { NodeId } from "@tributary/protocol";
import { quorum } from "../cohort.ts";
import type { UniformBytes } from "../field.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import { drawRing, neighboursOf } from "./ring.ts";

export interface ShareGraph {
  /** t: how many shares give a secret back. */
  readonly threshold: number;
  /** Who is joined to this node: the others that it shares masks with and hands shares to. Ascending; none for a stranger. */
  readonly peers: (node: NodeId) => readonly NodeId[];
  /** Who holds shares of this node's secrets: its peers, and in the full graph it as well. Ascending. */
  readonly holders: (node: NodeId) => readonly NodeId[];
}

/** Everybody with everybody: t is the quorum. @param cohort U1 */
export function fullGraph(cohort: readonly NodeId[], maxCorrupt: number): ShareGraph {
  return {
    threshold: quorum(cohort.length, maxCorrupt),
    peers: (node) => cohort.filter((other) => other !== node),
    holders: () => cohort,
  };
}

/**
 * Neighbours on a ring.
 * @param cohort U1
 * @param random the stream that follows from everybody's reveals
 */
export function ringGraph(
  cohort: readonly NodeId[],
  { neighbours, threshold }: Neighbourhood,
  random: UniformBytes,
): ShareGraph {
  const ring = drawRing(cohort.length, random);
  const members = new Map(cohort.map((node, place) => [node, place]));
  const known = new Map<NodeId, readonly NodeId[]>();
  const peers = (node: NodeId): readonly NodeId[] => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const member = members.get(node);
    const found = member === undefined ? [] : neighboursOf(ring, member, neighbours).flatMap((i) => cohort[i] ?? []);
    known.set(node, found);
    return found;
  };
  return { threshold, peers, holders: peers };
}
