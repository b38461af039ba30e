/**
 * One replica, observed: what its parts tell of themselves goes in, and what is scraped and asked comes out.
 *
 *   stores ─ faults ─┐                                  ┌─▶ /metrics
 *   engine ─ steps ──┼─▶ Observation ─ facts, checks ───┼─▶ /healthz
 *   wire ── refusals ┘                                  └─▶ /readyz
 */
import { X509Certificate } from "node:crypto";
import { readFileSync, statfsSync } from "node:fs";
import { isTributaryError } from "@tributary/errors";
import type { Plan } from "@tributary/protocol";
import type { Term } from "../replicas/replica.ts";
import type { RunningFederation } from "../rounds/federation.ts";
import type { ObjectStore } from "../storage/objects.ts";
import type { Store } from "../storage/store.ts";
import type { Uploads } from "../storage/uploads.ts";
import type { Sockets } from "../transport/sockets.ts";
import type { TlsFiles } from "../transport/tls.ts";
import type { Traffic } from "../transport/traffic.ts";
import { mayPass, type WorkQueue } from "../work/work-queue.ts";
import { type FederationFacts, federationFacts } from "./facts.ts";
import { type HealthDesk, healthDesk, type healthLimits, watchEventLoop } from "./health.ts";
import { type CoordinatorMetrics, coordinatorMetrics, type LocalFacts } from "./metrics.ts";
import { roundWatch } from "./round-watch.ts";

export interface ObservationParts {
  readonly plan: Plan;
  readonly replica: string;
  readonly software: string;
  readonly store: Store;
  readonly objects: ObjectStore;
  readonly home: string;
  /** Where blobs are in a folder; undefined elsewhere. */
  readonly blobFolder: string | undefined;
  readonly tls: TlsFiles | undefined;
  /** Of the server, once it is there. */
  readonly traffic: () => Traffic;
  readonly sockets: () => Pick<Sockets, "online">;
  readonly draining: () => boolean;
  readonly limits?: typeof healthLimits;
}

export interface Observation {
  readonly metrics: CoordinatorMetrics;
  readonly health: HealthDesk;
  readonly rounds: ReturnType<typeof roundWatch>;
  /** The same uploads; those that come in are counted. */
  uploads(uploads: Uploads): Uploads;
  /** The same queue; what it does is timed. */
  work(queue: WorkQueue): WorkQueue;
  /** The same leading; whether and under which fence it goes on is known. */
  leading(lead: (term: Term) => Promise<RunningFederation>): (term: Term) => Promise<RunningFederation>;
  close(): void;
}

/** Of the coordinator's package. */
const version = (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string })
  .version;
/** How long a scrape waits for the database, and what the database said is good for, in milliseconds: several scrapers ask it once. */
const patience = 3_000;
const fresh = 1_000;

export function observe(parts: ObservationParts): Observation {
  const { plan, store, home, blobFolder, tls } = parts;
  const eventLoop = watchEventLoop();
  let fence: number | undefined;
  let halted: string | undefined;
  let underWay = 0;
  let comingIn = 0;

  const local = (): LocalFacts => ({
    traffic: parts.traffic().total(),
    connections: parts.sockets().online().length,
    fence,
    eventsWaiting: fence === undefined ? 0 : rounds.waiting(),
    uploadsOpen: comingIn,
    workUnderWay: underWay,
    eventLoopDelay: eventLoop.delay(),
    disk: [roomAt("home", home), ...(blobFolder === undefined ? [] : [roomAt("blobs", blobFolder)])],
    certificateExpires: tls && certificateExpiry(tls.cert),
  });

  let asked: { readonly at: number; readonly facts: Promise<FederationFacts | undefined> } | undefined;
  const shared = (): Promise<FederationFacts | undefined> => {
    if (asked === undefined || performance.now() - asked.at > fresh) {
      const late = new Promise<undefined>((resolve) => setTimeout(resolve, patience, undefined).unref());
      // why it doesn't answer is counted where it doesn't
      const facts = Promise.race([federationFacts(store, plan).catch(() => undefined), late]);
      asked = { at: performance.now(), facts };
    }
    return asked.facts;
  };

  const metrics = coordinatorMetrics({
    ...{ federation: plan.federation, build: { version, software: parts.software }, local, shared },
  });
  const rounds = roundWatch(metrics);
  const health = healthDesk(
    {
      ...{ store, objects: parts.objects, replica: parts.replica, eventLoopDelay: eventLoop.delay, draining: parts.draining },
      ...{ halted: () => halted, leads: () => fence !== undefined },
    },
    parts.limits,
  );

  return {
    ...{ metrics, health, rounds },
    uploads: (uploads) => ({
      ...uploads,
      async receive(...upload) {
        comingIn += 1;
        try {
          await uploads.receive(...upload);
        } finally {
          comingIn -= 1;
        }
      },
    }),
    work: (queue) => ({
      ...queue,
      async run(task, under) {
        const since = performance.now();
        underWay += 1;
        try {
          return await queue.run(task, under);
        } finally {
          underWay -= 1;
          metrics.worked(task.effect.type, (performance.now() - since) / 1000);
        }
      },
    }),
    leading: (lead) => async (term) => {
      let stopped: string | undefined;
      const federation = await lead({
        ...term,
        broken(error) {
          if (!mayPass(error)) halted = stopped = isTributaryError(error) ? error.code : "TRB_INTERNAL";
          term.broken(error);
        },
      });
      [fence, halted] = [term.fence, stopped];
      return {
        ...federation,
        async stop() {
          fence = undefined;
          await federation.stop();
        },
      };
    },
    close: () => eventLoop.close(),
  };
}

function roomAt(place: "home" | "blobs", folder: string): LocalFacts["disk"][number] {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { place, free: bavail * bsize, size: blocks * bsize };
}

/** Seconds since 1970; 0 for one that can't be read, which is as bad as one that has expired. */
function certificateExpiry(file: string): number {
  try {
    return Date.parse(new X509Certificate(readFileSync(file)).validTo) / 1000;
  } catch {
    return 0;
  }
}
