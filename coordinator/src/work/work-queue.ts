/**
 * The long computations of a round: masked vectors to their unmasked sum, and the sum to the next model. Whoever runs them is behind this interface: threads of
 * this process (`threads.ts`), or the workers of all replicas (`jobs.ts`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isTributaryError } from "@tributary/errors";
import type { CoordinatorEffect } from "@tributary/federation";
import type { Plan, Sha256 } from "@tributary/protocol";
import type { Logger } from "pino";

export type SumEffect = Extract<CoordinatorEffect, { type: "sum" }>;
export type ApplyEffect = Extract<CoordinatorEffect, { type: "apply" }>;

/** What is asked for; an apply needs the plan. */
export type WorkTask = { readonly effect: SumEffect } | { readonly effect: ApplyEffect; readonly plan: Plan };

export type WorkResult =
  | { readonly type: "summed"; readonly sumHash: Sha256 }
  | {
      readonly type: "applied";
      readonly modelHash: Sha256;
      readonly optimiserHash: Sha256 | null;
      readonly sum?: readonly number[];
    };

export interface WorkQueue {
  /**
   * What comes out is a blob before this settles. The same task gives the same bytes, whoever runs it and however often.
   * @param fence the leadership on whose behalf
   * @throws TRB_COORDINATOR_FENCED when a later leadership has asked for work, TRB_COORDINATOR_UPLOAD_LOST, TRB_COORDINATOR_STORE_DAMAGED, TRB_COORDINATOR_BLOB_UNKNOWN
   */
  run(task: WorkTask, fence: number): Promise<WorkResult>;
  /** Tasks under way never settle; a restart asks for them again. */
  close(): Promise<void>;
}

/** Where work reads and writes. */
export interface WorkPlaces {
  /** Of `openObjects`. */
  readonly objects: string;
  /** The folder of the plan's extensions; of this machine. */
  readonly extensions: string;
}

/** In milliseconds, doubling. */
const waits = { first: 500, longest: 10_000 };
const passing: readonly string[] = [
  "TRB_COORDINATOR_BLOBS_UNREACHABLE",
  "TRB_COORDINATOR_BLOBS_FULL",
  "TRB_COORDINATOR_DATABASE_UNREACHABLE",
];

/** Of a missing upload: where its volume isn't there for a moment, it comes back. */
const looks = 4;

/** Whether the same may work later, without anybody here doing anything else. */
export const mayPass = (error: unknown): boolean => isTributaryError(error) && passing.includes(error.code);

const never = new Promise<never>(() => {});

/** A queue whose tasks outlast stores that are away or full: they are tried again until the cause is gone. */
export function patient(queue: WorkQueue, log: Logger): WorkQueue {
  const closing = new AbortController();
  return {
    async run(task, fence) {
      for (let [wait, looked] = [waits.first, 1]; ; wait = Math.min(2 * wait, waits.longest)) {
        try {
          return await queue.run(task, fence);
        } catch (error) {
          const lost = isTributaryError(error) && error.code === "TRB_COORDINATOR_UPLOAD_LOST";
          if (!(mayPass(error) || (lost && looked < looks))) throw error;
          if (lost) looked += 1;
          log.warn({ round: task.effect.round, task: task.effect.type, err: error }, "work waits for its store");
          await sleep(wait, undefined, { signal: closing.signal }).catch(() => never);
        }
      }
    },
    async close() {
      closing.abort();
      await queue.close();
    },
  };
}
