/** The flags with which a command asks for metrics under ε. */
import { integerOption, numberOption } from "./options.ts";

export interface MetricsOptions {
  readonly metrics?: number;
  readonly metricsShare?: number;
  readonly acceptEvery?: number;
  readonly acceptTolerance: number;
}

/** In the planner's words. */
export const metricsWishes = ({ metrics, metricsShare, acceptEvery, acceptTolerance }: MetricsOptions) => ({
  ...(acceptEvery === undefined
    ? {}
    : { acceptance: { every: acceptEvery, metric: "ndcg10" as const, tolerance: acceptTolerance } }),
  ...(metrics === undefined ? {} : { heldOut: metrics }),
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
    "what part of ε is kept for metrics and extensions' queries (default: 0.1)",
    (value) => value > 0 && value < 1,
    "a number above 0 and below 1",
  );

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
