/**
 * `bench step`: times are taken in this process, taking turns; peak memory and the first step each in a process of their own, because
 * ONNX Runtime keeps what it once had. Times are what was waited; on a busy machine look at `ratioOfFastest`.
 */
import { fail } from "@tributary/errors";
import {
  type BenchConfiguration,
  benchConfigurations,
  benchFirstStep,
  benchPadding,
  benchSpec,
  benchStep,
  benchThreads,
  manyCustomers,
  shortConfigurations,
  type Trainer,
} from "@tributary/model";
import { createThreadTrainer } from "@tributary/model/workers";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { type Command, Option } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { measuredAlone } from "./long-measurement.ts";

/** Milliseconds of this process's processor time. */
export function processorClock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What one child process tells of one configuration. */
interface Alone {
  /** Resident memory before anything was loaded, and its peak over three steps. MB */
  readonly idleMb: number;
  readonly peakMb: number;
  /** From nothing to loaded sessions, to the first run, and to the first step's sum. */
  readonly loadMs: number;
  readonly firstRunMs: number;
  readonly firstStepMs: number;
}

export function addStep(bench: Command): void {
  bench
    .command("step")
    .description("a training step with per-customer clipping beside the plain one")
    .addOption(integerOption("--repeats <n>", "measured steps of each kind", 3, 11))
    .addOption(new Option("--alone <place>").argParser(Number).hideHelp())
    .addOption(new Option("--plain").hideHelp())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench step --json")
    .action(async (options: { repeats: number; alone?: number; plain?: boolean; json?: boolean }) => {
      if (options.alone !== undefined) {
        print(true, await alone(options.alone, options.plain !== true), () => []);
        return;
      }
      const memory: { readonly plain: Alone; readonly private: Alone }[] = [];
      for (const place of benchConfigurations.keys()) {
        memory.push({ plain: await inChild(place, ["--plain"]), private: await inChild(place, []) });
      }
      const executor = onnxruntimeExecutor();
      const repetitions = options.repeats;
      const steps = await benchStep({ executor, repetitions, configurations: benchConfigurations });
      const short = await benchStep({ executor, repetitions, configurations: shortConfigurations });
      const padding = await benchPadding({
        executor,
        repetitions: Math.ceil(repetitions / 2),
        configurations: shortConfigurations,
      });
      const configs = steps.map((times, place) => {
        const { plain, private: clipped } = memory[place] ?? { plain: undefined, private: undefined };
        return {
          ...figures(times),
          peakMb: clipped?.peakMb,
          plainPeakMb: plain?.peakMb,
          memoryRatio: ratio(clipped?.peakMb, plain?.peakMb),
          memoryRatioAboveIdle: ratio(above(clipped), above(plain)),
          loadMs: clipped?.loadMs,
          firstRunMs: clipped?.firstRunMs,
          firstStepMs: clipped?.firstStepMs,
        };
      });
      const shortHistories = short.map((times, place) => ({
        ...figures(times),
        paddedMs: padding[place]?.padded.median,
        paddedOverPrivate: padding[place]?.speedup,
      }));
      const trainers = [1, 2].map((threads) => createThreadTrainer(benchSpec(manyCustomers), threads));
      const [one, two] = (await Promise.all(trainers)) as [Trainer, Trainer];
      const threads = await benchThreads(manyCustomers, [one, two], Math.ceil(repetitions / 2));
      await Promise.all([one.close(), two.close()]);
      const twoWorkers = { ...manyCustomers, oneMs: threads.one.median, twoMs: threads.two.median, speedup: threads.speedup };
      print(options.json, { configs, shortHistories, twoWorkers }, () => [
        ...table([
          ["items", "negatives", "customers", "plain ms", "private ms", "ratio", "GFLOP/s", "GEMM share", "MB", "first ms"],
          ...configs.map((row) => [
            ...described(row),
            row.gflops.toFixed(0),
            row.gemmShare.toFixed(2),
            String(row.peakMb),
            (row.firstRunMs ?? Number.NaN).toFixed(0),
          ]),
        ]),
        "",
        ...table([
          ["short histories", "negatives", "customers", "plain ms", "private ms", "ratio", "padded ms", "padded / private"],
          ...shortHistories.map((row) => [
            ...described(row),
            (row.paddedMs ?? Number.NaN).toFixed(1),
            (row.paddedOverPrivate ?? Number.NaN).toFixed(1),
          ]),
        ]),
        "",
        `two threads: ${twoWorkers.speedup.toFixed(2)} times as fast as one, over ${twoWorkers.customers} customers`,
      ]);
    });
}

function figures({ configuration, ...times }: Awaited<ReturnType<typeof benchStep>>[number]) {
  return {
    ...configuration,
    plainMs: times.plain.median,
    privateMs: times.private.median,
    bareProductsMs: times.bare.median,
    ratio: times.ratio,
    ratioOfFastest: times.private.range[0] / times.plain.range[0],
    gflops: times.gflops,
    gemmShare: times.gemmShare,
    plainRange: times.plain.range,
    privateRange: times.private.range,
  };
}

function described(row: BenchConfiguration & { readonly plainMs: number; readonly privateMs: number; readonly ratio: number }) {
  return [
    String(row.items),
    row.negatives === 0 ? "all" : String(row.negatives),
    String(row.customers),
    row.plainMs.toFixed(1),
    row.privateMs.toFixed(1),
    row.ratio.toFixed(2),
  ];
}

const above = (figures: Alone | undefined) => figures && figures.peakMb - figures.idleMb;

function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}

/** In the child: three steps of one configuration, the first from nothing. */
async function alone(place: number, clipped: boolean): Promise<Alone> {
  const configuration = benchConfigurations[place];
  if (configuration === undefined) throw fail("TRB_UNEXPECTED", { reason: `there is no configuration ${place}` });
  const idleMb = Math.round(process.memoryUsage().rss / 2 ** 20);
  const times = await benchFirstStep(configuration, onnxruntimeExecutor(), { clipped, steps: 3 });
  return { idleMb, peakMb: Math.round(process.resourceUsage().maxRSS / 1024), ...times };
}

/** The same command in a process of its own. */
const inChild = (place: number, flags: readonly string[]): Promise<Alone> =>
  measuredAlone(["bench", "step", "--alone", String(place), ...flags]);
