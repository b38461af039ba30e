/**
 * What the planner knows of utility: NDCG@10 that simulations found on the synthetic market, by how much noise there was. No real customer is in it.
 * `evidence.json` was written by the command that stands in it (`measure-evidence.ts`); anybody can run it again.
 */
import measured from "./evidence.json" with { type: "json" };

/** What releasing statistics brought, at one amount of noise. */
export interface StatisticsEvidence {
  /** Whose recipe (`statisticsRecipe`). */
  readonly epsilon: number;
  /** Standard deviation of the noise of all statistics as one release, over the number of customers. */
  readonly noise: number;
  readonly ndcg10: number;
}

/** How rounds of training were set up. */
export interface TrainingSettings {
  readonly rounds: number;
  readonly width: number;
  readonly clipNorm: number;
}

/** What training from scratch brought, at one amount of noise. */
export interface TrainingEvidence extends TrainingSettings {
  /** Length of the noise in the mean update of one round, in clip norms. */
  readonly noise: number;
  readonly ndcg10: number;
}

/** Training that begins from statistics and covers some tensors (`TrainedGroup`s of the model). */
export interface MixtureSettings extends TrainingSettings {
  readonly trained: readonly string[];
}

/** What a plan of both brought: tables and attention as they are released, in one ranker. */
export interface MixtureEvidence extends MixtureSettings {
  readonly epsilon: number;
  /** Of 1/σ², what training had. */
  readonly trainingShare: number;
  /** Of the statistics beneath, as in `StatisticsEvidence`. */
  readonly statisticsNoise: number;
  /** Of training, as in `TrainingEvidence`. */
  readonly noise: number;
  /** NDCG@10 of the same tables alone, and of tables with attention from walks, before any round of training. */
  readonly tables: number;
  readonly walks: number;
  /** After training. */
  readonly ndcg10: number;
}

export interface MarketEvidence {
  readonly customers: number;
  readonly items: number;
  readonly events: number;
  /** NDCG@10 of public content alone: ε = 0. */
  readonly floor: number;
  /** NDCG@10 of exact popularity, which nobody releases. */
  readonly popularity: number;
  /** By rising noise. */
  readonly statistics: readonly StatisticsEvidence[];
  /** By settings, then by rising noise. */
  readonly training: readonly TrainingEvidence[];
  /** By rising noise of training. */
  readonly mixtures: readonly MixtureEvidence[];
}

export interface Evidence {
  readonly command: string;
  readonly seed: number;
  readonly markets: readonly MarketEvidence[];
}

/** What is in the repository. */
export const storedEvidence: Evidence = measured;
