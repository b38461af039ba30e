/**
 * The job table of a deployment: pg-boss in the schema `<schema>_jobs` of its database. Three queues: `sum-slices`, one job a slice of a sum, `apply`, one job a
 * model, and `simulation-shares` (`shares.ts`). A job's data are small: where its sealed task lies, what opens it, and which slice is meant.
 */
import { sha256Hex } from "@tributary/protocol";
import type { PgBoss } from "pg-boss";
import type { Logger } from "pino";
import { z } from "zod";
import { faultOf } from "../storage/faults.ts";
import { requireOwnSession } from "../storage/own-session.ts";
import { postgresAddress } from "../storage/postgres.ts";
import type { SealedTask } from "./sealed.ts";

export const queues = { slices: "sum-slices", apply: "apply", shares: "simulation-shares" } as const;
export type QueueName = (typeof queues)[keyof typeof queues];

export interface JobData extends SealedTask {
  /** Of the leadership on whose behalf; it is in the task's name as well. */
  readonly fence: number;
  readonly slice: number;
}

export const jobDataSchema: z.ZodType<JobData> = z.strictObject({
  ...{ task: z.string().regex(/^[0-9]+\.[0-9]+\.[0-9a-f]{16}$/), key: z.string().regex(/^[0-9a-f]{64}$/) },
  ...{ fence: z.int().min(0), slice: z.int().min(0) },
});

/** What a worker answers: the slice's hash, or the model's. */
export const jobAnswerSchema = z.union([
  z.strictObject({ slice: sha256Hex }),
  z.strictObject({
    applied: z.strictObject({
      ...{ type: z.literal("applied"), modelHash: sha256Hex, optimiserHash: sha256Hex.nullable() },
      sum: z.array(z.number()).readonly().exactOptional(),
    }),
  }),
]);
export type JobAnswer = z.infer<typeof jobAnswerSchema>;

/** In seconds. A worker says every second that it lives; whoever is silent for ten has lost its job, at the leader's word sooner. */
export const beat = { every: 1, lost: 10 };
/** In seconds: for one attempt at a job, whoever works on it. */
const longest = 15 * 60;
const attempts = 5;
/** pg-boss's own connections of one process. */
const connections = 4;

export interface JobTable {
  readonly boss: PgBoss;
  /** Which database, to be shown; never a password. */
  readonly where: string;
  /** Takes no more jobs, and waits for those under way. */
  close(): Promise<void>;
}

/** In milliseconds, for jobs under way when a process stops. */
const drain = 30_000;

/** Makes the schema when it isn't there. @throws TRB_COORDINATOR_DATABASE_URL_INVALID, TRB_COORDINATOR_DATABASE_POOLED, TRB_COORDINATOR_DATABASE_UNREACHABLE, TRB_COORDINATOR_DATABASE_REFUSED */
export async function openJobTable(databaseUrl: string, log: Logger): Promise<JobTable> {
  const address = postgresAddress(databaseUrl);
  const { config, schema, where } = address;
  const { connectionString = databaseUrl } = config;
  await requireOwnSession(address);
  const boss = new (await import("pg-boss")).PgBoss({
    ...{ connectionString, schema: `${schema}_jobs`, max: connections, application_name: "tributary jobs" },
    ...{ schedule: false, useListenNotify: true },
    ...{ superviseIntervalSeconds: 1, monitorIntervalSeconds: 1, maintenanceIntervalSeconds: 60 },
  });
  boss.on("error", (error) => log.warn({ err: error }, "the job table"));
  boss.on("warning", ({ message }) => log.info({ warning: message }, "the job table"));
  const close = () => boss.stop({ graceful: true, timeout: drain });
  try {
    await boss.start({ attempts: 4 });
    for (const name of Object.values(queues)) await boss.createQueue(name, queueOptions);
  } catch (error) {
    await close();
    throw faultOf(error, where).error;
  }
  return { boss, where, close };
}

const queueOptions = {
  ...{ notify: true, heartbeatSeconds: beat.lost, expireInSeconds: longest },
  ...{ retryLimit: attempts, retryDelay: 1, retryBackoff: true, retryDelayMax: 10 },
  ...{ deleteAfterSeconds: 3600, retentionSeconds: 24 * 3600 }, // of what a leader that died can't delete
};
