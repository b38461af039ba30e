/** One look at one recipe: statistics released from some customers, under the noise of the plan, ranked on others. */
import type { RandomSource } from "@tributary/dp";
import { type Fold, foldCustomers, type HeldOut, type Histories, leaveLastOut } from "@tributary/events";
import {
  finishStatistics,
  type ItemSimilarity,
  itemSimilarity,
  type PublicItem,
  type Repeats,
  rankCustomers,
  releasedScorer,
  resultBlock,
  type StatisticsRecipe,
} from "@tributary/model";
import { chooseCohort } from "../planner/cohort.ts";
import { seededSource } from "../planner/measure-evidence.ts";
import { type Cohort, releaseStatistics } from "../utility/release-statistics.ts";

/** Who brings noise in a federation of so many merchants, by the planner's defaults. */
export function tuningCohort(merchants: number): Cohort {
  const { minCohort, maxCorrupt } = chooseCohort(merchants);
  return { nodes: merchants, minCohort, maxCorrupt };
}

/** What recipes are tried on. */
export interface TuningData {
  readonly histories: Histories;
  readonly items: readonly PublicItem[];
  readonly repeats: Repeats;
}

export interface TrialSettings {
  /** z of all statistics as one release. */
  readonly noiseMultiplier: number;
  readonly cohort: Cohort;
  readonly folds: number;
  /** Of folds and noise. */
  readonly seed: number;
}

/** Answers NDCG@10 of a recipe on one fold's customers: cross-validation by customer, nobody who is ranked is in what was released. */
export function openTrials(
  data: TuningData,
  settings: TrialSettings,
): (recipe: StatisticsRecipe, fold: number) => Promise<number> {
  const { noiseMultiplier, cohort, folds, seed } = settings;
  const similarity = itemSimilarity(data.items);
  const parts = foldCustomers(data.histories, folds, seed);
  return async (recipe, fold) => {
    const { train, test } = parts[fold] as Fold;
    // the same noise for every recipe: what differs is the recipe
    const random = { rounding: seededSource(seed, "rounding", fold), noise: seededSource(seed, "noise", fold) };
    const scorer = releasedRanker(train, similarity, recipe, { noiseMultiplier, cohort, random });
    return resultBlock(await rankCustomers(scorer, leaveLastOut(test), rankingOf(data))).ndcg10;
  };
}

interface Release {
  readonly noiseMultiplier: number;
  readonly cohort: Cohort;
  readonly random: { readonly rounding: RandomSource; readonly noise: RandomSource };
}

/** Ranks by what is released of these customers. */
export function releasedRanker(histories: Histories, similarity: ItemSimilarity, recipe: StatisticsRecipe, release: Release) {
  const { released } = releaseStatistics(histories, similarity, recipe, release);
  return releasedScorer(finishStatistics(recipe, similarity, released), similarity, recipe);
}

export const rankingOf = ({ items, repeats }: Pick<TuningData, "items" | "repeats">) => ({ items: items.length, repeats });

/** Each customer's last item, and the history before it. */
export const lastItems = (histories: Histories): HeldOut => leaveLastOut(histories);
