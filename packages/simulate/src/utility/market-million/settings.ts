/**
 * All numbers of the measurement on a market of a million customers (docs/utility.md, "A million customers"). They were found on smaller markets with other
 * seeds, under the noise that a million customers have (`tuning: "other-market"`); nothing of the market that is reported chose any of them.
 */
import { actions, timeGapBuckets } from "@tributary/events";
import { type ModelSpec, modelSpec, type StatisticsRecipe, statisticsRecipe } from "@tributary/model";
import type { WalkSettings } from "./student.ts";

/** How tables are served: what each part counts in the mixture, in released pairs a customer of the market, so that one setting fits markets of any size. */
export interface TableWeights {
  /** κ of content × popularity, over customers. */
  readonly content: number;
  /** The item looked at last, once more. */
  readonly again: number;
  /** Earlier items of the customer, less by `decay` for each step since. */
  readonly history: number;
}

export interface MillionSettings {
  readonly version: 1;
  /** Of the market, the noise and everything else. */
  readonly seed: number;
  readonly market: { readonly customers: number; readonly items: number; readonly categories: number };
  /** Merchants, all in every round; none is counted as corrupt and none is missing. */
  readonly nodes: number;
  readonly epsilon: number;
  readonly delta: number;
  /** Customers who are ranked, each by the last item event, which nobody trained on. */
  readonly judged: number;
  readonly recipe: StatisticsRecipe;
  readonly tables: TableWeights;
  /** κ where the customer's own items are not served for themselves. */
  readonly contentWithoutOwn: number;
  /** Of 1/σ² that one release of the whole ε would have: what the statistics get that training begins from. */
  readonly statisticsShare: number;
  /** Walks along released tables, from which the model learns first. */
  readonly walks: WalkSettings;
  readonly model: ModelSpec;
  /** What customers teach (`plan.trained`): gradient, clipping and noise are of these tensors alone. Items stay as walks taught them. */
  readonly trained: readonly string[];
  readonly training: {
    readonly rounds: number;
    /** q·N: customers expected in a round. */
    readonly cohort: number;
    readonly clipNorm: number;
    /** Of DP-AdamBC. `floor`: √ of the least second moment, in standard deviations of a round's noise. */
    readonly optimiser: {
      readonly learningRate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly floor: number;
    };
    /** Rounds in which the rate climbs; from `decayFrom` (a share of all) on it falls in a line to nothing. */
    readonly warmUp: number;
    readonly decayFrom: number;
  };
  /** The same first model taught by histories of so many customers without privacy and without rounds: AdamW, all tensors but items' biases. */
  readonly central: {
    readonly customers: number;
    readonly epochs: number;
    readonly batch: number;
    readonly learningRate: number;
  };
  /** w of attention in the mixture of tables and attention. */
  readonly attentionWeight: number;
}

export const millionCustomers = 1_000_000;

/** `blocks`: customers teach the body, and items stay as walks taught them. `everything`: customers teach items as well, in more rounds of more of them. */
export const millionTrainings = ["blocks", "everything"] as const;
export type MillionTraining = (typeof millionTrainings)[number];

const trainings: Readonly<Record<MillionTraining, Pick<MillionSettings, "trained" | "attentionWeight" | "training">>> = {
  blocks: {
    trained: ["block*", "final.*", "action.weight", "gap.weight", "position.weight"],
    training: {
      ...{ rounds: 120, cohort: 0.01, clipNorm: 0.25, warmUp: 5, decayFrom: 0.3 },
      optimiser: { learningRate: 0.007, beta1: 0.9, beta2: 0.99, floor: 1 },
    },
    attentionWeight: 0.4,
  },
  everything: {
    trained: ["*"],
    training: {
      ...{ rounds: 160, cohort: 0.012, clipNorm: 0.5, warmUp: 10, decayFrom: 0.2 },
      optimiser: { learningRate: 0.004, beta1: 0.9, beta2: 0.99, floor: 1 },
    },
    attentionWeight: 0.5,
  },
};

/** @param customers fewer make a smaller market, for trying out: items stay, and the noise is what fewer customers get */
export function millionSettings(
  wishes: { readonly seed: number; readonly train?: MillionTraining; readonly customers?: number; readonly delta?: number } = {
    seed: 1,
  },
): MillionSettings {
  const { seed, train = "blocks", customers = millionCustomers, delta = 1 / (10 * customers) } = wishes;
  const items = 3000;
  const { training, ...chosen } = trainings[train];
  return {
    ...{ version: 1, seed, nodes: 20, epsilon: 2, delta },
    market: { customers, items, categories: items / 50 },
    judged: Math.min(20_000, customers),
    recipe: { ...statisticsRecipe(2), contentSharpness: 5, decay: 0.3 },
    tables: { content: 0.002, again: 0.03, history: 0.002 },
    contentWithoutOwn: 0.02,
    statisticsShare: 0.5,
    walks: { count: 150_000, epochs: 3, batch: 128, learningRate: 0.003, stay: 0.3, back: 0.12 },
    model: attentionModel(items),
    ...chosen,
    training: { ...training, cohort: training.cohort * customers },
    central: { customers: Math.min(300_000, customers), epochs: 1, batch: 256, learningRate: 0.002 },
  };
}

/** Two blocks of width 64 over items, actions and pauses; 256 negatives that everybody in a round shares. */
export function attentionModel(items: number): ModelSpec {
  return modelSpec({
    ...{ items, length: 24, width: 64, blocks: 2, heads: 2, actions: actions.length, timeGaps: timeGapBuckets },
    nextItem: { loss: "softmax", negatives: Math.min(256, Math.floor(items / 2)), calibration: 0 },
  });
}
