import { defineErrors } from "../define.ts";

const usage = { status: 400, exitCode: 2 } as const;

export const dpErrors = defineErrors({
  TRB_DP_DECIMAL_INVALID: {
    message: "{text} is not a decimal number.",
    advice: 'Write it like "0.01" or "1e-6".',
    ...usage,
  },
  TRB_DP_PARAMETER_INVALID: {
    message: "{parameter} is {value}; expected {expected}.",
    advice: "Correct {parameter}.",
    ...usage,
  },
  TRB_DP_VARIANCE_NOT_POSITIVE: {
    message: "The noise variance is {variance}; it must be above zero.",
    advice: "Use a noise multiplier above zero.",
    ...usage,
  },
  TRB_DP_SCALE_NOT_POSITIVE: {
    message: "The noise scale is {scale}; it must be above zero.",
    advice: "Give the sensitivity over ε, as a fraction above zero.",
    ...usage,
  },
  TRB_DP_SAMPLER_NOT_EXACT: {
    message: "Noise of the sampler {sampler} may not be released: floats decide it.",
    advice: "Use an exact integer sampler. The continuous Gaussian is for simulation only.",
    status: 400,
    exitCode: 3,
  },
  TRB_DP_VARIANCE_TOO_LARGE: {
    message: "The noise variance is above 2^{most}, which the samples' type cannot hold.",
    advice: "Use a smaller scale, or Float64Array for the samples.",
    ...usage,
  },
  TRB_DP_SAMPLE_OUT_OF_RANGE: {
    message: "A noise sample does not fit the array it was drawn for.",
    advice: "This happens by chance less than once in 2^700 samples: check the random source.",
    status: 500,
    exitCode: 1,
  },
  TRB_DP_SAMPLING_RATE_INVALID: {
    message: "The sampling rate is {samplingRate}; it must be from 0 to 1.",
    advice: "Give the chance that one customer is sampled in a round, for example 0.01.",
    ...usage,
  },
  TRB_DP_NOISE_MULTIPLIER_INVALID: {
    message: "The noise multiplier is {noiseMultiplier}; it must be a finite number above zero.",
    advice: "Give noise standard deviation over sensitivity, for example 1.0.",
    ...usage,
  },
  TRB_DP_STEPS_INVALID: {
    message: "The number of steps is {steps}; it must be a whole number from 0 on.",
    advice: "Give the number of rounds that may be charged.",
    ...usage,
  },
  TRB_DP_DELTA_INVALID: {
    message: "δ is {delta}; it must lie between 0 and 1, both excluded.",
    advice: "Use a δ below one over the number of customers, for example 1e-6.",
    ...usage,
  },
  TRB_DP_EPSILON_INVALID: {
    message: "The target ε is {epsilon}; it must be a finite number above zero.",
    advice: "Use an ε above zero, for example 8.",
    ...usage,
  },
  TRB_DP_EPSILON_UNREACHABLE: {
    message:
      "No noise multiplier up to {most} reaches ε = {epsilon} at δ = {delta} in {steps} steps at sampling rate {samplingRate}.",
    advice: "Allow a larger ε, or fewer steps, or a lower sampling rate.",
    ...usage,
  },
  TRB_DP_EPSILON_UNBOUNDED: {
    message: "The accountant has no finite ε for so little noise.",
    advice: "Use a larger noise multiplier or fewer steps.",
    ...usage,
  },
  TRB_DP_TARGET_UNREACHABLE: {
    message: "No {quantity} from {least} to {most} keeps ε = {epsilon} at δ = {delta}.",
    advice: "Allow a larger ε or δ, or let less be released.",
    ...usage,
  },
  TRB_DP_SENSITIVITY_INVALID: {
    message: "The sensitivity is {sensitivity}; it must be a finite number above zero.",
    advice: "Give the most by which one customer can move the answer.",
    ...usage,
  },
  TRB_DP_EVENT_UNSUPPORTED: {
    message: "The accountant {accountant} cannot bound {event}.",
    advice: "Use an accountant that can: {others}.",
    ...usage,
  },
  TRB_DP_DELTA_SPENT: {
    message: "The releases' own δ of {spent} is above the δ = {delta} that was asked for.",
    advice: "Ask for a larger δ, or release less.",
    ...usage,
  },
  TRB_DP_BUDGET_EXCEEDED: {
    message: "The release would pass the budget of ε = {epsilon} at δ = {delta}; nothing was charged.",
    advice: "Release less, add more noise, or stop here: the budget does not come back.",
    status: 409,
    exitCode: 3,
  },
  TRB_DP_ORDERS_MISMATCH: {
    message: "There are {orders} Rényi orders but {values} divergences.",
    advice: "Compose only vectors that stand for the same orders, each order above 1 and each divergence from 0 on.",
    ...usage,
  },
  TRB_DP_LENGTH_MISMATCH: {
    message: "A vector has {length} coordinates; expected {expected}.",
    advice: "Use vectors of the plan's dimension.",
    ...usage,
  },
  TRB_DP_TOUCHED_NEEDS_EXACT: {
    message: "Only exact arithmetic may claim that a customer touches {touched} of {dimension} coordinates.",
    advice: "Set touched to the dimension, or arithmetic to exact.",
    status: 400,
    exitCode: 3,
  },
  TRB_DP_NO_HONEST_NODES: {
    message: "A cohort of {minCohort} with {maxCorrupt} corrupt nodes has no honest node left.",
    advice: "Raise minCohort or lower maxCorrupt.",
    status: 400,
    exitCode: 3,
  },
  TRB_DP_NOISE_TOO_SMALL: {
    message: "A part of the noise has standard deviation {deviation} integer units; at least 4 are needed.",
    advice: "Raise the noise multiplier or the scale.",
    status: 400,
    exitCode: 3,
  },
  TRB_DP_GRID_TOO_FINE: {
    message: "Sums on the grid would pass 2^53 units.",
    advice: "Use fewer fraction bits, a smaller scale or a smaller quota.",
    ...usage,
  },
  TRB_DP_TOO_MANY_CUSTOMERS: {
    message: "Sums over {customers} customers could pass the exact range of its sums; at most {most} are possible.",
    advice: "Raise customerQuota, or use fewer fraction bits.",
    ...usage,
  },
  TRB_DP_SCALE_IMPOSSIBLE: {
    message: "The noise and the rounding of {dimension} coordinates leave no room for the sum in 32 bits.",
    advice: "Use a smaller dimension, noise multiplier or number of nodes.",
    ...usage,
  },
  TRB_DP_AUDIT_COUNTS_INVALID: {
    message: "An audit counts {correct} right of {guesses} guesses about {canaries} canaries.",
    advice: "Give whole numbers with 0 ≤ right ≤ guesses ≤ canaries, at least one guess and at most 10^7 canaries.",
    ...usage,
  },
  TRB_DP_AUDIT_DELTA_INVALID: {
    message: "The audit's δ is {delta}; it must be from 0 to below 1.",
    advice: "Give the δ of the claim that is audited, for example 1e-6.",
    ...usage,
  },
  TRB_DP_AUDIT_SIGNIFICANCE_INVALID: {
    message: "The significance is {significance}; it must lie between 0 and 1, both excluded.",
    advice: "Give the chance that the audit may be wrong, for example 0.05.",
    ...usage,
  },
  TRB_DP_AUDIT_SCORES_INVALID: {
    message: "Score {place} of the audit is not a number, or is neither of a canary that was in nor of one that was out.",
    advice: "Give one finite score, and a coin of 0 or 1, for each canary.",
    ...usage,
  },
  TRB_DP_AUDIT_TOO_FEW_SAMPLES: {
    message: "{samples} samples can refute nothing; at least {least} are needed.",
    advice: "Draw more samples, ask for fewer claims, or allow a larger false-alarm rate.",
    ...usage,
  },
  TRB_DP_AUDIT_COMMITMENT_MISMATCH: {
    message: "The opened inclusion coins are not those that were committed to.",
    advice: "Do not use the audit: its coins were changed after the run, or belong to another one.",
    status: 409,
    exitCode: 4,
  },
  TRB_DP_GUARANTEE_INVALID: {
    message: "The guarantee's {field} is {value}; expected {expected}.",
    advice: "Fill in {field}: a statement that leaves it out says nothing.",
    ...usage,
  },
  TRB_DP_STATEMENT_TIER_WRONG: {
    message: "The statement's tier is {tier}; its ε and δ make it {expected}.",
    advice: "Show the statement as it was made: its tier may not be left out or changed.",
    status: 400,
    exitCode: 3,
  },
});
