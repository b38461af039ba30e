/** The numbers of a round: who counts, and how many are enough. n is always |U1|, as h₁ binds it. */
import { fail } from "@tributary/errors";
import { expectedDropouts, isGraphRound, largestFullGraph, type NodeId, type PlanGraph } from "@tributary/protocol";
import { type Neighbourhood, smallestNeighbourhood } from "./graph/neighbourhood.ts";

/** What a plan says of a round's size. */
export interface CohortRules {
  readonly minCohort: number;
  readonly maxCorrupt: number;
  readonly graph?: PlanGraph;
}

/**
 * Q = ⌊(n + n_corrupt)/2⌋ + 1: more than half of the honest nodes, so two different sets can't both reach it. Where everyone
 * shares with everyone it is the threshold t of the secret sharing as well.
 */
export function quorum(cohort: number, maxCorrupt: number): number {
  return Math.floor((cohort + maxCorrupt) / 2) + 1;
}

/** Strictly ascending: sorted, and nobody twice. */
export function strictlyAscending(nodes: readonly NodeId[]): boolean {
  return nodes.every((node, i) => i === 0 || (nodes[i - 1] ?? "") < node);
}

/** Whether every member of the one is in the other; both strictly ascending. */
export function isWithin(nodes: readonly NodeId[], others: readonly NodeId[]): boolean {
  let place = 0;
  return nodes.every((node) => {
    while (place < others.length && (others[place] ?? "") < node) place++;
    return others[place++] === node;
  });
}

/** The evaluation point of a node's shares: its index in U1, plus one. 0 for somebody who isn't in it. */
export function shareIndex(cohort: readonly NodeId[], node: NodeId): number {
  return cohort.indexOf(node) + 1;
}

/** How many nodes are enough to share, to survive and to be unmasked: max(n_min, Q). */
export function leastSurvivors(nodes: number, { minCohort, maxCorrupt }: Omit<CohortRules, "graph">): number {
  return Math.max(minCohort, quorum(nodes, maxCorrupt));
}

const known = new Map<string, Neighbourhood | undefined>();

/**
 * k and t of a graph round of n nodes, as everyone derives them from the plan: the smallest that keep the bounds of
 * `neighbourhood.ts` for `maxCorrupt` corrupt nodes, ⌈δ·n⌉ dropouts, and as many missing as nodes would still unmask.
 * @throws TRB_SECAGG_GRAPH_IMPOSSIBLE
 */
export function neighbourhoodOf(nodes: number, rules: CohortRules & { readonly graph: PlanGraph }): Neighbourhood {
  const request = {
    nodes,
    corrupt: Math.min(rules.maxCorrupt, nodes - 1),
    dropouts: expectedDropouts(rules.graph, nodes),
    mostMissing: nodes - Math.min(nodes, leastSurvivors(nodes, rules)),
    chosen: rules.graph.dropouts === "chosen",
  };
  const key = JSON.stringify(request);
  const found = known.has(key) ? known.get(key) : smallestNeighbourhood(request);
  known.set(key, found);
  if (found === undefined) throw fail("TRB_SECAGG_GRAPH_IMPOSSIBLE", { nodes });
  return found;
}

/**
 * Always n_corrupt < t ≤ n, n_corrupt < n_min ≤ n, and n within reach of the full graph or of the plan's.
 * @throws TRB_SECAGG_COHORT_TOO_LARGE, TRB_SECAGG_GRAPH_IMPOSSIBLE, TRB_ROUND_COHORT_TOO_SMALL, TRB_ROUND_CORRUPT_TOO_MANY
 */
export function requireCohort(nodes: number, rules: CohortRules): void {
  const { minCohort, maxCorrupt, graph } = rules;
  if (nodes > largestFullGraph && graph === undefined) {
    throw fail("TRB_SECAGG_COHORT_TOO_LARGE", { cohort: nodes, most: largestFullGraph });
  }
  if (nodes < minCohort) throw fail("TRB_ROUND_COHORT_TOO_SMALL", { nodes, least: minCohort });
  // with n_corrupt < n_min ≤ n a quorum is more than n_corrupt and at most n
  if (maxCorrupt >= minCohort) throw fail("TRB_ROUND_CORRUPT_TOO_MANY", { corrupt: maxCorrupt, nodes });
  if (graph !== undefined && isGraphRound(rules, nodes)) neighbourhoodOf(nodes, { ...rules, graph });
}
