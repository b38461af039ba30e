/** A training thread of Node: what is to be given up is told it through shared memory, which it reads between runs. */
import { SHARE_ENV, Worker } from "node:worker_threads";
import type { ThreadHearing, TrainingThread } from "./supervise.ts";
import type { TrainingAnswer, TrainingSetup } from "./words.ts";

/** @param entry the worker's file, which calls `serveTraining` */
export function trainingThread(entry: URL, setup: Omit<TrainingSetup, "stopped">, hear: ThreadHearing): TrainingThread {
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  const workerData: TrainingSetup = { ...setup, stopped };
  // the worker turns ONNX Runtime's telemetry off in the environment, of which it would have a copy only
  const worker = new Worker(entry, { workerData, name: "training", env: SHARE_ENV });
  const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("message", (answer: TrainingAnswer) => hear.answer(answer));
  worker.on("error", (error) => hear.died(error instanceof Error ? error.name : "the worker died"));
  worker.on("exit", () => hear.died("the worker ended"));
  return {
    post: (order, transfer) => worker.postMessage(order, transfer),
    stop(round) {
      if (Atomics.load(stopped, 0) < round) Atomics.store(stopped, 0, round);
      return true;
    },
    async end() {
      worker.postMessage({ type: "end" });
      await gone; // at most one bucket's run; to tear it down in the middle would take the whole process along
    },
  };
}
