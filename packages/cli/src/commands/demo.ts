/** `tributary demo`: the whole thing on one machine, in about a minute. */
import { Command, Option } from "commander";
import { attentionOption } from "../attention-option.ts";
import { type DemoOptions, runDemo } from "../demo/run.ts";
import { addModelOptions } from "../model-options.ts";
import {
  addLogOptions,
  deltaOption,
  epsilonOption,
  integerOption,
  jsonOption,
  merchantsOption,
  repeatsOption,
} from "../options.ts";
import { print } from "../output.ts";
import { progressBar } from "../progress.ts";
import { reportLines } from "../report/lines.ts";
import { samplerOption } from "../sampler-option.ts";
import { addStatisticsOptions } from "../statistics-options.ts";
import { coloursOf } from "../terminal.ts";

export function demoCommand(): Command {
  const demo = new Command("demo")
    .description("run a federation on this machine: coordinator and merchants as processes of their own")
    .option("--events <file>", "your own log (default: a synthetic market)")
    .option("--catalogue <file>", "catalogue JSONL (default: the log's own items, which a real federation would refuse)")
    .option("--attributes <file>", "public item attributes, JSON or JSONL")
    .addOption(new Option("--market <kind>", "the market when no log is given").choices(["synthetic"]).default("synthetic"));
  return addStatisticsOptions(addModelOptions(addLogOptions(demo)))
    .addOption(merchantsOption("how many merchants", 12))
    .addOption(epsilonOption(8))
    .addOption(deltaOption(1e-6))
    .addOption(samplerOption())
    .addOption(integerOption("--rounds <n>", "rounds (default: chosen)", 1))
    .addOption(integerOption("--seed-market <n>", "seed of the synthetic market", 0, 1))
    .addOption(repeatsOption())
    .addOption(attentionOption())
    .option("--out <folder>", "where the report, ledger, plan and model go", "tributary-demo")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary demo --events events.csv --columns customer=user,item=item,action=action,time=ts --epsilon 4",
    )
    .action(async (options: DemoOptions & { json?: boolean }) => {
      const { report, folder } = await runDemo(options, progressBar());
      print(options.json, { ...report, folder }, () => [
        ...reportLines(report),
        "",
        `report  ${coloursOf(process.stdout).underline(`${folder}/report.html`)}`,
      ]);
    });
}
