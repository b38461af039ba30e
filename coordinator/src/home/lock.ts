/**
 * One process a home. The lock is an open exclusive transaction on an empty SQLite file: the operating system lets go of it
 * when the process dies, however it dies, so `kill -9` never wedges a home and no process id has to be guessed alive.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fail } from "@tributary/errors";
import type { HomeLayout } from "./layout.ts";

export interface HomeLock {
  release(): void;
}

/** @throws TRB_COORDINATOR_HOME_IN_USE when another process (or another server of this one) serves this home */
export function lockHome(layout: HomeLayout): HomeLock {
  const lock = take(layout, 500); // `isServed` of another process holds it for an instant
  if (!lock) throw fail("TRB_COORDINATOR_HOME_IN_USE", { home: layout.home });
  return { release: () => lock.close() };
}

/** Whether some process serves this home now. */
export function isServed(layout: HomeLayout): boolean {
  if (!existsSync(layout.lock)) return false;
  const lock = take(layout, 0);
  lock?.close();
  return lock === undefined;
}

function take(layout: HomeLayout, patience: number): DatabaseSync | undefined {
  const file = new DatabaseSync(layout.lock, { timeout: patience });
  try {
    file.exec("BEGIN EXCLUSIVE");
    return file;
  } catch (error) {
    file.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** SQLITE_BUSY. */
const isBusy = (error: unknown) => error instanceof Error && "errcode" in error && error.errcode === 5;
