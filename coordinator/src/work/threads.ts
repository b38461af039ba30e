/** Threads of this process that do the long computations, so that heart-beats and uploads go on meanwhile. They start with the first task that needs them, and stay. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type ErrorCode, type ErrorDetails, fail } from "@tributary/errors";
import type { Plan, Sha256 } from "@tributary/protocol";
import { slicesOf } from "./computations.ts";
import type { SealedTask } from "./sealed.ts";
import type { ApplyEffect, SumEffect, WorkPlaces, WorkQueue, WorkResult } from "./work-queue.ts";

/** What the threads of one process add a sum up in. */
export interface SharedSum {
  /** [1] the slice that nobody has yet. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** [length] the sum, each slice written by whoever took it. */
  readonly total: Uint32Array<SharedArrayBuffer>;
}

/** What a thread is asked for. */
export type ThreadTask =
  | { readonly kind: "share"; readonly effect: SumEffect; readonly sum: SharedSum }
  | { readonly kind: "keep"; readonly sum: SharedSum }
  | { readonly kind: "apply"; readonly effect: ApplyEffect; readonly plan: Plan }
  | { readonly kind: "sealed slice"; readonly sealed: SealedTask; readonly slice: number }
  | { readonly kind: "sealed apply"; readonly sealed: SealedTask };

/** A result; of a slice its hash; nothing of what is in shared memory, or wasn't wanted any more. */
type ThreadResult = WorkResult | Sha256 | undefined;

export interface Team {
  readonly size: number;
  /** By the thread that has least to do. @throws what the computation throws */
  run(task: ThreadTask): Promise<ThreadResult>;
  /** Tasks under way never settle. */
  close(): Promise<void>;
}

interface Thread {
  /** Tasks that it was given and has not answered. */
  waiting(): number;
  run(task: ThreadTask): Promise<ThreadResult>;
  close(): Promise<void>;
}

/** What a thread posts. */
interface Answer {
  readonly id: number;
  readonly result?: ThreadResult;
  readonly error?: { readonly code: ErrorCode; readonly details: ErrorDetails } | { readonly trace: string };
}

/** What a thread holds long is vectors, which are outside of its heap; the usual room for young objects would be 20 MB a thread for nothing. */
const youngMb = 4;
/** More threads than these wait for the disk and for memory. */
const mostThreads = 8;
/** Of a process that serves nodes: a thread takes some 90 MB with what it has loaded, and the event loop wants a processor for itself. */
const mostBeside = 4;

/** How many threads do sums beside a server: half of the processors', at least one. */
export const threadsBeside = () => Math.min(mostBeside, Math.max(1, Math.floor(availableParallelism() / 2)));

export function startTeam(places: WorkPlaces, size = Math.min(mostThreads, availableParallelism())): Team {
  const threads = Array.from({ length: size }, () => startThread(places));
  return {
    size,
    run(task) {
      const [idlest] = threads.toSorted((a, b) => a.waiting() - b.waiting());
      if (idlest === undefined) throw fail("TRB_UNEXPECTED", { reason: "no threads for sums" });
      return idlest.run(task);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

/** All by this process alone. */
export function threadQueue(team: Team): WorkQueue {
  return {
    async run(task) {
      if ("plan" in task) return required(await team.run({ kind: "apply", ...task }));
      const { effect } = task;
      const sum: SharedSum = {
        next: new Int32Array(new SharedArrayBuffer(4)),
        total: new Uint32Array(new SharedArrayBuffer(4 * effect.length)),
      };
      const shares = Math.min(team.size, slicesOf(effect).length);
      await Promise.all(Array.from({ length: shares }, () => team.run({ kind: "share", effect, sum })));
      return required(await team.run({ kind: "keep", sum }));
    },
    close: () => team.close(),
  };
}

function required(result: ThreadResult): WorkResult {
  if (result === undefined || typeof result === "string") throw new Error("The thread gave no answer.");
  return result;
}

function startThread(places: WorkPlaces): Thread {
  let worker: Worker | undefined;
  let closed = false;
  let lastId = 0;
  const waiting = new Map<number, { resolve: (result: ThreadResult) => void; reject: (error: Error) => void }>();

  const failAll = (error: Error) => {
    if (closed) return;
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const start = () => {
    const started = new Worker(new URL("./thread.ts", import.meta.url), {
      ...{ name: "sums", workerData: places },
      resourceLimits: { maxYoungGenerationSizeMb: youngMb },
    });
    started.on("message", ({ id, result, error }: Answer) => {
      const task = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) task?.resolve(result);
      else if ("code" in error) task?.reject(fail(error.code, error.details));
      else task?.reject(new Error(error.trace));
    });
    started.on("error", (error) => failAll(error instanceof Error ? error : new Error(String(error))));
    started.on("exit", (code) => failAll(new Error(`The thread for sums ended with code ${code}.`)));
    return started;
  };

  return {
    waiting: () => waiting.size,
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
