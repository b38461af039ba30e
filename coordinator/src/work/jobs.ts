/**
 * Work as jobs for all workers of a deployment.
 *
 *   task ─ sealed ─▶ object store        ┌─ worker: sealed task + uploads' ranges ─▶ `work/<task>.<slice>` ─┐
 *        └ slices ─▶ job table ──────────┼─ worker …                                                       ├─▶ gathered, checked, one blob
 *                                        └─ this replica's own worker                                      ┘
 *
 * The PRG is seekable, so a slice needs nothing of another. Nothing of a task stays: its jobs and objects are erased when it is done or has failed, and where that
 * failed too, before the next task. A leader that was superseded finds its jobs gone and stops.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, type ErrorDetails, errorTable, fail, isTributaryError } from "@tributary/errors";
import type { JobWithMetadata } from "pg-boss";
import type { Logger } from "pino";
import { sha256Of } from "../storage/blobs.ts";
import { faultOf } from "../storage/faults.ts";
import type { ObjectStore } from "../storage/objects.ts";
import { wordsOf } from "../storage/uploads.ts";
import { type JobData, type JobOutput, type JobTable, jobOutputSchema, type QueueName, queues } from "./boss.ts";
import { keepSum, slicesOf } from "./computations.ts";
import { eraseTask, eraseTasks, type SealedTask, sealTask, sliceName, taskName } from "./sealed.ts";
import type { SumEffect, WorkQueue, WorkResult, WorkTask } from "./work-queue.ts";

export interface JobsParts {
  readonly table: JobTable;
  readonly objects: ObjectStore;
  /** For what only this replica can do: plans with extensions, whose files other workers may not have. */
  readonly alone: Pick<WorkQueue, "run">;
  readonly log: Logger;
}

/** In milliseconds: how often a leader looks how far its task is. */
const look = 100;
/** In milliseconds: a worker whose heart hasn't beaten for so long is given up, and its slice to another. */
const givenUp = 4_000;
/** More than any task has slices. */
const all = 100_000;

export function jobQueue(parts: JobsParts): WorkQueue {
  const { objects, alone, log } = parts;
  const { boss, where } = parts.table;
  let closed = false;
  /** Tasks of this leadership that are under way. */
  const wanted = new Set<string>();

  /** What earlier leaderships left, and what this one could not erase, is nobody's. @throws TRB_COORDINATOR_FENCED when a later one has been here */
  const clear = async (fence: number) => {
    const unwanted = (task: string, of: number) => of < fence || (of === fence && !wanted.has(task));
    for (const name of Object.values(queues)) {
      const jobs = await boss.findJobs<JobData>(name, { limit: all });
      if (jobs.some(({ data }) => data.fence > fence)) throw fail("TRB_COORDINATOR_FENCED", { fence });
      const ids = jobs.filter(({ data }) => unwanted(data.task, data.fence)).map(({ id }) => id);
      if (ids.length > 0) await boss.deleteJob(name, ids);
    }
    await eraseTasks(objects, unwanted);
  };

  /** Settles when `taken` has had every job's answer. */
  const gather = async (
    name: QueueName,
    ids: ReadonlySet<string>,
    { task, fence }: { readonly task: string; readonly fence: number },
    taken: (data: JobData, output: JobOutput) => Promise<void>,
  ) => {
    const waiting = new Set(ids);
    const beats = watchBeats();
    while (waiting.size > 0) {
      const jobs = await boss.findJobs<JobData>(name, { data: { task }, limit: all });
      if (jobs.length < ids.size) throw fail("TRB_COORDINATOR_FENCED", { fence }); // a later leadership deleted them
      for (const job of jobs) {
        if (!waiting.has(job.id)) continue;
        if (job.state === "failed") throw failureOf(job);
        if (job.state === "completed") {
          await taken(job.data, jobOutputSchema.parse(job.output));
          waiting.delete(job.id);
        } else if (beats.stopped(job)) {
          log.warn({ job: name, task, slice: job.data.slice }, "a worker is silent: its job goes to another");
          await boss.fail(name, { id: job.id, retryCount: job.retryCount }, { message: "the worker is silent" });
        }
      }
      if (waiting.size > 0) await sleep(look);
      if (closed) await new Promise<never>(() => {});
    }
  };

  const withJobs = async <Result>(
    name: QueueName,
    asked: WorkTask,
    fence: number,
    slices: number,
    gathered: (sealed: SealedTask, ids: ReadonlySet<string>) => Promise<Result>,
  ): Promise<Result> => {
    await clear(fence);
    const task = taskName(asked.effect.round, fence);
    wanted.add(task);
    let ids: readonly string[] = [];
    try {
      const sealed = await sealTask(objects, task, asked);
      const data = Array.from({ length: slices }, (_, slice): JobData => ({ ...sealed, fence, slice }));
      const jobs = data.map((one) => ({ data: one, singletonKey: `${one.task}.${one.slice}` }));
      ids = (await boss.insert(name, jobs, { returnId: true })) ?? [];
      return await gathered(sealed, new Set(ids));
    } finally {
      wanted.delete(task);
      if (ids.length > 0) await boss.deleteJob(name, [...ids]); // first: whoever still works on one erases what it writes
      await eraseTask(objects, task);
    }
  };

  const sum = (asked: { readonly effect: SumEffect }, fence: number): Promise<WorkResult> => {
    const ranges = slicesOf(asked.effect);
    return withJobs(queues.slices, asked, fence, ranges.length, async ({ task }, ids) => {
      const total = new Uint32Array(asked.effect.length);
      await gather(queues.slices, ids, { task, fence }, async ({ slice }, output) => {
        const hash = "slice" in output ? output.slice : refused(output, fence);
        const octets = await objects.read(sliceName(task, slice));
        const range = ranges[slice];
        if (octets === undefined || range === undefined || octets.length !== 4 * range.length || sha256Of(octets) !== hash) {
          throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: "a slice of a sum is not what its worker wrote" });
        }
        total.set(wordsOf(octets), range.from);
      });
      return await keepSum(objects, total);
    });
  };

  const apply = (asked: WorkTask, fence: number): Promise<WorkResult> =>
    withJobs(queues.apply, asked, fence, 1, async (sealed, ids) => {
      let result: WorkResult | undefined;
      await gather(queues.apply, ids, { ...sealed, fence }, async (_, output) => {
        result = "applied" in output ? output.applied : refused(output, fence);
      });
      if (result === undefined) throw fail("TRB_UNEXPECTED", { reason: "a job without an answer" });
      return result;
    });

  return {
    async run(task, fence) {
      if ("plan" in task && (task.plan.extensions ?? []).length > 0) return await alone.run(task, fence);
      try {
        return await ("plan" in task ? apply(task, fence) : sum(task, fence));
      } catch (error) {
        const { fate, error: known } = faultOf(error, where);
        throw fate === "final" && !isTributaryError(known) ? error : known;
      }
    },
    async close() {
      closed = true;
    },
  };
}

/** Hearts are compared with their own last beat, by this process's clock: no two machines' clocks are. */
function watchBeats() {
  const seen = new Map<string, { readonly beat: number; readonly at: number }>();
  return {
    stopped({ id, state, heartbeatOn }: JobWithMetadata<JobData>): boolean {
      if (state !== "active" || heartbeatOn === null) return false;
      const [beat, now] = [heartbeatOn.getTime(), performance.now()];
      const before = seen.get(id);
      if (before?.beat !== beat) seen.set(id, { beat, at: now });
      return before?.beat === beat && now - before.at > givenUp;
    },
  };
}

const isCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(errorTable, code);

/** What a worker answered instead of a result. */
function refused(output: JobOutput, fence: number): never {
  if ("refused" in output && isCode(output.refused.code))
    throw fail(output.refused.code, output.refused.details as ErrorDetails);
  throw fail("TRB_COORDINATOR_FENCED", { fence }); // its task was erased
}

/** Of a job whose attempts are used up: `output` is the last error. */
function failureOf({ output }: JobWithMetadata<JobData>): Error {
  const { code, details, message } = output as { code?: unknown; details?: ErrorDetails; message?: unknown };
  return isCode(code) ? fail(code, details) : new Error(`A worker failed again and again: ${String(message)}`);
}
