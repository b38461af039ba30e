/**
 * Running sums by a binary tree (DP-FTRL without sampling): step t's vector is a leaf, every complete node is released once, with noise of
 * its own, when its last leaf has come; the sum of the first t steps is the sum of the noisy nodes of t's binary digits: at most
 * ⌊log₂ t⌋ + 1 noises instead of t.
 *
 * Exact: vectors are whole numbers, the noise is N_Z(0, (zΔ)²), Δ the L2 sensitivity of one step's vector. What it costs: one customer who
 * occurs c_v times below node v moves that node by c_v·Δ, so ρ = Σ c_v²/2z², at most `treeSensitivity`/2z² over all schedules that the limits
 * allow. Later vectors may depend on earlier releases, because every node is a zCDP release of its own and ρ adds up adaptively.
 * Adjacency: a customer's vectors become zero. Source: Kairouz et al. (2021); Dwork, Naor, Pitassi, Rothblum (2010).
 */

import { fail } from "@tributary/errors";
import { treeSensitivity } from "../accounting/correlated/tree.ts";
import { discreteGaussianNoise, type PrivacyEvent } from "../accounting/events.ts";
import { multiply, toNumber } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { addNoise } from "../sum-query/noise.ts";
import { stepVector } from "./banded.ts";
import { positiveMultiplier, positiveSensitivity, wholeNumber } from "./decimals.ts";
import type { SamplerOf } from "./gaussian.ts";

/** A run of tree noise: its steps, how often one customer takes part, and how much noise. */
export interface TreeOptions {
  /** Most steps; the cost covers all of them. */
  readonly steps: number;
  readonly dimension: number;
  /** Δ of one step's vector, L2, a decimal string. */
  readonly sensitivity: string;
  /** z, a decimal string. */
  readonly noiseMultiplier: string;
  /** In how many steps one customer occurs at most; 1 unless given. */
  readonly participations?: number;
  /** From step t the next is t + minSeparation at the earliest; 1 unless given. */
  readonly minSeparation?: number;
}

/** A run: the noisy sum so far at each step, and the event that all of them cost together. */
export interface RunningSums {
  /** What all steps together cost. */
  readonly event: PrivacyEvent;
  /**
   * Adds one step's vector and returns the noisy sum of all steps so far.
   * @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_PARAMETER_INVALID (not whole), TRB_DP_STEPS_INVALID after the last step
   */
  next(vector: Float64Array): Float64Array;
}

/**
 * Starts a run of noisy running sums.
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_SENSITIVITY_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function treeSums(options: TreeOptions, random: RandomSource, samplerOf: SamplerOf = fastDiscreteGaussian): RunningSums {
  const { steps, dimension, participations = 1, minSeparation = 1 } = options;
  for (const [name, value] of Object.entries({ steps, dimension, participations, minSeparation }))
    wholeNumber(name, value, 1, 2 ** 24);
  const noiseMultiplier = positiveMultiplier(options.noiseMultiplier);
  const deviation = multiply(noiseMultiplier, positiveSensitivity(options.sensitivity));
  const sampler = samplerOf(multiply(deviation, deviation), random);
  const squared = treeSensitivity({ steps, participations, minSeparation });
  /** By level: the exact sum of the node that is being filled, and the noisy sum of the complete one that counts now. */
  const exact: (Float64Array | undefined)[] = [];
  const noisy: (Float64Array | undefined)[] = [];
  let step = 0;

  return {
    event: discreteGaussianNoise((toNumber(noiseMultiplier, "down") / Math.sqrt(squared)) * (1 - 2 ** -50)),
    next(vector) {
      const node = stepVector(vector, dimension);
      if (step === steps) throw fail("TRB_DP_STEPS_INVALID", { steps: step + 1 });
      step += 1;
      let level = 0;
      for (; ; level++) {
        const released = node.slice();
        addNoise(released, sampler); // every complete node, also those that no running sum will need
        noisy[level] = released;
        const left = exact[level];
        if (left === undefined) break;
        for (let i = 0; i < dimension; i++) node[i] = (node[i] as number) + (left[i] as number);
        left.fill(0);
        exact[level] = undefined;
        noisy[level] = undefined;
      }
      exact[level] = node;
      const sum = new Float64Array(dimension);
      for (const part of noisy) if (part) for (let i = 0; i < dimension; i++) sum[i] = (sum[i] as number) + (part[i] as number);
      return sum;
    },
  };
}
