/**
 * One process per home folder. The lock is an operating system's file lock (by way of SQLite, which has one on every platform),
 * so it is gone the moment its holder is, however that ended: no process number that another program could have inherited.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fail } from "@tributary/errors";
import type { Layout } from "./layout.ts";

export interface Lock {
  release(): void;
}

/** Milliseconds: who only looks whether a node runs holds the file for much less. */
const longestLook = 100;

/** SQLite's SQLITE_BUSY. */
const busy = 5;

/** @throws TRB_NODE_HOME_BUSY when a living process holds it */
export function lockHome(layout: Layout): Lock {
  const database = new DatabaseSync(layout.lock, { timeout: longestLook });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw fail("TRB_NODE_HOME_BUSY", { home: layout.home }, cause);
  }
  return { release: () => database.close() };
}

/** Whether a living process holds it. Takes nothing that a node which starts would have to wait for. */
export function isHomeLocked(layout: Layout): boolean {
  if (!existsSync(layout.lock)) return false;
  const database = new DatabaseSync(layout.lock, { timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return true;
    throw error;
  } finally {
    database.close();
  }
}
