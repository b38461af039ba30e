/**
 * A recipe's releases on one machine, with the arithmetic and the noise of the real round: `exact` integers on the grid, clamp, dither and exact discrete
 * Gaussian noise of `dp`, one sum query after the other. Masks are left out, because they cancel, and the nodes' noise shares are drawn as one of the
 * summed variance: for shares of deviation 4 or more the difference is below 1e-50 (privacy-core §2).
 */
import {
  addSparseCustomer,
  chooseScale,
  noiseDeviation,
  noisyVector,
  type RandomSource,
  readSum,
  type SparseVector,
  type SumQueryParameters,
  sumQueryParameters,
} from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import {
  afterPairs,
  afterPopularity,
  type ItemSimilarity,
  pairVector,
  popularityVector,
  type ReleasedStatistics,
  type StatisticsRecipe,
  type StatisticsRelease,
  startStatistics,
  statisticsReleases,
} from "@tributary/model";

/** Who takes part, as far as the noise depends on it. */
export interface Cohort {
  /** n: how many nodes bring noise. */
  readonly nodes: number;
  readonly minCohort: number;
  readonly maxCorrupt: number;
}

export interface ReleaseOptions {
  readonly cohort: Cohort;
  /** z of everything that is released, as if it were one release; the recipe says how it is divided. */
  readonly noiseMultiplier: number;
  readonly random: { readonly rounding: RandomSource; readonly noise: RandomSource };
}

/** What one release cost, as accountants read it. */
export interface ReleaseNoise {
  readonly kind: StatisticsRelease["kind"];
  readonly dimension: number;
  readonly touched: number;
  readonly noiseMultiplier: number;
  /** σ of the least noise that is promised, integer units: that of minCohort − maxCorrupt shares. */
  readonly deviation: number;
  /** Standard deviation of what was drawn, in units of customers' vectors: more than is promised where some are held to be corrupt. */
  readonly drawn: number;
}

/** Bits of the grid below an integer unit. */
const fractionBits = 4;

/** Everything that the recipe releases about these customers. */
export function releaseStatistics(
  histories: Histories,
  similarity: ItemSimilarity,
  recipe: StatisticsRecipe,
  { cohort, noiseMultiplier, random }: ReleaseOptions,
): { readonly released: ReleasedStatistics; readonly releases: readonly ReleaseNoise[] } {
  let released = startStatistics();
  const releases: ReleaseNoise[] = [];
  for (const release of statisticsReleases(recipe, similarity.items)) {
    const { query } = released;
    const dimension = release.kind === "popularity" ? similarity.items : (query?.firsts.length ?? 0);
    if (dimension === 0) continue; // nothing is left to ask for
    const vector = (history: Int32Array): SparseVector =>
      query === undefined ? popularityVector(history, recipe) : pairVector(history, query, recipe);
    const parameters = parametersOf({ ...release, dimension }, histories.customers.length, noiseMultiplier, cohort);
    const { sum, deviation } = noisySum(histories, vector, parameters, cohort, random);
    releases.push({
      kind: release.kind,
      dimension,
      touched: parameters.touched,
      noiseMultiplier: releaseMultiplier(noiseMultiplier, release.share),
      deviation: noiseDeviation(parameters.nodeVariance, parameters.honestNodes),
      drawn: deviation,
    });
    released =
      query === undefined
        ? afterPopularity(recipe, similarity, sum, deviation)
        : afterPairs(recipe, similarity, released, sum, deviation);
  }
  return { released, releases };
}

/** The noise multiplier of one release out of that of all of them: budgets add as 1/σ². Rounded up to a millionth. */
const releaseMultiplier = (noiseMultiplier: number, share: number): number =>
  Math.ceil((noiseMultiplier / Math.sqrt(share)) * 1e6) / 1e6;

function parametersOf(
  { share, dimension, touched }: StatisticsRelease,
  customers: number,
  noiseMultiplier: number,
  { nodes, minCohort, maxCorrupt }: Cohort,
): SumQueryParameters {
  const clipNorm = "1";
  const most = Math.min(touched, dimension);
  const multiplier = releaseMultiplier(noiseMultiplier, share).toFixed(6);
  const customerQuota = 2 ** Math.ceil(Math.log2(customers));
  const { scale } = chooseScale({
    arithmetic: "exact",
    totalQuota: customerQuota,
    clipNorm,
    noiseMultiplier: multiplier,
    dimension,
    touched: most,
    maxNodes: nodes,
    honestMinimum: minCohort - maxCorrupt,
  });
  return sumQueryParameters({
    arithmetic: "exact",
    clipNorm,
    scale,
    fractionBits,
    dimension,
    touched: most,
    samplingRate: "1",
    noiseMultiplier: multiplier,
    minCohort,
    maxCorrupt,
    customerQuota,
  });
}

/** One release: the noisy sum, in units of customers' vectors, and the standard deviation of its noise. */
function noisySum(
  histories: Histories,
  vector: (history: Int32Array) => SparseVector,
  parameters: SumQueryParameters,
  { nodes }: Cohort,
  random: ReleaseOptions["random"],
): { readonly sum: Float64Array; readonly deviation: number } {
  const total = new Float64Array(parameters.dimension);
  const { offsets, items } = histories;
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const history = items.subarray(offsets[customer], offsets[customer + 1]);
    addSparseCustomer(total, vector(history), parameters.grid, parameters.touched);
  }
  const { numerator, denominator } = parameters.nodeVariance;
  const nodeVariance = { numerator: numerator * BigInt(nodes), denominator };
  const sum = readSum(noisyVector(total, { ...parameters, nodeVariance }, random), parameters);
  return { sum, deviation: noiseDeviation(parameters.nodeVariance, nodes) / parameters.scale };
}
