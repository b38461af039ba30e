/**
 * Tuning on private data, paid for: the best of a secret random number of runs (`dp/src/mechanisms/random-stopping.ts`). A run draws a recipe from a public
 * list, releases its statistics, and a noisy sum of NDCG@10 over the same customers' held-out last items; out come one recipe, its statistics and its score.
 *
 * Only who holds everybody's data can do so: between nodes every round's sum is seen by all, so nothing of a run that was not the best stays secret. Whoever
 * can see how long it takes learns the number of runs, which is not paid for.
 */
import {
  bestOfRandomRuns,
  discreteGaussianMechanism,
  epsilonFromRdp,
  expectedRuns,
  type RandomSource,
  rdpIntegerOrders,
  rdpOfStopping,
  type Stopping,
  wordReader,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import { itemSimilarity, rankCustomers, type StatisticsRecipe } from "@tributary/model";
import { formatDecimal, type PlanSelection, selectionSchema } from "@tributary/protocol";
import { lastItems, rankingOf, releasedRanker, type TuningData } from "./trial.ts";

export interface PrivateTuneOptions {
  readonly recipes: readonly StatisticsRecipe[];
  readonly stopping: Stopping;
  /** What all of it may cost. */
  readonly epsilon: number;
  readonly delta: number;
  readonly random: RandomSource;
}

/** What a plan states of it. */
export function planSelection({ stopping, noiseMultiplier }: SelectionCost): PlanSelection {
  return selectionSchema.parse({ ...stopping, noiseMultiplier: formatDecimal(noiseMultiplier) });
}

/** What was paid. It doesn't hold how many runs there were. */
export interface SelectionCost {
  readonly stopping: Stopping;
  /** E[K], which is public. */
  readonly expectedRuns: number;
  /** z of one run as one release: statistics and score together. */
  readonly noiseMultiplier: number;
  /** z of its statistics as one release, and of its score: their 1/z² add up. */
  readonly statisticsMultiplier: number;
  readonly scoreMultiplier: number;
  readonly epsilon: number;
  readonly delta: number;
  /** ε of one run by itself. */
  readonly oneRun: number;
}

export interface PrivatelyTuned {
  readonly cost: SelectionCost;
  /** Undefined when there was no run, which Poisson stopping allows. */
  readonly best: { readonly recipe: number /** Noisy. */; readonly ndcg10: number } | undefined;
}

/** Of 1/σ²: what the score costs; the statistics have the rest. */
const scoreShare = 0.05;
/** A customer's NDCG@10 lies between 0 and 1, and is counted in thousandths. */
const unitsPerOne = 1000;

/** @throws TRB_DP_PARAMETER_INVALID, TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_TARGET_UNREACHABLE */
export async function tunePrivately(data: TuningData, options: PrivateTuneOptions): Promise<PrivatelyTuned> {
  const { recipes, stopping, random } = options;
  const cost = selectionCost(options);
  const similarity = itemSimilarity(data.items);
  const words = wordReader(random);
  const { train, targets } = lastItems(data.histories);
  const cohort = { nodes: 1, minCohort: 1, maxCorrupt: 0 };
  const run = async () => {
    const value = words.below(recipes.length);
    const recipe = recipes[value] as StatisticsRecipe;
    const scorer = releasedRanker(train, similarity, recipe, {
      ...{ noiseMultiplier: cost.statisticsMultiplier, cohort, random: { rounding: random, noise: random } },
    });
    const { ranks } = await rankCustomers(scorer, { train, targets }, rankingOf(data));
    const units = ranks.reduce((sum, rank) => sum + gainUnits(rank), 0);
    const noisy = discreteGaussianMechanism(
      Float64Array.of(units),
      { sensitivity: String(unitsPerOne), noiseMultiplier: formatDecimal(cost.scoreMultiplier, "up") },
      random,
    );
    return { score: noisy.values[0] as number, value };
  };
  const found = await bestOfRandomRuns(stopping, run, random);
  const customers = data.histories.customers.length;
  const best = found && { recipe: found.value, ndcg10: found.score / unitsPerOne / customers };
  return { cost, best };
}

/** 1/log₂(1 + rank) for ranks up to 10, from 1 on. */
function gainUnits(rank: number): number {
  return rank <= 10 ? Math.round(unitsPerOne / Math.log2(1 + rank)) : 0;
}

/**
 * The noise of one run, rounded up to a millionth, so that the best of them costs no more than ε at δ; and what it then costs.
 * @throws TRB_DP_TARGET_UNREACHABLE and the codes of `rdpOfStopping`
 */
export function selectionCost({
  stopping,
  epsilon,
  delta,
}: Pick<PrivateTuneOptions, "stopping" | "epsilon" | "delta">): SelectionCost {
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  const at = (noiseMultiplier: number) =>
    epsilonFromRdp(rdpIntegerOrders, selectionRdp(stopping, noiseMultiplier), delta).epsilon;
  let [low, high] = [0.01, 1e6];
  if (at(high) > epsilon) {
    throw fail("TRB_DP_TARGET_UNREACHABLE", { quantity: "noise multiplier", least: low, most: high, epsilon, delta });
  }
  while (high - low > 5e-7) {
    const middle = (low + high) / 2;
    if (at(middle) <= epsilon) high = middle;
    else low = middle;
  }
  const noiseMultiplier = Math.ceil(high * 1e6) / 1e6;
  return {
    stopping,
    expectedRuns: expectedRuns(stopping),
    noiseMultiplier,
    statisticsMultiplier: noiseMultiplier / Math.sqrt(1 - scoreShare),
    scoreMultiplier: noiseMultiplier / Math.sqrt(scoreShare),
    epsilon: at(noiseMultiplier),
    delta,
    oneRun: epsilonFromRdp(rdpIntegerOrders, oneRun(noiseMultiplier), delta).epsilon,
  };
}

/** [orders of `rdp-integer`] nats of the best run. */
const selectionRdp = (stopping: Stopping, noiseMultiplier: number): number[] =>
  rdpOfStopping(rdpIntegerOrders, oneRun(noiseMultiplier), stopping);

/** Statistics and score of unsampled discrete Gaussian noise: shares of 1/σ² add up to one release of z. */
const oneRun = (noiseMultiplier: number): number[] => rdpIntegerOrders.map((order) => order / (2 * noiseMultiplier ** 2));
