/**
 * What privacy costs in time: a training step with per-customer norms and clipping beside the same step without them and beside its
 * bare matrix products, in one run, taking turns.
 */
import type { Executor } from "@tributary/tensor";
import { createTrainer, type SumRequest, type Trainer } from "../training/trainer.ts";
import { bareProducts } from "./bare-products.ts";
import { type BenchConfiguration, benchRequest, benchSource, benchSpec } from "./configurations.ts";

export interface BenchStepOptions {
  readonly executor: Executor;
  /** Timed turns, after two that are not. */
  readonly repetitions: number;
  readonly configurations: readonly BenchConfiguration[];
  /** Milliseconds, from any start. */
  readonly clock?: () => number;
}

/** Median, smallest and largest of the timed turns, milliseconds. */
interface Times {
  readonly median: number;
  readonly range: readonly [number, number];
}

export interface StepTimes {
  readonly configuration: BenchConfiguration;
  readonly plain: Times;
  readonly private: Times;
  /** The step's matrix products alone. */
  readonly bare: Times;
  /** private / plain */
  readonly ratio: number;
  /** The products' operations over the private step's time, 10⁹ a second. */
  readonly gflops: number;
  /** bare / private: 1 if nothing but products took time. */
  readonly gemmShare: number;
}

export async function benchStep(options: BenchStepOptions): Promise<readonly StepTimes[]> {
  const { executor, repetitions, configurations, clock = () => performance.now() } = options;
  const results: StepTimes[] = [];
  for (const configuration of configurations) {
    const spec = benchSpec(configuration);
    const request = benchRequest(configuration, 1);
    const plain = await createTrainer(spec, executor, { clipped: false });
    const clipped = await createTrainer(spec, executor);
    const bare = await bareProducts(spec, request, executor);
    const step = stepsOf(request);
    const times = await takeTurns([step(plain), step(clipped), () => bare.run()], repetitions, clock);
    await Promise.all([plain.close(), clipped.close(), bare.close()]);
    const [plainTimes, privateTimes, bareTimes] = times.map(summary) as [Times, Times, Times];
    results.push({
      configuration,
      plain: plainTimes,
      private: privateTimes,
      bare: bareTimes,
      ratio: privateTimes.median / plainTimes.median,
      gflops: bare.operations / privateTimes.median / 1e6,
      gemmShare: bareTimes.median / privateTimes.median,
    });
  }
  return results;
}

export interface PaddingTimes {
  readonly configuration: BenchConfiguration;
  /** The private step in length classes, and with every history padded to the model's length. */
  readonly classes: Times;
  readonly padded: Times;
  /** padded / classes */
  readonly speedup: number;
}

/** What is saved where histories are short. */
export async function benchPadding(options: BenchStepOptions): Promise<readonly PaddingTimes[]> {
  const { executor, repetitions, configurations, clock = () => performance.now() } = options;
  const results: PaddingTimes[] = [];
  for (const configuration of configurations) {
    const spec = benchSpec(configuration);
    const request = benchRequest(configuration, 1);
    const trainers = [await createTrainer(spec, executor), await createTrainer(spec, executor, { padded: true })];
    const steps = trainers.map(stepsOf(request));
    const [classes, padded] = (await takeTurns(steps, repetitions, clock)).map(summary) as [Times, Times];
    for (const trainer of trainers) await trainer.close();
    results.push({ configuration, classes, padded, speedup: padded.median / classes.median });
  }
  return results;
}

/** A trainer's step in every turn, with negatives of its own and, as in a node, into the same array. */
function stepsOf(request: SumRequest): (trainer: Trainer) => (turn: number) => Promise<unknown> {
  return (trainer) => {
    const into = new Float64Array(request.parameters.length);
    return (turn) => trainer.sum({ ...request, into, negatives: benchSource(turn + 3) });
  };
}

/** Each piece of work in turn, so that whatever else the machine does hits all of them. Milliseconds, without the first two turns. */
async function takeTurns(
  work: readonly ((turn: number) => Promise<unknown>)[],
  repetitions: number,
  clock: () => number,
): Promise<readonly (readonly number[])[]> {
  const times = work.map((): number[] => []);
  for (let turn = -2; turn < repetitions; turn++) {
    for (const [kind, run] of work.entries()) {
      const start = clock();
      await run(turn);
      if (turn >= 0) times[kind]?.push(clock() - start);
    }
  }
  return times;
}

function summary(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (place: number) => sorted[place] ?? Number.NaN;
  return { median: at(sorted.length >> 1), range: [at(0), at(sorted.length - 1)] };
}

export interface ThreadTimes {
  readonly one: Times;
  readonly two: Times;
  /** one / two */
  readonly speedup: number;
}

/** The same private step by two trainers that differ in how many threads they have. */
export async function benchThreads(
  configuration: BenchConfiguration,
  trainers: readonly [one: Trainer, two: Trainer],
  repetitions: number,
  clock: () => number = () => performance.now(),
): Promise<ThreadTimes> {
  const request = benchRequest(configuration, 1);
  const steps = trainers.map(stepsOf(request));
  const [one, two] = (await takeTurns(steps, repetitions, clock)).map(summary) as [Times, Times];
  return { one, two, speedup: one.median / two.median };
}

/** A trainer that begins: from nothing to loaded graphs, to the first run (one customer's sum), and to the first step. Milliseconds. */
export async function benchFirstStep(
  configuration: BenchConfiguration,
  executor: Executor,
  options: { readonly clipped: boolean; readonly steps: number; readonly clock?: () => number },
): Promise<{ readonly loadMs: number; readonly firstRunMs: number; readonly firstStepMs: number }> {
  const { clipped, steps, clock = () => performance.now() } = options;
  const spec = benchSpec(configuration);
  const request = benchRequest(configuration, 1);
  const start = clock();
  const trainer = await createTrainer(spec, executor, { clipped });
  const loaded = clock();
  await trainer.sum({ ...request, sampled: request.sampled.slice(0, 1) });
  const ran = clock();
  await trainer.sum(request);
  const stepped = clock();
  for (let step = 1; step < steps; step++) await trainer.sum({ ...request, negatives: benchSource(step) });
  await trainer.close();
  return { loadMs: loaded - start, firstRunMs: ran - start, firstStepMs: stepped - start };
}
