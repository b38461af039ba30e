/**
 * The Gaussian mechanism, in three forms.
 *
 *   discreteGaussianMechanism   integers + N_Z(0, (zΔ)²), exactly: what is released.   Δ²/2σ²-zCDP in any dimension
 *   gaussianMechanism           real numbers: rounded to a fine grid, then the same
 *   analyticGaussianDeviation   the least σ of continuous noise for (ε, δ): Balle and Wang (2018), for planning and comparison
 *
 * Discrete noise of one integer answer has a hockey-stick curve of its own (`discreteGaussianDelta`), a sum that is computed as it is, so
 * `calibrateDiscreteGaussian` proves its σ and does not borrow the continuous one's.
 *
 * Source: Canonne, Kamath, Steinke (2020), Theorems 4 and 7; Balle, Wang, "Improving the Gaussian Mechanism for Differential Privacy" (2018).
 */
import { fail } from "@tributary/errors";
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

export interface GaussianOptions {
  /** Δ: L2, the most by which one customer moves the vector; a decimal string. */
  readonly sensitivity: string;
  /** z = σ/Δ, a decimal string. */
  readonly noiseMultiplier: string;
}

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
export function analyticGaussianDeviation({
  epsilon,
  delta,
  sensitivity = 1,
}: {
  readonly epsilon: number;
  readonly delta: number;
  readonly sensitivity?: number;
}): number {
  if (!(sensitivity > 0 && Number.isFinite(sensitivity))) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
  return (sensitivity / gaussianMu(epsilon, delta)) * (1 + 2 ** -40);
}

/** Sums of more terms than this are refused: σ ≤ 10⁵. */
const mostVariance = 1e10;

/**
 * δ(ε) of one integer answer with N_Z(0, σ²), rounded up: Σ over y > εσ²/Δ − Δ/2 of P(y)·(1 − e^{ε − (2yΔ + Δ²)/2σ²}).
 * @param sensitivity Δ, a whole number
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_VARIANCE_NOT_POSITIVE, TRB_DP_SENSITIVITY_INVALID
 */
export function discreteGaussianDelta({
  variance,
  sensitivity,
  epsilon,
}: {
  readonly variance: number;
  readonly sensitivity: number;
  readonly epsilon: number;
}): number {
  checkVariance(variance);
  if (!(Number.isSafeInteger(sensitivity) && sensitivity >= 1)) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
  }
  const least = Math.floor((epsilon * variance) / sensitivity - sensitivity / 2) - 1; // one too early adds nothing: see max
  const gain = (y: number) => Math.max(0, -Math.expm1(epsilon - ((2 * y + sensitivity) * sensitivity) / (2 * variance)));
  return upward(weightedTail(variance, least, gain) / massOf(variance));
}

/** P[N_Z(0, σ²) ≥ t], rounded up. @throws TRB_DP_PARAMETER_INVALID, TRB_DP_VARIANCE_NOT_POSITIVE */
export function discreteGaussianTail(variance: number, t: number): number {
  checkVariance(variance);
  return upward(weightedTail(variance, t, () => 1) / massOf(variance));
}

/** Rounding errors, and what underflows, never make a probability smaller than it is. */
const upward = (probability: number): number => Math.min(1, Math.max(1e-300, probability * (1 + 1e-10)));

/**
 * A variance with which one integer answer is (ε, δ)-private, proven by `discreteGaussianDelta`; at most 0.1 % above the least that the
 * continuous mechanism would need, or above where the discrete one first holds.
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_SENSITIVITY_INVALID, TRB_DP_PARAMETER_INVALID (σ above 10⁵)
 */
export function calibrateDiscreteGaussian({
  epsilon,
  delta,
  sensitivity = 1,
}: {
  readonly epsilon: number;
  readonly delta: number;
  readonly sensitivity?: number;
}): number {
  checkDelta(delta);
  let variance = analyticGaussianDeviation({ epsilon, delta, sensitivity }) ** 2;
  while (discreteGaussianDelta({ variance, sensitivity, epsilon }) > delta) variance *= 1.0005;
  return variance;
}

function checkVariance(variance: number): void {
  if (!(variance > 0)) throw fail("TRB_DP_VARIANCE_NOT_POSITIVE", { variance });
  if (!(variance <= mostVariance)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "variance", value: variance, expected: `at most ${mostVariance}` });
  }
}

/** Σ_{y ≥ least} e^{−y²/2σ²}·gain(y) for a gain of 0 to 1 that does not fall. */
function weightedTail(variance: number, least: number, gain: (y: number) => number): number {
  let sum = 0;
  const start = Math.max(Math.ceil(least), -Math.ceil(40 * Math.sqrt(variance)));
  for (let y = start; ; y++) {
    const weight = Math.exp((-y * y) / (2 * variance));
    sum += weight * gain(y);
    // what is left is at most weight·(1 + σ²/y), for y > 0
    if (y > 0 && weight * (1 + variance / y) <= 1e-12 * sum) return sum;
    if (y > 0 && weight === 0) return sum;
  }
}

/** Σ_x e^{−x²/2σ²}. */
function massOf(variance: number): number {
  if (variance > 100) return Math.sqrt(2 * Math.PI * variance); // Poisson summation: too small by e^{−2π²σ²}, and never too large
  let sum = 1;
  for (let x = 1; ; x++) {
    const weight = Math.exp((-x * x) / (2 * variance));
    if (weight < 1e-18) return sum;
    sum += 2 * weight;
  }
}
