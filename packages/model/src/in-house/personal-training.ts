/**
 * Fine-tuning of a federated model on a merchant's own customers: in-house processing, without clipping and noise, because nothing of it ever leaves the node
 * (DESIGN §3, §6). Chosen tensors move, all others stay as they were released, and a pull holds the moved ones near where they began (FedProx's proximal term,
 * Li et al. 2020, used for personalisation as in Ditto, Li et al. 2021):
 *
 *   minimise  F_own(w) + μ/2·‖w − w_federated‖²      by Adam, over batches of whole customers
 *
 * It stops where customers who are not trained on are predicted best; where no epoch beats the federated weights those are what comes out.
 */
import { fail } from "@tributary/errors";
import { type HeldOut, type Histories, type SeededRandom, seededRandom, shuffle } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { evaluate } from "../evaluation/evaluate.ts";
import { type Repeats, resultBlock } from "../evaluation/result-block.ts";
import type { Student } from "../hybrid/student.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { FedAdam, OptimiserState } from "../optimisers/optimiser.ts";
import { serverStep } from "../optimisers/server-step.ts";
import { putTrained, type TrainedTensor, takeTrained, trainedTensors } from "../trained-tensors.ts";
import { bytesOf } from "../training/seeded-bytes.ts";
import { createTrainer, type Trainer } from "../training/trainer.ts";

export interface PersonalTrainingOptions {
  /** How many items the catalogue has. */
  readonly items: number;
  /** Names of the tensors that move (`personalLayers`). */
  readonly layers: readonly string[];
  /** Of customers who are not among those trained on: what training stops by. */
  readonly validation: HeldOut;
  readonly repeats: Repeats;
  /** Orders customers and draws negatives; no secret. */
  readonly seed: number;
  /** Most passes over the customers; default 20. */
  readonly epochs?: number;
  /** Epochs without a better validation after which a learning rate is given up; default 5. */
  readonly patience?: number;
  /** Each begins at the federated weights; default .003, .01 and .03. */
  readonly learningRates?: readonly number[];
  /** μ; default .01. */
  readonly proximal?: number;
  /** Customers a step; default 32. */
  readonly batch?: number;
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
  /** Unix seconds until which the log was watched, where the model has a churn head. */
  readonly now?: number | undefined;
}

export interface PersonalTraining {
  /** [parameterCount]; the federated ones themselves where no epoch was better. */
  readonly parameters: Float32Array;
  /** Of what came out; 0: nothing moved. */
  readonly epochs: number;
  readonly learningRate: number;
  /** NDCG@10 of attention alone on the validation customers: as federated, and of what came out. */
  readonly validation: { readonly federated: number; readonly personal: number };
  /** ‖w − w_federated‖ over ‖w_federated‖, of the tensors that moved. */
  readonly moved: number;
}

/** Adam's usual constants (Kingma & Ba 2015). */
const adam = { name: "fedadam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
/** Gradients come over an integer grid of 2⁻²⁸, finer than float32 gradients of ordinary size; `clipNorm` only bounds it. */
const grid = { clipNorm: 64, scale: 2 ** 20, fractionBits: 8 };
const gridUnit = grid.scale * 2 ** grid.fractionBits;

/**
 * @param federated as it was released
 * @param own customers to train on, with whole histories
 * @throws TRB_TRAINING_REQUEST_INVALID, and what the trainer throws
 */
export async function trainPersonally(
  federated: Student,
  own: Histories,
  executor: Executor,
  options: PersonalTrainingOptions,
): Promise<PersonalTraining> {
  const { items, layers, validation, repeats, content, now } = options;
  const { epochs: most = 20, patience = 5, learningRates = [0.003, 0.01, 0.03], proximal = 0.01, batch = 32 } = options;
  const { spec, parameters: begin } = federated;
  checkNumbers({ epochs: most, patience, batch }, proximal);
  const tensors = trainedTensors(spec, layers);
  const start = takeTrained(tensors, begin);
  const judge = async (parameters: Float32Array) =>
    resultBlock(await evaluate(spec, parameters, executor, validation, { items, repeats, content })).ndcg10;
  const untrained = await judge(begin);
  let best = { validation: untrained, epochs: 0, learningRate: 0, parameters: begin };
  const trainer = await createTrainer(spec, executor, { clipped: false, content, now, trained: layers });
  try {
    for (const learningRate of learningRates) {
      const random = seededRandom(options.seed, "personal training");
      const course = { weights: start, state: null, whole: Float32Array.from(begin) };
      let better = { epoch: 0, validation: untrained };
      let pass: Course = course;
      for (let epoch = 1; epoch <= most && epoch - better.epoch <= patience; epoch++) {
        pass = await onePass(pass, { trainer, tensors, start, own, random, learningRate, proximal, batch });
        const score = await judge(pass.whole);
        if (score > better.validation) better = { epoch, validation: score };
        if (score > best.validation) {
          best = { validation: score, epochs: epoch, learningRate, parameters: Float32Array.from(pass.whole) };
        }
      }
    }
  } finally {
    await trainer.close();
  }
  return {
    ...{ parameters: best.parameters, epochs: best.epochs, learningRate: best.learningRate },
    validation: { federated: untrained, personal: best.validation },
    moved: distance(takeTrained(tensors, best.parameters), start),
  };
}

interface Course {
  /** [trained] */
  readonly weights: Float32Array;
  readonly state: OptimiserState | null;
  /** [parameterCount], with the weights in their places */
  readonly whole: Float32Array;
}

interface Pass {
  readonly trainer: Trainer;
  readonly tensors: readonly TrainedTensor[];
  /** [trained] as federated */
  readonly start: Float32Array;
  readonly own: Histories;
  readonly random: SeededRandom;
  readonly learningRate: number;
  readonly proximal: number;
  readonly batch: number;
}

/** Every customer once, in a fresh order. */
async function onePass({ weights, state, whole }: Course, pass: Pass): Promise<Course> {
  const { trainer, tensors, start, own, random, learningRate, proximal, batch } = pass;
  const optimiser: FedAdam = { ...adam, learningRate };
  const order = shuffle(Uint32Array.from(own.customers.keys()), random);
  let course: Course = { weights, state, whole };
  for (let first = 0; first < order.length; first += batch) {
    const sampled = order.slice(first, first + batch).sort();
    const request = { ...grid, parameters: whole, histories: own, sampled, customerQuota: batch, negatives: bytesOf(random) };
    const { total } = await trainer.sum(request);
    const at = course.weights;
    const gradient = total.map(
      (units, n) => units / (gridUnit * sampled.length) + proximal * ((at[n] as number) - (start[n] as number)),
    );
    const next = serverStep(optimiser, at, course.state, gradient);
    putTrained(tensors, next.parameters, whole);
    course = { weights: next.parameters, state: next.optimiserState, whole };
  }
  return course;
}

function distance(some: Float32Array, start: Float32Array): number {
  let [moved, all] = [0, 0];
  for (let n = 0; n < start.length; n++) {
    moved += ((some[n] as number) - (start[n] as number)) ** 2;
    all += (start[n] as number) ** 2;
  }
  return all === 0 ? 0 : Math.sqrt(moved / all);
}

function checkNumbers(whole: Readonly<Record<string, number>>, proximal: number): void {
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isInteger(value) || value < 1)
      throw fail("TRB_TRAINING_REQUEST_INVALID", { reason: `${name} of personal training must be a whole number above 0` });
  }
  if (!(proximal >= 0 && Number.isFinite(proximal)))
    throw fail("TRB_TRAINING_REQUEST_INVALID", { reason: "proximal must be 0 or more" });
}
