/**
 * The numbers of "statistics first": how a budget is divided between an item popularity and a few adaptive rounds of pair counts, how those are weighted, denoised and
 * served. Symbols in brackets are those of the study that found them (docs/utility.md has the table of what was measured).
 *
 * A recipe is public: it is fixed before anything private is read, and no guarantee rests on it.
 */

export interface StatisticsRecipe {
  // ── customers' vectors ──
  /** Most distinct items of a customer in the popularity query. */
  readonly maxItems: number;
  /** Most cells of a customer in a pair query. */
  readonly maxPairs: number;
  /** How far apart two events may be to make a pair; it weighs 1/distance. */
  readonly window: number;

  // ── budget, in shares of 1/σ² ──
  /** Of the popularity. */
  readonly popularityShare: number;
  /** Of the first pair round, out of what is left [f]; the other rounds divide the rest evenly. */
  readonly firstShare: number;
  /** How many pair rounds [R]. */
  readonly rounds: number;

  // ── the first pair round ──
  /** Most cells that are asked: those that the prior finds likeliest. */
  readonly firstCells: number;
  /** Exponent of the two items' popularity in a cell's weight [a]. */
  readonly firstPopularity: number;
  /** Factor of their content cosine in its logarithm [kc]. */
  readonly firstContent: number;
  /** Norm of the rest of a typical customer's vector, in the units of the weights [N₁]. */
  readonly firstNorm: number;

  // ── later pair rounds ──
  /** Most cells that are asked: those likeliest to be real. */
  readonly laterCells: number;
  /** Least probability of being real of a cell that is asked [kt]. */
  readonly aliveAbove: number;
  /** What a cell's weight is a power of: its probability of being real, or its posterior mean [u]. */
  readonly weighBy: "probability" | "mean";
  /** Added to it [e₀]. */
  readonly weightFloor: number;
  /** The power [pw]. */
  readonly weightPower: number;
  /** As `firstNorm`, for weights of median 1 [N₂]. */
  readonly laterNorm: number;

  // ── prior of a cell: value Exponential(mean) with odds·(p_i·p_j)^popularity·e^{content·cos}, else 0 ──
  /** Mean of a real cell [μ]. */
  readonly priorMean: number;
  /** Exponent of the two items' popularity in the odds [al]. */
  readonly priorPopularity: number;
  /** Odds between rounds [ρ₁], and of what is served [ρ]. */
  readonly roundOdds: number;
  readonly finalOdds: number;
  /** Factor of the content cosine between rounds [kd₁], and for what is served [kd]. */
  readonly roundContent: number;
  readonly finalContent: number;

  // ── serving ──
  /** Cells are kept if their posterior mean is above it. */
  readonly keepAbove: number;
  /** Cells pointing at item j are multiplied by p_j to this power [y]. */
  readonly targetPopularity: number;
  /** How much of the score is public content × released popularity [κ]. */
  readonly contentWeight: number;
  /** Sharpness of the softmax over content cosines. */
  readonly contentSharpness: number;
  /** How much less an event weighs for each one after it. */
  readonly decay: number;
  /** How many of the latest items are looked at. */
  readonly latest: number;
}

const common = {
  maxItems: 256,
  firstCells: 1_000_000,
  laterCells: 500_000,
  keepAbove: 0.02,
  latest: 20,
} as const;

/** By ε; found on one market's validation customers, noise of many seeds (docs/utility.md). */
const recipes: readonly { readonly epsilon: number; readonly recipe: StatisticsRecipe }[] = [
  {
    epsilon: 1,
    recipe: {
      ...common,
      maxPairs: 24,
      window: 3,
      popularityShare: 0.3,
      firstShare: 0.26,
      rounds: 3,
      firstPopularity: 2.01,
      firstContent: 4,
      firstNorm: 1400,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.01,
      weightPower: 0.35,
      laterNorm: 0.319,
      priorMean: 2.24,
      priorPopularity: 1.05,
      roundOdds: 9e-4,
      finalOdds: 8.76e-4,
      roundContent: 9,
      finalContent: 9,
      targetPopularity: 0.2,
      contentWeight: 30,
      contentSharpness: 17.6,
      decay: 0.6,
    },
  },
  {
    epsilon: 2,
    recipe: {
      ...common,
      maxPairs: 12,
      window: 5,
      popularityShare: 0.15,
      firstShare: 0.2,
      rounds: 5,
      firstPopularity: 0.548,
      firstContent: 1.38,
      firstNorm: 10,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.03,
      weightPower: 0.35,
      laterNorm: 0.6,
      priorMean: 3,
      priorPopularity: 1.54,
      roundOdds: 1e-4,
      finalOdds: 7.21e-6,
      roundContent: 9,
      finalContent: 9,
      targetPopularity: 0.2,
      contentWeight: 20,
      contentSharpness: 12,
      decay: 0.558,
    },
  },
  {
    epsilon: 4,
    recipe: {
      ...common,
      maxPairs: 12,
      window: 5,
      popularityShare: 0.06,
      firstShare: 0.4,
      rounds: 6,
      firstPopularity: 0.25,
      firstContent: 1,
      firstNorm: 3.6,
      aliveAbove: 0.001,
      weighBy: "probability",
      weightFloor: 0.03,
      weightPower: 0.35,
      laterNorm: 0.3,
      priorMean: 3,
      priorPopularity: 1.05,
      roundOdds: 3e-4,
      finalOdds: 1e-5,
      roundContent: 9,
      finalContent: 9,
      targetPopularity: 0.11,
      contentWeight: 9.93,
      contentSharpness: 12,
      decay: 0.6,
    },
  },
  {
    epsilon: 8,
    recipe: {
      ...common,
      maxPairs: 6,
      window: 5,
      popularityShare: 0.03,
      firstShare: 0.4,
      rounds: 4,
      firstPopularity: 0.25,
      firstContent: 1,
      firstNorm: 1.03,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.1,
      weightPower: 0.269,
      laterNorm: 0.353,
      priorMean: 5,
      priorPopularity: 0.827,
      roundOdds: 6.37e-6,
      finalOdds: 7.97e-6,
      roundContent: 9.82,
      finalContent: 10.9,
      targetPopularity: 0,
      contentWeight: 11.9,
      contentSharpness: 10.5,
      decay: 0.566,
    },
  },
];

/** The recipe of the ε that is nearest by ratio. */
export function statisticsRecipe(epsilon: number): StatisticsRecipe {
  return nearest(recipes, epsilon);
}

function nearest(list: typeof recipes, epsilon: number): StatisticsRecipe {
  const distance = (of: number) => Math.abs(Math.log(of / epsilon));
  return list.reduce((best, each) => (distance(each.epsilon) < distance(best.epsilon) ? each : best)).recipe;
}

/** By ε; found on the validation customers of a synthetic market, from neutral numbers on, so that nothing of any real customer is in them. */
const transferred: readonly { readonly epsilon: number; readonly recipe: StatisticsRecipe }[] = [
  {
    epsilon: 1,
    recipe: {
      ...common,
      maxPairs: 1024,
      window: 4,
      popularityShare: 0.145,
      firstShare: 0.307,
      rounds: 3,
      firstPopularity: 0.5,
      firstContent: 2,
      firstNorm: 1.71,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.03,
      weightPower: 0.305,
      laterNorm: 0.598,
      priorMean: 2.49,
      priorPopularity: 1.29,
      roundOdds: 5.5e-5,
      finalOdds: 1e-4,
      roundContent: 6,
      finalContent: 6,
      targetPopularity: 0,
      contentWeight: 13.6,
      contentSharpness: 12.6,
      decay: 0.458,
    },
  },
  {
    epsilon: 2,
    recipe: {
      ...common,
      maxPairs: 1024,
      window: 4,
      popularityShare: 0.1,
      firstShare: 0.3,
      rounds: 4,
      firstPopularity: 0.5,
      firstContent: 2,
      firstNorm: 10,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.03,
      weightPower: 0.4,
      laterNorm: 0.5,
      priorMean: 3.13,
      priorPopularity: 0.754,
      roundOdds: 1e-4,
      finalOdds: 1e-4,
      roundContent: 6,
      finalContent: 6,
      targetPopularity: 0.1,
      contentWeight: 28.4,
      contentSharpness: 14.8,
      decay: 0.6,
    },
  },
  {
    epsilon: 4,
    recipe: {
      ...common,
      maxPairs: 1024,
      window: 4,
      popularityShare: 0.1,
      firstShare: 0.5,
      rounds: 4,
      firstPopularity: 0.5,
      firstContent: 1.9,
      firstNorm: 5.61,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.03,
      weightPower: 0.4,
      laterNorm: 0.5,
      priorMean: 3,
      priorPopularity: 1,
      roundOdds: 1e-4,
      finalOdds: 1.28e-4,
      roundContent: 6,
      finalContent: 7.15,
      targetPopularity: 0,
      contentWeight: 34.2,
      contentSharpness: 11,
      decay: 0.43,
    },
  },
  {
    epsilon: 8,
    recipe: {
      ...common,
      maxPairs: 1024,
      window: 4,
      popularityShare: 0.1,
      firstShare: 0.3,
      rounds: 5,
      firstPopularity: 0.5,
      firstContent: 1.98,
      firstNorm: 10,
      aliveAbove: 0.003,
      weighBy: "probability",
      weightFloor: 0.0217,
      weightPower: 0.4,
      laterNorm: 0.5,
      priorMean: 1.97,
      priorPopularity: 0.86,
      roundOdds: 1e-4,
      finalOdds: 1e-4,
      roundContent: 6,
      finalContent: 5.72,
      targetPopularity: 0,
      contentWeight: 20,
      contentSharpness: 12,
      decay: 0.416,
    },
  },
];

/** As `statisticsRecipe`, of numbers that no private data chose. */
export function transferredRecipe(epsilon: number): StatisticsRecipe {
  return nearest(transferred, epsilon);
}

/** One sum query of a recipe. */
export interface StatisticsRelease {
  readonly kind: "popularity" | "pairs";
  /** Of 1/σ² of everything that is released; shares add up to 1. */
  readonly share: number;
  /** Most coordinates. */
  readonly dimension: number;
  /** Most coordinates of one customer. */
  readonly touched: number;
}

/**
 * Everything that a recipe releases, in order. With noise multiplier z for all of it as one release, release r has z/√share.
 * @param items how many items the catalogue has
 */
export function statisticsReleases(recipe: StatisticsRecipe, items: number): readonly StatisticsRelease[] {
  const { popularityShare, firstShare, rounds, firstCells, laterCells, maxItems, maxPairs } = recipe;
  const cells = (most: number) => Math.max(1, Math.min(most, (items * (items - 1)) / 2));
  const pairs = Array.from({ length: rounds }, (_, round): StatisticsRelease => {
    const share = rounds === 1 ? 1 : round === 0 ? firstShare : (1 - firstShare) / (rounds - 1);
    const dimension = cells(round === 0 ? firstCells : laterCells);
    return { kind: "pairs", share: (1 - popularityShare) * share, dimension, touched: Math.min(maxPairs, dimension) };
  });
  return [{ kind: "popularity", share: popularityShare, dimension: items, touched: Math.min(maxItems, items) }, ...pairs];
}
