/** The flags with which a command asks for what is only read, under ε: metrics, and means of features. */
import { fail } from "@tributary/errors";
import { Option } from "commander";
import { integerOption, numberOption } from "./options.ts";

export interface MetricsOptions {
  readonly metrics?: number;
  readonly metricsShare?: number;
  /** Unix seconds. */
  readonly featureMeans?: number;
  readonly acceptEvery?: number;
  readonly acceptTolerance: number;
}

/** In the planner's words. */
export const metricsWishes = ({ metrics, metricsShare, featureMeans, acceptEvery, acceptTolerance }: MetricsOptions) => ({
  ...(acceptEvery === undefined
    ? {}
    : { acceptance: { every: acceptEvery, metric: "ndcg10" as const, tolerance: acceptTolerance } }),
  ...(metrics === undefined ? {} : { heldOut: metrics }),
  ...(featureMeans === undefined ? {} : { features: { now: featureMeans } }),
  ...(metricsShare === undefined ? {} : { share: metricsShare }),
});

export const heldOutOption = () =>
  numberOption(
    "--metrics <part>",
    "hold this part of customers out of all learning, and release metrics of them under ε at the end",
    (value) => value > 0 && value <= 0.5,
    "a number above 0 and at most 0.5",
  );

export const metricsShareOption = () =>
  numberOption(
    "--metrics-share <part>",
    "what part of ε is kept for metrics, means of features and extensions' queries (default: 0.1)",
    (value) => value > 0 && value < 1,
    "a number above 0 and below 1",
  );

export const featureMeansOption = () =>
  new Option(
    "--feature-means <date>",
    "release means and deviations of customers' features under ε, as of this day (how often, how long ago, …): nodes standardise by them",
  ).argParser((text: string) => secondsOf("--feature-means", text));

/** Unix seconds of the day's begin, or of a moment. @throws TRB_CLI_BAD_OPTION */
export function secondsOf(option: string, text: string): number {
  const milliseconds = Date.parse(text);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return Math.floor(milliseconds / 1000);
  throw fail("TRB_CLI_BAD_OPTION", { option, value: text.slice(0, 80) || "empty", expected: "a date such as 2024-05-01" });
}

export const acceptEveryOption = () =>
  integerOption(
    "--accept-every <rounds>",
    "metrics also before training and after every so many of its rounds; a model whose NDCG@10 is clearly worse than the one kept before is given up",
    1,
  );

export const acceptToleranceOption = () =>
  numberOption(
    "--accept-tolerance <x>",
    "with --accept-every: by how much its interval may lie below the kept model's",
    (value) => value >= 0 && value < 1,
    "a number from 0 to below 1",
    0,
  );
