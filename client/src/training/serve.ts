/**
 * The training worker: a thread of its own, so that sampling, training, counting and drawing noise never hold up the node's messages.
 *
 * It keeps the trainer, the last model and the decrypted histories. Of a round it keeps nothing: sample and clipped sum end with
 * `trainingVector`, the vector is handed over, and neither counts nor durations leave the thread (DESIGN §4); only whether time
 * ran out does, because a machine that is always too slow pays for rounds that it adds nothing to.
 */
import { parentPort, workerData } from "node:worker_threads";
import { checkCustomers, type RandomSource } from "@tributary/dp";
import { fail, isTributaryError } from "@tributary/errors";
import { categoryNumbers } from "@tributary/events";
import {
  countedItems,
  decodeFederationModel,
  type FederationModel,
  heldOutRule,
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
  openTrainer,
  type QueryVectorRequest,
  queryVector,
  readsContent,
  rehearse,
  splitHeldOut,
  statisticsVector,
  type Trainer,
  trainingVector,
} from "@tributary/model";
import { loadExtensions } from "@tributary/model/extension-files";
import { createThreadTrainer } from "@tributary/model/workers";
import { isWritten, type NodeId, planHash, releaseOf, requireSoundPlan, type Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { historiesReader, storeGeneration } from "../home/histories.ts";
import { layoutOf } from "../home/layout.ts";
import { withoutHeldOut } from "../value/holdout.ts";
import { plannedSampler } from "./sampler.ts";
import type { Failure, TrainingAnswer, TrainingJob, TrainingOrder, TrainingSetup } from "./words.ts";

/** Milliseconds after which the engine is warm enough, however many customers there are. */
const longestRehearsal = 3_000;

export type TrainingPurpose = "sampling" | "rounding" | "noise";

export interface ServeTrainingOptions {
  /** A fresh secret stream, asked for once for each (round, purpose). */
  readonly random: (round: number, purpose: TrainingPurpose, node: NodeId) => RandomSource;
}

/** Serves training jobs until it is told to end. To be called once, in a worker started by `startNode`. */
export function serveTraining({ random }: ServeTrainingOptions): void {
  const port = parentPort;
  if (port === null) throw fail("TRB_NODE_TRAINING_FAILED", { round: 0, reason: "this is not a worker thread" });
  const setup: TrainingSetup = workerData;
  const loop = trainingLoop(setup, random);
  let turn: Promise<void> = Promise.resolve();
  port.on("message", (order: TrainingOrder) => {
    turn = turn.then(async () => {
      if (order.type === "end") {
        await loop.close();
        port.close();
        return;
      }
      const round = order.type === "train" ? order.round : 0;
      const work = order.type === "train" ? loop.train(order) : loop.prepare();
      const answer = await work.catch((error: unknown): TrainingAnswer => ({ type: "failed", round, ...inWords(error) }));
      port.postMessage(answer, answer.type === "trained" ? [answer.vector.buffer] : []);
    });
  });
}

interface TrainingLoop {
  prepare(): Promise<TrainingAnswer>;
  train(job: TrainingJob): Promise<TrainingAnswer>;
  close(): Promise<void>;
}

function trainingLoop(setup: TrainingSetup, random: ServeTrainingOptions["random"]): TrainingLoop {
  const { plan, node, stopped } = setup;
  const layout = layoutOf(setup.home);
  const crypto = nodeCrypto();
  const hash = planHash(crypto, plan);
  let spare: Float64Array | undefined;
  let trainer: Promise<Trainer> | undefined;
  let samplerOf: ReturnType<typeof plannedSampler> | undefined;
  let model: (FederationModel & { readonly hash: Sha256 }) | undefined;
  let store: ({ readonly generation: string | undefined } & HeldOutSplit) | undefined;

  const readStore = historiesReader(layout);
  const histories = (): HeldOutSplit => {
    const generation = storeGeneration(layout);
    if (store === undefined || store.generation !== generation) {
      const { learnt, heldOut } = splitHeldOut(readStore(), heldOutRule(crypto, plan));
      store = { generation, learnt: withoutHeldOut(layout, learnt), heldOut };
    }
    return store;
  };
  const catalogueItems = () => readPlannedCatalogue(layout, plan).items;
  const plannedContent = () => (readsContent(plan.model) ? itemContent(plan.model, catalogueItems()) : undefined);
  const loadedTrainer = (): Promise<Trainer> => {
    const local = localUpdatesOf(plan);
    const options = {
      content: plannedContent(),
      now: Date.now() / 1000, // a node's log is watched to this day
      trained: plan.trained,
    };
    // several local steps follow one another: there are no buckets to share out
    // and an extension is known to the threads that loaded it
    const spread = setup.threads > 1 && plan.model.family !== "extension" && local.unit === "customer" && local.steps === 1;
    trainer ??= (
      spread
        ? createThreadTrainer(plan.model, setup.threads, options)
        : openTrainer(plan.model, onnxruntimeExecutor(), local, options)
    ).catch((error: unknown) => {
      trainer = undefined; // the next round may try again
      throw error;
    });
    return trainer;
  };

  /** Into this thread as well; the main one has held their hashes to the policy. */
  const loaded = loadExtensions(layout.extensions, plan.extensions);
  loaded.catch(() => {}); // whoever prepares or trains hears of it

  const prepare = async (): Promise<TrainingAnswer> => {
    await loaded;
    // `trainingVector` asks again each round; to refuse now, before any round is accepted, is seen by nobody
    const { learnt, heldOut } = histories();
    const customers = learnt.customers.length + heldOut.customers.length;
    for (const release of plan.releases.keys()) checkCustomers(customers, roundParameters(plan, release));
    if (countedItems(plan) > 0) {
      const catalogueItems = readPlannedCatalogue(layout, plan).items.length;
      requireSoundPlan(plan, { demo: true, catalogueItems }); // whether a catalogue may be from a log, the policy has decided
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
    const isStopped = () => Atomics.load(stopped, 0) >= round;
    if (isStopped()) return { type: "stopped", round };
    if (file !== null) model = { hash: modelHash, ...decodeFederationModel(plan, file) };
    if (model?.hash !== modelHash) throw fail("TRB_NODE_MODEL_MISMATCH", { round });
    const { kind } = releaseOf(plan, release);
    const { learnt, heldOut } = histories();
    const common = {
      ...roundParameters(plan, release),
      histories: kind === "metrics" ? heldOut : learnt,
      samplerOf: await (samplerOf ??= plannedSampler(plan)),
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
      ...{ executor: onnxruntimeExecutor(), items: items.length, content: plannedContent() },
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
function inWords(error: unknown): Failure {
  if (isTributaryError(error)) return { code: error.code, reason: error.message };
  return { code: "TRB_NODE_TRAINING_FAILED", reason: error instanceof Error ? error.name : "unknown" };
}
