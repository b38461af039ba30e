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
}

export interface Evidence {
  readonly command: string;
  readonly seed: number;
  readonly markets: readonly MarketEvidence[];
}

/** What is in the repository. */
export const storedEvidence: Evidence = measured;
