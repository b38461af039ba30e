/** One released metric over rounds, with its interval, as a chart takes it. */
import type { Status } from "./api.ts";

type Released = NonNullable<Status["metrics"]>[number];
type Estimate = Released["hr10"];

export const metricNames = ["hr10", "ndcg10", "mrr", "loss", "newHr10", "newNdcg10", "customers"] as const;
export type MetricName = (typeof metricNames)[number];

export interface MetricLine {
  readonly points: readonly (Estimate & { readonly round: number })[];
  readonly x: readonly number[];
  readonly estimates: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  /** Rounds in which the noise leaves nothing to say. */
  readonly drowned: number;
}

function estimateOf({ newItems, ...released }: Released, name: MetricName): Estimate {
  if (name === "newHr10") return newItems.hr10;
  return name === "newNdcg10" ? newItems.ndcg10 : released[name];
}

export function metricLine(metrics: readonly Released[], name: MetricName): MetricLine {
  const points = metrics.map((released) => ({ round: released.round, ...estimateOf(released, name) }));
  return {
    points,
    x: points.map(({ round }) => round),
    estimates: points.map(({ estimate }) => estimate),
    low: points.map(({ interval }) => interval?.[0] ?? null),
    high: points.map(({ interval }) => interval?.[1] ?? null),
    drowned: points.filter(({ estimate }) => estimate === null).length,
  };
}
