/** A training thread of a browser. It shares no memory with the page, so what it is to give up ends with it. */
import type { ThreadHearing, TrainingThread } from "../../src/training/supervise.ts";
import type { TrainingAnswer } from "../../src/training/words.ts";
import type { WorkerSetup } from "./words.ts";

export function workerThread(setup: Omit<WorkerSetup, "type">, hear: ThreadHearing): TrainingThread {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "training" });
  const begin: WorkerSetup = { type: "begin", ...setup };
  worker.addEventListener("message", ({ data }: MessageEvent<TrainingAnswer>) => hear.answer(data));
  // what a script's own text might say of data stays in the worker
  worker.addEventListener("error", () => hear.died("the worker died"));
  worker.addEventListener("messageerror", () => hear.died("the worker's answer can't be read"));
  worker.postMessage(begin);
  return {
    post: (order, transfer) => worker.postMessage(order, transfer),
    stop() {
      worker.terminate();
      return false;
    },
    async end() {
      worker.terminate();
    },
  };
}
