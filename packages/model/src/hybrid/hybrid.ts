/**
 * One ranker of everything that a merchant may use:
 *
 *   score(j) = (1 − w)·ln M(j) + w·z(j)
 *   M(j) = (κ·content(j) + a·released pairs(j) + b·own pairs(j) + h·own history(j) + q·n·p_j/Σp)·(1 + t·T(j))
 *
 * with M of `in-house/mixture.ts` plus released popularity by itself, z the attention student's scores (log probabilities up to what is the same for all
 * items), and weights that are never negative. w = 0 ranks by M alone, w = 1 by attention alone.
 */
import type { Executor } from "@tributary/tensor";
import { type ItemScorer, modelScorer } from "../evaluation/item-scorer.ts";
import { mix, partsOf, type Sources } from "../in-house/mixture.ts";
import type { MixtureParts, MixtureWeights } from "../in-house/mixture-cases.ts";
import type { OwnStatistics } from "../in-house/own-statistics.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ServedStatistics } from "../statistics/rounds.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import type { Student } from "./student.ts";
import { emptyPairs } from "./walks.ts";

/** None is negative. */
export interface HybridWeights {
  readonly mixture: MixtureWeights;
  /** q */
  readonly popularity: number;
  /** w, from 0 to 1 */
  readonly attention: number;
}

/** Tables, model and weights that serve together. */
export interface Hybrid {
  readonly recipe: ServingRecipe;
  /** Undefined: the merchant is alone. */
  readonly served: ServedStatistics | undefined;
  /** Exact counts with enough support; undefined where only what was released may serve. */
  readonly own: OwnStatistics | undefined;
  readonly student: Student;
  readonly weights: HybridWeights;
}

/** What of a recipe serving needs. */
export const servingRecipe = ({ contentWeight, contentSharpness, decay, latest }: ServingRecipe): ServingRecipe => ({
  ...{ contentWeight, contentSharpness, decay, latest },
});

/** Below every part that says anything, so that what no part names is level and last. */
const nothing = 1e-12;

/** M(j) of all items. */
export function mixtureOf(parts: MixtureParts, popularity: Float32Array, weights: HybridWeights, out: Float64Array): void {
  mix(parts, weights.mixture, out);
  if (weights.popularity === 0) return;
  const sum = popularity.reduce((total, p) => total + p, 0);
  const unit = (weights.popularity * popularity.length) / sum;
  const topicWeight = weights.mixture.topics ?? 0;
  for (let j = 0; j < out.length; j++) {
    out[j] = (out[j] as number) + unit * (popularity[j] as number) * (1 + topicWeight * (parts.topics?.[j] ?? 0));
  }
}

/**
 * From M to scores, in place.
 * @param attention z(j); not looked at where w is 0
 */
export function blend(mixture: Float64Array, attention: ArrayLike<number>, weight: number): void {
  if (weight === 0) return; // the logarithm changes no rank
  for (let j = 0; j < mixture.length; j++) {
    const z = weight * (attention[j] as number);
    mixture[j] = weight === 1 ? z : (1 - weight) * Math.log((mixture[j] as number) + nothing) + z;
  }
}

/** What the mixture reads of a hybrid. */
export function sourcesOf({ recipe, served, own }: Omit<Hybrid, "student" | "weights">, similarity: ItemSimilarity): Sources {
  const popularity = served?.popularity ?? own?.popularity ?? new Float32Array(similarity.items).fill(1);
  return { similarity, recipe, served, own: own ?? { popularity, pairs: emptyPairs(similarity.items) } };
}

/** The popularity that p stands for: what was released, else the merchant's own. */
export const popularityOf = ({ served, own }: Sources): Float32Array => served?.popularity ?? own.popularity;

/** A hybrid as an `ItemScorer`, until it is closed. @param content where its model reads what is publicly known of items */
export async function hybridScorer(
  hybrid: Hybrid,
  similarity: ItemSimilarity,
  executor: Executor,
  content?: ItemContent,
): Promise<{ readonly score: ItemScorer; close(): Promise<void> }> {
  const { student, weights } = hybrid;
  const { items } = similarity;
  const sources = sourcesOf(hybrid, similarity);
  const popularity = popularityOf(sources);
  const attention = await modelScorer(student.spec, student.parameters, executor, items, content);
  return {
    async score(histories, stretches) {
      const scores = weights.attention === 0 ? new Float32Array(0) : await attention.score(histories, stretches);
      const columns = scores.length / stretches.length;
      const rows = new Float64Array(stretches.length * items);
      for (const [row, { begin, end }] of stretches.entries()) {
        const out = rows.subarray(row * items, (row + 1) * items);
        const parts = partsOf(sources, histories.items.subarray(begin, end), histories.topics?.subarray(begin, end));
        mixtureOf(parts, popularity, weights, out);
        blend(out, scores.subarray(row * columns, row * columns + items), weights.attention);
      }
      return rows;
    },
    close: () => attention.close(),
  };
}
