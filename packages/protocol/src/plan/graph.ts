/**
 * What a plan says of rounds with more nodes than can all share with each other: such a round runs on a graph of neighbours, whose
 * size everyone derives from n, `minCohort`, `maxCorrupt` and this (`packages/secagg/src/graph`).
 */
import type { ErrorCode, ErrorDetails } from "@tributary/errors";
import { z } from "zod";
import { decimalToRational, parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";
import type { Plan } from "./schema.ts";

/** Above it everyone sharing with everyone gets slow (DESIGN §5). */
export const largestFullGraph = 150;

export const graphSchema = z.strictObject({
  /** δ: the share of a round's nodes that may fall silent and the round still comes to its end. */
  dropoutRate: decimal,
  /**
   * Which dropouts the sum stays whole under: `independent` of the graph, as when machines fail; or `chosen`, after the graph is known,
   * by a coordinator that lies about who dropped out. The latter takes two to three times as many neighbours.
   */
  dropouts: z.enum(["independent", "chosen"]),
});
export type PlanGraph = z.infer<typeof graphSchema>;

/** Whether a round of so many nodes runs on a graph of neighbours. */
export function isGraphRound({ graph }: Pick<Plan, "graph">, nodes: number): boolean {
  return graph !== undefined && nodes > largestFullGraph;
}

/** ⌈δ·n⌉, exactly. */
export function expectedDropouts({ dropoutRate }: PlanGraph, nodes: number): number {
  const { numerator, denominator } = decimalToRational(dropoutRate);
  return Number((numerator * BigInt(nodes) + denominator - 1n) / denominator);
}

/** A round needs max(minCohort, Q) survivors, so that the dropouts that it is planned for must leave as many. */
export function graphRule(
  { graph, minCohort, maxCorrupt }: Plan,
  { nodes }: { readonly nodes?: number },
  report: (code: ErrorCode, path: string, details?: ErrorDetails) => void,
): void {
  if (graph === undefined) return;
  const rate = parseDecimal(graph.dropoutRate);
  if (!(rate >= 0 && rate < 1)) {
    const path = "graph.dropoutRate";
    report("TRB_PLAN_VALUE_OUT_OF_RANGE", path, { path, expected: "at least 0 and below 1", value: graph.dropoutRate });
    return;
  }
  if (nodes === undefined || nodes <= largestFullGraph) return;
  const most = nodes - Math.max(minCohort, Math.floor((nodes + maxCorrupt) / 2) + 1);
  const dropouts = expectedDropouts(graph, nodes);
  if (dropouts > most) report("TRB_PLAN_TOO_MANY_DROPOUTS", "graph.dropoutRate", { dropouts, nodes, most });
}
