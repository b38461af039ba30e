/** The main thread's side of the heavy work: worker threads that start with the first task that needs them, and stay. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type ErrorCode, type ErrorDetails, fail } from "@tributary/errors";
import { type HeavyResult, type HeavyTask, type KeepSumTask, partsOf, type SumPartsTask, sumQueue } from "./heavy-work.ts";

export interface HeavyWorker {
  run(task: HeavyTask): Promise<HeavyResult>;
  /** Tasks under way never settle; a restart asks for them again. */
  close(): Promise<void>;
}

/** What a worker posts; no result where its work is in shared memory. */
interface Answer {
  readonly id: number;
  readonly result?: HeavyResult;
  readonly error?: { readonly code: ErrorCode; readonly details: ErrorDetails } | { readonly trace: string };
}

interface HeavyThread {
  run(task: HeavyTask | SumPartsTask | KeepSumTask): Promise<HeavyResult | undefined>;
  close(): Promise<void>;
}

/** More threads than these wait for the disk and for memory. */
const mostThreads = 8;

export function heavyWorker(threads = Math.min(mostThreads, availableParallelism())): HeavyWorker {
  const team = Array.from({ length: threads }, heavyThread);
  const [first] = team;
  if (first === undefined) throw fail("TRB_UNEXPECTED", { reason: "no threads for sums" });
  return {
    async run(task) {
      if ("plan" in task) return required(await first.run(task));
      const queue = sumQueue(task.effect);
      await Promise.all(team.slice(0, partsOf(task.effect)).map((thread) => thread.run({ ...task, queue })));
      return required(await first.run({ folders: task.folders, queue }));
    },
    async close() {
      await Promise.all(team.map((thread) => thread.close()));
    },
  };
}

function required(result: HeavyResult | undefined): HeavyResult {
  if (result === undefined) throw new Error("The worker gave no answer.");
  return result;
}

function heavyThread(): HeavyThread {
  let worker: Worker | undefined;
  let closed = false;
  let lastId = 0;
  const waiting = new Map<number, { resolve: (result: HeavyResult | undefined) => void; reject: (error: Error) => void }>();

  const failAll = (error: Error) => {
    if (closed) return;
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const start = () => {
    const started = new Worker(new URL("./heavy-worker.ts", import.meta.url), { name: "sums" });
    started.on("message", ({ id, result, error }: Answer) => {
      const task = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) task?.resolve(result);
      else if ("code" in error) task?.reject(fail(error.code, error.details));
      else task?.reject(new Error(error.trace));
    });
    started.on("error", (error) => failAll(error instanceof Error ? error : new Error(String(error))));
    started.on("exit", (code) => failAll(new Error(`The worker for sums ended with code ${code}.`)));
    return started;
  };

  return {
    run: (task) =>
      new Promise((resolve, reject) => {
        worker ??= start();
        lastId += 1;
        waiting.set(lastId, { resolve, reject });
        worker.postMessage({ id: lastId, task });
      }),
    async close() {
      closed = true;
      await worker?.terminate();
    },
  };
}
