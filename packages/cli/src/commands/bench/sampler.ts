import { benchSampler } from "@tributary/dp";
import type { Command } from "commander";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { osRandomSource } from "../../random.ts";

export function addSampler(bench: Command): void {
  bench
    .command("sampler")
    .description("exact samples per second, discrete Gaussian and Laplace: the fast samplers beside their readable twins")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench sampler --json")
    .action((options: { json?: boolean }) => {
      const result = benchSampler(osRandomSource());
      print(options.json, { rows: result }, () =>
        table([
          ["distribution", "σ or b", "fast, samples/s", "twin, samples/s", "ratio"],
          ...result.map((row) => [
            row.distribution,
            String(row.scale),
            row.fast.toExponential(2),
            row.twin.toExponential(2),
            row.ratio.toFixed(1),
          ]),
        ]),
      );
    });
}
