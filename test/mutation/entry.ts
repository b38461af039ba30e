/**
 * The one test file of a process that judges mutants. It loads all tests of the job into one vitest worker, where the code keeps standing: a mutant is a
 * switch, and judging one means to call the functions of those tests that come by it, the quickest first, until one fails.
 */
import { appendFileSync, readFileSync } from "node:fs";
import fc from "fast-check";
import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  type RunnerTestCase,
  type RunnerTestSuite,
  TestRunner,
  test,
} from "vitest";
import type { Baseline, BaselineTest, Job, Told, Verdict } from "./job.ts";
import { installSwitch } from "./switch.ts";

const job = JSON.parse(readFileSync(process.env["MUTATION_JOB"] ?? "", "utf8")) as Job;
const mutants = installSwitch(job.ids);
const [first] = job.mutants;
if (job.mode === "fresh" && first !== undefined) mutants.on(first, Number.POSITIVE_INFINITY);
// a counterexample is enough: nobody reads the smallest
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true });

let brokenAtLoad = false;
for (const file of job.tests) {
  describe(file, async () => {
    tell({ at: "alive", milliseconds: 180_000 });
    try {
      await import(/* @vite-ignore */ file);
    } catch (error) {
      if (job.mode !== "fresh") throw error;
      brokenAtLoad = true;
    }
  });
}
if (job.mode === "baseline") measureTests();
else test("mutants", async ({ task }) => judgeAll(task.file), 0);

function tell(told: Told): void {
  appendFileSync(job.told, `${JSON.stringify(told)}\n`);
}

/** The tests of each file, in the order in which they stand there. */
function testsOf(suite: RunnerTestSuite): readonly RunnerTestCase[] {
  return suite.tasks.flatMap((task) => (task.type === "suite" ? testsOf(task) : [task]));
}

function nameOf(task: RunnerTestCase | RunnerTestSuite): string {
  const above = task.suite;
  return above === undefined || above.suite === undefined ? task.name : `${nameOf(above)} > ${task.name}`;
}

/** Runs nothing itself: vitest does, and this looks on. */
function measureTests(): void {
  const measured = new Map<RunnerTestCase, Omit<BaselineTest, "file" | "place">>();
  let begin = 0;
  let file: RunnerTestSuite | undefined;
  let atLoad: readonly number[] | undefined;
  const met = () => [...$met].flatMap((count, id) => (count > 0 ? [[id, count] as const] : []));
  beforeEach(() => {
    atLoad ??= met().map(([id]) => id);
    $met.fill(0);
    begin = performance.now();
  });
  afterEach(({ task }) => {
    const milliseconds = performance.now() - begin;
    file = task.file;
    measured.set(task, { name: nameOf(task), milliseconds, met: met() });
    tell({ at: "alive", milliseconds: 300_000 });
  });
  afterAll(() => {
    const suites = (file?.tasks ?? []).filter((task) => task.type === "suite");
    const all = suites.flatMap((suite) => testsOf(suite).map((task, place) => ({ task, file: suite.name, place })));
    const tests = all.flatMap(({ task, ...where }) => {
      const seen = measured.get(task);
      return seen === undefined ? [] : [{ ...where, ...seen }];
    });
    const failed = all.filter(({ task }) => task.result?.state === "fail").map(({ task }) => nameOf(task));
    const broken = suites.filter(({ result }) => (result?.errors?.length ?? 0) > 0).map(({ name }) => name);
    tell({ at: "baseline", baseline: { tests, atLoad: atLoad ?? [], failed: [...failed, ...broken] } });
  });
}

interface JudgingTest {
  readonly name: string;
  readonly milliseconds: number;
  readonly met: ReadonlyMap<number, number>;
  readonly call: () => unknown;
}

async function judgeAll(file: RunnerTestSuite): Promise<void> {
  const baselines = job.baselines.map((path) => JSON.parse(readFileSync(path, "utf8")) as Baseline);
  const atLoad = new Set(baselines.flatMap((baseline) => baseline.atLoad));
  const suites = file.tasks.filter((task) => task.type === "suite");
  const functions = new Map(
    suites.flatMap((suite) =>
      testsOf(suite).map((task, place) => [`${place} ${suite.name}`, TestRunner.getTestFn(task)] as const),
    ),
  );
  const tests = baselines
    .flatMap((baseline) => baseline.tests)
    .flatMap((seen): JudgingTest[] => {
      const call = functions.get(`${seen.place} ${seen.file}`);
      return call === undefined ? [] : [{ ...seen, met: new Map(seen.met), call }];
    })
    .sort((a, b) => a.milliseconds - b.milliseconds);
  if (job.mode === "fresh") await judgeFresh(tests);
  else await judgeEach(tests, atLoad);
  tell({ at: "done" });
}

async function judgeEach(tests: readonly JudgingTest[], atLoad: ReadonlySet<number>): Promise<void> {
  for (const id of job.mutants) {
    tell({ at: "begin", id });
    const covering = tests.filter(({ met }) => met.has(id));
    if (covering.length === 0) {
      tell({ at: "end", id, verdict: atLoad.has(id) ? "fresh" : "no coverage", by: "" });
      continue;
    }
    const { verdict, by, meetings } = await judge(id, covering);
    if (by === undefined) {
      // what the code kept from earlier runs, or made at load, may have hidden it
      tell({ at: "end", id, verdict: atLoad.has(id) || meetings === 0 ? "fresh" : verdict, by: "" });
      continue;
    }
    const spoilt = await fails(by);
    tell({ at: "end", id, verdict: spoilt ? "fresh" : verdict, by: by.name });
    if (spoilt) {
      tell({ at: "spoilt" });
      return;
    }
  }
}

async function judge(id: number, covering: readonly JudgingTest[]) {
  let meetings = 0;
  for (const one of covering) {
    mutants.on(id, one.met.get(id) ?? 0);
    const failed = await fails(one);
    mutants.off();
    meetings += mutants.meetings();
    if (failed || mutants.overran()) {
      const verdict: Verdict = mutants.overran() ? "timeout" : "killed";
      return { verdict, by: one, meetings };
    }
  }
  return { verdict: "survived" as const, by: undefined, meetings };
}

/** The mutant has been on since before anything was loaded. Tests that come by it go first. */
async function judgeFresh(tests: readonly JudgingTest[]): Promise<void> {
  const [id] = job.mutants;
  if (id === undefined) return;
  tell({ at: "begin", id });
  if (brokenAtLoad) {
    tell({ at: "end", id, verdict: "killed", by: "loading the code" });
    return;
  }
  const [come, others] = [tests.filter(({ met }) => met.has(id)), tests.filter(({ met }) => !met.has(id))];
  for (const one of [...come, ...others]) {
    mutants.on(id, one.met.get(id) ?? 10_000_000);
    const failed = await fails(one);
    if (failed || mutants.overran()) {
      tell({ at: "end", id, verdict: mutants.overran() ? "timeout" : "killed", by: one.name });
      return;
    }
  }
  tell({ at: "end", id, verdict: "survived", by: "" });
}

let toldLast = 0;

async function fails({ call, name, milliseconds }: JudgingTest): Promise<boolean> {
  const now = performance.now();
  if (milliseconds > 500 || now - toldLast > 1000) {
    tell({ at: "alive", milliseconds: 20_000 + 20 * milliseconds });
    toldLast = milliseconds > 500 ? 0 : now;
  }
  expect.setState({ currentTestName: name, assertionCalls: 0 });
  try {
    await call();
    return false;
  } catch {
    return true;
  }
}
