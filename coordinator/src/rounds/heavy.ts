/** The main thread's side of the heavy work: a worker thread that starts with the first task and stays. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, type ErrorDetails, fail } from "@tributary/errors";
import type { HeavyResult, HeavyTask } from "./heavy-work.ts";

export interface HeavyWorker {
  run(task: HeavyTask): Promise<HeavyResult>;
  /** Tasks under way never settle; a restart asks for them again. */
  close(): Promise<void>;
}

/** What the worker posts. */
interface Answer {
  readonly id: number;
  readonly result?: HeavyResult;
  readonly error?: { readonly code: ErrorCode; readonly details: ErrorDetails } | { readonly trace: string };
}

export function heavyWorker(): HeavyWorker {
  let worker: Worker | undefined;
  let closed = false;
  let lastId = 0;
  const waiting = new Map<number, { resolve: (result: HeavyResult) => void; reject: (error: Error) => void }>();

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
      if (result) task?.resolve(result);
      else if (error && "code" in error) task?.reject(fail(error.code, error.details));
      else task?.reject(new Error(error?.trace ?? "The worker gave no answer."));
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
