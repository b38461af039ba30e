/**
 * How much room V8 takes for a coordinator's objects. Left alone it grows the young generation to 128 MB as soon as a thousand nodes talk at once, and lets
 * four times as much garbage gather as there is alive. A coordinator has time to collect more often: of processor time that is a few hundredths.
 *
 * `--max-semi-space-size` counts only on Node's own command line, and nobody should need to know of it. V8 looks at these two each time it decides:
 *
 *   --semi-space-growth-factor   by how much the young generation grows: not at all once it has its size
 *   --heap-growing-percent       how much may be added to what is alive before the whole heap is collected again
 *
 * What reading the program itself has made it grow to is given back at once, by one thorough collection (150 ms).
 *
 * Threads of the process share the flags; those for sums have a young generation of their own, smaller still (`work/threads.ts`).
 */
import { PerformanceObserver } from "node:perf_hooks";
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

/** Counts for the whole process, so its entry asks for it, once. */
export function keepHeapSmall(): KeptHeap {
  let grows = true;
  const grow = (growing: boolean) => {
    if (growing === grows) return;
    grows = growing;
    setFlagsFromString(`--semi-space-growth-factor=${growing ? 2 : 1}`);
  };
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as typeof globalThis.gc;
  collect?.({ type: "major", execution: "sync", flavor: "last-resort" });
  const look = () => grow(2 * youngOctets() <= young); // V8 may have given some of it back
  const collections = new PerformanceObserver(look);
  collections.observe({ entryTypes: ["gc"] });
  look();
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  return {
    release() {
      collections.disconnect();
      grow(true);
      setFlagsFromString("--heap-growing-percent=0");
    },
  };
}

/** What V8 has set aside for young objects of this thread. */
export const youngOctets = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0;
