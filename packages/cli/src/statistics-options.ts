/**
 * The flags with which a command says whether statistics are released, and how ε is shared with training. Statistics come first (DESIGN §6):
 * what isn't said is decided for them, unless the command is told how to train.
 */
import { fail } from "@tributary/errors";
import type { StatisticsWishes } from "@tributary/simulate";
import { type Command, Option } from "commander";
import type { ModelOptions } from "./model-options.ts";
import { integerOption, numberOption } from "./options.ts";

export interface StatisticsOptions {
  readonly statistics?: boolean;
  readonly trainingShare?: number;
  readonly retries?: number;
}

/** What only training has a use for. */
interface TrainingWishes extends Partial<ModelOptions> {
  readonly rounds?: number;
}

export function addStatisticsOptions(command: Command): Command {
  return command
    .optionsGroup("Statistics or training:")
    .addOption(
      new Option(
        "--statistics",
        "release statistics: item popularity and adaptive rounds of pair counts (default: yes, unless a flag says how to train)",
      ),
    )
    .addOption(new Option("--no-statistics", "spend all of ε on training an attention model"))
    .addOption(
      numberOption(
        "--training-share <part>",
        "with statistics: what part of the budget, in 1/σ², is left for training (default: 0)",
        (value) => value >= 0 && value < 1,
        "a number from 0 to below 1",
      ),
    )
    .addOption(
      integerOption(
        "--retries <n>",
        "with statistics: retries reserved for each that is released once; ε pays for them",
        0,
        undefined,
        8,
      ),
    )
    .optionsGroup("Options:");
}

/**
 * @param otherwise retries where `--retries` isn't given
 * @throws TRB_CLI_BAD_OPTION for flags of training where nothing is trained, and the other way round
 */
export function statisticsWishes(
  options: StatisticsOptions & TrainingWishes,
  otherwise: { readonly retries: number },
): { readonly statistics?: StatisticsWishes } {
  const { trainingShare = 0, retries } = options;
  const training = trainingFlag(options);
  const flag = trainingShare > 0 ? "--training-share" : retries === undefined ? undefined : "--retries";
  if (!(options.statistics ?? (training === undefined || flag !== undefined))) {
    if (flag === undefined) return {};
    throw fail("TRB_CLI_BAD_OPTION", { option: flag, value: "given", expected: "absent with --no-statistics" });
  }
  if (training !== undefined && trainingShare === 0) {
    const expected = "absent where all of ε is spent on statistics: see --training-share and --no-statistics";
    throw fail("TRB_CLI_BAD_OPTION", { option: training, value: "given", expected });
  }
  return { statistics: { retries: retries ?? otherwise.retries, trainingShare } };
}

/** The first flag that says how to train. */
function trainingFlag(options: TrainingWishes): string | undefined {
  const { rounds, family, heads, inputs, itemAttributes, features, itemFeatures, churnDays, itemIds, train } = options;
  const flags = {
    ...{
      "--rounds": rounds,
      "--family": family,
      "--heads": heads,
      "--inputs": inputs,
      "--churn-days": churnDays,
      "--train": train,
    },
    ...{ "--item-attributes": itemAttributes, "--features": features, "--item-features": itemFeatures },
    "--item-ids": itemIds === "none" ? itemIds : undefined,
  };
  return Object.entries(flags).find(([, value]) => value !== undefined)?.[0];
}

/** The same wishes as arguments of `plan new`. */
export function statisticsArguments({ statistics }: { readonly statistics?: StatisticsWishes }): readonly string[] {
  if (statistics === undefined) return ["--no-statistics"];
  const { retries = 0, trainingShare = 0 } = statistics;
  return ["--statistics", "--retries", String(retries), "--training-share", String(trainingShare)];
}
