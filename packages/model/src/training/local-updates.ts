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
import {
  addCustomer,
  allFinite,
  clearSupported,
  eachStretch,
  emptySupport,
  type Grid,
  joinSupport,
  type RandomSource,
  type Support,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import { seededRandom, shuffle } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";
import { putTrained, type TrainedTensor, takeTrained, trainedTensors } from "../trained-tensors.ts";
import { roundSeed } from "./round-seed.ts";
import { bytesOf } from "./seeded-bytes.ts";
import {
  cleared,
  createTrainer,
  type Drawn,
  drawnFrom,
  type SumCounts,
  type SumRequest,
  type Trainer,
  type TrainerOptions,
} from "./trainer.ts";

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
  const drawnAt = drawnOnce(spec);
  let room: Room | undefined;
  return {
    async sum(request) {
      const own = room ?? roomFor(dimension, request.parameters.length);
      room = undefined; // two sums at once must not share it
      try {
        return await localSum(gradients, local, { ...request, drawnAt }, tensors, own);
      } finally {
        own.clear();
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
  /** Where the gradient may be other than 0. */
  readonly told: Support;
  /** Where the update may be other than 0, and w may have moved. */
  readonly support: Support;
  /** Erases what came of customers. */
  clear(): void;
}

function roomFor(dimension: number, parameters: number): Room {
  const [gradient, update] = [new Float64Array(dimension), new Float64Array(dimension)];
  const weights = new Float32Array(dimension);
  const whole = dimension === parameters ? weights : new Float32Array(parameters);
  const [told, support] = [emptySupport(dimension), emptySupport(dimension)];
  const clear = () => {
    if (whole !== weights) whole.fill(0);
    clearSupported(told, gradient);
    clearSupported(support, update, weights);
  };
  return { gradient, update, weights, whole, told, support, clear };
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
  request: SumRequest & Pick<Moving, "drawnAt">,
  tensors: readonly TrainedTensor[],
  room: Room,
): Promise<{ readonly total: Float64Array; readonly counts: SumCounts }> {
  const seed = roundSeed(request.negatives);
  const total = cleared(request, room.update.length);
  const grid = gridOf(request);
  const isPart = room.whole !== room.weights;
  const start = isPart ? takeTrained(tensors, request.parameters) : request.parameters;
  if (isPart) room.whole.set(request.parameters);
  const isLate = request.deadline ?? (() => false);
  const wider = request.support;
  let zeroed = 0;
  for (const batches of local.unit === "node" ? [nodeBatches(local, request, seed)] : customerBatches(local, request)) {
    const moved = () => isPart && putTrained(tensors, room.weights, room.whole);
    const update = await localUpdate(gradients, local, { ...request, start, moved }, batches, seed, isLate, room);
    if (update === "late") {
      total.fill(0);
      return { total, counts: { customers: 0, zeroed: 0, skipped: request.sampled.length } };
    }
    if (update === "not finite" || !addCustomer(total, update, grid, total.length, room.support)) zeroed += 1;
    else if (wider) joinSupport(wider, room.support);
  }
  return { total, counts: { customers: request.sampled.length, zeroed, skipped: 0 } };
}

interface Moving extends Pick<SumRequest, "histories"> {
  /** [dimension] w₀, of what is trained */
  readonly start: Float32Array;
  /** Puts w to its places in the whole model. */
  readonly moved: () => void;
  /** What is common to all customers in a step. */
  readonly drawnAt: (seed: number, step: number) => Drawn & { readonly source: RandomSource };
}

/**
 * u after one step for each of `batches`; gradients of a batch are averaged.
 * Customers with nothing to learn from have a gradient of zero, and batches of nobody are not there.
 */
async function localUpdate(
  gradients: Trainer,
  { learningRate, proximal }: LocalUpdates,
  { histories, start, moved, drawnAt }: Moving,
  batches: readonly Uint32Array[],
  seed: number,
  isLate: () => boolean,
  { gradient, update, weights, whole, told, support }: Room,
): Promise<Float64Array | "late" | "not finite"> {
  clearSupported(told, gradient);
  clearSupported(support, update);
  weights.set(start);
  moved();
  for (const [step, sampled] of batches.entries()) {
    if (isLate()) return "late";
    const { source: negatives, ...drawn } = drawnAt(seed, step);
    const asked = {
      ...{ ...gradientGrid, parameters: whole, histories, sampled, negatives, drawn },
      ...{ into: gradient, support: told, finite: step > 0 }, // looked at where they moved
    };
    const { total, counts } = await gradients.sum({ ...asked, customerQuota: sampled.length });
    if (counts.zeroed > 0 && sampled.length === 1) return "not finite";
    joinSupport(support, told);
    const share = 1 / (gradientUnit * sampled.length);
    const last = step === batches.length - 1;
    const finite =
      proximal === 0
        ? moveWhereTold(told, update, weights, start, total, share, learningRate)
        : moveAll(support, update, weights, start, total, { share, learningRate, proximal });
    clearSupported(told, gradient); // ready for the next step
    if (!finite && !last) return "not finite";
    moved();
  }
  return update;
}

/**
 * u and w after a step without a pull: they move only where a gradient was told, which on short histories is nearly nowhere.
 * @returns false when w is not finite
 */
function moveWhereTold(
  told: Support,
  update: Float64Array,
  weights: Float32Array,
  start: Float32Array,
  gradient: Float64Array,
  share: number,
  learningRate: number,
): boolean {
  let finite = true;
  eachStretch(told, (from, to) => {
    finite = moveStretch(from, to, update, weights, start, gradient, share, learningRate) && finite;
  });
  return finite;
}

function moveStretch(
  from: number,
  to: number,
  update: Float64Array,
  weights: Float32Array,
  start: Float32Array,
  gradient: Float64Array,
  share: number,
  learningRate: number,
): boolean {
  for (let i = from; i < to; i++) {
    const moved = (update[i] as number) + (gradient[i] as number) * share;
    update[i] = moved;
    weights[i] = (start[i] as number) - learningRate * moved;
  }
  return allFinite(weights, from, to);
}

/** With a pull everything moves that ever moved: what no gradient told of stays at w₀, where there is no pull. */
function moveAll(
  support: Support,
  update: Float64Array,
  weights: Float32Array,
  start: Float32Array,
  gradient: Float64Array,
  { share, learningRate, proximal }: { readonly share: number; readonly learningRate: number; readonly proximal: number },
): boolean {
  let finite = true;
  eachStretch(support, (from, to) => {
    for (let i = from; i < to; i++) {
      const pull = proximal * ((weights[i] as number) - (start[i] as number));
      const moved = (update[i] as number) + (gradient[i] as number) * share + pull;
      update[i] = moved;
      weights[i] = (start[i] as number) - learningRate * moved;
    }
    finite = allFinite(weights, from, to) && finite;
  });
  return finite;
}

/** Draws each step's negatives once a round, whoever's step it is; a new round forgets the last one's. */
function drawnOnce(spec: ModelSpec): Moving["drawnAt"] {
  let known: { readonly seed: number; readonly steps: Map<number, ReturnType<Moving["drawnAt"]>> } | undefined;
  return (seed, step) => {
    if (known?.seed !== seed) known = { seed, steps: new Map() };
    const before = known.steps.get(step);
    if (before) return before;
    const source = bytesOf(seededRandom(seed, "negatives", step));
    const drawn = { ...drawnFrom(spec, source), source };
    known.steps.set(step, drawn);
    return drawn;
  };
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
