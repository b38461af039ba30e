import { benchStep } from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

export function addStep(bench: Command): void {
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
}
