/**
 * Who may change the store. Reading and telling live events need no lock; of everything else there are three, always taken in this order:
 *
 *   importing    for as long as an import, `forget` or a rotation of keys lasts: whoever comes second is refused
 *   rewriting    while segments are read and written anew: whoever comes second waits
 *   manifest     while the manifest is read, changed and replaced: milliseconds
 *
 * They are file locks by way of SQLite, like the one on the home: gone the moment their holder is.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { fail } from "@tributary/errors";
import { type Layout, makeFolders } from "../layout.ts";

export interface StoreLock {
  release(): void;
}

/** Milliseconds. */
const longestSwap = 10_000;
const longestRewriting = 3_600_000;

/** @throws TRB_NODE_STORE_BUSY */
export const lockImporting = (layout: Layout): StoreLock => lock(layout, layout.importLock, 0);

/** @throws TRB_NODE_STORE_BUSY after an hour */
export async function lockRewriting(layout: Layout): Promise<StoreLock> {
  const end = Date.now() + longestRewriting;
  for (;;) {
    try {
      return lock(layout, layout.rewriteLock, 0);
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(20);
    }
  }
}

/** @throws TRB_NODE_STORE_BUSY */
export function holdingManifest<T>(layout: Layout, work: () => T): T {
  const held = lock(layout, layout.manifestLock, longestSwap);
  try {
    return work();
  } finally {
    held.release();
  }
}

function lock(layout: Layout, path: string, timeout: number): StoreLock {
  if (!existsSync(layout.store)) makeFolders(layout);
  const database = new DatabaseSync(path, { timeout });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw fail("TRB_NODE_STORE_BUSY", { home: layout.home }, cause);
  }
  return { release: () => database.close() };
}
