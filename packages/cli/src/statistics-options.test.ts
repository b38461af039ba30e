import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addModelOptions } from "./model-options.ts";
import { integerOption } from "./options.ts";
import { addStatisticsOptions, statisticsArguments, statisticsWishes } from "./statistics-options.ts";

/** What a command with these flags plans; a refusal by its code and the flag that it names. */
function wishes(...flags: readonly string[]) {
  const command = addStatisticsOptions(addModelOptions(new Command("plan")))
    .addOption(integerOption("--rounds <n>", "rounds", 1))
    .exitOverride();
  command.parse(flags, { from: "user" });
  try {
    return statisticsWishes(command.opts(), { retries: 1 });
  } catch (error) {
    const { code, details } = error as { code: string; details: { option: string } };
    return `${code} ${details.option}`;
  }
}

describe("the flags of statistics", () => {
  test("release them unless a flag says how to train, or that none are wanted", () => {
    expect(wishes()).toEqual({ statistics: { retries: 1, trainingShare: 0 } });
    expect(wishes("--statistics", "--retries", "0")).toEqual({ statistics: { retries: 0, trainingShare: 0 } });
    for (const training of [
      ["--rounds", "3"],
      ["--family", "gru"],
      ["--heads", "churn"],
      ["--item-ids", "none"],
      ["--item-features"],
    ]) {
      expect(wishes(...training)).toEqual({});
      expect(wishes(...training, "--training-share", "0.5")).toEqual({ statistics: { retries: 1, trainingShare: 0.5 } });
    }
    expect(wishes("--no-statistics")).toEqual({});
    expect(wishes("--item-ids", "own")).toEqual(wishes()); // what a command's default says is no wish
  });

  test("are refused where they contradict each other", () => {
    expect(wishes("--statistics", "--rounds", "3")).toBe("TRB_CLI_BAD_OPTION --rounds");
    expect(wishes("--statistics", "--family", "lstm")).toBe("TRB_CLI_BAD_OPTION --family");
    expect(wishes("--no-statistics", "--retries", "1")).toBe("TRB_CLI_BAD_OPTION --retries");
    expect(wishes("--no-statistics", "--training-share", "0.2")).toBe("TRB_CLI_BAD_OPTION --training-share");
  });

  test("come back from the arguments that another process is given", () => {
    for (const flags of [[], ["--no-statistics"], ["--retries", "2", "--training-share", "0.25", "--rounds", "3"]]) {
      const meant = wishes(...flags);
      if (typeof meant === "string") throw new Error(meant);
      expect(wishes(...statisticsArguments(meant), ...(flags.includes("--rounds") ? ["--rounds", "3"] : []))).toEqual(meant);
    }
  });
});
