/** Who does a coordinator's long computations: this process's threads, or, on PostgreSQL, the workers of all replicas, this one's among them. */
import type { Logger } from "pino";
import { childLog, coordinatorLog } from "../observe/logging.ts";
import { type ObjectStore, openObjects } from "../storage/objects.ts";
import { openJobTable } from "./boss.ts";
import { jobQueue } from "./jobs.ts";
import { openShares, type Shares } from "./shares.ts";
import { startTeam, threadQueue, threadsBeside } from "./threads.ts";
import { patient, type WorkPlaces, type WorkQueue } from "./work-queue.ts";
import { startWorker } from "./worker.ts";

export interface WorkRequest {
  readonly places: WorkPlaces;
  /** Of a deployment on PostgreSQL. */
  readonly databaseUrl?: string | undefined;
  /** Default: half as many as there are processors, at most 4, beside a server; in a worker as many as there are, at most 8. */
  readonly threads?: number | undefined;
  readonly log: Logger;
}

/** @throws what `openObjects` and `openJobTable` throw */
export async function openWork({ places, databaseUrl, threads = threadsBeside(), log }: WorkRequest): Promise<WorkQueue> {
  const team = startTeam(places, threads);
  if (databaseUrl === undefined) return patient(threadQueue(team), log);
  const parts = await openParts({ places, databaseUrl, log });
  await startWorker({ ...parts, team, log });
  const jobs = patient(jobQueue({ ...parts, alone: threadQueue(team), log }), log);
  return {
    run: jobs.run,
    async close() {
      await jobs.close();
      await parts.table.close();
      await team.close();
      parts.objects.close();
    },
  };
}

/** Does shares of what others put into the table (`shares.ts`). */
interface ShareHand {
  perform(asked: unknown, lane: number): Promise<unknown>;
  close(): Promise<void>;
}

export interface WorkerRequest extends Omit<WorkRequest, "log"> {
  readonly databaseUrl: string;
  /** Who does shares, if anybody does. */
  readonly shareHand?: ((store: ObjectStore, threads: number) => ShareHand) | undefined;
  /** From `fatal` to `trace`, or `silent`; of the default log. Default: `info`. */
  readonly logLevel?: string | undefined;
  /** Default: JSON lines on stderr. */
  readonly log?: Logger;
}

export interface RunningWorker {
  /** Jobs at a time. */
  readonly threads: number;
  /** Jobs that it has done. */
  done(): number;
  /** Never: a worker has no end of its own. */
  readonly finished: Promise<never>;
  /** Takes no more jobs, and finishes those under way. */
  close(): Promise<void>;
}

/** Only takes jobs: `tributary worker`. @throws what `openObjects` and `openJobTable` throw */
export async function runWorker({ places, databaseUrl, threads, ...rest }: WorkerRequest): Promise<RunningWorker> {
  const log = childLog(rest.log ?? coordinatorLog({ level: rest.logLevel }), {});
  const parts = await openParts({ places, databaseUrl, log });
  const team = startTeam(places, threads);
  const { done } = await startWorker({ ...parts, team, log });
  let sharesDone = 0;
  const hand = rest.shareHand?.(parts.objects, team.size);
  if (hand !== undefined) {
    await openShares(parts.table, log).take(team.size, async (asked, lane) => {
      const answer = await hand.perform(asked, lane);
      if (answer !== undefined) sharesDone += 1;
      return answer;
    });
  }
  return {
    ...{ threads: team.size, done: () => done() + sharesDone },
    finished: new Promise<never>(() => {}),
    async close() {
      await parts.table.close();
      await Promise.all([team.close(), hand?.close()]);
      parts.objects.close();
    },
  };
}

export interface Sharing {
  readonly store: ObjectStore;
  readonly shares: Shares;
  close(): Promise<void>;
}

/**
 * For who has shares to give: the deployment's table and store, and a hand of this process's own, so that it is done without any worker.
 * @throws what `openObjects` and `openJobTable` throw
 */
export async function openSharing({
  places,
  databaseUrl,
  threads,
  shareHand,
  log = coordinatorLog({ level: "warn" }),
}: WorkerRequest & { readonly threads: number }): Promise<Sharing> {
  const { objects: store, table } = await openParts({ places, databaseUrl, log });
  const hand = shareHand?.(store, threads);
  const shares = openShares(table, log);
  if (hand !== undefined) await shares.take(threads, hand.perform);
  return {
    ...{ store, shares },
    async close() {
      await table.close();
      await hand?.close();
      store.close();
    },
  };
}

async function openParts({ places, databaseUrl, log }: Pick<WorkRequest, "places" | "log"> & { readonly databaseUrl: string }) {
  const objects = await openObjects(places.objects);
  try {
    return { objects, table: await openJobTable(databaseUrl, log) };
  } catch (error) {
    objects.close();
    throw error;
  }
}
