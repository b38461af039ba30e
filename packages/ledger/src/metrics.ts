/**
 * What a released sum of metrics says: the ratios that people ask for, each with the interval that the noise leaves.
 *
 *   N̂ = N + e₁,  D̂ = D + e₂,  e₁, e₂ independent ~ N(0, σ²),  σ² = survivors·(σ_u² + ¼)/s²
 *
 * σ_u² is a node's share of the noise and ¼ the most that its dither adds, both in squared integer units; s is the scale. The interval of the
 * ratio N/D is Fieller's (1954): all r with (N̂ − rD̂)² ≤ z²σ²(1 + r²), which holds with the stated probability whatever N and D are, because
 * N̂ − rD̂ is normal with that variance at the true r. Where D̂ is not clearly above zero that is no bounded set, and nothing is said. It speaks of
 * the customers who were counted (all held-out ones at q = 1, else a sample of them), and of the noise alone: not of how other
 * customers would have fared.
 */
import { noiseDeviation, sumQueryParameters } from "@tributary/dp";
import { type MetricCoordinate, metricCoordinates, type Plan, parseDecimal, releaseOf, sumQueryOf } from "@tributary/protocol";
import type { EntryOf } from "./entries.ts";

/** 97.5 % quantile of the standard normal. */
const quantile = 1.959963984540054;

export interface Estimate {
  /** Null where the noise drowns what it is a ratio of. */
  readonly estimate: number | null;
  /** Lower and upper end of the 95 % interval, within what the metric can be. */
  readonly interval: readonly [number, number] | null;
}

export interface ReleasedMetrics {
  readonly round: number;
  /** Place in `plan.releases`. */
  readonly release: number;
  /** Of the model that was judged, by hash. */
  readonly modelHash: string;
  /** Standard deviation of the noise in each sum, in customers. */
  readonly deviation: number;
  readonly confidence: 0.95;
  readonly method: "fieller";
  /** Customers who were judged: the noisy sum, with its interval. */
  readonly customers: Estimate;
  readonly hr10: Estimate;
  readonly ndcg10: Estimate;
  readonly mrr: Estimate;
  /** Nats, each customer's clipped to the plan's bound. */
  readonly loss: Estimate;
  readonly newItems: { readonly customers: Estimate; readonly hr10: Estimate; readonly ndcg10: Estimate };
  /** The noisy sums that all of it follows from, in customers. */
  readonly sums: Readonly<Record<MetricCoordinate, number>>;
}

/** What a round's entry says of metrics; undefined for an entry of another kind. */
export function metricsOf(
  plan: Plan,
  entry: Pick<EntryOf<"round">, "round" | "release" | "sum" | "survivors" | "modelHash">,
): ReleasedMetrics | undefined {
  const { metrics } = plan;
  const { round, release, sum, survivors, modelHash } = entry;
  if (metrics === undefined || sum === undefined || plan.releases[release]?.kind !== "metrics") return undefined;
  const deviation = sumDeviation(plan, release, survivors.length);
  const scale = parseDecimal(releaseOf(plan, release).scale);
  const sums = Object.fromEntries(metricCoordinates.map((name, place) => [name, (sum[place] ?? 0) / scale])) as Record<
    MetricCoordinate,
    number
  >;
  const share = (name: MetricCoordinate, of: MetricCoordinate, most = 1) => ratio(sums[name], sums[of], deviation, most);
  return {
    ...{ round, release, modelHash, deviation, confidence: 0.95, method: "fieller" },
    customers: counted(sums.count, deviation),
    hr10: share("hits10", "count"),
    ndcg10: share("gains10", "count"),
    mrr: share("reciprocalRank", "count"),
    loss: share("loss", "count", parseDecimal(metrics.lossBound)),
    newItems: {
      customers: counted(sums.newCount, deviation),
      hr10: share("newHits10", "newCount"),
      ndcg10: share("newGains10", "newCount"),
    },
    sums,
  };
}

/**
 * Standard deviation of noise and dither in a released sum, in its own units.
 * @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE, TRB_DP_…
 */
export function sumDeviation(plan: Plan, release: number, survivors: number): number {
  const { nodeVariance, scale } = sumQueryParameters(sumQueryOf(plan, release));
  const noise = noiseDeviation(nodeVariance, survivors);
  return Math.sqrt(noise * noise + survivors / 4) / scale; // no Math.hypot: models are kept by it, and its last bit is nobody's promise
}

function counted(sum: number, deviation: number): Estimate {
  return { estimate: sum, interval: [Math.max(0, sum - quantile * deviation), Math.max(0, sum + quantile * deviation)] };
}

/**
 * most·N/D with Fieller's interval.
 * @param most what a customer's part of N stands for at 1; the ratio is at most that
 */
export function ratio(numerator: number, denominator: number, deviation: number, most = 1): Estimate {
  const slack = quantile * deviation * (quantile * deviation);
  // (D² − slack)·r² − 2ND·r + (N² − slack) ≤ 0
  const a = denominator * denominator - slack;
  if (!(denominator > 0 && a > 0)) return { estimate: null, interval: null };
  const root = Math.sqrt(slack * (numerator * numerator + denominator * denominator - slack));
  const within = (r: number) => most * Math.min(1, Math.max(0, r));
  const middle = numerator * denominator;
  return { estimate: within(numerator / denominator), interval: [within((middle - root) / a), within((middle + root) / a)] };
}
