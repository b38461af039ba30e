/** `bench ingest`: a log into a node's encrypted store, beside DuckDB alone reading and sorting the same file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { measureIngest } from "./ingest/measure.ts";
import { interruptible, raced } from "./long-measurement.ts";

interface IngestFlags {
  readonly events: number;
  readonly runs: number;
  readonly seed: number;
  readonly json?: boolean;
}

export function addIngest(bench: Command): void {
  bench
    .command("ingest")
    .description("a made-up CSV into a node's encrypted store, as `node import` does it, beside DuckDB alone sorting the file")
    .addOption(integerOption("--events <n>", "rows of the log", 1_000, 5_000_000, 1_000_000_000))
    .addOption(integerOption("--runs <n>", "measurements of each, in turn; the median counts", 1, 3, 99))
    .addOption(integerOption("--seed <n>", "of the log", 0, 1))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench ingest --events 5000000 --json")
    .action(async ({ json, ...options }: IngestFlags) => {
      const folder = mkdtempSync(join(tmpdir(), "tributary-bench-ingest-"));
      try {
        const figures = await interruptible((progress, interruption) =>
          raced(measureIngest(options, folder, progress), interruption),
        );
        const row = (name: string, { eventsPerSecond, seconds, cpuSeconds, peakMb }: (typeof figures)["duckdb"]) => [
          name,
          (eventsPerSecond / 1e6).toFixed(2),
          seconds.toFixed(2),
          cpuSeconds.toFixed(2),
          peakMb.toFixed(0),
        ];
        print(json, figures, () => [
          ...table([
            ["", "M events/s", "s", "CPU s", "peak MB"],
            row("CSV → encrypted store", figures.store),
            row("DuckDB alone, sorting", figures.duckdb),
          ]),
          "",
          `ratio ${figures.ratio.toFixed(2)}, of the processor ${figures.cpuRatio.toFixed(2)}; ${figures.store.kept} of ${figures.events} rows kept (${figures.logMb.toFixed(0)} MB)`,
        ]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}
