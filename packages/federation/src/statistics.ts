/**
 * What statistics take from a plan, on both sides: what a node counts of its customers, and how the coordinator goes on from a released
 * sum. Pure, like `release.ts`; nothing private is an argument on the coordinator's side.
 */
import { noiseDeviation, readSum, sumQueryParameters } from "@tributary/dp";
import { fail } from "@tributary/errors";
import {
  afterPairs,
  afterPopularity,
  fittingQuery,
  type ItemSimilarity,
  type ReleasedStatistics,
  type StatisticsCaps,
  type StatisticsRecipe,
} from "@tributary/model";
import { type Plan, parseDecimal, type Release, releaseOf, sumQueryOf } from "@tributary/protocol";

/** How many items the plan's popularity counts, which is what its catalogue has; 0 for a plan without statistics. */
export function countedItems({ releases }: Pick<Plan, "releases">): number {
  return releases.find(({ kind }) => kind === "popularity")?.dimension ?? 0;
}

/** How much of a customer counts. @throws TRB_PLAN_STATISTICS_UNFIT for a plan without statistics */
export function statisticsCapsOf({ caps, statistics }: Pick<Plan, "caps" | "statistics">): StatisticsCaps {
  if (statistics === undefined) throw unfit();
  const { maxEvents, maxItems, maxPairs } = caps;
  return { maxEvents, maxItems, maxPairs, window: statistics.window };
}

/**
 * The plan's recipe in numbers. What a plan says of releases is read off them: shares of 1/σ², how many pair rounds, and how many cells
 * their queries may have.
 * @param from only pair releases from this place on are reckoned with: what a query is made for
 * @throws TRB_PLAN_STATISTICS_UNFIT for a plan without statistics
 */
export function recipeOf(
  { releases, statistics, caps }: Pick<Plan, "releases" | "statistics" | "caps">,
  from = 0,
): StatisticsRecipe {
  if (statistics === undefined) throw unfit();
  const { window, weighBy, latest, ...decimals } = statistics;
  const numbers = Object.fromEntries(Object.entries(decimals).map(([field, value]) => [field, parseDecimal(value)])) as Record<
    keyof typeof decimals,
    number
  >;
  const pairs = releases.filter(({ kind }) => kind === "pairs");
  const ahead = releases.flatMap(({ kind, dimension }, place) => (kind === "pairs" && place >= from ? [dimension] : []));
  const budget = (list: readonly Release[]) => list.reduce((sum, release) => sum + wanted(release) * precision(release), 0);
  const [spent, rounds] = [budget(pairs), pairs.reduce((sum, release) => sum + wanted(release), 0)];
  const [first] = pairs;
  const popularity = budget(releases.filter(({ kind }) => kind === "popularity"));
  return {
    ...numbers,
    ...{ window, weighBy, latest, rounds },
    ...{ maxItems: caps.maxItems, maxPairs: caps.maxPairs },
    popularityShare: popularity / (popularity + spent),
    firstShare: first === undefined ? 0 : precision(first) / spent,
    firstCells: ahead[0] ?? 0,
    laterCells: ahead.length === 0 ? 0 : Math.min(...ahead),
  };
}

/**
 * What is known after a statistics round, with the query that comes next.
 * @param sum [dimension] unmasked, modulo 2³²
 * @param survivors how many nodes' vectors, and noise shares, the sum holds
 * @throws TRB_PLAN_STATISTICS_UNFIT, TRB_MODEL_QUERY_MISSING, TRB_MODEL_LENGTH_MISMATCH, TRB_DP_…
 */
export function nextStatistics(step: {
  readonly plan: Plan;
  /** Place in `plan.releases`. */
  readonly release: number;
  readonly sum: Uint32Array;
  readonly survivors: number;
  readonly statistics: ReleasedStatistics;
  readonly similarity: ItemSimilarity;
}): ReleasedStatistics {
  const { plan, release, survivors, statistics, similarity } = step;
  const { kind, dimension } = releaseOf(plan, release);
  const { scale, nodeVariance } = sumQueryParameters(sumQueryOf(plan, release));
  const sum = readSum(step.sum, { scale });
  const deviation = noiseDeviation(nodeVariance, survivors) / scale;
  const recipe = recipeOf(plan, release);
  if (kind === "popularity") return afterPopularity(recipe, similarity, sum, deviation);
  const { query } = statistics;
  if (query === undefined) throw fail("TRB_MODEL_QUERY_MISSING", { kind });
  return afterPairs(recipe, similarity, { ...statistics, query: fittingQuery(query, dimension) }, sum, deviation);
}

const wanted = ({ rounds, retries = 0 }: Release) => rounds - retries;
const precision = ({ noiseMultiplier }: Release) => parseDecimal(noiseMultiplier) ** -2;

const unfit = () => fail("TRB_PLAN_STATISTICS_UNFIT", { reason: "the plan doesn't say how they are made" });
