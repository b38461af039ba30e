/**
 * What a training thread does, in Node and in browsers: sampling, training, counting and drawing noise.
 *
 * It keeps the trainer, the last model and the decrypted histories. Of a round it keeps nothing: sample and clipped sum end with
 * `trainingVector`, the vector is handed over, and neither counts nor durations leave the thread (DESIGN §4); only whether time
 * ran out does, because a machine that is always too slow pays for rounds that it adds nothing to.
 */
import { checkCustomers, type RandomSource, type SamplerOf } from "@tributary/dp";
import { fail, isTributaryError } from "@tributary/errors";
import type { CatalogueItem } from "@tributary/events";
import { categoryNumbers } from "@tributary/events/histories";
import {
  countedItems,
  decodeFederationModel,
  type FederationModel,
  initialFederationModel,
  localUpdatesOf,
  negativesSource,
  openQuery,
  requireShape,
  rotationSource,
  roundParameters,
  statisticsCapsOf,
} from "@tributary/federation";
import {
  type HeldOutSplit,
  itemContent,
  itemSimilarity,
  type LocalUpdates,
  type openTrainer,
  type QueryVectorRequest,
  queryVector,
  readsContent,
  rehearse,
  statisticsVector,
  type Trainer,
  trainingVector,
} from "@tributary/model";
import {
  type Crypto,
  isWritten,
  type NodeId,
  type Plan,
  planHash,
  releaseOf,
  requireSoundPlan,
  type Sha256,
} from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import type { Failure, TrainingAnswer, TrainingJob } from "./words.ts";

/** Milliseconds after which the engine is warm enough, however many customers there are. */
const longestRehearsal = 3_000;

export type TrainingPurpose = "sampling" | "rounding" | "noise";

/** What training is made with, wherever it runs. */
export interface TrainingSources {
  readonly plan: Plan;
  readonly node: NodeId;
  readonly crypto: Crypto;
  /** A fresh secret stream, asked for once for each (round, purpose). */
  readonly random: (round: number, purpose: TrainingPurpose, node: NodeId) => RandomSource;
  /** Whether this round was given up; asked between runs. */
  readonly isStopped: (round: number) => boolean;
  /** Resolves once what the plan's model is made of is there (extensions). */
  readonly loaded: Promise<unknown>;
  /** Whom rounds may learn from, and whom they may only be judged by. */
  readonly histories: () => HeldOutSplit;
  /** The plan's catalogue, held to its hash. @throws TRB_NODE_CATALOGUE_MISMATCH */
  readonly catalogueItems: () => readonly CatalogueItem[];
  readonly executor: () => Executor;
  /** Instead of one thread's trainer, where the plan and the machine permit it. */
  readonly openTrainer: (local: LocalUpdates, options: Parameters<typeof openTrainer>[3]) => Promise<Trainer>;
  readonly sampler: () => Promise<SamplerOf | undefined>;
}

export interface TrainingLoop {
  prepare(): Promise<TrainingAnswer>;
  train(job: TrainingJob): Promise<TrainingAnswer>;
  close(): Promise<void>;
}

/** One order at a time. */
export function trainingLoop(sources: TrainingSources): TrainingLoop {
  const { plan, node, crypto, random, loaded, histories, catalogueItems } = sources;
  const hash = planHash(crypto, plan);
  let spare: Float64Array | undefined;
  let trainer: Promise<Trainer> | undefined;
  let samplerOf: ReturnType<TrainingSources["sampler"]> | undefined;
  let model: (FederationModel & { readonly hash: Sha256 }) | undefined;

  const plannedContent = () => (readsContent(plan.model) ? itemContent(plan.model, catalogueItems()) : undefined);
  const loadedTrainer = (): Promise<Trainer> => {
    const local = localUpdatesOf(plan);
    const options = {
      content: plannedContent(),
      now: Date.now() / 1000, // a node's log is watched to this day
      trained: plan.trained,
    };
    trainer ??= sources.openTrainer(local, options).catch((error: unknown) => {
      trainer = undefined; // the next round may try again
      throw error;
    });
    return trainer;
  };

  const prepare = async (): Promise<TrainingAnswer> => {
    await loaded;
    // `trainingVector` asks again each round; to refuse now, before any round is accepted, is seen by nobody
    const { learnt, heldOut } = histories();
    const customers = learnt.customers.length + heldOut.customers.length;
    for (const release of plan.releases.keys()) checkCustomers(customers, roundParameters(plan, release));
    if (countedItems(plan) > 0) {
      requireSoundPlan(plan, { demo: true, catalogueItems: catalogueItems().length }); // whether a catalogue may be from a log, the policy has decided
    }
    if (plan.releases.some(isWritten)) {
      const items = catalogueItems().length;
      for (const release of plan.releases.keys()) requireShape(plan, release, items);
    }
    const training = plan.releases.findIndex(({ kind }) => kind === "training");
    if (training < 0) return { type: "prepared" };
    const end = Date.now() + longestRehearsal;
    await rehearse(await loadedTrainer(), {
      ...roundParameters(plan, training),
      parameters: initialFederationModel(crypto, plan).parameters,
      histories: learnt,
      negatives: negativesSource(crypto, hash, 1),
      deadline: () => Date.now() > end,
    });
    return { type: "prepared" };
  };
  const train = async ({ round, release, modelHash, model: file, stopAt }: TrainingJob): Promise<TrainingAnswer> => {
    await loaded;
    const isStopped = () => sources.isStopped(round);
    if (isStopped()) return { type: "stopped", round };
    if (file !== null) model = { hash: modelHash, ...decodeFederationModel(plan, file) };
    if (model?.hash !== modelHash) throw fail("TRB_NODE_MODEL_MISMATCH", { round });
    const { kind } = releaseOf(plan, release);
    const { learnt, heldOut } = histories();
    const common = {
      ...roundParameters(plan, release),
      histories: kind === "metrics" ? heldOut : learnt,
      samplerOf: await (samplerOf ??= sources.sampler()),
      deadline: () => isStopped() || Date.now() >= stopAt,
    };
    const secret = { rounding: random(round, "rounding", node), noise: random(round, "noise", node) };
    const { parameters, statistics } = model;
    const sampling = () => ({ ...secret, sampling: random(round, "sampling", node) });
    const { vector, counts, failure } =
      kind === "training"
        ? await trainingVector(await loadedTrainer(), {
            ...{ ...common, parameters, negatives: negativesSource(crypto, hash, round), random: sampling() },
            rotation: rotationSource(crypto, hash, round),
            into: (spare ??= new Float64Array(common.dimension)), // each round clears it; a new one would cost a tenth of a short step
          })
        : kind === "metrics" || kind === "features" || kind === "query"
          ? await answered(release, model, { ...common, maxEvents: plan.caps.maxEvents, random: sampling() })
          : {
              ...statisticsVector({ ...common, kind, statistics, caps: statisticsCapsOf(plan), random: secret }),
              failure: undefined,
            };
    if (isStopped()) {
      vector.fill(0);
      return { type: "stopped", round };
    }
    const some = isWritten({ kind }) ? { some: true } : {};
    const noted = failure === undefined ? undefined : { ...inWords(failure), ...some };
    return { type: "trained", round, vector: owned(vector), outOfTime: !noted && counts.skipped > 0, failure: noted };
  };
  const answered = async (release: number, of: FederationModel, request: Omit<QueryVectorRequest, "query">) => {
    const items = catalogueItems();
    const { query, close } = await openQuery(plan, release, of, {
      ...{ executor: sources.executor(), items: items.length, content: plannedContent() },
      similarity: () => itemSimilarity(items),
      categories: () => categoryNumbers(items),
    });
    return await queryVector({ ...request, query }).finally(close);
  };
  const close = async () => {
    await (await trainer)?.close();
  };
  return { prepare, train, close };
}

/** A buffer that holds nothing but the vector, so that transferring it takes nothing else along. */
function owned(vector: Uint32Array): Uint32Array<ArrayBuffer> {
  const whole = vector.buffer instanceof ArrayBuffer && vector.byteLength === vector.buffer.byteLength;
  if (whole) return vector as Uint32Array<ArrayBuffer>;
  const copy = new Uint32Array(vector);
  vector.fill(0);
  return copy;
}

/** What went wrong, in words that name no data: a foreign error's own text might. */
export function inWords(error: unknown): Failure {
  if (isTributaryError(error)) return { code: error.code, reason: error.message };
  return { code: "TRB_NODE_TRAINING_FAILED", reason: error instanceof Error ? error.name : "unknown" };
}
