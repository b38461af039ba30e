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
import { fail, isTributaryError } from "@tributary/errors";
import type { Logger } from "pino";
import { sha256Of } from "../storage/blobs.ts";
import { faultOf } from "../storage/faults.ts";
import type { ObjectStore } from "../storage/objects.ts";
import { wordsOf } from "../storage/uploads.ts";
import { type JobAnswer, type JobData, type JobTable, jobAnswerSchema, jobDataSchema, type QueueName, queues } from "./boss.ts";
import { keepSum, slicesOf } from "./computations.ts";
import { allJobs, gather } from "./gathering.ts";
import { eraseTask, eraseTasks, type SealedTask, sealTask, sliceName, taskName } from "./sealed.ts";
import type { SumEffect, WorkQueue, WorkResult, WorkTask } from "./work-queue.ts";

export interface JobsParts {
  readonly table: JobTable;
  readonly objects: ObjectStore;
  /** For what only this replica can do: plans with extensions, whose files other workers may not have. */
  readonly alone: Pick<WorkQueue, "run">;
  readonly log: Logger;
}

export function jobQueue(parts: JobsParts): WorkQueue {
  const { objects, alone, log } = parts;
  const { boss, where } = parts.table;
  let closed = false;
  /** Tasks of this leadership that are under way. */
  const wanted = new Set<string>();

  /** What earlier leaderships left, and what this one could not erase, is nobody's. @throws TRB_COORDINATOR_FENCED when a later one has been here */
  const clear = async (fence: number) => {
    const unwanted = (task: string, of: number) => of < fence || (of === fence && !wanted.has(task));
    for (const name of [queues.slices, queues.apply]) {
      const jobs = await boss.findJobs<JobData>(name, { limit: allJobs });
      if (jobs.some(({ data }) => data.fence > fence)) throw fail("TRB_COORDINATOR_FENCED", { fence });
      const ids = jobs.filter(({ data }) => unwanted(data.task, data.fence)).map(({ id }) => id);
      if (ids.length > 0) await boss.deleteJob(name, ids);
    }
    await eraseTasks(objects, unwanted);
  };

  const answers = (
    queue: QueueName,
    task: string,
    ids: ReadonlySet<string>,
    fence: number,
    taken: (data: JobData, answer: JobAnswer) => Promise<void>,
  ) => {
    // a later leadership deleted them, or erased the task before a worker opened it
    const gone = () => fail("TRB_COORDINATOR_FENCED", { fence });
    const gathering = { table: parts.table, queue, task, ids, gone, closed: () => closed, log };
    return gather(gathering, (data, answer) => taken(jobDataSchema.parse(data), jobAnswerSchema.parse(answer)));
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
      await answers(queues.slices, task, ids, fence, async ({ slice }, answer) => {
        const hash = "slice" in answer ? answer.slice : undefined;
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
    withJobs(queues.apply, asked, fence, 1, async ({ task }, ids) => {
      let result: WorkResult | undefined;
      await answers(queues.apply, task, ids, fence, async (_, answer) => {
        if ("applied" in answer) result = answer.applied;
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
