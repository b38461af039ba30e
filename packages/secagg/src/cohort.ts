/** The numbers of a full-graph round: who counts, and how many are enough. n is always |U1|, as h₁ binds it. */
import { fail } from "@tributary/errors";
import type { NodeId } from "@tributary/protocol";

/** Above it everyone sharing with everyone gets slow (DESIGN §5); a regular graph would take over. */
export const largestFullGraph = 150;

/**
 * Q = ⌊(n + n_corrupt)/2⌋ + 1: more than half of the honest nodes, so two different sets can't both reach it. The threshold t
 * of the secret sharing is the same number.
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

/**
 * Always n_corrupt < t ≤ n, n_corrupt < n_min ≤ n, and n within reach of the full graph.
 * @throws TRB_SECAGG_COHORT_TOO_LARGE, TRB_ROUND_COHORT_TOO_SMALL, TRB_ROUND_CORRUPT_TOO_MANY
 */
export function requireCohort(nodes: number, { minCohort, maxCorrupt }: { minCohort: number; maxCorrupt: number }): void {
  if (nodes > largestFullGraph) throw fail("TRB_SECAGG_COHORT_TOO_LARGE", { cohort: nodes, most: largestFullGraph });
  if (nodes < minCohort) throw fail("TRB_ROUND_COHORT_TOO_SMALL", { nodes, least: minCohort });
  const threshold = quorum(nodes, maxCorrupt);
  if (maxCorrupt >= minCohort || maxCorrupt >= threshold || threshold > nodes) {
    throw fail("TRB_ROUND_CORRUPT_TOO_MANY", { corrupt: maxCorrupt, nodes });
  }
}
