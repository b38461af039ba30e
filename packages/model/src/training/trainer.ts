/**
 * A node's clipped sum over its sampled customers, in the `bucketed` arithmetic of DESIGN §4:
 *
 *   sampled customers ─▶ buckets (length class × hash of the own id) ─▶ graph runs ─▶ integers ─▶ total
 *
 * Removing one customer changes one bucket, by at most C and a run's float error; all other buckets stay as they are to the bit
 * (`buckets.ts`). This file checks what is asked and draws what is common to the round; `partial-sum.ts` runs the buckets, all of
 * them or a worker's share.
 *
 * When time runs out the sum is zero. Leaving out the buckets that had not begun would let one customer, by the time that its
 * own run takes, decide about another's bucket (docs/decisions/0010).
 */
import type { RandomSource, Support } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { ItemContent } from "../item-content/item-content.ts";
import type { ModelSpec } from "../spec.ts";
import { type Trained, trainedCount } from "../trained-tensors.ts";
import type { SharedNegatives } from "./examples/examples.ts";
import { drawNegatives } from "./negatives.ts";
import { createPartialTrainer, type PartialRequest } from "./partial-sum.ts";
import { roundSeed } from "./round-seed.ts";

export interface SumRequest {
  /** The whole model, in the order of `parameterShapes`. */
  readonly parameters: Float32Array;
  readonly histories: Histories;
  /** Places in `histories.customers`. */
  readonly sampled: Uint32Array;
  /** C */
  readonly clipNorm: number;
  /** s: integer units per unit of the vector. */
  readonly scale: number;
  /** f: the sum is on the grid s·2^f. */
  readonly fractionBits: number;
  readonly customerQuota: number;
  /** Common to the round: its negatives, and what keys the randomness of examples. */
  readonly negatives: RandomSource;
  /** What `negatives` gives, where the caller has drawn it before: local steps of many nodes have the same. */
  readonly drawn?: Drawn;
  /** True: time is up, and what was summed so far is thrown away as well. Asked before each run. */
  readonly deadline?: () => boolean;
  /** [dimension] The array to put the sum into, whatever it holds; a new one unless given. */
  readonly into?: Float64Array;
  /** Widened by where the sum may be other than 0, so that the caller need not look at the rest. `into` holds zeros then, and is not cleared. */
  readonly support?: Support;
  /** True where the caller has made sure that every parameter is a finite number: then nobody looks again. */
  readonly finite?: boolean;
}

/** What is common to all customers of a sum. */
export interface Drawn {
  readonly negatives: SharedNegatives | undefined;
  /** Keys the randomness of examples. */
  readonly seed: number;
}

/** For the node's own eyes: counts depend on the sample. */
export interface SumCounts {
  /** Customers whose vectors are in the sum, those with nothing to learn from among them. */
  readonly customers: number;
  /** Customers who count as zero because their norm was not finite. */
  readonly zeroed: number;
  /** Customers left out because time was up: the whole sample or nobody. */
  readonly skipped: number;
}

export interface Trainer {
  /**
   * @returns total: [dimension], integers held in float64
   * @throws TRB_TRAINING_PARAMETERS_WRONG_LENGTH, TRB_TRAINING_PARAMETERS_NOT_FINITE, TRB_TRAINING_REQUEST_INVALID
   */
  sum(request: SumRequest): Promise<{ readonly total: Float64Array; readonly counts: SumCounts }>;
  close(): Promise<void>;
}

export interface TrainerOptions {
  /** False leaves norms and clipping out: for benchmarks, in-house training and local steps, never for a release as it is. */
  readonly clipped?: boolean;
  /** True pads every history to the model's length: to compare with. */
  readonly padded?: boolean;
  /** What is publicly known of items, where the model reads it: from the catalogue whose hash the plan holds. */
  readonly content?: ItemContent | undefined;
  /** Unix seconds until which the logs were watched, a public constant: which labels of the churn head are known by now. */
  readonly now?: number | undefined;
  /** The tensors that the sum is of; all unless given. */
  readonly trained?: Trained;
}

/** Loads a model's training graphs. @throws TRB_TRAINING_SPEC_INVALID, TRB_TRAINING_REQUEST_INVALID, TRB_MODEL_CONTENT_MISSING */
export async function createTrainer(spec: ModelSpec, executor: Executor, options: TrainerOptions = {}): Promise<Trainer> {
  const partial = await createPartialTrainer(spec, executor, options);
  const dimension = trainedCount(spec, options.trained);
  return {
    async sum(request) {
      const { total, customers, zeroed, late } = await partial.sum({
        ...roundOf(spec, dimension, request),
        worker: 0,
        workers: 1,
      });
      if (late) return nobody(total, request);
      return { total, counts: { customers, zeroed, skipped: 0 } };
    },
    close: () => partial.close(),
  };
}

/** Zeros for a sum to be made in. */
export function cleared({ into, support }: Pick<SumRequest, "into" | "support">, dimension: number): Float64Array {
  if (into === undefined) return new Float64Array(dimension);
  return support === undefined ? into.fill(0) : into;
}

/** Out of time: whatever was summed is thrown away. */
export function nobody(total: Float64Array, { sampled }: SumRequest): Awaited<ReturnType<Trainer["sum"]>> {
  total.fill(0);
  return { total, counts: { customers: 0, zeroed: 0, skipped: sampled.length } };
}

/**
 * The request with everything drawn that is common to the round, so that it can be sent to other threads.
 * @throws TRB_TRAINING_REQUEST_INVALID
 */
export function roundOf(spec: ModelSpec, dimension: number, request: SumRequest): Omit<PartialRequest, "worker" | "workers"> {
  checkRequest(request, dimension);
  return { ...request, ...(request.drawn ?? drawnFrom(spec, request.negatives)) };
}

export function drawnFrom(spec: ModelSpec, source: RandomSource): Drawn {
  const negatives = spec.nextItem.negatives > 0 ? drawNegatives(spec, source) : undefined;
  return { negatives, seed: roundSeed(source) };
}

function checkRequest(request: SumRequest, dimension: number): void {
  const { clipNorm, scale, fractionBits, customerQuota } = request;
  const refuse = (reason: string): never => {
    throw fail("TRB_TRAINING_REQUEST_INVALID", { reason });
  };
  if (!(clipNorm > 0 && Number.isFinite(clipNorm))) refuse("clipNorm must be above 0");
  if (!(scale > 0 && Number.isFinite(scale))) refuse("scale must be above 0");
  if (!Number.isInteger(fractionBits) || fractionBits < 0) refuse("fractionBits must be a whole number, 0 or more");
  if (!Number.isInteger(customerQuota) || customerQuota < 1) refuse("customerQuota must be a whole number above 0");
  if (request.into && request.into.length !== dimension)
    refuse("into must have as many numbers as there are trained parameters");
  // Above 2^53 float64 does not hold every integer. How many customers there is room for is `checkCustomers` of `dp`, which
  // must be asked of all that a node holds: a refusal here, of those sampled, would tell how many they are.
  const single = 2 * scale * 2 ** fractionBits * clipNorm;
  if (single >= 2 ** 53) refuse("scale, fractionBits and clipNorm are too large for exact sums in 53 bits");
}
