/** Many seeds, on several threads, and what came of them. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Mutation } from "./mutations.ts";
import type { Outcome } from "./run-seed.ts";

export interface Search {
  readonly from: number;
  readonly seeds: number;
  /** Default: one a core. */
  readonly threads?: number;
  readonly mutation?: Pick<Mutation, "edits">;
  /** Stop when something was found. */
  readonly untilFound?: boolean;
  readonly progress?: (outcome: Outcome, done: number) => void;
  /** Told everything that happens, a line each: of one thread. */
  readonly trace?: (line: string) => void;
}

export interface Found {
  readonly seeds: number;
  /** Ascending by seed. */
  readonly findings: readonly { readonly seed: number; readonly finding: string }[];
  /** Summed over all seeds: what happened at all. */
  readonly figures: Readonly<Record<string, number>>;
  /** How often each code was given as an answer. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** Seeds that a thread takes at a time. */
const batch = 4;

export async function searchSeeds({
  from,
  seeds,
  threads = availableParallelism(),
  mutation,
  untilFound = false,
  progress,
  trace,
}: Search): Promise<Found> {
  const outcomes: Outcome[] = [];
  let next = from;
  const isOver = () => next >= from + seeds || (untilFound && outcomes.some(({ finding }) => finding !== undefined));
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), {
        workerData: { mutation, trace: trace !== undefined },
        execArgv: [],
      });
      const give = () => {
        if (isOver()) {
          void worker.terminate().then(() => resolve(), reject);
          return;
        }
        const list = Array.from({ length: Math.min(batch, from + seeds - next) }, (_, i) => next + i);
        next += list.length;
        worker.postMessage(list);
      };
      worker.on("error", reject);
      worker.on("message", (message: Outcome | "done" | { readonly line: string }) => {
        if (message === "done") return give();
        if ("line" in message) {
          trace?.(message.line);
          return;
        }
        outcomes.push(message);
        progress?.(message, outcomes.length);
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.max(1, Math.min(threads, Math.ceil(seeds / batch))) }, one));
  return summaryOf(outcomes);
}

function summaryOf(outcomes: readonly Outcome[]): Found {
  const figures: Record<string, number> = {};
  const refusals: Record<string, number> = {};
  const add = (to: Record<string, number>, some: Readonly<Record<string, number>>) => {
    for (const [name, count] of Object.entries(some)) to[name] = (to[name] ?? 0) + count;
  };
  for (const outcome of outcomes) {
    add(figures, { ...outcome.figures, sent: outcome.traffic.sent, ...outcome.traffic.fates });
    add(refusals, outcome.traffic.refusals);
  }
  const findings = outcomes.flatMap(({ seed, finding }) => (finding === undefined ? [] : [{ seed, finding }]));
  return { seeds: outcomes.length, findings: findings.sort((a, b) => a.seed - b.seed), figures, refusals };
}

/** What became of one planted bug. */
export interface Hunt {
  readonly mutation: Mutation;
  /** Undefined when it wasn't found. */
  readonly finding: string | undefined;
  /** The seed that found it, counted from the first one tried: so many it took. */
  readonly after: number;
}

/** Looks for every planted bug, as many at a time as there are threads, each from seed `from` on. */
export async function huntMutations(
  mutations: readonly Mutation[],
  { from, seeds, threads = availableParallelism() }: Pick<Search, "from" | "seeds" | "threads">,
  progress: (hunt: Hunt) => void = () => undefined,
): Promise<Hunt[]> {
  const waiting = [...mutations];
  const hunts: Hunt[] = [];
  const hunter = async () => {
    for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
      const { findings, seeds: tried } = await searchSeeds({ from, seeds, threads: 1, mutation, untilFound: true });
      const [first] = findings;
      const hunt: Hunt = { mutation, finding: first?.finding, after: first === undefined ? tried : first.seed - from + 1 };
      hunts.push(hunt);
      progress(hunt);
    }
  };
  await Promise.all(Array.from({ length: threads }, hunter));
  return hunts;
}

/** The one line that shows a finding again. */
export function replayCommand(seed: number): string {
  return `pnpm simulate:faults --seeds 1 --from ${seed} --trace`;
}
