/**
 * What the shells do with numbers, between two events of a round: the sum of the uploads, the next model, and what training
 * takes from the plan. Pure as well; the octets are the shell's.
 */
import {
  noiseDeviation,
  type RandomSource,
  readPacked,
  readSum,
  type SumQueryParameters,
  sumQueryParameters,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import {
  type ItemSimilarity,
  type LocalUpdates,
  type Optimiser,
  type OptimiserState,
  putTrained,
  type StepRoom,
  serverStep,
  takeTrained,
  trainedTensors,
} from "@tributary/model";
import {
  type Crypto,
  type Decimal,
  fromHex,
  isWritten,
  type Plan,
  parseDecimal,
  randomSourceFromSeed,
  rateFactor,
  releaseOf,
  type Sha256,
  sumQueryOf,
} from "@tributary/protocol";
import { addVector, unmaskTotal } from "@tributary/secagg";
import type { FederationModel } from "./agreed-model.ts";
import type { CoordinatorEffect } from "./coordinator-events.ts";
import { fromWire, type VectorRange, wireRange } from "./packing.ts";
import { nextStatistics } from "./statistics.ts";
import { writtenSum } from "./written-queries.ts";

/** The effect that asks for a sum. */
export type SumEffect = Extract<CoordinatorEffect, { type: "sum" }>;

/**
 * Σ V + noise of the survivors, modulo 2³², or modulo 2^b where they are packed: all of it, or some coordinates. One upload's are held at a time.
 * @param read what was uploaded with this hash, these words of it: the coordinates of `range`, unless they are packed. [range.length · bits / 32]
 * @throws TRB_SECAGG_VECTOR_MISMATCHED
 */
export async function sumUploads(
  { round, length, bits = 32, uploads, unmasking }: Pick<SumEffect, "round" | "length" | "bits" | "uploads" | "unmasking">,
  read: (sha256: Sha256, range: VectorRange) => Promise<Uint32Array> | Uint32Array,
  crypto: Crypto,
  range: VectorRange = { from: 0, length },
): Promise<Uint32Array> {
  const total = new Uint32Array(range.length);
  const words = wireRange(range, bits);
  for (const { sha256 } of uploads) addVector(total, fromWire(await read(sha256, words), range.length, bits), round);
  unmaskTotal(total, unmasking, crypto, range.from);
  const mask = 2 ** bits - 1;
  if (bits < 32) for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) & mask;
  return total;
}

/** A released sum, and the model that its round started from. */
export interface ReleasedSum {
  readonly plan: Plan;
  /** Place in `plan.releases`. */
  readonly release: number;
  readonly sum: Uint32Array;
  /** How many nodes' vectors the sum holds; it stands in the ledger. */
  readonly survivors: number;
  readonly model: FederationModel;
  /** Null before the first training round. */
  readonly optimiserState: OptimiserState | null;
  /** Rounds of this release that were released before: what its schedule runs by, where it has one. */
  readonly releasedBefore?: number | undefined;
  /** Of the plan's catalogue; asked for by statistics only. */
  readonly similarity: () => ItemSimilarity;
  /** `rotationSource` of the round that was summed: of a packed release, which is turned back. */
  readonly rotation?: RandomSource | undefined;
  /** Where a training step's results are made, if all of the model is trained; new arrays unless given. */
  readonly room?: StepRoom | undefined;
}

/**
 * The next model, whatever kind of sum was released: training moves the weights, statistics move on to the next query, and each leaves
 * the other as it was. Metrics and extensions' queries leave both.
 */
export function nextModel({ model, similarity, ...step }: ReleasedSum): {
  readonly model: FederationModel;
  readonly optimiserState: OptimiserState | null;
  /** What stands in the ledger as it is, of releases that are read. */
  readonly sum?: readonly number[];
} {
  const release = releaseOf(step.plan, step.release);
  const { kind } = release;
  const { parameters, statistics } = model;
  if (isWritten(release)) return { model, optimiserState: step.optimiserState, sum: writtenSum(step.sum) };
  if (kind === "training") {
    const next = applySum({ ...step, parameters });
    return { model: { parameters: next.parameters, statistics }, optimiserState: next.optimiserState };
  }
  if (statistics === undefined) throw fail("TRB_MODEL_QUERY_MISSING", { kind });
  const known = nextStatistics({ ...step, statistics, similarity: similarity() });
  return { model: { parameters, statistics: known }, optimiserState: step.optimiserState };
}

/**
 * The server's step: the mean update is the sum over constants, sum / (scale · samplingRate · minCustomers), never over counts. It moves what
 * the plan trains, and nothing else, weight decay included.
 * @param sum [dimension]; of a packed release what is sent of it, modulo 2^b
 * @param parameters the whole model
 * @throws TRB_PLAN_TRAINED_UNFIT, TRB_PLAN_PACKING_UNFIT without the rotation of a packed sum, TRB_PLAN_SCHEDULE_UNFIT where nobody says how far a
 *   schedule is, and what `serverStep` refuses
 */
export function applySum(step: {
  readonly plan: Plan;
  /** Place in `plan.releases`. */
  readonly release: number;
  readonly sum: Uint32Array;
  /** How many nodes' vectors the sum holds; it stands in the ledger. */
  readonly survivors: number;
  readonly parameters: Float32Array;
  /** Null before the first release. */
  readonly optimiserState: OptimiserState | null;
  readonly releasedBefore?: number | undefined;
  readonly rotation?: RandomSource | undefined;
  readonly room?: StepRoom | undefined;
}): { readonly parameters: Float32Array; readonly optimiserState: OptimiserState } {
  const { plan, release, survivors, parameters, optimiserState } = step;
  const room = plan.trained === undefined ? step.room : undefined;
  const mean = meanUpdate(step, room);
  const optimiser = scheduledOptimiser(plan, release, step.releasedBefore);
  const noise =
    optimiser.name === "dpadam" || optimiser.name === "extension" ? noiseVarianceOf(plan, release, survivors) : undefined;
  if (plan.trained === undefined) return serverStep(optimiser, parameters, optimiserState, mean, noise, room);
  const tensors = trainedTensors(plan.model, plan.trained);
  const moved = serverStep(optimiser, takeTrained(tensors, parameters), optimiserState, mean, noise);
  const next = parameters.slice();
  putTrained(tensors, moved.parameters, next);
  return { ...moved, parameters: next };
}

/** In the model's own units. [dimension] */
function meanUpdate(
  { plan, release, sum, rotation }: Parameters<typeof applySum>[0],
  room: StepRoom | undefined,
): Float64Array {
  const customers = expectedCustomers(plan, release);
  if (releaseOf(plan, release).packing === undefined) {
    return readSum(sum, { scale: parseDecimal(releaseOf(plan, release).scale) }, customers, room?.mean);
  }
  const { dimension, scale, packed } = sumQueryParameters(sumQueryOf(plan, release));
  if (packed === undefined || rotation === undefined) {
    throw fail("TRB_PLAN_PACKING_UNFIT", { reason: "nobody says how its sum was rotated" });
  }
  return readPacked(sum, { dimension, scale, packed }, rotation, customers);
}

/**
 * Variance of the noise in one coordinate of the mean update, as `applySum` dequantises it:
 *
 *   survivors · σ_u² / (scale · samplingRate · minCustomers)²,   σ_u² = z²·Δ² / (minCohort − maxCorrupt); in `local` mode z²·Δ²
 *
 * Every survivor brings its share, so a round with more nodes than the honest minimum has more noise than z states. The dither is left
 * out: at most a quarter of a squared unit a node, beside σ_u² ≥ 16.
 * @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE, TRB_DP_…
 */
export function noiseVarianceOf(plan: Plan, release: number, survivors: number): number {
  const { scale, nodeVariance } = sumQueryParameters(sumQueryOf(plan, release));
  const deviation = noiseDeviation(nodeVariance, survivors) / (scale * expectedCustomers(plan, release));
  return deviation * deviation;
}

function expectedCustomers(plan: Plan, release: number): number {
  return parseDecimal(releaseOf(plan, release).samplingRate) * plan.minCustomers;
}

/** What a node's training vector takes from the plan: spread into the request of `trainingVector`. */
export interface RoundParameters extends SumQueryParameters {
  readonly customerQuota: number;
}

/** @throws TRB_PLAN_RELEASE_UNKNOWN, TRB_PLAN_CENTRAL_NOISE, TRB_DP_… */
export function roundParameters(plan: Plan, release: number): RoundParameters {
  return { ...sumQueryParameters(sumQueryOf(plan, release)), customerQuota: plan.customerQuota };
}

/** The round's negatives: public, the same for everyone, fixed before anybody's data is looked at. */
export function negativesSource(crypto: Crypto, planHash: Sha256, round: number): RandomSource {
  return randomSourceFromSeed(crypto, fromHex(planHash), "round", "", round, "negatives");
}

/** What a node does with its customers before it clips, in numbers. */
export function localUpdatesOf({ unit, caps, local }: Pick<Plan, "unit" | "caps" | "local">): LocalUpdates {
  const { learningRate, proximal, ...counts } = local;
  const rates = { learningRate: parseDecimal(learningRate), proximal: parseDecimal(proximal) };
  return { unit, steps: caps.localSteps, ...counts, ...rates };
}

/** The plan's optimiser in numbers: the same fields, with decimals read. */
export function optimiserOf({ optimiser }: Pick<Plan, "optimiser">): Optimiser {
  if (optimiser.name === "extension") {
    const { name, extension, numbers, ...rates } = optimiser;
    return { name, extension, numbers: decimalsRead(numbers), ...decimalsRead(rates) } as Optimiser;
  }
  const { name, ...numbers } = optimiser;
  // a type test holds the plan's fields and the model's together
  return { name, ...decimalsRead(numbers) } as Optimiser;
}

/** Of one round: at the rate that the release's schedule has for it. */
function scheduledOptimiser(plan: Plan, place: number, releasedBefore: number | undefined): Optimiser {
  const optimiser = optimiserOf(plan);
  const release = releaseOf(plan, place);
  if (release.schedule === undefined) return optimiser;
  if (releasedBefore === undefined) {
    throw fail("TRB_PLAN_SCHEDULE_UNFIT", { reason: "nobody says how many rounds of it were released before" });
  }
  return { ...optimiser, learningRate: optimiser.learningRate * rateFactor(release, releasedBefore) };
}

const decimalsRead = (numbers: Readonly<Record<string, Decimal>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).map(([field, value]) => [field, parseDecimal(value)]));
