/** The flags with which a plan's training gets stages, a course of its rate, an early end, and a rule for which models serve. */
import { fail } from "@tributary/errors";
import { formatDecimal } from "@tributary/protocol";
import { type PlanChoice, type Stage, withStages } from "@tributary/simulate";
import { type Command, Option } from "commander";
import { integerOption, numberOption } from "./options.ts";

export interface CourseOptions {
  readonly stages?: readonly Stage[];
  readonly warmUp?: number;
  readonly rateTo?: number;
  readonly earlyStop?: number;
  readonly leastGain?: number;
  readonly promoteEvery?: number;
  readonly promoteGain?: number;
}

export const addCourseOptions = (command: Command): Command =>
  command
    .optionsGroup("The course of training:")
    .addOption(
      new Option(
        "--stages <list>",
        "train in stages, each ROUNDS, ROUNDS@CLIPNORM or ROUNDS@CLIPNORM*RATE, with RATE a factor on the learning rate: 20,10@0.5,10@0.25*0.3",
      ).argParser(parseStages),
    )
    .addOption(integerOption("--warm-up <rounds>", "rounds over which the learning rate rises", 1))
    .addOption(
      numberOption(
        "--rate-to <factor>",
        "what the learning rate falls to along a cosine, over all rounds of training",
        (value) => value > 0 && value <= 1,
        "a number above 0 and at most 1",
      ),
    )
    .addOption(
      integerOption(
        "--early-stop <looks>",
        "with --accept-every: end training after so many releases of metrics in a row without a gain in NDCG@10",
        1,
      ),
    )
    .addOption(
      numberOption(
        "--least-gain <x>",
        "with --early-stop: what counts as a gain (default: 0)",
        (value) => value >= 0 && value < 1,
        "a number from 0 to below 1",
      ),
    )
    .addOption(integerOption("--promote-every <rounds>", "merchants serve the model of every so many rounds of training", 1))
    .addOption(
      numberOption(
        "--promote-gain <x>",
        "with --accept-every: merchants serve a kept model once the lower end of its interval is so much above the served one's",
        (value) => value >= 0 && value < 1,
        "a number from 0 to below 1",
      ),
    )
    .optionsGroup("Options:");

/** `20,10@0.5,10@0.25*0.3` @throws TRB_CLI_BAD_OPTION */
export function parseStages(text: string): readonly Stage[] {
  return text.split(",").map((part) => {
    const found = /^(\d{1,6})(?:@(\d+(?:\.\d+)?))?(?:\*(\d+(?:\.\d+)?))?$/.exec(part.trim());
    const [rounds, clipNorm, rate] = [1, 2, 3].map((place) =>
      found?.[place] === undefined ? undefined : Number(found[place]),
    );
    if (rounds === undefined || rounds < 1 || clipNorm === 0 || rate === 0) {
      const expected = "stages such as 20,10@0.5,10@0.25*0.3";
      throw fail("TRB_CLI_BAD_OPTION", { option: "--stages", value: part.slice(0, 80) || "empty", expected });
    }
    return { rounds, ...(clipNorm === undefined ? {} : { clipNorm }), ...(rate === undefined ? {} : { rate }) };
  });
}

/** Rounds of training that stages have together; undefined without stages. @throws TRB_CLI_BAD_OPTION where `--rounds` says others */
export function stagedRounds({ stages, rounds }: CourseOptions & { readonly rounds?: number }): number | undefined {
  if (stages === undefined) return rounds;
  const total = stages.reduce((sum, stage) => sum + stage.rounds, 0);
  if (rounds === undefined || rounds === total) return total;
  throw fail("TRB_CLI_BAD_OPTION", {
    option: "--rounds",
    value: String(rounds),
    expected: `${total}, as many as the stages have`,
  });
}

const flags = {
  ...{ stages: "--stages", warmUp: "--warm-up", rateTo: "--rate-to", earlyStop: "--early-stop", leastGain: "--least-gain" },
  ...{ promoteEvery: "--promote-every", promoteGain: "--promote-gain" },
} as const satisfies Record<keyof CourseOptions, string>;

/** For plans that are chosen in another way. @throws TRB_CLI_BAD_OPTION where one of these flags is given */
export function refuseCourse(options: CourseOptions, expected: string): void {
  for (const [name, option] of Object.entries(flags)) {
    if (options[name as keyof CourseOptions] !== undefined)
      throw fail("TRB_CLI_BAD_OPTION", { option, value: "given", expected });
  }
}

/** @throws TRB_CLI_BAD_OPTION for flags that don't go together, TRB_PLAN_SCHEDULE_UNFIT where nothing is trained */
export function withCourse(choice: PlanChoice, merchants: number, options: CourseOptions): PlanChoice {
  const { stages = [], warmUp, rateTo, earlyStop, leastGain, promoteEvery, promoteGain } = options;
  const { acceptance } = choice.plan;
  const alone = (option: string, value: number, expected: string) =>
    fail("TRB_CLI_BAD_OPTION", { option, value: String(value), expected });
  const between = "--accept-every beside it: metrics between rounds of training decide";
  if (earlyStop !== undefined && acceptance === undefined) throw alone("--early-stop", earlyStop, between);
  if (promoteGain !== undefined && acceptance === undefined) throw alone("--promote-gain", promoteGain, between);
  if (leastGain !== undefined && earlyStop === undefined) throw alone("--least-gain", leastGain, "--early-stop beside it");
  if (promoteEvery !== undefined && promoteGain !== undefined)
    throw alone("--promote-every", promoteEvery, "absent with --promote-gain: a plan has one rule");
  const shaped = stages.length > 0 || warmUp !== undefined || rateTo !== undefined;
  const course = { ...(warmUp === undefined ? {} : { warmUp }), ...(rateTo === undefined ? {} : { last: rateTo }) };
  const staged = shaped ? withStages(choice, merchants, stages, course) : choice;
  const gain = formatDecimal(leastGain ?? 0);
  return {
    ...staged,
    plan: {
      ...staged.plan,
      ...(earlyStop === undefined ? {} : { earlyStop: { metric: "ndcg10" as const, patience: earlyStop, leastGain: gain } }),
      ...(promoteEvery === undefined ? {} : { promotion: { rule: "rounds" as const, every: promoteEvery } }),
      ...(promoteGain === undefined
        ? {}
        : { promotion: { rule: "acceptance" as const, leastGain: formatDecimal(promoteGain) } }),
    },
  };
}
