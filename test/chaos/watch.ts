/** What processes that are never ended hold while everything around them fails: octets on the heap and outside of it, after a collection, and file descriptors. */
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { lookInto } from "../e2e/looking-in.ts";
import type { Deployment } from "./deployment.ts";

export interface Holding {
  /** Entries of the ledger by then. */
  readonly entries: number;
  readonly heap: number;
  readonly outside: number;
  readonly descriptors: number;
}

export interface Watch {
  readonly seen: ReadonlyMap<string, readonly Holding[]>;
  stop(): Promise<void>;
}

/** Looks every so many seconds. */
export function watchSpared({ parties, nodes, replicas, status }: Deployment, every: number): Watch {
  const seen = new Map<string, Holding[]>(parties.spared.map((name) => [name, []]));
  const over = new AbortController();
  const look = async () => {
    const entries = (await status())?.ledger.entries;
    for (const [name, holdings] of seen) {
      const pid = (nodes.get(name) ?? replicas.get(name))?.running()?.pid;
      if (entries === undefined || pid === undefined) continue;
      const { heap, outside } = await lookInto(pid);
      holdings.push({ entries, heap, outside, descriptors: descriptorsOf(pid) });
    }
  };
  const watching = (async () => {
    while (!over.signal.aborted) {
      await sleep(1e3 * every, undefined, { signal: over.signal }).catch(() => {}); // told to stop
      if (!over.signal.aborted) await look();
    }
  })();
  watching.catch(() => {}); // whoever stops it hears of it
  return {
    seen,
    async stop() {
      over.abort();
      await watching;
    },
  };
}

/** Open files, sockets and pipes (Linux; 0 elsewhere). */
export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
