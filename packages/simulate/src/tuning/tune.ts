/**
 * Tuning on data that anybody may see: random search, or successive halving (Jamieson, Talwalkar 2016), where all recipes are tried on one fold, the better
 * half on twice as many, and so on. Deterministic: a run that was interrupted and goes on with the trials it already has ends with the same result.
 */
import type { StatisticsRecipe } from "@tributary/model";

export interface Trial {
  /** Place in the list of recipes; 0 is the one that tuning began with. */
  readonly recipe: number;
  readonly fold: number;
  readonly ndcg10: number;
}

export const tuningMethods = ["random", "halving"] as const;
export type TuningMethod = (typeof tuningMethods)[number];

export interface TuneOptions {
  readonly recipes: readonly StatisticsRecipe[];
  readonly folds: number;
  readonly method: TuningMethod;
  readonly measure: (recipe: StatisticsRecipe, fold: number) => Promise<number>;
  /** Trials of an earlier run with the same data and settings. */
  readonly known?: readonly Trial[];
  /** After each new trial: to write it down before the next. */
  readonly onTrial?: (trial: Trial, done: number, of: number) => void;
}

export interface TunedRecipe {
  readonly recipe: number;
  /** Mean over the folds that it was tried on. */
  readonly ndcg10: number;
  readonly folds: number;
  readonly least: number;
  readonly most: number;
}

export interface Tuning {
  readonly best: TunedRecipe;
  /** The one that tuning began with, on as many folds as the best. */
  readonly base: TunedRecipe;
  /** Most folds first, then by NDCG@10. */
  readonly tried: readonly TunedRecipe[];
  readonly trials: number;
}

/** The recipe that tuning began with stays to the end, so that the best can be held against it on the same folds. */
export async function tune({ recipes, folds, method, measure, known = [], onTrial }: TuneOptions): Promise<Tuning> {
  const results = new Map<string, number>(known.map((trial) => [keyOf(trial), trial.ndcg10]));
  const total = trialsOf(recipes.length, folds, method);
  const done = new Set<string>();
  const trial = async (recipe: number, fold: number): Promise<void> => {
    const key = keyOf({ recipe, fold });
    if (done.has(key)) return;
    done.add(key);
    if (results.has(key)) return;
    const ndcg10 = await measure(recipes[recipe] as StatisticsRecipe, fold);
    results.set(key, ndcg10);
    onTrial?.({ recipe, fold, ndcg10 }, done.size, total);
  };
  const summary = (recipe: number): TunedRecipe => {
    const values = Array.from({ length: folds }, (_, fold) => keyOf({ recipe, fold }))
      .filter((key) => done.has(key))
      .map((key) => results.get(key) as number);
    const ndcg10 = values.reduce((sum, value) => sum + value, 0) / values.length;
    return { recipe, ndcg10, folds: values.length, least: Math.min(...values), most: Math.max(...values) };
  };
  let survivors = recipes.map((_, place) => place);
  for (let upTo = method === "random" ? folds : 1; ; upTo = Math.min(2 * upTo, folds)) {
    for (const recipe of survivors) for (let fold = 0; fold < upTo; fold++) await trial(recipe, fold);
    if (upTo === folds) break;
    survivors = betterHalf(survivors.map(summary));
  }
  const finalists = survivors.map(summary).sort(byScore);
  const tried = recipes.map((_, place) => summary(place)).sort((a, b) => b.folds - a.folds || byScore(a, b));
  return { best: finalists[0] as TunedRecipe, base: summary(0), tried, trials: done.size };
}

const keyOf = ({ recipe, fold }: Pick<Trial, "recipe" | "fold">): string => `${recipe} ${fold}`;
/** Of equal ones the earlier, so that nothing depends on the order of trials. */
const byScore = (a: TunedRecipe, b: TunedRecipe): number => b.ndcg10 - a.ndcg10 || a.recipe - b.recipe;

function betterHalf(summaries: readonly TunedRecipe[]): number[] {
  const kept = [...summaries].sort(byScore).slice(0, Math.ceil(summaries.length / 2));
  return [...new Set([0, ...kept.map(({ recipe }) => recipe)])].sort((a, b) => a - b);
}

/** At most. */
function trialsOf(recipes: number, folds: number, method: TuningMethod): number {
  if (method === "random") return recipes * folds;
  let [total, left, tried] = [0, recipes, 0];
  for (let upTo = 1; ; upTo = Math.min(2 * upTo, folds)) {
    total += left * (upTo - tried);
    if (upTo === folds) return total;
    [left, tried] = [Math.ceil(left / 2) + 1, upTo];
  }
}
