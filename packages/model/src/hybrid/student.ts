/**
 * The attention student: a small SASRec that learns from walks (`walks.ts`), at the coordinator from what is released, and again in-house from own
 * sequences and walks together.
 *
 * It begins with what is public. Item vectors are drawn, plus a projection of the item's public content, so that alike items are near each other. The
 * last coordinate holds a bias: a tied model scores item j by ⟨h, v_j⟩, the final norm's gain is 0 and its bias 1/c there, and v_j has c·ln p_j, so
 * that every score begins with ln p_j. Biases, like what makes them, stay as they are in training.
 */

import { fail } from "@tributary/errors";
import { type Histories, seededRandom, shuffle } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { AdamW } from "../central/adamw.ts";
import { negativeSampler } from "../central/sampled-negatives.ts";
import { learningRateAt } from "../central/schedule.ts";
import { soloTeam } from "../central/team.ts";
import { initialParameters } from "../checkpoint/initial-parameters.ts";
import { parameterShapes, sizeOf } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import { bytesOf } from "../training/seeded-bytes.ts";
import { addProjected, type ItemVectors, projectedContent } from "./item-vectors.ts";

/** A model and its weights. */
export interface Student {
  readonly spec: ModelSpec;
  /** [parameterCount] */
  readonly parameters: Float32Array;
}

/** c of the bias coordinate: small, because the coordinate is an input as well, and inputs are normalised together. */
const biasScale = 0.05;
/** Norm of an item's projected content; drawn vectors of width 64 have .8. */
const usualNorm = 0.8;

/** The study's: width 64, two blocks, two heads, 1,024 uniform negatives; a small catalogue has half of its items at most. */
export function studentSpec(items: number, change: Partial<ModelSpec> = {}): ModelSpec {
  const negatives = Math.min(1024, Math.floor(items / 2));
  return modelSpec({
    ...{ items, length: 20, width: 64, blocks: 2, heads: 2, dropout: 100 },
    nextItem: { loss: "softmax", negatives, calibration: 0 },
    ...change,
  });
}

export interface StudentStart {
  /** [items] p, mean 1. */
  readonly popularity: Float32Array;
  /** Public attributes, where items have any. */
  readonly similarity?: ItemSimilarity;
  /** Frozen public vectors or those of another model, in place of attributes. */
  readonly vectors?: ItemVectors;
  /** Norm of an item's public content beside what is drawn, which has .1·√width; default .8. */
  readonly contentNorm?: number;
  /** No secret. Models that are to share a body begin with the same seed: it fixes the projection. */
  readonly seed: number;
}

/** @throws TRB_TRAINING_SPEC_INVALID for another model than a tied `sasrec` with one row an item, TRB_MODEL_LENGTH_MISMATCH */
export function startStudent(spec: ModelSpec, start: StudentStart): Student {
  const { popularity, similarity, vectors, seed, contentNorm = usualNorm } = start;
  checkTied(spec, popularity.length);
  const parameters = initialParameters(spec, bytesOf(seededRandom(seed, "student")));
  const { width } = spec;
  const content = vectors ?? (similarity && projectedContent(similarity, width - 1, seed));
  if (content !== undefined) addProjected(parameters, spec, content, { norm: contentNorm, seed });
  const logarithms = Float64Array.from(popularity, Math.log);
  const mean = logarithms.reduce((sum, value) => sum + value, 0) / popularity.length;
  for (let i = 0; i < popularity.length; i++) {
    parameters[i * width + width - 1] = biasScale * ((logarithms[i] as number) - mean);
  }
  const { gain, bias } = finalNorm(spec);
  parameters[gain + width - 1] = 0;
  parameters[bias + width - 1] = 1 / biasScale;
  return { spec, parameters };
}

/** Places of the flat vector that training leaves alone: the bias coordinate, wherever it stands. */
export function biasPlaces(spec: ModelSpec): Uint32Array {
  const { items, width } = spec;
  const { gain, bias } = finalNorm(spec);
  const column = Array.from({ length: items }, (_, i) => i * width + width - 1);
  return Uint32Array.from([...column, gain + width - 1, bias + width - 1]);
}

function finalNorm(spec: ModelSpec): { readonly gain: number; readonly bias: number } {
  const found = new Map<string, number>();
  let offset = 0;
  for (const { name, shape } of parameterShapes(spec)) {
    found.set(name, offset);
    offset += sizeOf(shape);
  }
  return { gain: found.get("final.gain") ?? 0, bias: found.get("final.bias") ?? 0 };
}

function checkTied(spec: ModelSpec, items: number): void {
  const { family, output, item } = spec;
  if (family !== "sasrec" || output !== "tied" || item.ids !== "own" || item.features > 0 || item.attributes.length > 0)
    throw fail("TRB_TRAINING_SPEC_INVALID", { reason: "a student is a tied sasrec with vectors of its own for items" });
  if (items !== spec.items)
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "A popularity", found: items, expected: spec.items });
}

export interface StudentTraining {
  readonly epochs: number;
  /** Sequences a step. */
  readonly batch: number;
  readonly learningRate: number;
  /** Orders sequences, draws negatives and what is dropped; no secret. */
  readonly seed: number;
  /** Places of the flat vector that stay as they are; default `biasPlaces`. */
  readonly frozen?: Uint32Array;
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

const adamw: AdamW = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0 };

/**
 * A fixed number of epochs with sampled softmax, the learning rate along half a cosine down to nothing. Equal arguments give equal bytes.
 * @throws TRB_TRAINING_CENTRAL_INVALID when no sequence has two items, or the loss is not finite
 */
export async function trainStudent(
  { spec, parameters: initial }: Student,
  sequences: Histories,
  executor: Executor,
  training: StudentTraining,
): Promise<Student> {
  const { epochs, batch, learningRate, seed, frozen = biasPlaces(spec), onEpoch } = training;
  const order = Uint32Array.from(sequences.customers.keys()).filter((customer) => {
    return (sequences.offsets[customer + 1] as number) - (sequences.offsets[customer] as number) > 1;
  });
  if (order.length === 0) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: "no sequence has two items to learn from" });
  const team = await soloTeam({ spec, train: sequences, heldOut: {}, adamw, weighting: "position", initial }, executor);
  try {
    const random = seededRandom(seed, "student training");
    const sample = negativeSampler(new Float64Array(spec.items), { power: 0, correction: 0 });
    const steps = epochs * Math.ceil(order.length / batch);
    const schedule = { learningRate, warmUpSteps: Math.min(100, Math.floor(steps / 10)), decay: "cosine", floor: 0 } as const;
    let step = 0;
    for (let epoch = 1; epoch <= epochs; epoch++) {
      shuffle(order, random);
      let loss = 0;
      for (let first = 0; first < order.length; first += batch) {
        step += 1;
        const negatives = spec.nextItem.negatives > 0 ? sample(spec.nextItem.negatives, random) : undefined;
        const request = { customers: order.slice(first, first + batch), negatives, seed: random.uint32() };
        loss += await team.step(request, { step, learningRate: learningRateAt(schedule, step, steps) });
        for (const place of frozen) team.parameters[place] = initial[place] as number;
      }
      if (!Number.isFinite(loss))
        throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: `the student's loss in epoch ${epoch} is not finite` });
      onEpoch?.(epoch, loss / Math.ceil(order.length / batch));
    }
    return { spec, parameters: Float32Array.from(team.parameters) };
  } finally {
    await team.close();
  }
}
