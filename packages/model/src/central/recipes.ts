/**
 * How each family is trained on a public log without privacy: found by experiments on Beauty's *validation* items alone
 * (docs/quality.md lists what was tried), and the same for every log, so that nobody tunes on what is then reported.
 */

import { seededRandom } from "@tributary/events/histories";
import { initialParameters } from "../checkpoint/initial-parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { bytesOf } from "../training/seeded-bytes.ts";
import type { TeamTask } from "./team.ts";
import type { CentralOptions } from "./train-centrally.ts";

export interface Recipe extends Pick<TeamTask, "spec" | "initial" | "adamw" | "weighting"> {
  readonly options: Omit<CentralOptions, "onEpoch" | "deadline">;
}

/** Negatives that share a step's softmax; a small catalogue has half of its items, at most. */
const negatives = 1024;

/**
 * What a family wants otherwise. bert4rec sees the history through dropout and hidden events both: after 6 epochs it is at .0109 on
 * validation with half and a fifth of them, at .0144 with these.
 */
const familyChanges: Partial<Record<ModelSpec["family"], Partial<Pick<ModelSpec, "dropout" | "masked">>>> = {
  bert4rec: { dropout: 200, masked: 400 },
};

/**
 * @param items size of the catalogue
 * @param settings.epochs where to stop at the latest; the learning rate comes to its end there
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function qualityRecipe(
  family: ModelSpec["family"],
  items: number,
  settings: { readonly seed: number; readonly epochs: number },
): Recipe {
  const spec = modelSpec({
    family,
    items,
    length: 50,
    width: 64,
    blocks: 1,
    heads: 1,
    dropout: 500,
    ...familyChanges[family],
    nextItem: { loss: "softmax", negatives: Math.min(negatives, Math.floor(items / 2)), calibration: 0 },
  });
  return {
    spec,
    initial: initialParameters(spec, bytesOf(seededRandom(settings.seed, "initial parameters"))),
    adamw: { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0 },
    weighting: "position",
    options: {
      ...settings,
      batch: 128,
      schedule: { learningRate: 0.002, warmUpSteps: 100, decay: "cosine", floor: 0 },
      negatives: { power: 0, correction: 0 },
      validateEvery: 2,
      patience: 10,
    },
  };
}
