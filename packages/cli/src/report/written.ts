/** Metrics and queries as people read them: each figure with the interval that the noise leaves. */
import type { Estimate, ReleasedMetrics, ReleasedQuery } from "@tributary/ledger";

/** For example `0.1234 [0.0987, 0.1501]`. */
function estimateText({ estimate, interval }: Estimate, digits = 4): string {
  if (estimate === null || interval === null) return "drowned in the noise";
  return `${estimate.toFixed(digits)} [${interval.map((end) => end.toFixed(digits)).join(", ")}]`;
}

/** One line a figure. */
function metricsLines(metrics: ReleasedMetrics): string[] {
  const { round, customers, hr10, ndcg10, mrr, loss, newItems } = metrics;
  return [
    `round ${round}: held-out customers ${estimateText(customers, 0)}, HR@10 ${estimateText(hr10)}, NDCG@10 ${estimateText(ndcg10)}`,
    `  MRR ${estimateText(mrr)}, loss ${estimateText(loss)} nats; new items HR@10 ${estimateText(newItems.hr10)}, NDCG@10 ${estimateText(newItems.ndcg10)}`,
  ];
}

function queryLine({ round, name, sum, deviation }: ReleasedQuery): string {
  const shown = sum.slice(0, 12).map((value) => value.toFixed(1));
  const more = sum.length > shown.length ? `, … (${sum.length} in all)` : "";
  return `round ${round}: ${name} [${shown.join(", ")}${more}], noise of standard deviation ${deviation.toFixed(1)} in each`;
}

/** Everything that was released to be read, under one heading; nothing where there is none. */
export function writtenLines(written: {
  readonly metrics?: readonly ReleasedMetrics[];
  readonly queries?: readonly ReleasedQuery[];
}): string[] {
  const lines = [...(written.metrics ?? []).flatMap(metricsLines), ...(written.queries ?? []).map(queryLine)];
  return lines.length === 0
    ? []
    : ["released under ε, with 95 % intervals of the noise (Fieller):", ...lines.map((line) => `  ${line}`)];
}
