/**
 * Judges mutants in processes: two at once measure the tests without a mutant (each half of the files), then each takes half of the mutants, then those
 * whose verdict can't be trusted are judged again, each in a process of its own. Who is silent for too long is ended: that mutant has run into a timeout.
 * A process that does not come as far as its first mutant says nothing of any: it is tried once more, and what it was to judge then is told as not judged.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Baseline, Job, Told, Verdict } from "./job.ts";
import { type Mutant, type MutatedSources, withMutants } from "./mutants.ts";

export interface Judged {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** The test that killed it. */
  readonly by: string;
}

export interface JudgedAll {
  readonly judged: readonly Judged[];
  /** Those whose processes never came as far. */
  readonly notJudged: readonly Mutant[];
  /** What the last of those processes printed. */
  readonly output: string;
}

export interface Judging {
  readonly root: string;
  readonly sources: MutatedSources;
  /** Those to judge. */
  readonly mutants: readonly Mutant[];
  /** Absolute paths. */
  readonly tests: readonly string[];
  readonly processes: number;
  /** Told now and then. */
  readonly progress?: (done: number, of: number) => void;
  /** Told of each as soon as its verdict stands. */
  readonly settled?: (judged: Judged) => void;
}

/** Starting vitest, or loading one file of tests and what it needs, may take so long on a busy machine. */
const loadingMilliseconds = 180_000;

/** @throws Error when a test fails without any mutant */
export async function judgeMutants(judging: Judging): Promise<JudgedAll> {
  const folder = mkdtempSync(join(tmpdir(), "tributary-mutation-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove); // a signal ends the process before it comes to `finally`
  try {
    return await judgeIn(folder, judging);
  } finally {
    process.removeListener("exit", remove);
    remove();
  }
}

async function judgeIn(folder: string, judging: Judging): Promise<JudgedAll> {
  const { root, sources, tests, processes, mutants } = judging;
  const kept = new Set(mutants.map(({ id }) => id));
  const texts = [...sources.files].map(([name, text]) => [join(root, name), withMutants(text, kept)]);
  writeFileSync(join(folder, "sources.json"), JSON.stringify(texts));
  const ids = Math.max(...sources.mutants.map(({ id }) => id)) + 1;
  const byId = new Map(mutants.map((mutant) => [mutant.id, mutant]));
  const verdicts = new Map<number, Pick<Judged, "verdict" | "by">>();
  const again: number[] = [];
  const settle = (id: number, verdict: Verdict | "fresh", by: string) => {
    const mutant = byId.get(id);
    if (mutant === undefined || verdicts.has(id)) return;
    if (verdict === "fresh") {
      again.push(id);
      return;
    }
    verdicts.set(id, { verdict, by });
    judging.settled?.({ mutant, verdict, by });
  };
  const look = (told: readonly Told[]) => {
    for (const line of told) if (line.at === "end" && line.verdict !== "fresh") settle(line.id, line.verdict, line.by);
    judging.progress?.(verdicts.size, mutants.length);
  };
  let jobs = 0;
  let output = "";
  /** @param said whether it came as far as it should */
  const run = async (part: Pick<Job, "mode" | "mutants"> & Partial<Job>, said: (ran: Ran) => boolean): Promise<Ran> => {
    const once = () => {
      const name = join(folder, `job-${jobs++}`);
      const job = { root, tests, sources: join(folder, "sources.json"), ids, baselines: [], told: `${name}.told`, ...part };
      return runJob(`${name}.json`, job, look);
    };
    const first = await once();
    if (said(first)) return first;
    const second = await once();
    if (!said(second)) output = second.output;
    return second;
  };
  const lanes = Array.from({ length: processes }, (_, lane) => lane);
  const result = (): JudgedAll => {
    const judged = mutants.flatMap((mutant) => {
      const seen = verdicts.get(mutant.id);
      return seen === undefined ? [] : [{ mutant, ...seen }];
    });
    return { judged, notJudged: mutants.filter(({ id }) => !verdicts.has(id)), output };
  };

  const parts = lanes.map((lane) => tests.filter((_, place) => place % processes === lane)).filter((part) => part.length > 0);
  const measured = await Promise.all(
    parts.map((part) =>
      run({ mode: "baseline", mutants: [], tests: part }, ({ told }) => told.some(({ at }) => at === "baseline")),
    ),
  );
  const found = measured.flatMap((ran) => baselineOf(ran) ?? []);
  if (found.length < parts.length) return result();
  const baselines = found.map((baseline, lane) => {
    const path = join(folder, `baseline-${lane}.json`);
    writeFileSync(path, JSON.stringify(baseline));
    return path;
  });

  const hasBegun = ({ told }: Ran) => told.some(({ at }) => at === "begin");
  await Promise.all(
    lanes.map(async (lane) => {
      let rest = mutants.filter((_, place) => place % processes === lane).map(({ id }) => id);
      while (rest.length > 0) {
        const left = new Set(rest);
        for (const { id, verdict, by } of verdictsOf(await run({ baselines, mode: "mutants", mutants: rest }, hasBegun))) {
          settle(id, verdict, by);
          left.delete(id);
        }
        if (left.size === rest.length) return;
        rest = [...left];
      }
    }),
  );
  const queue = again.values();
  // it may be endless where it is loaded
  const hasLoaded = (ran: Ran) => hasBegun(ran) || ran.told.some(({ at }) => at === "alive");
  await Promise.all(
    lanes.map(async () => {
      for (const id of queue) {
        const ran = await run({ baselines, mode: "fresh", mutants: [id] }, hasLoaded);
        const [last] = verdictsOf(ran);
        if (last !== undefined) settle(id, last.verdict, last.by);
        else if (hasLoaded(ran)) settle(id, "timeout", "loading the code");
      }
    }),
  );
  return result();
}

function baselineOf({ told, output }: Ran): Baseline | undefined {
  const baseline = told.find((line) => line.at === "baseline")?.baseline;
  if (baseline === undefined || baseline.failed.length === 0) return baseline;
  throw new Error(`these fail without any mutant: ${baseline.failed.join("; ")}\n${output}`);
}

/** What a process said of each mutant; the one that it began and did not end took all its time or memory, or ended the process. */
function verdictsOf({ told }: Ran) {
  const ended = told.flatMap((line) => (line.at === "end" ? [line] : []));
  const begun = told.findLast((line) => line.at === "begin");
  const finished = begun === undefined || ended.some(({ id }) => id === begun.id);
  return finished ? ended : [...ended, { id: begun.id, verdict: "timeout" as const, by: "the end of its process" }];
}

interface Ran {
  readonly told: readonly Told[];
  readonly output: string;
}

/** @param look at all that it has told so far, again and again */
async function runJob(path: string, job: Job, look: (told: readonly Told[]) => void): Promise<Ran> {
  writeFileSync(path, JSON.stringify(job));
  const child = spawn(process.execPath, [join(import.meta.dirname, "process.ts"), path], {
    ...{ cwd: job.root, detached: true, stdio: ["ignore", "pipe", "pipe"] },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = () => end(child);
  process.prependOnceListener("exit", stop); // before its folder goes
  let over = false;
  const ended = closed.then(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([ended, sleep(1000)]);
    const told = linesOf(job);
    look(told);
    if (!over && isStuck(job, told)) end(child);
  }
  process.removeListener("exit", stop);
  return { told: linesOf(job), output: Buffer.concat(output).toString("utf8").slice(-4000) };
}

function isStuck(job: Job, told: readonly Told[]): boolean {
  const last = existsSync(job.told) ? statSync(job.told) : undefined;
  const begin = job.told.replace(/told$/, "json");
  const since = Date.now() - (last?.mtimeMs ?? statSync(begin).mtimeMs);
  const alive = told.findLast((line) => line.at === "alive");
  return since > (alive?.milliseconds ?? loadingMilliseconds);
}

function linesOf({ told }: Job): readonly Told[] {
  if (!existsSync(told)) return [];
  const lines = readFileSync(told, "utf8").split("\n");
  // the last is empty, or not written out
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Told);
}

/** vitest's worker too: it is of the same group. */
function end({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
