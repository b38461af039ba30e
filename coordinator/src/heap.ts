/**
 * How much room V8 takes for a coordinator's objects. Left alone it grows the young generation to 128 MB as soon as a thousand nodes talk at once, and lets
 * up to four times as much gather as there is alive. A coordinator has time to collect more often (docs/performance.md has both).
 *
 * `--max-semi-space-size` counts only on Node's own command line, and nobody should need to know of it. V8 looks at these two each time it decides:
 *
 *   --semi-space-growth-factor   by how much the young generation grows. It stays at 1, so that it never does by itself: in a burst it would grow several
 *                                times before anybody here hears of it. It is grown here, by objects that survive and collections that are asked for
 *   --heap-growing-percent       how much may be added to what is alive before the whole heap is collected again
 *
 * What reading the program itself has made it grow to is given back at once, by one thorough collection (150 ms). V8 shrinks the young generation of a process
 * that does nothing; with the first collection after that it is grown again.
 *
 * Threads of the process share the flags; those for sums have a young generation of their own, smaller still (`work/threads.ts`).
 */
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Octets of the young generation, with the half that is empty. */
const young = 32 * 2 ** 20;
/** Of what is alive. */
const growthPercent = 25;

export interface KeptHeap {
  /** As V8 would have it again. */
  release(): void;
}

type Collect = (options: { readonly type: "major" | "minor"; readonly execution: "sync"; readonly flavor?: string }) => void;

/** Counts for the whole process, so its entry asks for it, once. */
export function keepHeapSmall(): KeptHeap {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as Collect;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
  const grow = () => growYoung(() => collect({ type: "minor", execution: "sync" }));
  const collections = new PerformanceObserver((list) => {
    const busy = list.getEntries().some((entry) => kindOf(entry) === constants.NODE_PERFORMANCE_GC_MINOR);
    if (busy && 2 * youngOctets() <= young) grow();
  });
  grow();
  collections.observe({ entryTypes: ["gc"] });
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  return {
    release() {
      collections.disconnect();
      setFlagsFromString("--semi-space-growth-factor=2");
      setFlagsFromString("--heap-growing-percent=0");
    },
  };
}

const kindOf = (entry: PerformanceEntry): number | undefined =>
  "detail" in entry ? (entry.detail as Partial<NodeGCPerformanceDetail>).kind : undefined;

/** V8 doubles it after a collection once more has survived than it holds. */
function growYoung(collect: () => void): void {
  setFlagsFromString("--semi-space-growth-factor=2");
  for (let step = 0, kept: unknown[] = []; step < 64 && 2 * youngOctets() <= young; step++) {
    kept = step % 4 === 0 ? [] : kept;
    const octets = youngOctets() / 4;
    for (let made = 0; made < octets; made += 8 * 128) kept.push(new Array(128).fill(step + 0.5));
    collect();
  }
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** What V8 has set aside for young objects of this thread. */
export const youngOctets = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0;
