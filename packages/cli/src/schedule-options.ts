/** The flags with which an operator says when rounds begin, with how many, and how long stragglers are waited for. */
import { parseBetween, parseEvery, type RoundSchedule } from "@tributary/coordinator";
import { type Command, Option } from "commander";
import { integerOption } from "./options.ts";

export interface ScheduleOptions {
  readonly between?: NonNullable<ReturnType<typeof parseBetween>>;
  readonly every?: number;
  readonly cohort?: number;
  readonly cohortMost?: number;
  readonly stableCohort?: boolean;
  readonly adaptDeadlines?: boolean;
}

export const addScheduleOptions = (command: Command): Command =>
  command
    .optionsGroup("When rounds begin, and with whom:")
    .addOption(
      new Option("--between <times>", "rounds begin between these times of the day, in UTC, such as 01:00-05:00").argParser(
        parseBetween,
      ),
    )
    .addOption(
      new Option(
        "--every <time>",
        "one released round in each stretch of 30m, 6h or 1d, counted from midnight of 1970-01-01 in UTC",
      ).argParser(parseEvery),
    )
    .addOption(
      integerOption(
        "--cohort <n>",
        "invite so many of those who are connected that n are left after dropouts as measured, by a public rule (default: everybody)",
        3,
      ),
    )
    .addOption(integerOption("--cohort-most <n>", "never invite more than so many, whatever the dropouts were", 3))
    .option("--stable-cohort", "with --cohort: those first who were left in the last round")
    .option("--adapt-deadlines", "wait for stragglers twice as long as answers took lately, never longer than the plan says")
    .optionsGroup("Options:");

export const scheduleOf = ({
  between,
  every,
  cohort,
  cohortMost,
  stableCohort,
  adaptDeadlines,
}: ScheduleOptions): RoundSchedule => ({
  calendar: { ...(between === undefined ? {} : { between }), ...(every === undefined ? {} : { every }) },
  cohort: {
    ...(cohort === undefined ? {} : { size: cohort }),
    ...(cohortMost === undefined ? {} : { most: cohortMost }),
    stable: stableCohort === true,
  },
  adaptDeadlines: adaptDeadlines === true,
});
