import { type Histories, leaveLastOut, type SeededRandom, seededRandom, shuffle } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { evaluate } from "../evaluation/evaluate.ts";
import { resultBlock } from "../evaluation/result-block.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { FedAdam, OptimiserState } from "../optimisers/optimiser.ts";
import { serverStep } from "../optimisers/server-step.ts";
import type { ModelSpec } from "../spec.ts";
import { bytesOf } from "../training/seeded-bytes.ts";
import { createTrainer, type Trainer } from "../training/trainer.ts";

export interface LocalTrainingOptions {
  /** How many items the catalogue has. */
  readonly items: number;
  /** The federation's own round 0. */
  readonly initial: Float32Array;
  /** Shuffles customers and draws negatives; no secret. */
  readonly seed: number;
  readonly learningRates?: readonly number[];
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
  /** Unix seconds until which the log was watched, where the model has a churn head. */
  readonly now?: number | undefined;
  /** Customers a step. */
  readonly batch?: number;
  /** Epochs that every learning rate gets before the best two go on. */
  readonly trialEpochs?: number;
  readonly mostEpochs?: number;
  /** Validations without improvement after which training stops. */
  readonly patience?: number;
  /** True: take the best so far. Results then depend on the machine's speed, and `chosen.stopped` says so. */
  readonly deadline?: () => boolean;
}

export interface LocalTraining {
  readonly parameters: Float32Array;
  readonly chosen: {
    readonly learningRate: number;
    readonly epochs: number;
    /** NDCG@10 on validation, repeats kept. */
    readonly validation: number;
    readonly stopped: "patience" | "epochs" | "deadline";
    readonly tried: readonly { readonly learningRate: number; readonly epochs: number; readonly validation: number }[];
  };
}

interface Course {
  readonly learningRate: number;
  readonly random: SeededRandom;
  epochs: number;
  parameters: Float32Array;
  state: OptimiserState | null;
  best: { readonly epochs: number; readonly validation: number };
}

/** Adam's usual constants (Kingma & Ba 2015); only the learning rate and the number of epochs are tuned. */
const adam = { name: "fedadam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** So wide that validation's choice, 0.03 or 0.1 on the synthetic market, is not forced by the grid's lower end. */
const defaultLearningRates = [0.003, 0.01, 0.03, 0.1];

/** @param histories the merchant's training part: the held-out events of the final evaluation are not in it */
export async function trainLocally(
  spec: ModelSpec,
  executor: Executor,
  histories: Histories,
  options: LocalTrainingOptions,
): Promise<LocalTraining> {
  const { initial, learningRates = defaultLearningRates, trialEpochs = 3, mostEpochs = 60, patience = 4 } = options;
  const late = options.deadline ?? (() => false);
  const validation = leaveLastOut(histories);
  const { items, content, now } = options;
  const trainer = await createTrainer(spec, executor, { clipped: false, content, now });
  const judge = async (parameters: Float32Array) =>
    resultBlock(await evaluate(spec, parameters, executor, validation, { items, content })).ndcg10;
  try {
    const untrained = { epochs: 0, validation: await judge(initial) };
    const begin = (learningRate: number): Course => ({
      learningRate,
      random: seededRandom(options.seed, "local training"),
      epochs: 0,
      parameters: initial,
      state: null,
      best: untrained,
    });
    const advance = async (course: Course, on: Histories) => {
      await oneEpoch(trainer, course, on, options.batch ?? 64);
      course.epochs += 1;
    };
    const advanceAndJudge = async (course: Course) => {
      await advance(course, validation.train);
      const score = await judge(course.parameters);
      if (score > course.best.validation) course.best = { epochs: course.epochs, validation: score };
    };

    const courses = learningRates.map(begin);
    for (let epoch = 0; epoch < trialEpochs; epoch++) {
      for (const course of courses) if (!late()) await advanceAndJudge(course);
    }
    const isStale = (course: Course) => course.epochs - course.best.epochs >= patience;
    const isDone = (course: Course) => isStale(course) || course.epochs >= mostEpochs;
    const finalists = courses.toSorted((a, b) => b.best.validation - a.best.validation).slice(0, 2);
    while (!finalists.every(isDone) && !late()) {
      for (const course of finalists) if (!isDone(course) && !late()) await advanceAndJudge(course);
    }
    const best = finalists.reduce((a, b) => (b.best.validation > a.best.validation ? b : a));
    const stopped = isStale(best) ? "patience" : best.epochs >= mostEpochs ? "epochs" : "deadline";

    const final = begin(best.learningRate);
    while (final.epochs < best.best.epochs) await advance(final, histories);
    const tried = courses.map(({ learningRate, epochs, best: { validation } }) => ({ learningRate, epochs, validation }));
    return { parameters: final.parameters, chosen: { learningRate: best.learningRate, ...best.best, stopped, tried } };
  } finally {
    await trainer.close();
  }
}

/** Every customer once, in a fresh order. Gradients come over the trainer's integer grid, fine enough to be float32 in effect. */
async function oneEpoch(trainer: Trainer, course: Course, histories: Histories, batch: number): Promise<void> {
  const order = shuffle(Uint32Array.from(histories.customers.keys()), course.random);
  const optimiser: FedAdam = { ...adam, learningRate: course.learningRate };
  for (let first = 0; first < order.length; first += batch) {
    const sampled = order.slice(first, first + batch).sort();
    const { total } = await trainer.sum({
      parameters: course.parameters,
      histories,
      sampled,
      clipNorm: 64, // not applied: it only bounds the grid
      scale: 2 ** 20,
      fractionBits: 8,
      customerQuota: batch,
      negatives: bytesOf(course.random),
    });
    const gradient = total.map((units) => units / (2 ** 28 * sampled.length));
    const step = serverStep(optimiser, course.parameters, course.state, gradient);
    course.parameters = step.parameters;
    course.state = step.optimiserState;
  }
}
