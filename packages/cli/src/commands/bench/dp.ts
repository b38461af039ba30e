import { benchAccounting } from "@tributary/dp";
import type { Command } from "commander";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

export function addDp(bench: Command): void {
  bench
    .command("dp")
    .description("the privacy library: how long accounting takes, for 10⁴ rounds at q = 0.01, z = 1")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench dp --json")
    .action((options: { json?: boolean }) => {
      const accounting = benchAccounting();
      print(options.json, { accounting }, () =>
        table([
          ["what", "median, ms", "spread, ms"],
          ...accounting.map(({ what, median, spread }) => [
            what,
            median.toFixed(2),
            spread.map((ms) => ms.toFixed(2)).join("–"),
          ]),
        ]),
      );
    });
}
