/**
 * One cell of the utility table: a public log, a recipe, a budget and a cohort in; what is released and how well it ranks out. Every figure has
 * the ones beside it that it has to be judged by: the floor, which costs nothing, and popularity.
 */
import type { RandomSource } from "@tributary/dp";
import {
  contentPopularityScorer,
  contentScorer,
  finishStatistics,
  type ItemScorer,
  itemSimilarity,
  popularityScorer,
  type ResultBlock,
  rankCustomers,
  resultBlock,
  type ServedStatistics,
  type StatisticsRecipe,
  statisticsScorer,
} from "@tributary/model";
import { noiseMultiplierOfAll, spent, type UtilityAccountant } from "./budget.ts";
import { ownHistoryScorer } from "./own-history.ts";
import type { PublicLog } from "./public-logs.ts";
import { type Cohort, type ReleaseNoise, releaseStatistics } from "./release-statistics.ts";

export interface UtilityCellOptions {
  readonly recipe: StatisticsRecipe;
  readonly cohort: Cohort;
  readonly epsilon: number;
  readonly delta: number;
  readonly accountant: UtilityAccountant;
  readonly random: { readonly rounding: RandomSource; readonly noise: RandomSource };
  /** How many of each customer's last events are left out of what is released: 2 unless given, 1 once settings are chosen. */
  readonly heldOut?: 1 | 2;
}

export interface UtilityCell {
  /** What was released costs so much by the accountant that calibrated it, and by Rényi's. */
  readonly epsilon: number;
  readonly renyiEpsilon: number;
  readonly noiseMultiplier: number;
  readonly releases: readonly ReleaseNoise[];
  readonly popularity: ResultBlock;
  readonly contentPopularity: ResultBlock;
  readonly federated: ResultBlock;
  /** With the customer's own history in-house, where a customer's own items may be the answer. */
  readonly joined?: ResultBlock;
  readonly seconds: number;
}

/** ε = 0: public content alone, or own history alone where there is none. */
export function measureFloor(log: PublicLog, recipe: StatisticsRecipe): Promise<ResultBlock> {
  const similarity = itemSimilarity(log.catalogue);
  const content = contentScorer(similarity, recipe);
  return blockOf(log, log.repeats === "keep" ? ownHistoryScorer(content, similarity.items, recipe) : content);
}

/** Releases the recipe's statistics of everybody's events but those held out, and ranks the last. */
export async function measureUtility(
  log: PublicLog,
  { recipe, cohort, epsilon, delta, accountant, random, heldOut = 2 }: UtilityCellOptions,
): Promise<{ readonly cell: UtilityCell; readonly served: ServedStatistics }> {
  const began = performance.now();
  const similarity = itemSimilarity(log.catalogue);
  const noiseMultiplier = noiseMultiplierOfAll(accountant, epsilon, delta);
  const { released, releases } = releaseStatistics(heldOut === 2 ? log.validation.train : log.test.train, similarity, recipe, {
    cohort,
    noiseMultiplier,
    random,
  });
  const served = finishStatistics(recipe, similarity, released);
  const all = statisticsScorer(served, similarity, recipe);
  const popularity = popularityScorer(Float64Array.from(served.popularity));
  const cell = {
    epsilon: spent(accountant, releases, delta),
    renyiEpsilon: spent("rdp", releases, delta),
    noiseMultiplier,
    releases,
    popularity: await blockOf(log, popularity),
    contentPopularity: await blockOf(log, contentPopularityScorer(served.popularity, similarity, recipe)),
    federated: await blockOf(log, all),
    ...(log.repeats === "keep" ? { joined: await blockOf(log, ownHistoryScorer(all, similarity.items, recipe)) } : {}),
    seconds: (performance.now() - began) / 1000,
  };
  return { cell, served };
}

/**
 * Where repeats are kept, new items are ranked with the customer's own items masked: else who answers with own history, which is right for most,
 * would be judged on new items by how much it mistrusts itself.
 */
async function blockOf(log: PublicLog, score: ItemScorer): Promise<ResultBlock> {
  const items = log.catalogue.length;
  const block = resultBlock(await rankCustomers(score, log.test, { items, repeats: log.repeats }));
  if (log.repeats === "mask") return block;
  const { newItems } = resultBlock(await rankCustomers(score, log.test, { items, repeats: "mask" }));
  return { ...block, newItems };
}
