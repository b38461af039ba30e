/**
 * From released statistics and public content to scores of all items, for `rankCustomers` and for serving:
 *
 *   score(j) = κ·softmax_j(14·cos(profile, j) + ln p_j) + Σ_{k < 20} .5^k·D[i_k, j]
 *
 * over the customer's latest items i_0, i_1, …; the profile is their public content, weighted alike. Without private statistics only the cosine is
 * left: the floor, which costs no ε.
 */
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import type { ItemSimilarity } from "./item-similarity.ts";
import { stepsOf } from "./pair-query.ts";
import type { StatisticsRecipe } from "./recipe.ts";
import type { PairTable, ServedStatistics } from "./rounds.ts";

export type ServingRecipe = Pick<StatisticsRecipe, "contentWeight" | "contentSharpness" | "decay" | "latest">;

/** The latest items, the latest first, with what each weighs. */
function latestItems(history: ArrayLike<number>, { decay, latest }: Pick<ServingRecipe, "decay" | "latest">) {
  return stepsOf(history)
    .slice(-latest)
    .reverse()
    .map((item, age) => ({ item, weight: decay ** age }));
}

/** [items] cos(profile, j) into `out`. */
function contentCosines(
  similarity: ItemSimilarity,
  profile: readonly { item: number; weight: number }[],
  out: Float64Array,
): void {
  const { offsets, attributes, values, holderOffsets, holders, holderValues } = similarity;
  out.fill(0);
  const sums = new Map<number, number>();
  for (const { item, weight } of profile) {
    if (item > similarity.items) continue;
    for (let n = offsets[item - 1] as number; n < (offsets[item] as number); n++) {
      const attribute = attributes[n] as number;
      sums.set(attribute, (sums.get(attribute) ?? 0) + weight * (values[n] as number));
    }
  }
  const norm = Math.hypot(...sums.values());
  if (norm === 0) return;
  for (const [attribute, sum] of sums) {
    for (let h = holderOffsets[attribute] as number; h < (holderOffsets[attribute + 1] as number); h++) {
      const place = holders[h] as number;
      out[place] = (out[place] as number) + (sum / norm) * (holderValues[h] as number);
    }
  }
}

/** Adds what rows of the table say of what comes next. */
export function addPairs({ offsets, places, values }: PairTable, item: number, weight: number, out: Float64Array): void {
  if (item >= offsets.length) return;
  for (let n = offsets[item - 1] as number; n < (offsets[item] as number); n++) {
    const place = places[n] as number;
    out[place] = (out[place] as number) + weight * (values[n] as number);
  }
}

/** From cosines to κ·softmax, in place. */
function softmax(cosines: Float64Array, popularity: Float32Array, { contentSharpness, contentWeight }: ServingRecipe): void {
  let sum = 0;
  const unlike = Math.exp(-contentSharpness); // most items have nothing in common with the profile
  for (let j = 0; j < cosines.length; j++) {
    const cosine = cosines[j] as number;
    // e^{14·(cos − 1)}·p: cosines are at most 1, so nothing overflows
    const part = (cosine === 0 ? unlike : Math.exp(contentSharpness * (cosine - 1))) * (popularity[j] as number);
    cosines[j] = part;
    sum += part;
  }
  for (let j = 0; j < cosines.length; j++) cosines[j] = ((cosines[j] as number) * contentWeight) / sum;
}

/**
 * Scores of all items after a history.
 * @param history item numbers in time order
 * @param scores [items] what they are written into; a new array unless given
 * @returns [items], item j at place j − 1
 */
export function scoreNext(
  { popularity, pairs }: ServedStatistics,
  similarity: ItemSimilarity,
  history: ArrayLike<number>,
  recipe: ServingRecipe,
  scores: Float64Array = new Float64Array(similarity.items),
): Float64Array {
  const profile = latestItems(history, recipe);
  contentCosines(similarity, profile, scores);
  softmax(scores, popularity, recipe);
  for (const { item, weight } of profile) addPairs(pairs, item, weight, scores);
  return scores;
}

/** The statistics as an `ItemScorer`. */
export function statisticsScorer(served: ServedStatistics, similarity: ItemSimilarity, recipe: ServingRecipe): ItemScorer {
  return rowByRow(similarity.items, (history) => scoreNext(served, similarity, history, recipe));
}

/** The floor: what public content alone says. ε = 0. */
export function contentScorer(similarity: ItemSimilarity, recipe: Pick<ServingRecipe, "decay" | "latest">): ItemScorer {
  return rowByRow(similarity.items, (history) => {
    const scores = new Float64Array(similarity.items);
    contentCosines(similarity, latestItems(history, recipe), scores);
    return scores;
  });
}

/** Content and released popularity, without pairs. */
export function contentPopularityScorer(
  popularity: Float32Array,
  similarity: ItemSimilarity,
  recipe: ServingRecipe,
): ItemScorer {
  const none = { offsets: new Uint32Array(similarity.items + 1), places: new Uint32Array(0), values: new Float32Array(0) };
  return statisticsScorer({ popularity, pairs: none }, similarity, recipe);
}

function rowByRow(items: number, score: (history: Int32Array) => Float64Array): ItemScorer {
  return (histories, stretches) => {
    const rows = new Float64Array(stretches.length * items);
    for (const [row, { begin, end }] of stretches.entries()) rows.set(score(histories.items.subarray(begin, end)), row * items);
    return rows;
  };
}
