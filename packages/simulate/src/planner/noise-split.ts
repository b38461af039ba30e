/**
 * How ε is spent: how many rounds, how many customers in each, how much noise, and how far the server dares to step.
 *
 * For a fixed ε the noise of one round grows with √rounds, and so does what many rounds average out: up to some tens of
 * rounds the number hardly matters for accuracy, but each costs time. Sampling fewer customers saves computation and costs
 * accuracy, so everyone takes part as long as a node can compute it.
 */
import { atSeveralMerchants, type SampledGaussian } from "@tributary/dp";
import type { ModelSpec } from "@tributary/model";
import { type Calibration, costBy, noiseBy } from "./calibration.ts";
import { customerSeconds } from "./cost-model.ts";

export interface SplitRequest {
  readonly model: ModelSpec;
  readonly dimension: number;
  readonly customers: number;
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly calibration: Calibration;
  /** minCohort − maxCorrupt */
  readonly honestNodes: number;
  readonly rounds?: number;
  /** Override the planner's choice. */
  readonly samplingRate?: number;
  readonly clipNorm?: number;
  /** k: how many merchants one person may be a customer of. */
  readonly merchantsPerCustomer: number;
  /** What else the plan releases: the target covers it as well. */
  readonly besides?: readonly SampledGaussian[];
}

export interface NoiseSplit {
  readonly rounds: number;
  /** q */
  readonly samplingRate: number;
  /** z */
  readonly noiseMultiplier: number;
  /** What all rounds cost together: at most the target. */
  readonly epsilon: number;
  /** C */
  readonly clipNorm: number;
  readonly learningRate: number;
  readonly momentum: number;
  /** Length of the noise in the mean update, in clip norms. */
  readonly noise: number;
  readonly why: readonly string[];
}

const defaultRounds = 30;
/** Above so many numbers a round takes seconds whatever the customers do. */
const largeDimension = 300_000;
const largeModelRounds = 20;
/** Of one core: what a node may compute in a round. */
const nodeBudgetSeconds = 4;
/**
 * Median gradients of first rounds are 2 to 3 long (measured on the synthetic market and on a real log), so nearly every
 * customer is clipped and counts the same.
 */
const defaultClipNorm = 1;
const momentum = 0.9;
/** The best without noise, and close to it with the noise of ε = 8 at three thousand customers. */
const boldestLearningRate = 3;
/** Length of the update's noise, in clip norms, at `defaultRounds` rounds, up to which boldest steps do no harm. */
const tolerableNoise = 0.4;

/** @throws the codes of `noiseBy` */
export function splitEpsilon(request: SplitRequest): NoiseSplit {
  const { model, dimension, customers, merchants, epsilon, delta, honestNodes, merchantsPerCustomer, besides = [] } = request;
  const { clipNorm = defaultClipNorm, calibration } = request;
  const rounds = request.rounds ?? (dimension > largeDimension ? largeModelRounds : defaultRounds);
  const samplingRate = request.samplingRate ?? chooseSamplingRate((customers / merchants) * customerSeconds(model));
  const noiseMultiplier = noiseOf({ epsilon, delta, calibration, samplingRate, rounds, merchantsPerCustomer, besides });
  const charged = atSeveralMerchants({ samplingRate, noiseMultiplier, steps: rounds }, merchantsPerCustomer);
  const spent = costBy(calibration, [...besides, charged], delta);
  // the sum's noise is z·Δ, and Δ counts everything that one person can move
  const deviation =
    (Math.sqrt(merchants / honestNodes) * noiseMultiplier * merchantsPerCustomer * clipNorm) / (samplingRate * customers);
  const noise = (deviation * Math.sqrt(dimension)) / clipNorm;
  const { learningRate: ofClipOne, shortened } = chooseLearningRate(noise, rounds);
  // nearly every customer is clipped, so that updates are as long as the clip norm
  const learningRate = Number((ofClipOne / clipNorm).toPrecision(3));
  const why = [
    `At most ${rounds} rounds${request.rounds === undefined ? "" : " (as asked)"} at ε = ${spent.toFixed(2)}, δ = ${delta} for all of them together; a retry counts as one.`,
    samplingRate === 1
      ? "Every customer takes part in every round: a node can compute it, and sampling would only add noise."
      : `Each customer takes part in a round with chance ${samplingRate}${request.samplingRate === undefined ? `, so that a node computes at most about ${nodeBudgetSeconds} s` : ""}.`,
    `Noise multiplier ${noiseMultiplier} at clip norm ${clipNorm}: the mean update carries noise ${noise.toPrecision(2)} clip norms long, in ${dimension.toLocaleString("en-US")} coordinates.`,
    shortened
      ? `Learning rate ${learningRate}, below ${boldestLearningRate}: with longer steps the noise would destroy more than is learnt. More customers or a larger ε would help.`
      : `Learning rate ${learningRate} with momentum ${momentum}: as far as noise-free training would step.`,
  ];
  return { rounds, samplingRate, noiseMultiplier, epsilon: spent, clipNorm, learningRate, momentum, noise, why };
}

/** z, which counts the sensitivity of all k merchants: sampled, a round at (q, z) costs as k rounds at (q, z·√k) do. */
function noiseOf({
  rounds,
  merchantsPerCustomer,
  calibration,
  ...target
}: Pick<SplitRequest, "epsilon" | "delta" | "merchantsPerCustomer" | "calibration"> & {
  readonly samplingRate: number;
  readonly rounds: number;
  readonly besides: readonly SampledGaussian[];
}): number {
  if (target.samplingRate === 1) return noiseBy(calibration, { ...target, steps: rounds });
  const each = noiseBy(calibration, { ...target, steps: rounds * merchantsPerCustomer });
  // z·√k is rounded down when it is charged, so that a millionth more keeps the target
  return merchantsPerCustomer === 1 ? each : Math.ceil((each / Math.sqrt(merchantsPerCustomer)) * 1e6 + 1) / 1e6;
}

/** 1, or two digits of what fits into the budget. */
function chooseSamplingRate(secondsForAll: number): number {
  if (secondsForAll <= nodeBudgetSeconds) return 1;
  const rate = nodeBudgetSeconds / secondsForAll;
  return Math.max(Number(rate.toPrecision(2)), 0.001);
}

/**
 * The clipped mean gradient is at most one clip norm long, its noise √dimension · deviation; over the rounds noise walks, and
 * grows with their square root. Where it is longer than what is tolerable, steps shrink faster than in proportion: what is
 * learnt shrinks with them, and must still be seen above the noise. Measured: at five times the tolerable noise, full steps
 * destroy the first model, and these leave it a little better.
 */
function chooseLearningRate(noise: number, rounds: number): { readonly learningRate: number; readonly shortened: boolean } {
  const excess = (noise * Math.sqrt(rounds / defaultRounds)) / tolerableNoise;
  if (excess <= 1) return { learningRate: boldestLearningRate, shortened: false };
  return { learningRate: Number((boldestLearningRate / excess ** 1.5).toPrecision(2)), shortened: true };
}
