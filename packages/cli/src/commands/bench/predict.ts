/** `bench predict`: one customer's top 20, and how many of the slowest predictions met the garbage collector. */
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { benchPredict, type PredictTimes } from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { processorClock } from "./step.ts";

/** Table sizes of MovieLens-1M and Amazon Beauty. */
const sizes = [3416, 12101];

export function addPredict(bench: Command): void {
  bench
    .command("predict")
    .description("one customer's twenty best items, its history's encoding included")
    .addOption(integerOption("--repeats <n>", "measured predictions", 100, 3000))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench predict --json")
    .action(async (options: { repeats: number; json?: boolean }) => {
      const collections: { readonly start: number; readonly end: number }[] = [];
      const observer = new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries())
          collections.push({ start: startTime, end: startTime + duration });
      });
      observer.observe({ entryTypes: ["gc"] });
      const models: (Omit<PredictTimes, "slowest"> & { readonly slowest: number; readonly slowestWithCollector: number })[] =
        [];
      for (const items of sizes) {
        const executor = onnxruntimeExecutor();
        const { slowest, ...times } = await benchPredict({ executor, items, repetitions: options.repeats, processorClock });
        await pause(20); // the observer is told a little later
        const met = slowest.filter(({ start, took }) =>
          collections.some((collection) => collection.start < start + took && collection.end > start),
        );
        models.push({ ...times, slowest: slowest.length, slowestWithCollector: met.length });
      }
      observer.disconnect();
      print(options.json, { models }, () =>
        table([
          ["items", "median ms", "p99 ms", "processor p99 ms", "slowest 1 %", "of them with the garbage collector"],
          ...models.map((row) => [
            String(row.items),
            row.medianMs.toFixed(3),
            row.p99Ms.toFixed(3),
            row.processorP99Ms.toFixed(3),
            String(row.slowest),
            String(row.slowestWithCollector),
          ]),
        ]),
      );
    });
}
