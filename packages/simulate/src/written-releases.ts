/**
 * Releases that are read and make no model, added to a plan that the planner made: what part of ε they get, and their noise. The model gets the
 * rest of ε; the noise of what is read is the smallest with which all of it together costs no more than asked for.
 */
import { chooseScale } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { featureMomentsDimension, featureMomentsNorm } from "@tributary/events";
import {
  type AcceptanceMetric,
  formatDecimal,
  metricCoordinates,
  type Plan,
  planCost,
  type Release,
} from "@tributary/protocol";
import { choosePlan, type PlanChoice } from "./planner/choose-plan.ts";
import type { PlanRequest } from "./planner/plan-request.ts";

export interface WrittenWishes {
  /** Metrics after everything else. */
  readonly metrics?: { readonly heldOut: number };
  /** Metrics also before training and after every so many of its rounds, and a model is kept by them alone. Beside `metrics` only. */
  readonly acceptance?: { readonly every: number; readonly metric: AcceptanceMetric; readonly tolerance: number };
  /** Extensions' queries, each once, after everything else and before metrics. */
  readonly queries?: readonly {
    readonly name: string;
    readonly clipNorm: number;
    readonly dimension: number;
    readonly touched: number;
  }[];
  /** Moments of customers' features as of a moment, Unix seconds, once, after everything else and before metrics. */
  readonly features?: { readonly now: number };
  /** What part of ε is kept for them. */
  readonly share: number;
  /** Retries that each of them is reserved; ε pays for them. None unless given. */
  readonly retries?: number;
}

/** √8 rounded up: nobody's metrics are longer. */
const metricsNorm = 2.8285;
const fractionBits = 8;

/** @throws what `choosePlan` throws, TRB_PLAN_ACCEPTANCE_UNFIT, and TRB_PLAN_METRICS_UNFIT when no noise is large enough for the share */
export function choosePlanToRead(request: PlanRequest, wishes: WrittenWishes): PlanChoice {
  const { metrics, acceptance, features, queries = [], share, retries = 0 } = wishes;
  const customers = Math.max(1, Math.floor(request.customers * (1 - (metrics?.heldOut ?? 0))));
  const choice = choosePlan({ ...request, customers, epsilon: request.epsilon * (1 - share) });
  const unscaled = [
    ...queries.map(({ name, ...shape }) => ({ kind: "query" as const, query: name, ...shape })),
    ...(features === undefined
      ? []
      : [
          {
            kind: "features" as const,
            clipNorm: featureMomentsNorm,
            dimension: featureMomentsDimension,
            touched: featureMomentsDimension,
          },
        ]),
    ...(metrics === undefined
      ? []
      : [
          {
            kind: "metrics" as const,
            clipNorm: metricsNorm,
            dimension: metricCoordinates.length,
            touched: metricCoordinates.length,
          },
        ]),
  ];
  const releasesAt = (noiseMultiplier: number) => {
    const read = unscaled.map((release) =>
      scaled(release, noiseMultiplier, { merchants: request.merchants, retries, plan: choice.plan }),
    );
    return acceptance === undefined
      ? [...choice.plan.releases, ...read]
      : judgedOften([...choice.plan.releases, ...read], acceptance.every);
  };
  // only what decides the cost is looked at, and that is there
  const costOf = (noiseMultiplier: number) =>
    planCost({ ...choice.plan, releases: releasesAt(noiseMultiplier) } as unknown as Plan).epsilon;
  const noiseMultiplier = leastNoise(costOf, request.epsilon);
  const widest = Math.max(...unscaled.map(({ clipNorm }) => clipNorm)) * noiseMultiplier * choice.plan.maxMerchantsPerCustomer;
  return {
    ...choice,
    plan: {
      ...choice.plan,
      releases: releasesAt(noiseMultiplier),
      epsilon: formatDecimal(costOf(noiseMultiplier), "up"),
      ...(acceptance === undefined
        ? {}
        : { acceptance: { metric: acceptance.metric, tolerance: formatDecimal(acceptance.tolerance) } }),
      ...(features === undefined ? {} : { features: { now: Math.floor(features.now) } }),
      ...(metrics === undefined
        ? {}
        : {
            metrics: {
              heldOut: formatDecimal(metrics.heldOut),
              lossBound: formatDecimal(Math.ceil(2 * Math.log(request.catalogueItems))),
            },
          }),
    },
    why: [
      ...choice.why,
      `${Number((100 * share).toPrecision(3))} % of ε is kept for sums that are read and make no model; noise of about ${widest.toPrecision(3)} is on each, over all merchants.${retries > 0 ? ` Retries reserved for each: ${retries}.` : ""}`,
    ],
  };
}

/** Training in parts of so many rounds, with the metrics, which come last, before the first and after each. */
function judgedOften(releases: readonly Release[], every: number): Release[] {
  const metrics = releases.filter(({ kind }) => kind === "metrics");
  if (metrics.length === 0 || releases.every(({ kind }) => kind !== "training")) {
    throw fail("TRB_PLAN_ACCEPTANCE_UNFIT", { reason: "it takes metrics, and something that is trained" });
  }
  const parts = releases.flatMap((release) => {
    if (release.kind === "metrics") return [];
    if (release.kind !== "training") return [release];
    const { rounds } = release;
    const sizes = Array.from({ length: Math.ceil(rounds / every) }, (_, part) => Math.min(every, rounds - part * every));
    return sizes.flatMap((size) => [{ ...release, rounds: size }, ...metrics]);
  });
  return [...metrics, ...parts];
}

/** The smallest noise multiplier at which the whole plan costs at most this ε, to 2⁻³⁰ of itself, rounded up. */
function leastNoise(costOf: (noiseMultiplier: number) => number, epsilon: number): number {
  let [low, high] = [0.1, 2 ** 20];
  if (!(costOf(high) <= epsilon)) throw fail("TRB_PLAN_METRICS_UNFIT", { reason: "nothing of epsilon is left for them" });
  for (let step = 0; step < 60 && high / low > 1 + 2 ** -30; step++) {
    const middle = Math.sqrt(low * high);
    if (costOf(middle) <= epsilon) high = middle;
    else low = middle;
  }
  return Number(high.toPrecision(8)) * (1 + 1e-7);
}

function scaled(
  {
    clipNorm,
    ...release
  }: Pick<Release, "kind" | "dimension" | "touched"> & { readonly query?: string; readonly clipNorm: number },
  noiseMultiplier: number,
  {
    merchants,
    retries,
    plan: { minCohort, maxCorrupt, customerQuota, maxMerchantsPerCustomer },
  }: {
    readonly merchants: number;
    readonly retries: number;
    readonly plan: Pick<Plan, "minCohort" | "maxCorrupt" | "customerQuota" | "maxMerchantsPerCustomer">;
  },
): Release {
  const multiplier = formatDecimal(noiseMultiplier, "up");
  const norm = formatDecimal(clipNorm, "up");
  const { dimension, touched } = release;
  const { scale } = chooseScale({
    ...{ arithmetic: "exact", totalQuota: merchants * customerQuota, clipNorm: norm, noiseMultiplier: multiplier },
    ...{ dimension, touched, maxNodes: merchants, honestMinimum: minCohort - maxCorrupt, maxMerchantsPerCustomer },
  });
  return {
    ...{
      ...release,
      arithmetic: "exact",
      clipNorm: norm,
      samplingRate: formatDecimal(1),
      noiseMultiplier: multiplier,
      rounds: 1 + retries,
      ...(retries > 0 ? { retries } : {}),
    },
    ...{ scale: formatDecimal(Number(scale)), fractionBits },
  };
}
