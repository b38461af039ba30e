/** Who holds shares of whose secrets, and who shares a mask with whom: everybody with everybody, or neighbours on a ring. */
import { fail } from "@tributary/errors";
import { type Crypto, isGraphRound, type NodeId, type Sha256 } from "@tributary/protocol";
import { type CohortRules, neighbourhoodOf, quorum } from "../cohort.ts";
import type { UniformBytes } from "../field.ts";
import { graphSource } from "./commitment.ts";
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

/** The last few graphs by seed, which names plan, round, cohort and order: a round's steps all ask for the same one. */
const known = new Map<Sha256, ShareGraph>();

/**
 * The graph of a round.
 * @param cohort U1
 * @param seed of a round on a graph of neighbours, from everybody's reveals; null as long as it isn't known
 * @throws TRB_SECAGG_GRAPH_IMPOSSIBLE
 */
export function shareGraphOf(
  crypto: Pick<Crypto, "hkdf" | "keystream">,
  rules: CohortRules,
  cohort: readonly NodeId[],
  seed: Sha256 | null,
  round: number,
): ShareGraph {
  const { graph } = rules;
  if (graph === undefined || !isGraphRound(rules, cohort.length)) return fullGraph(cohort, rules.maxCorrupt);
  if (seed === null) throw fail("TRB_SECAGG_GRAPH_IMPOSSIBLE", { nodes: cohort.length });
  const before = known.get(seed);
  if (before !== undefined) return before;
  const drawn = ringGraph(cohort, neighbourhoodOf(cohort.length, { ...rules, graph }), graphSource(crypto, seed, round));
  for (const oldest of known.keys()) if (known.size >= 4) known.delete(oldest);
  known.set(seed, drawn);
  return drawn;
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
