/**
 * The Gaussian mechanism, in three forms.
 *
 *   discreteGaussianMechanism   integers + N_Z(0, (zΔ)²), exactly: what is released.   Δ²/2σ²-zCDP in any dimension
 *   gaussianMechanism           real numbers: rounded to a fine grid, then the same
 *   analyticGaussianDeviation   the least σ of continuous noise for (ε, δ): Balle and Wang (2018), for planning and comparison
 *
 * Discrete noise of one integer answer has a hockey-stick curve of its own (`discreteGaussianDelta`), so
 * `calibrateDiscreteGaussian` proves its σ and does not borrow the continuous one's.
 *
 * Source: Canonne, Kamath, Steinke (2020), Theorems 4 and 7; Balle, Wang, "Improving the Gaussian Mechanism for Differential Privacy" (2018).
 */
import { fail } from "@tributary/errors";
import { discreteGaussianDelta } from "../accounting/discrete-gaussian.ts";
import { discreteGaussianNoise, type PrivacyEvent } from "../accounting/events.ts";
import { gaussianMu } from "../accounting/gaussian-dp.ts";
import { checkDelta } from "../accounting/orders.ts";
import { multiply, parseRational, type Rational, toNumber } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { IntegerSampler } from "../sampling/integer-sampler.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { addNoise } from "../sum-query/noise.ts";
import { positiveMultiplier, positiveSensitivity } from "./decimals.ts";
import { fromGrid, gridFor, toGrid } from "./integer-grid.ts";

/** How much Gaussian noise. */
export interface GaussianOptions {
  /** Δ: L2, the most by which one customer moves the vector; a decimal string. */
  readonly sensitivity: string;
  /** z = σ/Δ, a decimal string. */
  readonly noiseMultiplier: string;
}

/** What noise is calibrated to keep. */
export interface GaussianTarget {
  /** ε > 0 */
  readonly epsilon: number;
  /** δ, between 0 and 1 */
  readonly delta: number;
  /** Δ; 1 unless given. Of `calibrateDiscreteGaussian` a whole number. */
  readonly sensitivity?: number;
}

/** A released vector, and what it cost. */
export interface NoisyVector {
  readonly values: Float64Array;
  readonly event: PrivacyEvent;
}

/** How a sampler for a variance is made: ours unless given. */
export type SamplerOf = (variance: Rational, random: RandomSource) => IntegerSampler;

/**
 * values + N_Z(0, (zΔ)²) in each coordinate. Costs the discrete Gaussian event of noise multiplier z.
 * @param values [d] whole numbers; not changed
 * @throws TRB_DP_PARAMETER_INVALID (a value that is not whole, which it does not name), TRB_DP_SENSITIVITY_INVALID,
 *   TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_DECIMAL_INVALID, TRB_DP_VARIANCE_TOO_LARGE, TRB_DP_SAMPLER_NOT_EXACT
 */
export function discreteGaussianMechanism(
  values: Float64Array,
  { sensitivity, noiseMultiplier }: GaussianOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteGaussian,
): NoisyVector {
  const deviation = multiply(positiveSensitivity(sensitivity), positiveMultiplier(noiseMultiplier));
  return { values: noisyIntegers(values, multiply(deviation, deviation), random, samplerOf), event: eventOf(noiseMultiplier) };
}

/**
 * The same for real numbers: each coordinate goes to the nearest multiple of a power of two, some 2^−16·Δ/√d wide, and the sensitivity grows
 * by √d of these. A coordinate that is not a number counts as 0.
 * @throws as `discreteGaussianMechanism`
 */
export function gaussianMechanism(
  values: Float64Array,
  { sensitivity, noiseMultiplier }: GaussianOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteGaussian,
): NoisyVector {
  const grid = gridFor(positiveSensitivity(sensitivity), Math.max(1, values.length), "l2");
  const deviation = multiply(grid.sensitivity, positiveMultiplier(noiseMultiplier));
  const units = noisyIntegers(toGrid(values, grid), multiply(deviation, deviation), random, samplerOf);
  return { values: fromGrid(units, grid), event: eventOf(noiseMultiplier) };
}

/** @throws TRB_DP_PARAMETER_INVALID */
export function noisyIntegers(
  values: Float64Array,
  variance: Rational,
  random: RandomSource,
  samplerOf: SamplerOf,
): Float64Array {
  const units = values.slice();
  if (!units.every(Number.isSafeInteger)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "values", value: "not whole", expected: "whole numbers" });
  }
  addNoise(units, samplerOf(variance, random));
  return units;
}

const eventOf = (noiseMultiplier: string): PrivacyEvent =>
  discreteGaussianNoise(toNumber(parseRational(noiseMultiplier), "down"));

/**
 * The least σ with which continuous Gaussian noise on a vector of L2 sensitivity Δ is (ε, δ)-private, rounded up in the last digits.
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_SENSITIVITY_INVALID
 */
export function analyticGaussianDeviation({ epsilon, delta, sensitivity = 1 }: GaussianTarget): number {
  if (!(sensitivity > 0 && Number.isFinite(sensitivity))) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
  return (sensitivity / gaussianMu(epsilon, delta)) * (1 + 2 ** -40);
}

/**
 * A variance with which one integer answer is (ε, δ)-private, proven by `discreteGaussianDelta`; at most 0.1 % above the least that the
 * continuous mechanism would need, or above where the discrete one first holds.
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_SENSITIVITY_INVALID, TRB_DP_PARAMETER_INVALID (σ above 10⁵)
 */
export function calibrateDiscreteGaussian({ epsilon, delta, sensitivity = 1 }: GaussianTarget): number {
  checkDelta(delta);
  let variance = analyticGaussianDeviation({ epsilon, delta, sensitivity }) ** 2;
  while (discreteGaussianDelta({ variance, sensitivity, epsilon }) > delta) variance *= 1.0005;
  return variance;
}
