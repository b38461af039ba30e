/**
 * One process per home folder. The lock is an operating system's file lock (by way of SQLite, which has one on every platform),
 * so it is gone the moment its holder is, however that ended: no process number that another program could have inherited.
 */
import { DatabaseSync } from "node:sqlite";
import { fail } from "@tributary/errors";
import type { Layout } from "./layout.ts";

export interface Lock {
  release(): void;
}

/** @throws TRB_NODE_HOME_BUSY when a living process holds it */
export function lockHome(layout: Layout): Lock {
  const database = new DatabaseSync(layout.lock, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw fail("TRB_NODE_HOME_BUSY", { home: layout.home }, cause);
  }
  return { release: () => database.close() };
}
