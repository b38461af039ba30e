/**
 * A node's clipped sum over its sampled customers, in the `bucketed` arithmetic of DESIGN §4:
 *
 *   sampled customers ─▶ buckets (length class × hash of the own id) ─▶ one graph run each ─▶ integers ─▶ total
 *
 * Removing one customer changes one bucket, by at most C and that run's float error; all other buckets stay as they are to
 * the bit. Where a bucket is overfull, or holds a customer whose norm is not finite, it runs customer by customer.
 *
 * When time runs out the sum is zero. Leaving out the buckets that had not begun would let one customer, by the time that its
 * own run takes, decide about another's bucket (docs/decisions/0010).
 */
import type { RandomSource } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import { clipNormInput, type Executor, type FeedTensor, type Outputs, type Session } from "@tributary/tensor";
import { shortLength, type TrainingGraph, trainingVariants } from "../graphs/training.ts";
import { weightFeeds } from "../graphs/weights.ts";
import { contentFeeds, type ItemContent } from "../item-content/item-content.ts";
import { checkParameters, graphParameters, parameterCount } from "../parameters.ts";
import { checkSpec, type ModelSpec } from "../spec.ts";
import { BucketSum } from "./bucket-sum.ts";
import { type Example, exampleFeeds, exampleOf, inputsOf, type SharedNegatives } from "./examples/examples.ts";
import { bucketCount, bucketCustomers, classOf, lengthClasses } from "./length-classes.ts";
import { drawNegatives, logExpectedCount } from "./negatives.ts";
import { roundSeed } from "./round-seed.ts";

export interface SumRequest {
  /** [dimension], in the order of `parameterShapes`. */
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
  /** True: time is up, and what was summed so far is thrown away as well. Asked before each bucket. */
  readonly deadline?: () => boolean;
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

interface LoadedGraph extends TrainingGraph {
  readonly session: Session;
}

export interface TrainerOptions {
  /** False leaves norms and clipping out: for benchmarks, in-house training and local steps, never for a release as it is. */
  readonly clipped?: boolean;
  /** What is publicly known of items, where the model reads it: from the catalogue whose hash the plan holds. */
  readonly content?: ItemContent | undefined;
  /** Unix seconds until which the logs were watched, a public constant: which labels of the churn head are known by now. */
  readonly now?: number | undefined;
}

/** Loads a model's training graphs. @throws TRB_TRAINING_SPEC_INVALID, TRB_TRAINING_REQUEST_INVALID, TRB_MODEL_CONTENT_MISSING */
export async function createTrainer(spec: ModelSpec, executor: Executor, options: TrainerOptions = {}): Promise<Trainer> {
  checkSpec(spec);
  const { clipped = true, content, now } = options;
  contentFeeds(spec, content); // refuse now what is missing, not in the first round
  if (spec.weights.churn > 0 && !(now !== undefined && Number.isFinite(now))) {
    throw fail("TRB_TRAINING_REQUEST_INVALID", {
      reason: "a churn head needs to know until when the log was watched: the option now",
    });
  }
  const graphs: LoadedGraph[] = [];
  for (const variant of trainingVariants(spec, clipped)) {
    graphs.push({ ...variant, session: await executor.load(variant.graph) });
  }
  const layout = graphParameters(spec);
  const classes = lengthClasses(spec.length);
  const dimension = parameterCount(spec);
  let spare: BucketSum | undefined;
  return {
    async sum(request) {
      checkRequest(request);
      checkParameters(spec, request.parameters);
      const [short] = graphs;
      if (short === undefined) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph: "training" });
      const negatives = spec.nextItem.negatives > 0 ? drawNegatives(spec, request.negatives) : undefined;
      const seed = roundSeed(request.negatives);
      const weights = weightFeeds(spec, request.parameters, content);
      const common = { ...weights, ...roundFeeds(spec, request, negatives, clipped) };
      const total = new Float64Array(dimension);
      const bucketSum = spare ?? new BucketSum(layout, short.pieces, dimension);
      spare = undefined; // two sums at once must not share it
      const grid = { unitsPerOne: request.scale * 2 ** request.fractionBits };
      const { buckets, empty } = bucketsOf(spec, classes, request, { seed, now });
      let [customers, zeroed] = [empty, 0];
      for (const { length, examples } of buckets) {
        if (request.deadline?.()) {
          spare = bucketSum;
          total.fill(0);
          return { total, counts: { customers: 0, zeroed: 0, skipped: request.sampled.length } };
        }
        const graph = (length > shortLength ? graphs.at(-1) : short) ?? short;
        const run = async (some: readonly Example[]) => {
          const feeds = { ...common, ...exampleFeeds(spec, request.histories, some, length) };
          const outputs = await graph.session.run(feeds);
          return finite(outputs, clipped) && bucketSum.add(graph.pieces, outputs, feeds);
        };
        const together = examples.length <= bucketCustomers(spec, length) && (await run(examples));
        if (!together) {
          bucketSum.clear();
          zeroed += await oneByOne(examples, run, bucketSum);
        }
        customers += examples.length;
        bucketSum.flush(total, grid);
      }
      spare = bucketSum;
      return { total, counts: { customers, zeroed, skipped: 0 } };
    },
    async close() {
      for (const { session } of graphs.splice(0)) await session.close();
    },
  };
}

/** Runs each customer alone; one that is not finite is taken back out. Returns how many were. */
async function oneByOne(
  examples: readonly Example[],
  run: (some: readonly Example[]) => Promise<boolean>,
  bucketSum: BucketSum,
): Promise<number> {
  const bad = new Set<Example>();
  for (const example of examples) {
    if (await run([example])) continue;
    bad.add(example);
    // `add` may have got half way: start the bucket again from those known to be good
    bucketSum.clear();
    for (const earlier of examples.slice(0, examples.indexOf(example))) if (!bad.has(earlier)) await run([earlier]);
  }
  return bad.size;
}

function finite(outputs: Outputs, clipped: boolean): boolean {
  const norm = outputs["norm"]?.data;
  return !clipped || (norm !== undefined && Array.prototype.every.call(norm, Number.isFinite));
}

function checkRequest(request: SumRequest): void {
  const { clipNorm, scale, fractionBits, customerQuota } = request;
  const refuse = (reason: string): never => {
    throw fail("TRB_TRAINING_REQUEST_INVALID", { reason });
  };
  if (!(clipNorm > 0 && Number.isFinite(clipNorm))) refuse("clipNorm must be above 0");
  if (!(scale > 0 && Number.isFinite(scale))) refuse("scale must be above 0");
  if (!Number.isInteger(fractionBits) || fractionBits < 0) refuse("fractionBits must be a whole number, 0 or more");
  if (!Number.isInteger(customerQuota) || customerQuota < 1) refuse("customerQuota must be a whole number above 0");
  // Above 2^53 float64 does not hold every integer. How many customers there is room for is `checkCustomers` of `dp`, which
  // must be asked of all that a node holds: a refusal here, of those sampled, would tell how many they are.
  const single = 2 * scale * 2 ** fractionBits * clipNorm;
  if (single >= 2 ** 53) refuse("scale, fractionBits and clipNorm are too large for exact sums in 53 bits");
}

interface Bucket {
  readonly length: number;
  readonly examples: readonly Example[];
}

/** The sample in buckets, in a fixed order; inside a bucket by hash and id. `empty`: customers with nothing to learn from. */
function bucketsOf(
  spec: ModelSpec,
  classes: readonly number[],
  request: SumRequest,
  { seed, now }: Pick<Example, "seed" | "now">,
): { buckets: readonly Bucket[]; empty: number } {
  const found = new Map<number, { readonly length: number; readonly place: number; readonly examples: Example[] }>();
  let empty = 0;
  for (const customer of request.sampled) {
    const example = exampleOf(spec, request.histories, customer, seed, now);
    if (example === undefined) {
      empty += 1;
      continue;
    }
    const length = classOf(classes, inputsOf(example));
    const place = example.hash % bucketCount(spec, length, request.customerQuota);
    const key = length * 2 ** 32 + place;
    const bucket = found.get(key) ?? { length, place, examples: [] };
    bucket.examples.push(example);
    found.set(key, bucket);
  }
  const buckets = [...found.values()].sort((a, b) => b.length - a.length || a.place - b.place);
  for (const { examples } of buckets) {
    examples.sort((a, b) => a.hash - b.hash || (a.customer < b.customer ? -1 : 1));
  }
  return { buckets, empty };
}

/** What every run of a round is fed with beside the weights. */
function roundFeeds(
  spec: ModelSpec,
  request: SumRequest,
  negatives: SharedNegatives | undefined,
  clipped: boolean,
): Record<string, FeedTensor> {
  const feeds: Record<string, FeedTensor> = {};
  if (negatives) {
    const count = negatives.rows.length;
    feeds["negatives"] = { shape: [count], data: negatives.rows };
    feeds["slotOf"] = { shape: [spec.items + 1], data: negatives.slotOf };
    feeds["correction"] = { shape: [count], data: new Float32Array(count).fill(logExpectedCount(spec)) };
  }
  if (clipped) feeds[clipNormInput] = { shape: [], data: Float32Array.of(request.clipNorm) };
  return feeds;
}
