/**
 * A node's whole training step, from its customers to the noisy integers that it masks and uploads. The client's worker
 * and the simulation call this one function, so that what is simulated is what runs.
 *
 *   Poisson sample ─▶ clipped sum on the grid s·2^f ─▶ clamp to quota, dither, + noise share, mod 2³²  (`noisyVector`)
 *                                                 └▶ rotate, round under a condition, + noise share, mod 2^b  (`noisyPackedVector`)
 *
 * DESIGN §4. Sample, sum and rounding never leave this function; the counts it hands back are for the node's own eyes
 * only and must not be logged or sent.
 */
import {
  checkCustomers,
  noisyPackedVector,
  noisyVector,
  poissonSample,
  type RandomSource,
  type SamplerOf,
  type SumQueryParameters,
  type Support,
} from "@tributary/dp";
import { type ErrorCode, fail, isTributaryError } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import { nobody, type SumRequest, type Trainer } from "../training/trainer.ts";

export interface TrainingVectorRequest
  extends Pick<
    SumQueryParameters,
    "dimension" | "samplingRate" | "clampBound" | "grid" | "nodeVariance" | "scale" | "mostCustomers" | "packed"
  > {
  /** The round's whole model, flat. [parameterCount] */
  readonly parameters: Float32Array;
  readonly histories: Histories;
  readonly customerQuota: number;
  /** Common to the round: which negatives everybody's softmax is taken over. */
  readonly negatives: RandomSource;
  /** The round's public rotation; there where the release is packed. */
  readonly rotation?: RandomSource | undefined;
  /** Secret, fresh streams: one for each purpose. */
  readonly random: { readonly sampling: RandomSource; readonly rounding: RandomSource; readonly noise: RandomSource };
  /** Makes the sampler of the noise share; ours unless given. */
  readonly samplerOf?: SamplerOf | undefined;
  /** True when time is up: then the vector is noise alone. */
  readonly deadline?: () => boolean;
  /** [dimension] What the sum is made in; a new array unless given. */
  readonly into?: Float64Array;
  /** As in `SumRequest`: where the sum may be other than 0. */
  readonly support?: Support;
}

export interface TrainingVector {
  /** [dimension], two's complement modulo 2³², or [packed.sent] modulo 2^b: not yet masked. */
  readonly vector: Uint32Array;
  /** For the node itself only. */
  readonly counts: Awaited<ReturnType<Trainer["sum"]>>["counts"];
  /** What went wrong while the sample was trained on, for the node itself only: then the vector is noise alone. */
  readonly failure: unknown;
}

/** Refusals that the round alone decides, whoever was sampled: they may be seen. */
const refusals: readonly ErrorCode[] = [
  "TRB_TRAINING_PARAMETERS_WRONG_LENGTH",
  "TRB_TRAINING_PARAMETERS_NOT_FINITE",
  "TRB_TRAINING_REQUEST_INVALID",
];

/**
 * An empty sample gives pure noise: nobody can see from an upload whether anyone was sampled. So does an executor that fails: an abort
 * would tell that something about the sample made it fail (docs/decisions/0025).
 * @throws TRB_DP_TOO_MANY_CUSTOMERS, and what `Trainer.sum` refuses; never because of who was sampled
 */
export async function trainingVector(trainer: Trainer, request: TrainingVectorRequest): Promise<TrainingVector> {
  const { total, counts, failure } = await trainingSum(trainer, request);
  return { vector: noisy(total, request), counts, failure };
}

function noisy(total: Float64Array, request: TrainingVectorRequest): Uint32Array {
  const { packed, rotation, random, samplerOf } = request;
  if (packed === undefined) return noisyVector(total, request, random, samplerOf);
  if (rotation === undefined)
    throw fail("TRB_TRAINING_REQUEST_INVALID", { reason: "its release is packed, and no rotation is given" });
  return noisyPackedVector(total, { ...request, packed }, rotation, random, samplerOf);
}

/**
 * The sum before anything is added to it: only a simulation may look at it.
 * @returns total: [dimension] grid units, integers held in float64
 */
export async function trainingSum(
  trainer: Trainer,
  request: Omit<TrainingVectorRequest, "random"> & { readonly random: Pick<TrainingVectorRequest["random"], "sampling"> },
): ReturnType<typeof sumOrNobody> {
  const { histories, random } = request;
  checkCustomers(histories.customers.length, request);
  const sampled = poissonSample(histories.customers.length, request.samplingRate, random.sampling);
  try {
    return await sumOrNobody(trainer, sumRequest(request, sampled), request.dimension);
  } finally {
    sampled.fill(0);
  }
}

async function sumOrNobody(trainer: Trainer, request: SumRequest, dimension: number) {
  try {
    return { ...(await trainer.sum(request)), failure: undefined };
  } catch (failure) {
    if (isTributaryError(failure) && refusals.includes(failure.code)) throw failure;
    return { ...nobody(request.into ?? new Float64Array(dimension), request), failure };
  }
}

/**
 * Trains once on every customer and throws the sum away, so that the first round finds the engine warm: a first run takes twice as
 * long as the later ones, and a node that is late adds noise alone. Nothing of it is kept or leaves the node.
 */
export async function rehearse(trainer: Trainer, request: Omit<TrainingVectorRequest, "random">): Promise<void> {
  const everybody = Uint32Array.from(request.histories.customers.keys());
  const { total } = await trainer.sum(sumRequest(request, everybody));
  total.fill(0);
}

function sumRequest(request: Omit<TrainingVectorRequest, "random">, sampled: Uint32Array): SumRequest {
  const { parameters, histories, grid, scale, customerQuota, negatives, deadline, into, support } = request;
  return {
    parameters,
    histories,
    sampled,
    clipNorm: grid.clipNorm,
    scale,
    fractionBits: grid.fractionBits,
    customerQuota,
    negatives,
    ...(deadline === undefined ? {} : { deadline }),
    ...(into === undefined ? {} : { into }),
    ...(support === undefined ? {} : { support }),
  };
}
