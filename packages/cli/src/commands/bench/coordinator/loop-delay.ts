/**
 * By how much timers of a process's event loop come too late. Node's own `monitorEventLoopDelay` forgets, when it is reset, since when it waits, and so whatever
 * keeps the loop right after that; here every stretch of time belongs to one asking or the next.
 */
import { createHistogram } from "node:perf_hooks";
import type { LoopDelay } from "./words.ts";

/** From one timer to the next, in milliseconds: what comes on top of it is delay. */
const interval = 5;

export interface LoopWatch {
  /** Since the last call, or since it was made. */
  since(): LoopDelay;
}

export function watchLoop(): LoopWatch {
  let [late, busy] = [createHistogram(), createHistogram()];
  let [last, used] = [performance.now(), threadMicroseconds()];
  const record = () => {
    const [now, cpu] = [performance.now(), threadMicroseconds()];
    late.record(1 + Math.round(1e3 * Math.max(0, now - last - interval))); // µs; a histogram begins at 1
    busy.record(1 + Math.max(0, cpu - used));
    [last, used] = [now, cpu];
  };
  setInterval(record, interval).unref();
  const milliseconds = (value: number) => (value - 1) / 1e3;
  return {
    since() {
      if (performance.now() - last > interval || late.count === 0) record();
      const delay: LoopDelay = {
        ...{ p99Ms: milliseconds(late.percentile(99)), maxMs: milliseconds(late.max) },
        ...{ busyP99Ms: milliseconds(busy.percentile(99)), busyMaxMs: milliseconds(busy.max) },
      };
      [late, busy] = [createHistogram(), createHistogram()];
      return delay;
    },
  };
}

/** Of this thread alone. */
function threadMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
