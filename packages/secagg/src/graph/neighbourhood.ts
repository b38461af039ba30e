/**
 * How many neighbours a node has in a graph round, k, and how many of them reconstruct its secrets, t.
 *
 * The graph is a circle of all n nodes in uniformly random order, where everyone is joined to the k/2 nearest on either side
 * (`ring.ts`). c nodes are corrupt, chosen before the order is drawn. Four events must not happen, each bounded by a tail of the
 * hypergeometric distribution and a union over nodes:
 *
 *   E1  some node has t or more corrupt neighbours          n · P[Hyp(n − 1, c, k) ≥ t]
 *   E2  the honest survivors fall apart                     ½n(n − 1) · Π_{i<k} (r − i)/(n − i),  r = c + most missing
 *   E3  some node has fewer than t neighbours left          n · P[Hyp(n − 1, d, k) ≥ k − t + 1],  d = expected dropouts
 *   E4  t − k/2 or more of the k/2 nodes before some node   n · P[Hyp(n − 1, c, k/2) ≥ t − k/2]
 *       are corrupt (for dropouts that somebody chooses)
 *
 * E1 is privacy: t corrupt holders know a secret. E2 is privacy too: a part of the survivors that shares no mask with the rest is
 * summed by itself. On the circle they fall apart only if two gaps of k/2 or more places in a row hold nobody honest that survived;
 * each pair of gaps is k places of which all r removed nodes must fill every one. That is for dropouts that don't depend on the
 * order. Where the coordinator chooses them after it has seen the order, E4 stands for E2: nodes accept a set of survivors only if
 * every member has t neighbours in it, and the first honest survivor after a gap has at most k/2 behind it and the corrupt ones
 * in the gap. E3 is correctness: a round in which it happens is given up.
 *
 * Source: Bell, Bonawitz, Gascón, Lepoint, Raykova, "Secure Single-Server Aggregation with (Poly)Logarithmic Overhead", CCS 2020, §3
 * (E1, E3; its bound for E2 is n·(r/n)^(k/2), for one gap). E4 is ours.
 */
import { allMarked, log2Of, type Scaled, times, unionAtMost, upperTail } from "./hypergeometric.ts";

export interface Neighbourhood {
  /** k, even: neighbours of every node. */
  readonly neighbours: number;
  /** t: how many of their shares give a secret back. */
  readonly threshold: number;
}

export interface NeighbourhoodRequest {
  /** n */
  readonly nodes: number;
  /** c: corrupt nodes at most. */
  readonly corrupt: number;
  /** d: dropouts with which a round still comes to its end. */
  readonly dropouts: number;
  /** Most dropouts with which nodes unmask at all: n minus the least number of survivors. */
  readonly mostMissing: number;
  /** Whether somebody may choose the dropouts after the graph is known. */
  readonly chosen: boolean;
}

/** −log₂ of the chances that are borne in one round. */
export interface NeighbourhoodBounds {
  /** Of each of the two events that cost privacy. */
  readonly security: number;
  /** Of E3. */
  readonly failure: number;
  /** How E2 is bounded: by the two gaps that it takes, or by one of them, n·(r/n)^(k/2), as in the source. */
  readonly gaps: 1 | 2;
}

/** Two events of 2⁻⁴⁵ are 2⁻⁴⁴ a graph. */
const standardBounds: NeighbourhoodBounds = { security: 45, failure: 30, gaps: 2 };

/** The smallest neighbourhood that keeps all bounds, with the smallest threshold. Undefined when even everybody is too few. */
export function smallestNeighbourhood(
  request: NeighbourhoodRequest,
  { security, failure, gaps }: NeighbourhoodBounds = standardBounds,
): Neighbourhood | undefined {
  const { nodes, corrupt, dropouts, mostMissing, chosen } = request;
  const population = nodes - 1;
  let threshold = 1; // grows with k, since corrupt neighbours do
  for (let neighbours = 2; neighbours <= population; neighbours += 2) {
    const half = neighbours / 2;
    const safe = (t: number) =>
      unionAtMost(nodes, upperTail({ population, marked: corrupt, drawn: neighbours }, t), security) &&
      (!chosen ||
        (t > half && unionAtMost(nodes, upperTail({ population, marked: corrupt, drawn: half }, t - half), security)));
    while (threshold <= neighbours && !safe(threshold)) threshold++;
    if (threshold > neighbours) continue;
    const lost = upperTail({ population, marked: dropouts, drawn: neighbours }, neighbours - threshold + 1);
    if (!unionAtMost(nodes, lost, failure)) continue;
    if (!chosen && !unionAtMost(1, apart(nodes, corrupt + mostMissing, neighbours, gaps), security)) continue;
    return { neighbours, threshold };
  }
  return undefined;
}

/** log₂ of the bounds of all four events, for a given neighbourhood. What is above −44 is not claimed. */
export function boundsOf(
  { nodes, corrupt, dropouts, mostMissing }: Omit<NeighbourhoodRequest, "chosen">,
  { neighbours, threshold }: Neighbourhood,
): { readonly corrupted: number; readonly apart: number; readonly lost: number; readonly cut: number } {
  const population = nodes - 1;
  const half = neighbours / 2;
  const each = Math.log2(nodes);
  const upper = (marked: number, drawn: number, least: number) =>
    Math.min(0, each + log2Of(upperTail({ population, marked, drawn }, least)));
  return {
    corrupted: upper(corrupt, neighbours, threshold),
    apart: Math.min(0, log2Of(apart(nodes, corrupt + mostMissing, neighbours, 2))),
    lost: upper(dropouts, neighbours, neighbours - threshold + 1),
    cut: upper(corrupt, half, threshold - half),
  };
}

/** A bound of E2, over all gaps. */
function apart(nodes: number, removed: number, neighbours: number, gaps: 1 | 2): Scaled {
  if (neighbours >= nodes - 1 || removed === 0) return never; // everybody is joined to everybody, or there
  const marked = Math.min(removed, nodes);
  if (gaps === 2) return times(allMarked({ population: nodes, marked, drawn: neighbours }), (nodes * (nodes - 1)) / 2);
  let chance = times({ mantissa: 1, exponent: 0 }, nodes);
  for (let i = 0; i < neighbours / 2; i++) chance = times(chance, marked / nodes);
  return chance;
}

const never: Scaled = { mantissa: 0, exponent: 0 };
