/**
 * Several local steps before anything is clipped: the update is what federated averaging sends (McMahan et al. 2017), not one
 * gradient. Two units:
 *
 * - `customer`: each sampled customer takes `steps` gradient steps on its own history, alone, from the round's model;
 * - `node`: the node goes over all of its customers for `epochs` epochs of batches, and the whole update is one vector.
 *
 * Each step adds FedProx's pull towards the round's model w₀ (Li et al. 2020, "Federated Optimization in Heterogeneous Networks"):
 *
 *   w_k = w₀ − η·u_k,   u_{k+1} = u_k + ∇f(w_k) + μ·(w_k − w₀)
 *
 * u is the update over η, so it is a gradient in scale and one step without μ is exactly one gradient. It is clipped to C in integers
 * (`exact` arithmetic of DESIGN §4), one vector at a time: nothing here is summed in float32 across customers.
 *
 * Customers differ in their weights from the second step on, so they can't share a graph run: a step costs about what the customer's
 * events cost alone, and a round `steps` times that.
 */
import { addCustomer, allFinite, type Grid } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { seededRandom, shuffle } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";
import { putTrained, type TrainedTensor, takeTrained, trainedTensors } from "../trained-tensors.ts";
import { roundSeed } from "./round-seed.ts";
import { bytesOf } from "./seeded-bytes.ts";
import { createTrainer, type SumCounts, type SumRequest, type Trainer, type TrainerOptions } from "./trainer.ts";

export interface LocalUpdates {
  readonly unit: "customer" | "node";
  /** Gradient steps of a customer; unit `customer` only. */
  readonly steps: number;
  /** Passes over the node's customers; unit `node` only. */
  readonly epochs: number;
  /** Customers of a local batch, whose mean gradient is one step; unit `node` only. */
  readonly batchSize: number;
  /** η of local SGD. */
  readonly learningRate: number;
  /** μ of FedProx; 0: plain local SGD. */
  readonly proximal: number;
}

/** Gradients come over an integer grid of 2⁻²⁸, which is finer than float32 gradients of ordinary size. */
const gradientGrid = { clipNorm: 64, scale: 2 ** 20, fractionBits: 8 };
const gradientUnit = gradientGrid.scale * 2 ** gradientGrid.fractionBits;

/**
 * The trainer that the unit and the number of local steps ask for: the bucketed one where a customer takes one step.
 * @throws TRB_TRAINING_SPEC_INVALID, TRB_TRAINING_REQUEST_INVALID
 */
export async function openTrainer(
  spec: ModelSpec,
  executor: Executor,
  local: LocalUpdates,
  options: TrainerOptions = {},
): Promise<Trainer> {
  checkLocalUpdates(local);
  if (local.unit === "customer" && local.steps === 1) return createTrainer(spec, executor, options);
  const gradients = await createTrainer(spec, executor, { ...options, clipped: false });
  const tensors = trainedTensors(spec, options.trained);
  const dimension = tensors.reduce((total, { size }) => total + size, 0);
  let room: Room | undefined;
  return {
    async sum(request) {
      const own = room ?? roomFor(dimension, request.parameters.length);
      room = undefined; // two sums at once must not share it
      try {
        return await localSum(gradients, local, request, tensors, own);
      } finally {
        for (const array of Object.values(own)) array.fill(0);
        room = own;
      }
    },
    close: () => gradients.close(),
  };
}

/** Arrays that all updates are made in, one after the other: fresh pages for each would cost more than what is written there. */
interface Room {
  /** [dimension] grid units of the gradients */
  readonly gradient: Float64Array;
  /** [dimension] u */
  readonly update: Float64Array;
  /** [dimension] w, of what is trained */
  readonly weights: Float32Array;
  /** The whole model with w in its places; `weights` itself where everything is trained. */
  readonly whole: Float32Array;
}

function roomFor(dimension: number, parameters: number): Room {
  const [gradient, update] = [new Float64Array(dimension), new Float64Array(dimension)];
  const weights = new Float32Array(dimension);
  return { gradient, update, weights, whole: dimension === parameters ? weights : new Float32Array(parameters) };
}

function checkLocalUpdates(local: LocalUpdates): void {
  for (const name of ["steps", "epochs", "batchSize"] as const) {
    if (!Number.isInteger(local[name]) || local[name] < 1) {
      throw fail("TRB_TRAINING_REQUEST_INVALID", { reason: `${name} of local training must be a whole number above 0` });
    }
  }
  if (!(local.learningRate > 0 && Number.isFinite(local.learningRate))) {
    throw fail("TRB_TRAINING_REQUEST_INVALID", { reason: "the local learning rate must be above 0" });
  }
  if (!(local.proximal >= 0 && local.proximal * local.learningRate < 1)) {
    throw fail("TRB_TRAINING_REQUEST_INVALID", { reason: "proximal must be 0 or more, and below 1 over the learning rate" });
  }
}

async function localSum(
  gradients: Trainer,
  local: LocalUpdates,
  request: SumRequest,
  tensors: readonly TrainedTensor[],
  room: Room,
): Promise<{ readonly total: Float64Array; readonly counts: SumCounts }> {
  const seed = roundSeed(request.negatives);
  const total = request.into?.fill(0) ?? new Float64Array(room.update.length);
  const grid = gridOf(request);
  const isPart = room.whole !== room.weights;
  const start = isPart ? takeTrained(tensors, request.parameters) : request.parameters;
  if (isPart) room.whole.set(request.parameters);
  const isLate = request.deadline ?? (() => false);
  let zeroed = 0;
  for (const batches of local.unit === "node" ? [nodeBatches(local, request, seed)] : customerBatches(local, request)) {
    const moved = () => isPart && putTrained(tensors, room.weights, room.whole);
    const update = await localUpdate(gradients, local, { ...request, start, moved }, batches, seed, isLate, room);
    if (update === "late") {
      total.fill(0);
      return { total, counts: { customers: 0, zeroed: 0, skipped: request.sampled.length } };
    }
    if (update === "not finite" || !addCustomer(total, update, grid, total.length)) zeroed += 1;
  }
  return { total, counts: { customers: request.sampled.length, zeroed, skipped: 0 } };
}

interface Moving extends Pick<SumRequest, "histories"> {
  /** [dimension] w₀, of what is trained */
  readonly start: Float32Array;
  /** Puts w to its places in the whole model. */
  readonly moved: () => void;
}

/**
 * u after one step for each of `batches`; gradients of a batch are averaged.
 * Customers with nothing to learn from have a gradient of zero, and batches of nobody are not there.
 */
async function localUpdate(
  gradients: Trainer,
  { learningRate, proximal }: LocalUpdates,
  { histories, start, moved }: Moving,
  batches: readonly Uint32Array[],
  seed: number,
  isLate: () => boolean,
  { gradient, update, weights, whole }: Room,
): Promise<Float64Array | "late" | "not finite"> {
  update.fill(0);
  weights.set(start);
  moved();
  for (const [step, sampled] of batches.entries()) {
    if (isLate()) return "late";
    const negatives = bytesOf(seededRandom(seed, "negatives", step));
    const asked = { ...gradientGrid, parameters: whole, histories, sampled, negatives, into: gradient };
    const { total, counts } = await gradients.sum({ ...asked, customerQuota: sampled.length });
    if (counts.zeroed > 0 && sampled.length === 1) return "not finite";
    const share = 1 / (gradientUnit * sampled.length);
    const last = step === batches.length - 1;
    const finite =
      proximal === 0
        ? moveWhereTold(update, weights, start, total, share, learningRate)
        : moveAll(update, weights, start, total, { share, learningRate, proximal });
    if (!finite && !last) return "not finite";
    moved();
  }
  return update;
}

/** u and w after a step without a pull: they move only where the gradient is not 0, which on short histories is nearly nowhere. */
function moveWhereTold(
  update: Float64Array,
  weights: Float32Array,
  start: Float32Array,
  gradient: Float64Array,
  share: number,
  learningRate: number,
): boolean {
  let probe = 0; // stays 0 as long as everything is finite
  for (let i = 0; i < gradient.length; i++) {
    const units = gradient[i] as number;
    if (units === 0) continue;
    const moved = (update[i] as number) + units * share;
    update[i] = moved;
    weights[i] = (start[i] as number) - learningRate * moved;
    probe += (weights[i] as number) * 0;
  }
  return probe === 0;
}

function moveAll(
  update: Float64Array,
  weights: Float32Array,
  start: Float32Array,
  gradient: Float64Array,
  { share, learningRate, proximal }: { readonly share: number; readonly learningRate: number; readonly proximal: number },
): boolean {
  for (let i = 0; i < update.length; i++) {
    const pull = proximal * ((weights[i] as number) - (start[i] as number));
    const moved = (update[i] as number) + (gradient[i] as number) * share + pull;
    update[i] = moved;
    weights[i] = (start[i] as number) - learningRate * moved;
  }
  return allFinite(weights);
}

/** One customer at a time, `steps` times the same. */
function customerBatches({ steps }: LocalUpdates, { sampled }: SumRequest): Iterable<readonly Uint32Array[]> {
  return Array.from(sampled, (customer) => Array.from({ length: steps }, () => Uint32Array.of(customer)));
}

/** Each epoch in a fresh order. */
function nodeBatches({ epochs, batchSize }: LocalUpdates, { sampled }: SumRequest, seed: number): readonly Uint32Array[] {
  const batches: Uint32Array[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffle(Uint32Array.from(sampled), seededRandom(seed, "order", epoch));
    for (let first = 0; first < order.length; first += batchSize) batches.push(order.slice(first, first + batchSize).sort());
  }
  return batches;
}

/**
 * The integer bound a hair (2⁻⁴⁰) inside (s·2^f·C)²: scale and C have been rounded to doubles on the way here, and the bound must
 * not be rounded upwards.
 */
function gridOf({ clipNorm, scale, fractionBits }: SumRequest): Grid {
  const unitsPerOne = scale * 2 ** fractionBits;
  const radius = BigInt(Math.floor(unitsPerOne * clipNorm * (1 - 2 ** -41)));
  return { unitsPerOne, clipNorm, squaredLimit: radius * radius, fractionBits };
}
