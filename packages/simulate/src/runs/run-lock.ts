/**
 * One process a run: two would overwrite each other's checkpoints. The lock is an open exclusive transaction on an empty SQLite file in the run's
 * folder, as at nodes and coordinators: the operating system lets go of it the moment its holder is gone, however that ended, so a run that was
 * killed is never locked, and no process number has to be guessed alive.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fail } from "@tributary/errors";

export interface RunLock {
  release(): void;
}

/** @throws TRB_SIMULATE_RUN_BUSY when a living process holds it, TRB_SIMULATE_RUN_UNWRITABLE */
export function lockRun(path: string): RunLock {
  const file = join(path, "run.lock");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) throw fail("TRB_SIMULATE_RUN_BUSY", { path }, cause);
    throw fail("TRB_SIMULATE_RUN_UNWRITABLE", { path: file, reason: "SQLite can't lock it" }, cause);
  }
  const held = database;
  return { release: () => held.close() };
}

/** Whether a living process holds it. A folder without a lock's file was never held. */
export function isLocked(path: string): boolean {
  const file = join(path, "run.lock");
  if (!existsSync(file)) return false;
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("SELECT count(*) FROM sqlite_schema"); // an exclusive transaction keeps readers out
    return false;
  } catch (cause) {
    if (isBusy(cause)) return true;
    throw fail("TRB_SIMULATE_RUN_UNREADABLE", { path: file, reason: "SQLite can't read it" }, cause);
  } finally {
    database.close();
  }
}

/** SQLITE_BUSY. */
const isBusy = (cause: unknown) => cause instanceof Error && "errcode" in cause && cause.errcode === 5;
