/**
 * How good statistics are, judged as models are (`judging.ts`): what public content alone knows, what was released, and what each merchant
 * makes of it in its own house, with and without the federation.
 */
import {
  contentScorer,
  finishStatistics,
  type ItemScorer,
  type ItemSimilarity,
  type Ranks,
  type ReleasedStatistics,
  rankCustomers,
  releasedScorer,
  type ServedStatistics,
  type StatisticsRecipe,
  tuneInHouse,
} from "@tributary/model";
import type { JudgeOptions, MerchantPart } from "./judging.ts";

export interface StatisticsJudgeOptions extends Pick<JudgeOptions, "items" | "repeats"> {
  readonly similarity: ItemSimilarity;
  readonly recipe: StatisticsRecipe;
}

/** ε = 0: what public content alone says. */
export function judgeContent(parts: readonly MerchantPart[], options: StatisticsJudgeOptions): Promise<readonly Ranks[]> {
  return judgeScorer(parts, contentScorer(options.similarity, options.recipe), options);
}

/** What was released, as it is; before the popularity is known, content alone. */
export function judgeStatistics(
  parts: readonly MerchantPart[],
  statistics: ReleasedStatistics,
  options: StatisticsJudgeOptions,
): Promise<readonly Ranks[]> {
  const served = servedOf(statistics, options);
  if (served === undefined) return judgeContent(parts, options);
  return judgeScorer(parts, releasedScorer(served, options.similarity, options.recipe), options);
}

/** Every merchant's own customers by its own mixture, tuned on its own validation. */
export async function judgeInHouse(
  parts: readonly MerchantPart[],
  statistics: ReleasedStatistics | undefined,
  options: StatisticsJudgeOptions & { readonly onMerchant?: (done: number) => void },
): Promise<readonly Ranks[]> {
  const served = statistics && servedOf(statistics, options);
  const ranks: Ranks[] = [];
  for (const part of parts) {
    const { score } = tuneInHouse(part.train, { ...options, served });
    ranks.push(await rankCustomers(score, part, options));
    options.onMerchant?.(ranks.length);
  }
  return ranks;
}

async function judgeScorer(
  parts: readonly MerchantPart[],
  score: ItemScorer,
  options: StatisticsJudgeOptions,
): Promise<readonly Ranks[]> {
  const ranks: Ranks[] = [];
  for (const part of parts) ranks.push(await rankCustomers(score, part, options));
  return ranks;
}

function servedOf(
  statistics: ReleasedStatistics,
  { recipe, similarity }: Pick<StatisticsJudgeOptions, "recipe" | "similarity">,
): ServedStatistics | undefined {
  return statistics.popularity === undefined ? undefined : finishStatistics(recipe, similarity, statistics);
}
