/** Takes jobs of a deployment and does them in threads of this process: every replica has one, and `tributary worker` is nothing else. */
import { hostname } from "node:os";
import { isTributaryError } from "@tributary/errors";
import type { Job } from "pg-boss";
import type { Logger } from "pino";
import type { ObjectStore } from "../storage/objects.ts";
import { beat, type JobData, type JobOutput, type JobTable, jobDataSchema, type QueueName, queues } from "./boss.ts";
import { sliceName } from "./sealed.ts";
import type { Team } from "./threads.ts";
import { mayPass } from "./work-queue.ts";

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

/** In seconds: how often a worker looks for jobs of which it wasn't notified. */
const look = 0.5;

/** Ends with its table, which waits for jobs under way. */
export async function startWorker({ table: { boss }, objects, team, log }: WorkerParts): Promise<JobWorker> {
  let done = 0;
  /** A worker whose job was deleted meanwhile has written for nobody. */
  const eraseUnwanted = async (name: QueueName, { id, data }: Job<JobData>) => {
    const [found] = await boss.findJobs(name, { id });
    if (found === undefined) await objects.erase(sliceName(data.task, data.slice));
  };
  const perform = async (name: QueueName, job: Job<JobData>): Promise<JobOutput> => {
    const { task, key, slice } = jobDataSchema.parse(job.data);
    const sealed = { task, key };
    const result = await team.run(
      name === queues.slices ? { kind: "sealed slice", sealed, slice } : { kind: "sealed apply", sealed },
    );
    if (result === undefined) return { unwanted: true };
    done += 1;
    log.info({ job: name, task, slice }, "work done");
    if (typeof result !== "string") return result.type === "applied" ? { applied: result } : { unwanted: true };
    await eraseUnwanted(name, job);
    return { slice: result };
  };

  for (const name of Object.values(queues)) {
    const lanes = name === queues.slices ? team.size : 1;
    for (let lane = 0; lane < lanes; lane++) {
      const options = {
        ...{ batchSize: 1, pollingIntervalSeconds: look, notifyPollingIntervalSeconds: look },
        heartbeatRefreshSeconds: beat.every,
      };
      const id: string = await boss.work(name, options, async (jobs: readonly Job<JobData>[]): Promise<JobOutput> => {
        const [job] = jobs;
        if (job === undefined) return { unwanted: true };
        try {
          return await perform(name, job);
        } catch (error) {
          log.warn({ job: name, task: job.data.task, slice: job.data.slice, err: error }, "work failed");
          // What another attempt doesn't change ends the task with its code; anything else is tried again.
          if (!isTributaryError(error) || mayPass(error)) throw error;
          return { refused: { code: error.code, details: error.details } };
        } finally {
          boss.notifyWorker(id); // the next one at once, rather than at the next look
        }
      });
    }
  }
  log.info({ host: hostname(), threads: team.size }, "works");
  return { done: () => done };
}
