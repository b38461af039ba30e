/**
 * Running sums by banded matrix factorisation (DP-MF, BandMF): noise of neighbouring steps cancels, so that sums over many steps carry far
 * less of it than independent noise would give. C is lower-triangular Toeplitz with the first `bands` coefficients of (1 − x)^{−1/2}.
 *
 *   measured    y_t = Σ_{j < bands} c_j·v_{t−j} + z_t,   z_t ~ N_Z(0, σ²)      (private: one Gaussian release of C·v)
 *   recovered   x_t = (y_t − Σ_{j ≥ 1} c_j·x_{t−j})/c_0 = v_t + (C^−1 z)_t     (post-processing of what was measured)
 *
 * Adding C^−1 z to v_t, as implementations in floats do, is the same in real arithmetic; but with whole numbers v and discrete noise it would
 * not be private, because the fractions of C·v would show through. So here the coefficients themselves are whole numbers, c_j rounded to
 * 2^−16, and y_t is a sum of integers and exact integer noise. The sensitivity is that of the rounded coefficients.
 *
 * Later vectors may depend on earlier releases: step t is a zCDP release of ρ_t = ‖Σ_j c_j·Δv_{t−j}‖²/2σ², whose sum over all steps is at most
 * sens²/2z² whatever the vectors were. Adjacency: a customer's vectors become zero.
 * Source: Choquette-Choo et al., "Multi-Epoch Matrix Factorization Mechanisms" (2023) and "(Amplified) Banded Matrix Factorization" (2023).
 */
import { fail } from "@tributary/errors";
import { toeplitzCoefficients } from "../accounting/correlated/banded.ts";
import { discreteGaussianNoise, type PrivacyEvent } from "../accounting/events.ts";
import { multiply, toNumber, whole } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { addNoise } from "../sum-query/noise.ts";
import { positiveMultiplier, positiveSensitivity, wholeNumber } from "./decimals.ts";
import type { SamplerOf } from "./gaussian.ts";

/** A run of banded noise: its steps, how often one customer takes part, and how much noise. */
export interface BandedOptions {
  /** Most steps; the cost covers all of them. */
  readonly steps: number;
  readonly dimension: number;
  /** b: how many coefficients are not zero, from 1 (independent noise) to `steps`. */
  readonly bands: number;
  /** Δ of one step's vector, L2, a decimal string. */
  readonly sensitivity: string;
  /** z: deviation of z_t over Δ, a decimal string. */
  readonly noiseMultiplier: string;
  /** In how many steps one customer occurs at most; 1 unless given. */
  readonly participations?: number;
  /** From step t the next is t + minSeparation at the earliest; `bands` unless given. */
  readonly minSeparation?: number;
}

/** A run: each step's noisy vector, and the event that all of them cost together. */
export interface CorrelatedNoise {
  readonly event: PrivacyEvent;
  /**
   * One step's vector with its noise: whole numbers measured, real numbers recovered. Sums of `next`'s answers carry little noise.
   * @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_PARAMETER_INVALID (not whole), TRB_DP_STEPS_INVALID after the last step
   */
  next(vector: Float64Array): Float64Array;
}

/** What a coefficient of 1 is as a whole number. */
export const coefficientUnit = 2 ** 16;

/**
 * Starts a run of vectors with banded noise.
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_SENSITIVITY_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function bandedNoise(
  options: BandedOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteGaussian,
): CorrelatedNoise {
  const { steps, dimension, bands, participations = 1, minSeparation = bands } = options;
  for (const [name, value] of Object.entries({ steps, dimension, participations, minSeparation })) wholeNumber(name, value, 1);
  wholeNumber("bands", bands, 1, Math.min(steps, 100_000));
  const noiseMultiplier = positiveMultiplier(options.noiseMultiplier);
  const deviation = multiply(noiseMultiplier, positiveSensitivity(options.sensitivity), whole(coefficientUnit));
  const sampler = samplerOf(multiply(deviation, deviation), random);
  const coefficients = wholeCoefficients(bands);
  const squared = scheduleSensitivity(coefficients, { steps, participations, minSeparation });
  const vectors: Float64Array[] = []; // the latest first; secret
  const recovered: Float64Array[] = []; // the latest first
  let step = 0;

  return {
    event: discreteGaussianNoise((toNumber(noiseMultiplier, "down") / Math.sqrt(squared)) * (1 - 2 ** -50)),
    next(vector) {
      const own = stepVector(vector, dimension);
      if (step === steps) throw fail("TRB_DP_STEPS_INVALID", { steps: step + 1 });
      step += 1;
      vectors.unshift(own);
      if (vectors.length > bands) vectors.pop()?.fill(0);
      const measured = combine(coefficients, vectors, 0, dimension);
      addNoise(measured, sampler);
      const earlier = combine(coefficients, recovered, 1, dimension);
      const x = measured.map((value, i) => (value - (earlier[i] as number)) / (coefficients[0] as number));
      recovered.unshift(x);
      if (recovered.length >= bands) recovered.length = Math.max(0, bands - 1);
      return x.slice();
    },
  };
}

/** c_0 … c_{bands−1} in units of 2^−16, rounded; they don't increase, as the true ones don't. */
export function wholeCoefficients(bands: number): Float64Array {
  return toeplitzCoefficients(bands).map((value) => Math.round(value * coefficientUnit));
}

/**
 * Squared sensitivity in units of one step's: ‖Σ_i column(i·minSeparation)‖² for the densest, earliest schedule, which is the worst because
 * coefficients are non-negative and don't increase: moving a column earlier lengthens it, and moving two closer raises their product.
 * Computed in whole numbers below 2⁵³, and rounded up.
 * @param coefficients in units of 2^−16
 */
export function scheduleSensitivity(
  coefficients: Float64Array,
  {
    steps,
    participations,
    minSeparation,
  }: { readonly steps: number; readonly participations: number; readonly minSeparation: number },
): number {
  const column = new Float64Array(steps);
  const most = Math.min(participations, Math.ceil(steps / minSeparation));
  for (let i = 0; i < most; i++) {
    const start = i * minSeparation;
    for (let k = 0; k < coefficients.length && start + k < steps; k++) {
      column[start + k] = (column[start + k] as number) + (coefficients[k] as number);
    }
  }
  const sum = column.reduce((total, value) => total + value * value, 0);
  return (sum / coefficientUnit ** 2) * (1 + 2 ** -40);
}

/** Σ_{j ≥ from} c_j·history[j − from], per coordinate. */
function combine(coefficients: Float64Array, history: readonly Float64Array[], from: number, dimension: number): Float64Array {
  const out = new Float64Array(dimension);
  for (const [j, vector] of history.entries()) {
    const c = coefficients[j + from] ?? 0;
    for (let i = 0; i < dimension; i++) out[i] = (out[i] as number) + c * (vector[i] as number);
  }
  return out;
}

/**
 * A copy within ±2^28, so that sums with coefficients stay exact: clamping moves no two vectors apart, and refusing would tell of the values.
 * @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_PARAMETER_INVALID
 */
export function stepVector(vector: Float64Array, dimension: number): Float64Array {
  if (vector.length !== dimension) throw fail("TRB_DP_LENGTH_MISMATCH", { length: vector.length, expected: dimension });
  if (!vector.every(Number.isInteger)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "vector", value: "not whole", expected: "whole numbers" });
  }
  return vector.map((value) => Math.min(2 ** 28, Math.max(-(2 ** 28), value)));
}
