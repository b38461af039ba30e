/**
 * Judges mutants in processes: two at once measure the tests without a mutant (each half of the files), then each takes half of the mutants, then those
 * whose verdict can't be trusted are judged again, each in a process of its own. Who is silent for too long is ended: that mutant has run into a timeout.
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
}

/** Loading all of a package's tests may take so long on a busy machine. */
const loadingMilliseconds = 180_000;

/** @throws Error when a test fails without any mutant, or when the tests can't be loaded */
export async function judgeMutants(judging: Judging): Promise<readonly Judged[]> {
  const folder = mkdtempSync(join(tmpdir(), "tributary-mutation-"));
  try {
    return await judgeIn(folder, judging);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function judgeIn(folder: string, judging: Judging): Promise<readonly Judged[]> {
  const { root, sources, tests, processes, mutants } = judging;
  const kept = new Set(mutants.map(({ id }) => id));
  const texts = [...sources.files].map(([name, text]) => [join(root, name), withMutants(text, kept)]);
  writeFileSync(join(folder, "sources.json"), JSON.stringify(texts));
  const ids = Math.max(...sources.mutants.map(({ id }) => id)) + 1;
  let jobs = 0;
  const ended = new Set<number>();
  const look = (told: readonly Told[]) => {
    for (const line of told) if (line.at === "end" && line.verdict !== "fresh") ended.add(line.id);
    judging.progress?.(ended.size, mutants.length);
  };
  const run = (part: Pick<Job, "mode" | "mutants"> & Partial<Job>) => {
    const name = join(folder, `job-${jobs++}`);
    const job = { root, tests, sources: join(folder, "sources.json"), ids, baselines: [], told: `${name}.told`, ...part };
    return runJob(`${name}.json`, job, look);
  };
  const lanes = Array.from({ length: processes }, (_, lane) => lane);

  const baselines = await Promise.all(
    lanes.map(async (lane) => {
      const part = tests.filter((_, place) => place % processes === lane);
      if (part.length === 0) return [];
      const path = join(folder, `baseline-${lane}.json`);
      writeFileSync(path, JSON.stringify(baselineOf(await run({ mode: "baseline", mutants: [], tests: part }))));
      return [path];
    }),
  );
  const known = { baselines: baselines.flat() };

  const verdicts = new Map<number, { readonly verdict: Verdict; readonly by: string }>();
  const again: number[] = [];
  const settle = (id: number, verdict: Verdict | "fresh", by: string) => {
    if (verdict === "fresh") again.push(id);
    else verdicts.set(id, { verdict, by });
  };
  await Promise.all(
    lanes.map(async (lane) => {
      let rest = mutants.filter((_, place) => place % processes === lane).map(({ id }) => id);
      while (rest.length > 0) {
        const left = new Set(rest);
        for (const { id, verdict, by } of verdictsOf(await run({ ...known, mode: "mutants", mutants: rest }))) {
          settle(id, verdict, by);
          left.delete(id);
        }
        if (left.size === rest.length) throw new Error("a process judged no mutant at all");
        rest = [...left];
      }
    }),
  );
  const queue = again.values();
  await Promise.all(
    lanes.map(async () => {
      for (const id of queue) {
        const [last] = verdictsOf(await run({ ...known, mode: "fresh", mutants: [id] }));
        // it did not even come to its tests
        settle(id, last?.verdict ?? "killed", last?.by ?? "loading the code");
      }
    }),
  );
  return mutants.map((mutant) => {
    const judged = verdicts.get(mutant.id);
    if (judged === undefined) throw new Error(`mutant ${mutant.id} was not judged`);
    return { mutant, ...judged };
  });
}

function baselineOf({ told, output }: Ran): Baseline {
  const baseline = told.find((line) => line.at === "baseline")?.baseline;
  if (baseline === undefined) throw new Error(`the tests could not be run:\n${output}`);
  if (baseline.failed.length > 0) throw new Error(`these fail without any mutant: ${baseline.failed.join("; ")}\n${output}`);
  return baseline;
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
  process.once("exit", stop);
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
