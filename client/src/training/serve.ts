/** The training worker of Node: a thread of its own, so that what `loop.ts` does never holds up the node's messages. */
import { parentPort, workerData } from "node:worker_threads";
import { fail } from "@tributary/errors";
import { heldOutRule } from "@tributary/federation";
import { type HeldOutSplit, openTrainer, splitHeldOut } from "@tributary/model";
import { loadExtensions } from "@tributary/model/extension-files";
import { createThreadTrainer } from "@tributary/model/workers";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { historiesReader, storeGeneration } from "../home/histories.ts";
import { layoutOf } from "../home/layout.ts";
import { withoutHeldOut } from "../value/holdout.ts";
import { inWords, type TrainingSources, trainingLoop } from "./loop.ts";
import { plannedSampler } from "./sampler.ts";
import type { TrainingAnswer, TrainingOrder, TrainingSetup } from "./words.ts";

export type ServeTrainingOptions = Pick<TrainingSources, "random">;

/** Serves training jobs until it is told to end. To be called once, in a worker started by `startNode`. */
export function serveTraining({ random }: ServeTrainingOptions): void {
  const port = parentPort;
  if (port === null) throw fail("TRB_NODE_TRAINING_FAILED", { round: 0, reason: "this is not a worker thread" });
  const setup: TrainingSetup = workerData;
  const loop = trainingLoop({ ...sourcesAtHome(setup), random });
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

function sourcesAtHome({ plan, node, home, threads, stopped }: TrainingSetup): Omit<TrainingSources, "random"> {
  const layout = layoutOf(home);
  const crypto = nodeCrypto();
  let store: ({ readonly generation: string | undefined } & HeldOutSplit) | undefined;
  const readStore = historiesReader(layout);
  /** Into this thread as well; the main one has held their hashes to the policy. */
  const loaded = loadExtensions(layout.extensions, plan.extensions);
  loaded.catch(() => {}); // whoever prepares or trains hears of it
  return {
    ...{ plan, node, crypto, loaded },
    isStopped: (round) => Atomics.load(stopped, 0) >= round,
    histories() {
      const generation = storeGeneration(layout);
      if (store === undefined || store.generation !== generation) {
        const { learnt, heldOut } = splitHeldOut(readStore(), heldOutRule(crypto, plan));
        store = { generation, learnt: withoutHeldOut(layout, learnt), heldOut };
      }
      return store;
    },
    catalogueItems: () => readPlannedCatalogue(layout, plan).items,
    executor: onnxruntimeExecutor,
    openTrainer(local, options) {
      // several local steps follow one another: there are no buckets to share out
      // and an extension is known to the threads that loaded it
      const spread = threads > 1 && plan.model.family !== "extension" && local.unit === "customer" && local.steps === 1;
      return spread
        ? createThreadTrainer(plan.model, threads, options)
        : openTrainer(plan.model, onnxruntimeExecutor(), local, options);
    },
    sampler: () => plannedSampler(plan),
  };
}
