/**
 * Released tables as they serve on a market where customers come back to what they saw: content and pairs of `scoreNext`, the item looked at last once
 * more, and the customer's earlier items. What is the customer's own is read where it is, so it costs no ε.
 *
 *   M(j) = N·κ·content(j) + Σ pairs(j) + N·a·[j is the last item] + N·h·Σ_k decay^k·[j is k steps before the last]
 */
import {
  type ItemScorer,
  type ItemSimilarity,
  type ServedStatistics,
  type StatisticsRecipe,
  scoreNext,
  stepsOf,
} from "@tributary/model";
import type { TableWeights } from "./settings.ts";

export interface Tables {
  readonly served: ServedStatistics;
  readonly similarity: ItemSimilarity;
  readonly recipe: StatisticsRecipe;
  readonly weights: TableWeights;
  /** N */
  readonly customers: number;
}

export function tablesScorer({ served, similarity, recipe, weights, customers }: Tables): ItemScorer {
  const { items } = similarity;
  const serving = { ...recipe, contentWeight: customers * weights.content };
  return (histories, stretches) => {
    const rows = new Float64Array(stretches.length * items);
    for (const [row, { begin, end }] of stretches.entries()) {
      const history = histories.items.subarray(begin, end);
      const out = rows.subarray(row * items, (row + 1) * items);
      out.set(scoreNext(served, similarity, history, serving));
      const [last, ...earlier] = stepsOf(history).toReversed();
      const add = (item: number, weight: number) => {
        out[item - 1] = (out[item - 1] as number) + customers * weight;
      };
      if (last !== undefined) add(last, weights.again);
      for (const [age, item] of earlier.entries()) if (item !== last) add(item, weights.history * recipe.decay ** age);
    }
    return rows;
  };
}

/** Below every score of a table that says anything. */
const nothing = 1e-9;

/** (1 − w)·ln M(j) + w·attention(j): the mixture of `hybrid.ts` with these tables. */
export function mixedScorer(tables: ItemScorer, attention: ItemScorer, weight: number): ItemScorer {
  return async (histories, stretches) => {
    const rows = Float64Array.from(await tables(histories, stretches));
    const scores = await attention(histories, stretches);
    const [columns, theirs] = [rows.length / stretches.length, scores.length / stretches.length];
    for (let i = 0; i < rows.length; i++) {
      const score = scores[Math.floor(i / columns) * theirs + (i % columns)] as number;
      rows[i] = (1 - weight) * Math.log((rows[i] as number) + nothing) + weight * score;
    }
    return rows;
  };
}
