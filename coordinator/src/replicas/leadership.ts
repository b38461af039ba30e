/**
 * Which replica runs the rounds. Three things, each for one purpose:
 *
 *   advisory lock   on a connection of its own: at most one replica holds it, and a process that dies lets go of it at once
 *   lease           one row, renewed by the database's clock: a holder that lives but doesn't move (paused, cut off) is found, and its connection ended
 *   fence           the number of the leadership, which `Store.persist` checks: whatever a former leader still believes, it writes nothing
 *
 * Only the fence is needed for safety; lock and lease make it so that there is a leader, and that leaders don't take turns.
 *
 *   follower ─ lock ─▶ lease ─▶ takeLeadership ─▶ gained(fence) … renewed each second … ─▶ lost() ─▶ follower
 */
import { createHash } from "node:crypto";
import { fail } from "@tributary/errors";
import type { Client, ClientConfig } from "pg";
import type { Logger } from "pino";
import { reasonOf } from "../storage/faults.ts";
import { openConnection, pause } from "./connection.ts";

/** In milliseconds. */
export interface LeadershipTiming {
  /** Between two attempts at the lock, to reach the database, and to lead again. */
  readonly tryEvery: number;
  readonly renewEvery: number;
  /** After which a lease that was not renewed is nobody's, by the database's clock. */
  readonly staleAfter: number;
  /** How long the database may take to answer before it is taken for gone; well below `staleAfter`. */
  readonly patience: number;
}

const usualTiming: LeadershipTiming = { tryEvery: 1_000, renewEvery: 1_000, staleAfter: 10_000, patience: 4_000 };

/** How many times longer than usual a replica rests that could not take up its leadership: what it can't do another one may. */
const restAfterFailure = 5;

export interface LeadershipParts {
  readonly database: ClientConfig;
  /** Of the federation; its table `lease` is there. */
  readonly schema: string;
  readonly replica: string;
  /** The next fence; asked for while the lock is held. */
  readonly takeLeadership: () => Promise<number>;
  /** This replica leads from now on. What it throws ends its leadership. */
  readonly gained: (fence: number) => Promise<void>;
  /** It no longer does. Always after `gained` has settled, and before the next `gained`. */
  readonly lost: () => Promise<void>;
  readonly log: Logger;
  readonly timing?: Partial<LeadershipTiming>;
}

export interface Leadership {
  /**
   * Gives the leadership up, as after TRB_COORDINATOR_FENCED; this replica tries again like any other.
   * @param rest milliseconds before it does, so that another one comes first; usually as long as between any two attempts
   */
  stepDown(reason: string, rest?: number): void;
  /** Gives it up for good; settles once `lost` has. */
  close(): Promise<void>;
}

/** Follows the leadership of a federation until it is closed. The database may be away at any time, and for any time. */
export function followLeadership(parts: LeadershipParts): Leadership {
  const { replica, log } = parts;
  const timing = { ...usualTiming, ...parts.timing };
  const closing = new AbortController();
  /** Of the leadership under way. */
  let term: AbortController | undefined;
  let rest = timing.tryEvery;

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await oneConnection();
      } catch (error) {
        log.warn({ replica, reason: reasonOf(error) }, "the leadership can't be followed just now");
      }
      await pause(rest, closing.signal);
      rest = timing.tryEvery;
    }
  };

  const stepDown = (reason: string, pauseAfter = timing.tryEvery) => {
    rest = pauseAfter;
    term?.abort(reason);
  };

  /** From one connection to its end: waits for the lock, leads, and lets go. */
  const oneConnection = async (): Promise<void> => {
    const connection = await openConnection(parts.database, "tributary leadership", timing.patience);
    try {
      const lease = leaseOn(connection.client, parts.schema, replica, timing.staleAfter);
      while (!(await lease.take())) {
        const ended = await lease.endStale();
        if (ended !== undefined) log.warn({ replica, stalled: ended }, "a leader that had stalled was disconnected");
        await pause(timing.tryEvery, closing.signal, connection.broken);
        if (closing.signal.aborted || connection.broken.aborted) return;
      }
      await lead(lease, connection.broken);
    } finally {
      await connection.end();
    }
  };

  const lead = async (lease: Lease, broken: AbortSignal): Promise<void> => {
    term = new AbortController();
    const over = AbortSignal.any([term.signal, broken, closing.signal]);
    const fence = await parts.takeLeadership();
    log.info({ replica, fence }, "leads");
    const begun = parts.gained(fence).catch((error: unknown) => {
      log.error({ err: error, replica, fence }, "the leadership could not be taken up");
      stepDown("it could not be taken up", restAfterFailure * timing.tryEvery);
    });
    try {
      while (!over.aborted) {
        await pause(timing.renewEvery, over);
        if (!over.aborted) await lease.renew();
      }
    } finally {
      await begun;
      await parts.lost();
      log.info(
        { replica, fence, reason: broken.aborted ? "the connection broke" : String(term.signal.reason ?? "") },
        "no longer leads",
      );
      term = undefined;
    }
  };

  const running = run();
  return {
    stepDown,
    async close() {
      closing.abort("this replica stops");
      await running;
    },
  };
}

interface Lease {
  /** The lock, and with it the lease. False: another replica has it. */
  take(): Promise<boolean>;
  /** @throws when it is another's by now */
  renew(): Promise<void>;
  /** Ends the connection of a holder that has not renewed in time. @returns the replica it was, as far as the lease says so */
  endStale(): Promise<string | undefined>;
}

function leaseOn(client: Client, schema: string, replica: string, staleAfter: number): Lease {
  const key = lockKey(schema);
  const table = `${client.escapeIdentifier(schema)}.lease`;
  return {
    async take() {
      const { rows } = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1, $2) AS taken", [...key]);
      if (rows[0]?.taken !== true) return false;
      await client.query(
        `INSERT INTO ${table} (id, replica, pid, renewed) VALUES (1, $1, pg_backend_pid(), clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET replica = excluded.replica, pid = excluded.pid, renewed = excluded.renewed`,
        [replica],
      );
      return true;
    },
    async renew() {
      const { rowCount } = await client.query(
        `UPDATE ${table} SET renewed = clock_timestamp() WHERE pid = pg_backend_pid() AND replica = $1`,
        [replica],
      );
      if (rowCount !== 1) throw fail("TRB_COORDINATOR_NO_LEADER");
    },
    async endStale() {
      // The lease names another connection when its holder stalled between lock and lease: then it counts how long that has said nothing.
      const { rows } = await client.query<{ replica: string | null }>(
        `SELECT lease.replica, pg_terminate_backend(lock.pid)
         FROM pg_locks AS lock JOIN pg_stat_activity AS holder ON holder.pid = lock.pid LEFT JOIN ${table} AS lease ON true
         WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 2
           AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND lock.classid = $1::bigint::oid AND lock.objid = $2::bigint::oid
           AND clock_timestamp() - $3 * interval '1 millisecond'
             > CASE WHEN lease.pid = lock.pid THEN lease.renewed ELSE holder.state_change END`,
        [...key.map((part) => part >>> 0), staleAfter],
      );
      return rows[0] && (rows[0].replica ?? "");
    },
  };
}

/** The advisory lock of a federation in its database: two signed 32-bit integers of a hash of the schema's name. */
export function lockKey(schema: string): readonly [number, number] {
  const digest = createHash("sha256").update(`tributary leadership ${schema}`).digest();
  return [digest.readInt32BE(0), digest.readInt32BE(4)];
}
