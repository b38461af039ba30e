/**
 * Work of others that goes through a deployment's job table: `tributary simulate scale --database-url` gives shares of its rounds to workers so. What a share is,
 * and where its bytes lie, is theirs to know.
 */
import { fail } from "@tributary/errors";
import type { Logger } from "pino";
import { z } from "zod";
import { type JobTable, queues } from "./boss.ts";
import { allJobs, gather } from "./gathering.ts";
import { takeJobs } from "./taking.ts";

/** A share in the table: its task, and what is asked of whoever takes it, in JSON. */
const shareSchema = z.strictObject({ task: z.string(), share: z.int().min(0), asked: z.json() });

export interface Shares {
  /**
   * Has every share of a task done by some worker.
   * @param asked in JSON, one value a share
   * @param taken hears each share's answer once, in no order
   * @throws what a worker was refused with
   */
  run(task: string, asked: readonly unknown[], taken: (share: number, answer: unknown) => Promise<void>): Promise<void>;
  /** Deletes what a process that was killed had asked for: shares of tasks that begin so. */
  clear(prefix: string): Promise<void>;
  /** Takes shares of anybody's tasks, so many at a time. @param perform gives a share's answer, in JSON; undefined when its task is over */
  take(lanes: number, perform: (asked: unknown, lane: number) => Promise<unknown>): Promise<void>;
}

export function openShares(table: JobTable, log: Logger): Shares {
  const { boss } = table;
  const queue = queues.shares;
  return {
    async run(task, asked, taken) {
      const jobs = asked.map((one, share) => ({ data: { task, share, asked: one } }));
      const ids = (await boss.insert(queue, jobs, { returnId: true })) ?? [];
      try {
        const gone = () => fail("TRB_UNEXPECTED", { reason: "shares of a simulation were deleted" });
        await gather({ table, queue, task, ids: new Set(ids), gone, closed: () => false, log }, async (data, answer) => {
          await taken(shareSchema.parse(data).share, answer);
        });
      } finally {
        if (ids.length > 0) await boss.deleteJob(queue, ids);
      }
    },
    async clear(prefix) {
      const jobs = await boss.findJobs<object>(queue, { limit: allJobs });
      const ids = jobs.filter(({ data }) => shareSchema.parse(data).task.startsWith(prefix)).map(({ id }) => id);
      if (ids.length > 0) await boss.deleteJob(queue, ids);
    },
    take: (lanes, perform) =>
      takeJobs({ table, queue, lanes, log, perform: ({ data }, lane) => perform(shareSchema.parse(data).asked, lane) }),
  };
}
