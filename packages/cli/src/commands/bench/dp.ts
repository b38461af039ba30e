import { benchAccounting, benchSampler } from "@tributary/dp";
import type { Command } from "commander";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { osRandomSource } from "../../random.ts";
import { benchOpenDp, builtOpenDp } from "./opendp.ts";

export function addDp(bench: Command): void {
  bench
    .command("dp")
    .description(
      "the privacy library: how long accounting takes, for 10⁴ rounds at q = 0.01, z = 1, and exact samples a second, OpenDP's beside ours where it is built",
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench dp --json")
    .action(async (options: { json?: boolean }) => {
      const accounting = benchAccounting();
      const samplers = benchSampler(osRandomSource());
      const built = await builtOpenDp();
      const opendp = built && { version: built.version, samplers: benchOpenDp(built, osRandomSource(), samplers) };
      print(options.json, { accounting, samplers, opendp: opendp ?? null }, () =>
        table([
          ["what", "median, ms", "spread, ms"],
          ...accounting.map(({ what, median, spread }) => [
            what,
            median.toFixed(2),
            spread.map((ms) => ms.toFixed(2)).join("–"),
          ]),
          ["exact noise", "median, million/s", "spread, million/s"],
          ...samplers.map(({ distribution, scale, fast, spread }) => [
            `${distribution} ${scale}`,
            (fast / 1e6).toFixed(1),
            spread.map((rate) => (rate / 1e6).toFixed(1)).join("–"),
          ]),
          ...(opendp?.samplers ?? []).map(({ distribution, scale, rate, spread }) => [
            `${distribution} ${scale}, OpenDP ${opendp?.version}`,
            (rate / 1e6).toFixed(2),
            spread.map((each) => (each / 1e6).toFixed(2)).join("–"),
          ]),
        ]),
      );
    });
}
