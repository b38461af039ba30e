import { benchSampler } from "@tributary/dp";
import type { Command } from "commander";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { osRandomSource } from "../../random.ts";

export function addSampler(bench: Command): void {
  bench
    .command("sampler")
    .description("exact discrete Gaussian samples per second: the fast sampler beside its readable twin")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench sampler --json")
    .action((options: { json?: boolean }) => {
      const result = benchSampler(osRandomSource());
      print(options.json, { rows: result }, () =>
        table([
          ["σ", "fast, samples/s", "twin, samples/s", "ratio"],
          ...result.map((row) => [
            String(row.deviation),
            row.fast.toExponential(2),
            row.twin.toExponential(2),
            row.ratio.toFixed(1),
          ]),
        ]),
      );
    });
}
