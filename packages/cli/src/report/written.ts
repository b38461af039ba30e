/** Metrics, features and queries as people read them: each figure with what the noise leaves of it. */
import { featureMomentsOf, featureScales } from "@tributary/events";
import type { Estimate, ReleasedFeatures, ReleasedMetrics, ReleasedQuery } from "@tributary/ledger";

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

/** A line a feature: its mean over customers, in its own unit, and where most of them are (one deviation to either side). */
function featureLines({ round, customers, features, sum, deviation }: ReleasedFeatures): string[] {
  const moments = featureMomentsOf(sum, deviation);
  const lines = features.map(({ name }, feature) => {
    const { mean = 0, deviation: spread = 0, released = false, customers: own = 0 } = moments[feature] ?? {};
    if (!released) return `  ${name}: drowned in the noise`;
    const unit = featureScales[feature]?.transform === "logarithm" ? Math.expm1 : (value: number) => value;
    const [low, middle, high] = [mean - spread, mean, mean + spread].map((value) => unit(value).toPrecision(3));
    return `  ${name}: ${middle}, mostly ${low} to ${high} (of ${own.toFixed(0)} customers)`;
  });
  return [
    `round ${round}: features of ${customers.toFixed(0)} customers, noise of standard deviation ${deviation.toFixed(1)} in each sum`,
    ...lines,
  ];
}

/** Everything that was released to be read, under one heading; nothing where there is none. */
export function writtenLines(written: {
  readonly metrics?: readonly ReleasedMetrics[];
  readonly queries?: readonly ReleasedQuery[];
  readonly features?: readonly ReleasedFeatures[];
}): string[] {
  const lines = [
    ...(written.metrics ?? []).flatMap(metricsLines),
    ...(written.features ?? []).flatMap(featureLines),
    ...(written.queries ?? []).map(queryLine),
  ];
  return lines.length === 0
    ? []
    : ["released under ε, with 95 % intervals of the noise (Fieller):", ...lines.map((line) => `  ${line}`)];
}
