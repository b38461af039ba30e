/**
 * Runs the buckets of a sample, or a worker's share of them, and adds up their integers. Integers add in any order to the same sum,
 * so how many workers there are changes no bit.
 *
 * A run that holds a customer whose norm is not finite is done again customer by customer.
 */
import { allFinite } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { clipNormInput, type Executor, type FeedTensor, type Outputs, type Session } from "@tributary/tensor";
import { shortLength, type TrainingGraph, trainingVariants } from "../graphs/training.ts";
import { weightFeeds } from "../graphs/weights.ts";
import { contentFeeds } from "../item-content/item-content.ts";
import { checkSpec, type ModelSpec } from "../spec.ts";
import { trainedCount, trainedParameters } from "../trained-tensors.ts";
import { BucketSum } from "./bucket-sum.ts";
import { type Bucket, bucketsOf, runsOf, shareOf } from "./buckets.ts";
import { type Example, exampleFeeds, type SharedNegatives } from "./examples/examples.ts";
import { customersOfRun, lengthClasses } from "./length-classes.ts";
import { logExpectedCount } from "./negatives.ts";
import { cleared, type SumRequest, type TrainerOptions } from "./trainer.ts";

/** A checked request, with what is common to the round, and which of how many workers this is. */
export interface PartialRequest extends Omit<SumRequest, "negatives"> {
  readonly negatives: SharedNegatives | undefined;
  readonly seed: number;
  /** From 0. */
  readonly worker: number;
  readonly workers: number;
}

export interface PartialSum {
  /** [dimension], integers held in float64 */
  readonly total: Float64Array;
  /** Customers of this worker's buckets; those with nothing to learn from are worker 0's. */
  readonly customers: number;
  readonly zeroed: number;
  /** Time was up before a bucket: the sum is worth nothing. */
  readonly late: boolean;
}

export interface PartialTrainer {
  sum(request: PartialRequest): Promise<PartialSum>;
  close(): Promise<void>;
}

interface LoadedGraph extends TrainingGraph {
  readonly session: Session;
}

/** What all runs of one request share. */
interface Round {
  readonly spec: ModelSpec;
  readonly request: PartialRequest;
  readonly common: Readonly<Record<string, FeedTensor>>;
  readonly clipped: boolean;
  readonly grid: { readonly unitsPerOne: number };
}

/** Loads a model's training graphs. @throws TRB_TRAINING_SPEC_INVALID, TRB_TRAINING_REQUEST_INVALID, TRB_MODEL_CONTENT_MISSING */
export async function createPartialTrainer(
  spec: ModelSpec,
  executor: Executor,
  { clipped = true, padded = false, content, now, trained }: TrainerOptions,
): Promise<PartialTrainer> {
  checkSpec(spec);
  contentFeeds(spec, content); // refuse now what is missing, not in the first round
  if (spec.weights.churn > 0 && !(now !== undefined && Number.isFinite(now))) {
    throw fail("TRB_TRAINING_REQUEST_INVALID", {
      reason: "a churn head needs to know until when the log was watched: the option now",
    });
  }
  const graphs: LoadedGraph[] = await Promise.all(
    trainingVariants(spec, clipped, trained).map(async (variant) => {
      return { ...variant, session: await executor.load(variant.graph) };
    }),
  );
  const classes = padded ? [spec.length] : lengthClasses(spec.length);
  const layout = trainedParameters(spec, trained);
  const dimension = trainedCount(spec, trained);
  let spare: BucketSum | undefined;
  return {
    async sum(request) {
      const [short] = graphs;
      if (short === undefined) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph: "training" });
      const weights = weightFeeds(spec, request.parameters, content, request.finite);
      const common = { ...weights, ...roundFeeds(spec, request, clipped) };
      const grid = { unitsPerOne: request.scale * 2 ** request.fractionBits };
      const round: Round = { spec, request, common, clipped, grid };
      const total = cleared(request, dimension);
      const bucketSum = spare ?? new BucketSum(layout, short.pieces, dimension);
      spare = undefined; // two sums at once must not share it
      const { buckets, empty } = bucketsOf(spec, request, { seed: request.seed, now }, classes);
      let customers = request.worker === 0 ? empty : 0;
      let [zeroed, late] = [0, false];
      for (const bucket of shareOf(buckets, request.worker, request.workers)) {
        const graph = (bucket.length > shortLength ? graphs.at(-1) : short) ?? short;
        const bad = await addBucketTo(total, bucket, graph, bucketSum, round);
        late = bad === "late";
        if (bad === "late") break;
        zeroed += bad;
        customers += bucket.examples.length;
      }
      spare = bucketSum;
      return { total, customers, zeroed, late };
    },
    async close() {
      for (const { session } of graphs.splice(0)) await session.close();
    },
  };
}

/** Runs a bucket and adds its integers. Returns how many of its customers count as zero, or that time was up before a run. */
async function addBucketTo(
  total: Float64Array,
  { length, examples }: Bucket,
  { session, pieces }: LoadedGraph,
  bucketSum: BucketSum,
  { spec, request, common, clipped, grid }: Round,
): Promise<number | "late"> {
  const runs = runsOf(examples, customersOfRun(spec, length));
  const run = async (some: readonly Example[], whole: boolean): Promise<boolean | "late"> => {
    if (request.deadline?.()) return "late";
    const feeds = { ...common, ...exampleFeeds(spec, request.histories, some, length) };
    const outputs = await session.run(feeds);
    if (clipped && !hasFiniteNorms(outputs)) return false;
    return whole
      ? bucketSum.addWhole(total, grid, pieces, outputs, feeds, request.support)
      : bucketSum.add(pieces, outputs, feeds);
  };
  let zeroed = 0;
  for (const some of runs) {
    const whole = runs.length === 1;
    let added = await run(some, whole);
    if (added === true && whole) return 0;
    if (added === false) {
      for (const example of some) {
        added = await run([example], false);
        if (added === "late") break;
        if (!added) zeroed += 1;
      }
    }
    if (added === "late") {
      bucketSum.clear();
      return "late";
    }
  }
  bucketSum.flush(total, grid, request.support);
  return zeroed;
}

function hasFiniteNorms(outputs: Outputs): boolean {
  const norm = outputs["norm"]?.data;
  return norm !== undefined && allFinite(norm);
}

/** What every run of a round is fed with beside the weights. */
function roundFeeds(spec: ModelSpec, { negatives, clipNorm }: PartialRequest, clipped: boolean): Record<string, FeedTensor> {
  const feeds: Record<string, FeedTensor> = {};
  if (negatives) {
    const count = negatives.rows.length;
    feeds["negatives"] = { shape: [count], data: negatives.rows };
    feeds["slotOf"] = { shape: [spec.items + 1], data: negatives.slotOf };
    feeds["correction"] = { shape: [count], data: new Float32Array(count).fill(logExpectedCount(spec)) };
  }
  if (clipped) feeds[clipNormInput] = { shape: [], data: Float32Array.of(clipNorm) };
  return feeds;
}
