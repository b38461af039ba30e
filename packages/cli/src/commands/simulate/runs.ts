/** `tributary simulate list` and `compare`: what was run, and how two runs differ. */
import { compareRuns, listRuns, type RunState } from "@tributary/simulate";
import { Command, Option } from "commander";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

export const runsOption = (): Option => new Option("--runs <folder>", "where runs are kept").default("tributary-runs");

export function listCommand(): Command {
  return new Command("list")
    .description("the runs of a folder")
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary simulate list --json")
    .action((options: { runs: string; json?: boolean }) => {
      const runs = listRuns(options.runs);
      print(options.json, { runs }, () =>
        runs.length === 0
          ? [`No runs in ${options.runs}.`]
          : table([
              ["run", "of", "status", "begun", "seconds", "attempts"],
              ...runs.map((run) => [
                ...[run.id, commandOf(run), run.status, run.begun],
                ...[run.seconds.toFixed(1), String(run.attempts)],
              ]),
            ]),
      );
    });
}

export function compareCommand(): Command {
  return new Command("compare")
    .description("which settings of two runs differ, and by how much their figures do")
    .argument("<a>", "a run's id, or how it begins")
    .argument("<b>", "another's")
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary simulate compare 3f2a 91bc")
    .action((a: string, b: string, options: { runs: string; json?: boolean }) => {
      const comparison = compareRuns(options.runs, a, b);
      print(options.json, comparison, () => [
        ...table([
          ["setting", comparison.a, comparison.b],
          ...comparison.settings.map((one) => [one.setting, inWords(one.a), inWords(one.b)]),
        ]),
        "",
        ...table([
          ["figure", comparison.a, comparison.b, "difference"],
          ...comparison.figures.map((one) => [
            one.figure,
            ...[one.a, one.b, one.difference].map((value) => value?.toFixed(4) ?? "–"),
          ]),
        ]),
        comparison.sameModel ? "The models are the same." : "The models differ.",
      ]);
    });
}

/** Runs of `simulate` say so in their settings. */
const commandOf = ({ settings }: RunState) => (settings["command"] === "simulate" ? "simulate" : "simulate scale");

const inWords = (value: unknown) => (value === null || value === undefined ? "–" : String(value));
