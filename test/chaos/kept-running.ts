/** A process that is started again whenever it has ended, as a service manager does, and how each of its runs ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { lookedInto } from "../e2e/looking-in.ts";
import { type Service, service } from "../e2e/processes.ts";
import { clockAhead, preloaded } from "./shifted-clock.ts";

/** How a run ended: by us, by itself with a code of the table, for want of memory where that was all it had, by itself when all was done, or in no way that it should. */
type Ending = "killed" | "coded" | "out of memory" | "done" | "uncoded";

interface Run {
  readonly ending: Ending;
  /** Of the table, where it ended by one. */
  readonly code: string | undefined;
  readonly log: string;
}

export interface KeptRunning {
  readonly name: string;
  /** Milliseconds by which its clock is ahead, and mebibytes of its heap, from its next start on. */
  adjust(how: { readonly clock?: number; readonly heap?: number | undefined }): void;
  /** What runs now. */
  running(): Service | undefined;
  /** `kill -9`; it is started again after so many seconds. */
  kill(seconds: number): Promise<void>;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** It is told to stop, and isn't started again. */
  stop(): Promise<void>;
  /** The same, by `kill -9`. */
  end(): Promise<void>;
  /** Runs that are over. */
  runs(): readonly Run[];
  /** Everything that it ever said. */
  log(): string;
}

/** Seconds after which a service manager starts it again. */
const pause = 1;

export function keepRunning(
  name: string,
  args: () => readonly string[],
  environment: Readonly<Record<string, string>> = {},
): KeptRunning {
  const runs: Run[] = [];
  let now: Service | undefined;
  let [clock, heap]: [number, number | undefined] = [0, undefined];
  let [killed, over] = [false, false];
  let wait = pause;

  const one = async () => {
    const limited = heap;
    const options = [
      lookedInto.NODE_OPTIONS,
      preloaded,
      ...(limited === undefined ? [] : [`--max-old-space-size=${limited}`]),
    ].join(" ");
    const env = { ...environment, ...lookedInto, NODE_OPTIONS: options, ...clockAhead(clock) };
    let [log, exit]: [string, number | null] = ["", null];
    try {
      const started = await service(args(), { env });
      now = started;
      if (over) void started.stop("SIGTERM");
      exit = await started.exit;
      log = started.log();
    } catch (error) {
      log = error instanceof Error ? error.message : String(error);
      exit = 1;
    }
    now = undefined;
    runs.push({ ...endingOf(log, exit, { killed, limited: limited !== undefined, over }), log });
    killed = false;
  };
  const supervised = (async () => {
    while (!over) {
      await one();
      if (over) break;
      await sleep(1e3 * wait);
      wait = pause;
    }
  })();

  return {
    name,
    adjust(how) {
      if (how.clock !== undefined) clock = how.clock;
      if ("heap" in how) heap = how.heap;
    },
    running: () => now,
    async kill(seconds) {
      if (now === undefined) return;
      [killed, wait] = [true, seconds];
      await now.kill();
    },
    signal(signal) {
      if (now !== undefined) process.kill(now.pid, signal);
    },
    async stop() {
      over = true;
      await now?.stop("SIGTERM");
      await supervised;
    },
    async end() {
      over = true;
      killed = true;
      await now?.kill();
      await supervised;
    },
    runs: () => runs,
    log: () => [...runs.map(({ log }) => log), now?.log() ?? ""].join("\n"),
  };
}

/** How a run ended, by what it said last. */
export function endingOf(
  log: string,
  exit: number | null,
  how: { readonly killed: boolean; readonly limited: boolean; readonly over: boolean },
): Pick<Run, "ending" | "code"> {
  const code = /TRB_[A-Z_]+/.exec(log.trimEnd().split("\n").slice(-6).join("\n"))?.[0];
  if (how.killed) return { ending: "killed", code: undefined };
  if (how.limited && /heap out of memory|ERR_WORKER_OUT_OF_MEMORY/.test(log))
    return { ending: "out of memory", code: undefined };
  if (how.over && exit === 0) return { ending: "done", code: undefined };
  if (exit === null || code === undefined || code === "TRB_UNEXPECTED") return { ending: "uncoded", code };
  return { ending: "coded", code };
}
