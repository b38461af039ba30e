/** A thread that answers words in the order in which they were said. */
import { setTimeout as delay } from "node:timers/promises";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { type ErrorCode, type ErrorDetails, fail } from "@tributary/errors";

/** How long a thread may take to hear its last word, and to close what it has open. */
const endMilliseconds = 500;

export type Answer<Result> = { readonly result: Result } | { readonly code: ErrorCode; readonly details: ErrorDetails };

export interface Thread<Word, Result> {
  /** @throws what the thread refuses, and TRB_TRAINING_THREAD_FAILED once it is no more */
  ask(word: Word): Promise<Result>;
  /** Says the last word, if there is still somebody to hear it; who is in the middle of a long order is not waited for. */
  end(word: Word): Promise<void>;
}

/** Starts `entry`, which must answer each message with one. */
export function startThread<Word, Result>(entry: URL, name: string, workerData: unknown): Thread<Word, Result> {
  // the executor turns ONNX Runtime's telemetry off in the environment, of which the thread would have a copy only
  const worker = new Worker(entry, { workerData, name, env: SHARE_ENV });
  const waiting: { readonly resolve: (result: Result) => void; readonly reject: (error: unknown) => void }[] = [];
  let over: unknown;
  const fall = (error: unknown) => {
    over ??= error;
    for (const { reject } of waiting.splice(0)) reject(over);
  };
  worker.on("message", (answer: Answer<Result>) => {
    const asked = waiting.shift();
    if ("code" in answer) asked?.reject(fail(answer.code, answer.details));
    else asked?.resolve(answer.result);
  });
  worker.on("error", (error) => {
    fall(fail("TRB_TRAINING_THREAD_FAILED", { reason: error instanceof Error ? error.message : "it died" }, error));
  });
  worker.on("exit", () => fall(fail("TRB_TRAINING_THREAD_FAILED", { reason: "it has ended" })));
  const ask = (word: Word) =>
    new Promise<Result>((resolve, reject) => {
      if (over !== undefined) return reject(over);
      waiting.push({ resolve, reject });
      worker.postMessage(word);
    });
  return {
    ask,
    async end(word) {
      const heard = over === undefined ? ask(word).catch(() => {}) : undefined;
      const patience = new AbortController();
      await Promise.race([heard, delay(endMilliseconds, undefined, patience).catch(() => {})]);
      patience.abort();
      await worker.terminate();
    },
  };
}
