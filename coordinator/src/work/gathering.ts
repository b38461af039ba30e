/** An asker's side of the job table: it waits for the answers of its jobs, and gives those of silent workers to others. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, type ErrorDetails, errorTable, fail } from "@tributary/errors";
import type { JobWithMetadata } from "pg-boss";
import type { Logger } from "pino";
import type { JobTable, QueueName } from "./boss.ts";
import { outputSchema } from "./taking.ts";

export interface Gathering {
  readonly table: JobTable;
  readonly queue: QueueName;
  /** Stands in the data of all the jobs, and of no others. */
  readonly task: string;
  readonly ids: ReadonlySet<string>;
  /** Why jobs may be gone that nobody here deleted. */
  readonly gone: () => Error;
  readonly closed: () => boolean;
  readonly log: Logger;
}

/** In milliseconds: how often is looked how far a task is. */
const look = 100;
/** In milliseconds: a worker whose heart hasn't beaten for so long is given up, and its job to another. */
const givenUp = 4_000;
/** More than any task has jobs. */
export const allJobs = 100_000;

/**
 * Settles when `taken` has had every job's answer. Never, once it is closed.
 * @throws what a job was refused with, `gone`, and what `taken` throws
 */
export async function gather(
  { table: { boss }, queue, task, ids, gone, closed, log }: Gathering,
  taken: (data: unknown, answer: unknown) => Promise<void>,
): Promise<void> {
  const waiting = new Set(ids);
  const beats = watchBeats();
  while (waiting.size > 0) {
    const jobs = await boss.findJobs<object>(queue, { data: { task }, limit: allJobs });
    if (jobs.length < ids.size) throw gone();
    for (const job of jobs) {
      if (!waiting.has(job.id)) continue;
      if (job.state === "failed") throw failureOf(job);
      if (job.state === "completed") {
        const output = outputSchema.parse(job.output);
        if ("refused" in output) throw refusal(output.refused) ?? gone();
        if ("unwanted" in output) throw gone();
        await taken(job.data, output.answer);
        waiting.delete(job.id);
      } else if (beats.stopped(job)) {
        log.warn({ job: queue, task }, "a worker is silent: its job goes to another");
        await boss.fail(queue, { id: job.id, retryCount: job.retryCount }, { message: "the worker is silent" });
      }
    }
    if (waiting.size > 0) await sleep(look);
    if (closed()) await new Promise<never>(() => {});
  }
}

/** Hearts are compared with their own last beat, by this process's clock: no two machines' clocks are. */
function watchBeats() {
  const seen = new Map<string, { readonly beat: number; readonly at: number }>();
  return {
    stopped({ id, state, heartbeatOn }: JobWithMetadata<object>): boolean {
      if (state !== "active" || heartbeatOn === null) return false;
      const [beat, now] = [heartbeatOn.getTime(), performance.now()];
      const before = seen.get(id);
      if (before?.beat !== beat) seen.set(id, { beat, at: now });
      return before?.beat === beat && now - before.at > givenUp;
    },
  };
}

const isCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(errorTable, code);

const refusal = ({ code, details }: { readonly code: unknown; readonly details?: unknown }) =>
  isCode(code) ? fail(code, details as ErrorDetails) : undefined;

/** Of a job whose attempts are used up: `output` is the last error. */
function failureOf({ output }: JobWithMetadata<object>): Error {
  const { message, ...parts } = output as { code?: unknown; details?: unknown; message?: unknown };
  return (
    refusal({ code: parts.code, details: parts.details }) ?? new Error(`A worker failed again and again: ${String(message)}`)
  );
}
