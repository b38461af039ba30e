/**
 * How ε is spent on statistics: the recipe's shares of 1/σ² become the noise of each release. Without sampling Rényi divergences are
 * α/2z², so budgets add as 1/z²: with z for everything as one release, a release of share w has z/√w.
 */
import type { SampledGaussian } from "@tributary/dp";
import { type StatisticsRecipe, type StatisticsRelease, statisticsReleases } from "@tributary/model";
import { formatDecimal, type Plan, parseDecimal } from "@tributary/protocol";
import { type Calibration, noiseBy } from "./calibration.ts";

export interface StatisticsRequest {
  readonly recipe: StatisticsRecipe;
  readonly catalogueItems: number;
  /** What statistics may cost together with everything else. */
  readonly epsilon: number;
  readonly delta: number;
  readonly calibration: Calibration;
  /** Of 1/σ²: what is left for training. */
  readonly trainingShare: number;
  /** Retries of each round that is there only once. */
  readonly retries: number;
}

/** A release without the scale, which depends on the cohort as well. */
export type UnscaledRelease = Omit<Plan["releases"][number], "scale" | "fractionBits">;

export interface StatisticsSplit {
  readonly releases: readonly UnscaledRelease[];
  readonly section: NonNullable<Plan["statistics"]>;
  /** What all of it costs, retries included. */
  readonly events: readonly SampledGaussian[];
  /** z of all of it as one release, without the retries. */
  readonly noise: number;
  readonly why: readonly string[];
}

export function splitStatistics(request: StatisticsRequest): StatisticsSplit {
  const { recipe, catalogueItems, epsilon, delta, trainingShare, retries } = request;
  const planned = joined(statisticsReleases(recipe, catalogueItems)).map((release) => ({
    ...release,
    spare: release.rounds === 1 ? retries : 0,
  }));
  const whole = planned.reduce((sum, { share, rounds, spare }) => sum + share * (rounds + spare), 0);
  const once = noiseBy(request.calibration, { epsilon, delta, samplingRate: 1, steps: 1 });
  const releases = planned.map(({ kind, share, rounds, spare, dimension, touched }): UnscaledRelease => {
    const noise = once * Math.sqrt(whole / (share * (1 - trainingShare)));
    return {
      ...{ kind, arithmetic: "exact", clipNorm: formatDecimal(1), samplingRate: formatDecimal(1) },
      ...{ noiseMultiplier: formatDecimal(noise, "up"), rounds: rounds + spare, dimension, touched },
      ...(spare > 0 ? { retries: spare } : {}),
    };
  });
  const events = releases.map(({ noiseMultiplier, rounds }) => ({
    ...{ samplingRate: 1, noiseMultiplier: parseDecimal(noiseMultiplier), steps: rounds },
  }));
  const noise = once * Math.sqrt(whole / (1 - trainingShare));
  return { releases, section: sectionOf(recipe), events, noise, why: reasons(planned, request) };
}

interface PlannedRelease extends StatisticsRelease {
  readonly rounds: number;
}

/** Releases in a row that differ in nothing are rounds of one. */
function joined(releases: readonly StatisticsRelease[]): readonly PlannedRelease[] {
  const list: PlannedRelease[] = [];
  for (const release of releases) {
    const last = list.at(-1);
    const same =
      last !== undefined && last.kind === release.kind && last.share === release.share && last.dimension === release.dimension;
    if (same) list.splice(-1, 1, { ...last, rounds: last.rounds + 1 });
    else list.push({ ...release, rounds: 1 });
  }
  return list;
}

/** What of a recipe a plan states beside its releases. */
function sectionOf(recipe: StatisticsRecipe): NonNullable<Plan["statistics"]> {
  const {
    window,
    weighBy,
    latest,
    maxItems: _i,
    maxPairs: _p,
    popularityShare: _s,
    firstShare: _f,
    rounds: _r,
    ...rest
  } = recipe;
  const { firstCells: _c, laterCells: _l, ...numbers } = rest;
  const decimals = Object.fromEntries(Object.entries(numbers).map(([field, value]) => [field, formatDecimal(value)])) as Record<
    keyof typeof numbers,
    ReturnType<typeof formatDecimal>
  >;
  return { ...decimals, window, weighBy, latest };
}

function reasons(planned: readonly PlannedRelease[], { recipe, trainingShare, retries }: StatisticsRequest): string[] {
  const pairs = planned.filter(({ kind }) => kind === "pairs");
  const rounds = pairs.reduce((sum, release) => sum + release.rounds, 0);
  const sizes = pairs
    .map((release) => `${release.rounds} of ${release.dimension.toLocaleString("en-US")} cells`)
    .join(", then ");
  const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  return [
    `Statistics come first: ${percent(recipe.popularityShare)} of what they may spend on how popular items are, the rest on ${rounds} rounds of pair counts (${sizes}); each round asks for what is likely to be real by the rounds before.`,
    `A customer counts with at most ${recipe.maxItems} items and ${recipe.maxPairs} pairs, of events at most ${recipe.window} steps apart.`,
    ...(retries > 0
      ? [
          "One retry is reserved for each statistic that is released once, so that one failed round doesn't cost the statistic; what it would cost is in ε.",
        ]
      : []),
    trainingShare > 0
      ? `${percent(trainingShare)} of the budget is left for training.`
      : "Nothing is left for training: at this size sums of statistics carry far more for the same ε than gradients do.",
  ];
}
