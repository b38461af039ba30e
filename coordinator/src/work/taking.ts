/** A process's side of the job table: it takes one job after another from a queue, in as many lanes as it works at a time. */
import { isTributaryError } from "@tributary/errors";
import type { Job } from "pg-boss";
import type { Logger } from "pino";
import { z } from "zod";
import { beat, type JobTable, type QueueName } from "./boss.ts";
import { mayPass } from "./work-queue.ts";

/** What a job leaves for whoever asked for it. Unwanted: nobody did any more. */
export const outputSchema = z.union([
  z.strictObject({ answer: z.json() }),
  z.strictObject({ refused: z.strictObject({ code: z.string(), details: z.record(z.string(), z.unknown()) }) }),
  z.strictObject({ unwanted: z.literal(true) }),
]);
type Output = z.infer<typeof outputSchema>;

export interface Taking {
  readonly table: JobTable;
  readonly queue: QueueName;
  /** Jobs at a time. */
  readonly lanes: number;
  /** @returns the job's answer, in JSON; undefined when nobody wants it any more */
  readonly perform: (job: Pick<Job<unknown>, "id" | "data">, lane: number) => Promise<unknown>;
  readonly log: Logger;
}

/** In seconds: how often a worker looks for jobs; of new ones it is notified, if the database can. */
const look = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 1 };

/** Ends with its table, which waits for jobs under way. */
export async function takeJobs({ table: { boss }, queue, lanes, perform, log }: Taking): Promise<void> {
  const options = {
    ...{ batchSize: 1, ...look },
    heartbeatRefreshSeconds: beat.every,
  };
  for (let lane = 0; lane < lanes; lane++) {
    const id: string = await boss.work(queue, options, async (jobs: readonly Job<unknown>[]): Promise<Output> => {
      const [job] = jobs;
      if (job === undefined) return { unwanted: true };
      try {
        const answer = await perform(job, lane);
        return answer === undefined ? { unwanted: true } : outputSchema.parse({ answer });
      } catch (error) {
        log.warn({ job: queue, err: error }, "work failed");
        // What another attempt doesn't change ends the task with its code; anything else is tried again.
        if (!isTributaryError(error) || mayPass(error)) throw error;
        return { refused: { code: error.code, details: error.details } };
      } finally {
        boss.notifyWorker(id); // the next one at once, rather than at the next look
      }
    });
  }
}
