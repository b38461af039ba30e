/**
 * What was chosen by looking at customers' data before the first round: the recipe, as the best of a secret random number of private runs. It is part of what
 * the plan costs, from the first entry of the ledger on. Only who holds everybody's data can choose so, as a simulation does: between nodes the sum of each
 * run would be seen. What it costs: `rdpOfStopping` of `dp`, after Papernot and Steinke 2022.
 */
import { rdpIntegerOrders, rdpOfStopping, rdpVector } from "@tributary/dp";
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";

/** z of one run, everything that it releases as one release of everybody: statistics and score together. */
const ofOneRun = { noiseMultiplier: decimal };

export const selectionSchema = z.discriminatedUnion("distribution", [
  /** Of the number of runs: η from 0 (logarithmic) to 1 (geometric), and γ. */
  z.strictObject({ distribution: z.literal("truncated-negative-binomial"), shape: decimal, gamma: decimal, ...ofOneRun }),
  z.strictObject({ distribution: z.literal("poisson"), mean: decimal, ...ofOneRun }),
]);

export type PlanSelection = z.infer<typeof selectionSchema>;

/**
 * `[orders]` nats at the orders of `rdp-integer`.
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID
 */
export function selectionRdp({ noiseMultiplier, ...stopping }: PlanSelection): readonly number[] {
  const run = rdpVector({ samplingRate: 1, noiseMultiplier: parseDecimal(noiseMultiplier), steps: 1 });
  return rdpOfStopping(rdpIntegerOrders, run, stopping);
}
