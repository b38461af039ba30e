/**
 * Two questions that whoever runs a replica asks again and again, each answered by named checks.
 *
 *   /healthz  is this process alive, or should it be killed and started again? Nothing outside of the process is asked.
 *   /readyz   should nodes and operators be sent here? Only while what they need is there: database, blobs, a leader, and no farewell under way.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fail, isTributaryError } from "@tributary/errors";
import type { ObjectStore } from "../storage/objects.ts";
import type { Store } from "../storage/store.ts";
import { leaseOf } from "./facts.ts";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** A code; null when it holds. */
  readonly reason: string | null;
}

export interface Health {
  readonly status: "ok" | "failed";
  readonly checks: readonly Check[];
}

/** In milliseconds. */
export const healthLimits = {
  /** For the database and for blobs, each. */
  answer: 2_000,
  /** A leader that renews every second is taken for gone after this (`leadership.ts`). */
  lease: 10_000,
  /** Beyond this delay of the event loop sockets begin to die, and leases with them. */
  eventLoop: 5_000,
  /** How long an answer about blobs is good for: it takes a write. */
  blobs: 2_000,
};

export interface HealthParts {
  readonly store: Store;
  readonly objects: Pick<ObjectStore, "put" | "erase">;
  readonly replica: string;
  /** In seconds. */
  readonly eventLoopDelay: () => number;
  /** Why this replica's engine stopped, until it runs again. */
  readonly halted: () => string | undefined;
  /** Whether this process leads. */
  readonly leads: () => boolean;
  readonly draining: () => boolean;
}

export interface HealthDesk {
  alive(): Health;
  ready(): Promise<Health>;
}

export function healthDesk(parts: HealthParts, limits = healthLimits): HealthDesk {
  const { store, replica } = parts;

  /** Written and erased again, under a name of this replica's that nothing else looks at. */
  const tryBlobs = async () => {
    const name = `blobs/ready.${replica}`;
    await parts.objects.put(name, new Uint8Array([1]));
    await parts.objects.erase(name);
  };
  let lastBlobs: { readonly at: number; readonly check: Promise<Check> } | undefined;
  const blobs = (): Promise<Check> => {
    if (lastBlobs === undefined || performance.now() - lastBlobs.at > limits.blobs) {
      const late = fail("TRB_COORDINATOR_BLOBS_UNREACHABLE", { reason: "no answer" });
      lastBlobs = { at: performance.now(), check: checked("blobs", within(limits.answer, tryBlobs(), late)) };
    }
    return lastBlobs.check;
  };

  const database = () => {
    const late = fail("TRB_COORDINATOR_DATABASE_UNREACHABLE", { where: store.database.where, reason: "no answer" });
    return checked("database", within(limits.answer, store.database.ping(), late));
  };

  const leaderFresh = async () => {
    if (store.database.engine !== "postgres") {
      if (!parts.leads()) throw fail("TRB_COORDINATOR_NO_LEADER");
      return;
    }
    const lease = await leaseOf(store);
    if (lease === undefined || 1000 * lease.age > limits.lease) throw fail("TRB_COORDINATOR_NO_LEADER");
  };
  const leader = () => checked("leader", within(limits.answer, leaderFresh(), fail("TRB_COORDINATOR_NO_LEADER")));

  return {
    alive() {
      const halted = parts.halted() ?? null;
      const late = 1000 * parts.eventLoopDelay() > limits.eventLoop;
      return healthOf([
        { name: "eventLoop", ok: !late, reason: late ? "DELAYED" : null },
        { name: "engine", ok: halted === null, reason: halted },
      ]);
    },
    async ready() {
      const draining = parts.draining();
      return healthOf([
        ...(await Promise.all([database(), blobs(), leader()])),
        { name: "serving", ok: !draining, reason: draining ? "TRB_COORDINATOR_STOPPING" : null },
      ]);
    },
  };
}

const healthOf = (checks: readonly Check[]): Health => ({ status: checks.every(({ ok }) => ok) ? "ok" : "failed", checks });

async function checked(name: string, asked: Promise<unknown>): Promise<Check> {
  try {
    await asked;
    return { name, ok: true, reason: null };
  } catch (error) {
    return { name, ok: false, reason: isTributaryError(error) ? error.code : "TRB_INTERNAL" };
  }
}

/** What comes later than that is of no interest, whatever it is. */
async function within<Result>(milliseconds: number, asked: Promise<Result>, late: Error): Promise<Result> {
  asked.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), milliseconds);
  });
  try {
    return await Promise.race([asked, over]);
  } finally {
    clearTimeout(timer);
  }
}

export interface EventLoopWatch {
  /** The largest delay of the last one to two windows, in seconds. */
  delay(): number;
  close(): void;
}

const resolution = 20;

/** @param window half of how long a delay is remembered, in milliseconds */
export function watchEventLoop(window = 5_000): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  // its values hold the resolution itself: a timer that is punctual
  const largest = () => Math.max(0, histogram.max / 1e9 - resolution / 1e3);
  let before = 0;
  const turning = setInterval(() => {
    before = largest();
    histogram.reset();
  }, window).unref();
  return {
    delay: () => Math.max(before, histogram.count === 0 ? 0 : largest()),
    close() {
      clearInterval(turning);
      histogram.disable();
    },
  };
}
