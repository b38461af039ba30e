/** Takes jobs of a deployment and does them in threads of this process: every replica has one, and `tributary worker` is nothing else. */
import { hostname } from "node:os";
import type { Job } from "pg-boss";
import type { Logger } from "pino";
import type { ObjectStore } from "../storage/objects.ts";
import { type JobAnswer, type JobTable, jobDataSchema, type QueueName, queues } from "./boss.ts";
import { sliceName } from "./sealed.ts";
import { takeJobs } from "./taking.ts";
import type { Team } from "./threads.ts";

export interface WorkerParts {
  readonly table: JobTable;
  readonly objects: ObjectStore;
  readonly team: Team;
  readonly log: Logger;
}

export interface JobWorker {
  /** Jobs that it has done since it began. */
  done(): number;
}

/** Ends with its table, which waits for jobs under way. */
export async function startWorker({ table, objects, team, log }: WorkerParts): Promise<JobWorker> {
  let done = 0;
  const perform = async (queue: QueueName, { id, data }: Pick<Job<unknown>, "id" | "data">): Promise<JobAnswer | undefined> => {
    const { task, key, slice } = jobDataSchema.parse(data);
    const sealed = { task, key };
    const result = await team.run(
      queue === queues.slices ? { kind: "sealed slice", sealed, slice } : { kind: "sealed apply", sealed },
    );
    if (result === undefined) return undefined;
    done += 1;
    log.info({ job: queue, task, slice }, "work done");
    if (typeof result !== "string") return result.type === "applied" ? { applied: result } : undefined;
    const [found] = await table.boss.findJobs(queue, { id });
    if (found !== undefined) return { slice: result };
    await objects.erase(sliceName(task, slice)); // its job was deleted meanwhile: it has written for nobody
    return undefined;
  };
  const lanes = { [queues.slices]: team.size, [queues.apply]: 1 };
  for (const queue of [queues.slices, queues.apply]) {
    await takeJobs({ table, queue, lanes: lanes[queue], log, perform: (job) => perform(queue, job) });
  }
  log.info({ host: hostname(), threads: team.size }, "works");
  return { done: () => done };
}
