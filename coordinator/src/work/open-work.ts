/** Who does a coordinator's long computations: this process's threads, or, on PostgreSQL, the workers of all replicas, this one's among them. */
import { destination, type Logger, pino } from "pino";
import { openObjects } from "../storage/objects.ts";
import { openJobTable } from "./boss.ts";
import { jobQueue } from "./jobs.ts";
import { startTeam, threadQueue } from "./threads.ts";
import { patient, type WorkPlaces, type WorkQueue } from "./work-queue.ts";
import { startWorker } from "./worker.ts";

export interface WorkRequest {
  readonly places: WorkPlaces;
  /** Of a deployment on PostgreSQL. */
  readonly databaseUrl?: string | undefined;
  /** Default: as many as there are processors, at most 8. */
  readonly threads?: number | undefined;
  readonly log: Logger;
}

/** @throws what `openObjects` and `openJobTable` throw */
export async function openWork({ places, databaseUrl, threads, log }: WorkRequest): Promise<WorkQueue> {
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

export interface WorkerRequest extends Omit<WorkRequest, "log"> {
  readonly databaseUrl: string;
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
  const log = rest.log ?? pino({ base: null }, destination({ fd: 2, sync: true }));
  const parts = await openParts({ places, databaseUrl, log });
  const team = startTeam(places, threads);
  const { done } = await startWorker({ ...parts, team, log });
  return {
    ...{ threads: team.size, done },
    finished: new Promise<never>(() => {}),
    async close() {
      await parts.table.close();
      await team.close();
      parts.objects.close();
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
