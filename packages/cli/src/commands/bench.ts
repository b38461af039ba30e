/** `tributary bench …`: the measurements of docs/performance.md, as ratios taken in one run. */
import { benchSampler } from "@tributary/dp";
import { benchStep } from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { Command } from "commander";
import { integerOption, jsonOption } from "../options.ts";
import { print, table } from "../output.ts";
import { osRandomSource } from "../random.ts";

export function benchCommand(): Command {
  const bench = new Command("bench").description("measurements, printed as ratios taken in one run on this machine");

  bench
    .command("step")
    .description("a training step with per-customer clipping beside the plain one")
    .addOption(integerOption("--repeats <n>", "measured steps of each kind", 3, 9))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench step --json")
    .action(async (options: { repeats: number; json?: boolean }) => {
      const results = await benchStep({ executor: onnxruntimeExecutor(), repetitions: options.repeats });
      const configs = results.map(({ plain, private: withClipping, ...rest }) => ({
        ...rest,
        plainMs: plain,
        privateMs: withClipping,
      }));
      print(options.json, { configs }, () =>
        table([
          ["items", "negatives", "customers", "plain ms", "private ms", "ratio"],
          ...configs.map((row) => [
            String(row.items),
            row.negatives === 0 ? "all" : String(row.negatives),
            String(row.customers),
            row.plainMs.toFixed(1),
            row.privateMs.toFixed(1),
            row.ratio.toFixed(2),
          ]),
        ]),
      );
    });

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

  return bench;
}
