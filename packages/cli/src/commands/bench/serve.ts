/** `bench serve`: how fast a node answers its shop, over HTTP on this machine. */
import { benchServing } from "@tributary/client";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface ServeBenchOptions {
  readonly items: number;
  readonly customers: number;
  readonly rate: number;
  readonly seconds: number;
  readonly attention: boolean;
  readonly json?: boolean;
}

export function addServe(bench: Command): void {
  bench
    .command("serve")
    .description(
      "recommendations of a node over HTTP: latency at a steady rate, the most a second, and how soon a live event shows",
    )
    .addOption(integerOption("--items <n>", "items of the catalogue", 100, 12_000, 1_000_000))
    .addOption(integerOption("--customers <n>", "customers of the store", 10, 5_000, 1_000_000))
    .addOption(integerOption("--rate <n>", "requests a second of the steady load", 1, 300, 5_000))
    .addOption(integerOption("--seconds <n>", "of each of the four measurements", 1, 10, 600))
    .option("--no-attention", "tables alone, as a federation of statistics serves")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench serve --json")
    .action(async ({ json, ...options }: ServeBenchOptions) => {
      const figures = await benchServing({ ...options, k: 20 });
      const ms = (value: number) => value.toFixed(2);
      print(json, figures, () => [
        ...table([
          ["", "p50 ms", "p99 ms", "slowest ms"],
          [
            `recommend, ${options.rate}/s`,
            ms(figures.recommend.p50Ms),
            ms(figures.recommend.p99Ms),
            ms(figures.recommend.maxMs),
          ],
          [`nothing, ${options.rate}/s`, ms(figures.bare.p50Ms), ms(figures.bare.p99Ms), ms(figures.bare.maxMs)],
          ["event to recommendation", ms(figures.freshnessMs), ms(figures.freshnessP99Ms)],
        ]),
        `a recommendation takes ${ms(figures.processorMs)} ms of the processor; at most ${figures.requestsPerSecond.toFixed(0)} requests/s`,
        `${figures.requests} requests, ${figures.failed} failed`,
      ]);
    });
}
