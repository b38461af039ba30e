/** A running node puts its store in order when it is time, in a thread that lasts as long as that takes. */
import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import type { Layout } from "../layout.ts";
import { needsCompaction } from "./compaction.ts";

/** What the thread says when it could not. */
export interface CompactionFailed {
  readonly code: string;
  readonly reason: string;
}

/** Milliseconds between looks. */
const lookEvery = 60_000;

export interface KeptCompacted {
  /** Resolves once no thread is at work: one that is under way ends what it does. */
  close(): Promise<void>;
}

/** Looks at once, and then every minute. */
export function keepCompacted(layout: Layout, log: Logger): KeptCompacted {
  let working: Promise<void> | undefined;
  const compact = () =>
    new Promise<void>((resolve) => {
      const worker = new Worker(new URL("./compaction-worker.ts", import.meta.url), { workerData: { home: layout.home } });
      worker.once("message", ({ code, reason }: CompactionFailed) => log.warn({ code, reason }, "the store stays as it is"));
      worker.once("error", (error) => log.warn({ reason: error.name }, "the store stays as it is"));
      worker.once("exit", () => {
        working = undefined;
        resolve();
      });
    });
  const look = (atStart: boolean) => {
    try {
      if (working === undefined && needsCompaction(layout, atStart)) working = compact();
    } catch {
      // whoever reads the store next says what is wrong with it
    }
  };
  look(true);
  const timer = setInterval(() => look(false), lookEvery).unref();
  return {
    async close() {
      clearInterval(timer);
      await working;
    },
  };
}
