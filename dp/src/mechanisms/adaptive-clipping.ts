/**
 * Clip norms that follow a quantile of the customers' own norms (Andrew, Thakkar, McMahan, Ramaswamy, "Differentially Private Learning with
 * Adaptive Clipping", 2021), and what counting costs.
 *
 *   C ← C·exp(−rate·(b̃ − quantile)),   b̃ = noisy fraction of customers whose norm is at most C
 *
 * The sign: when too many are clipped, b̃ is below the quantile, the exponent is positive, and C grows.
 *
 * A customer's bit is sent as ±1 (2·(bit − ½)), a whole number that moves the sum by 1 when the customer is added or removed; with noise of
 * deviation 2σ_b this is the paper's centred bit with σ_b. Sum and count together are one Gaussian release of noise multiplier z when
 * the sum's own multiplier is z_Δ = (z^−2 − (2σ_b)^−2)^−½: squared sensitivities over variances add, 1/z² = 1/z_Δ² + 1/(2σ_b)².
 */
import { fail } from "@tributary/errors";
import { compare, divide, multiply, type Rational, squareRootUp, toDecimal } from "../exact/rational.ts";
import { positiveMultiplier } from "./decimals.ts";

/** The bit of one customer: +1 when nothing would be clipped, −1 otherwise, and −1 for a norm that is not a number. */
export const clippedSign = (norm: number, clipNorm: number): 1 | -1 => (norm <= clipNorm ? 1 : -1);

/**
 * z_Δ, rounded up to 12 digits: the multiplier that the sum needs so that sum and count together cost no more than z.
 * @param noiseMultiplier z of the pair, a decimal string
 * @param countMultiplier 2σ_b: deviation of the noise on the sum of ±1, a decimal string; above z
 * @throws TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function multiplierBesideCount(noiseMultiplier: string, countMultiplier: string): string {
  const z = positiveMultiplier(noiseMultiplier);
  const count = positiveMultiplier(countMultiplier);
  if (compare(count, z) <= 0) {
    const expected = `above ${noiseMultiplier}: otherwise the count alone costs more than both may`;
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "countMultiplier", value: countMultiplier, expected });
  }
  const [square, countSquare] = [multiply(z, z), multiply(count, count)];
  // 1/(1/z² − 1/c²) = z²c²/(c² − z²)
  const needed = divide(multiply(square, countSquare), subtract(countSquare, square));
  return toDecimal(squareRootUp(needed, 60), "up");
}

/** What decides the next clip norm. */
export interface AdaptiveClip {
  readonly clipNorm: number;
  /** Noisy sum of the customers' ±1. */
  readonly noisySum: number;
  /** Customers that were expected in the sum: a constant of the plan, never how many came. */
  readonly expected: number;
  /** Fraction of customers that shall not be clipped, from 0 to 1. */
  readonly quantile: number;
  /** 0.2 unless given. */
  readonly rate?: number;
}

/**
 * The next clip norm: post-processing of released numbers. It moves by e^{±rate} at most, because b̃ is clamped to [0, 1].
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function nextClipNorm({ clipNorm, noisySum, expected, quantile, rate = 0.2 }: AdaptiveClip): number {
  const positive = { clipNorm, expected, rate };
  for (const [parameter, value] of Object.entries(positive)) {
    if (!(value > 0 && Number.isFinite(value)))
      throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected: "above 0" });
  }
  if (!(quantile >= 0 && quantile <= 1)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "quantile", value: quantile, expected: "from 0 to 1" });
  }
  if (!Number.isFinite(noisySum)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "noisySum", value: noisySum, expected: "a finite number" });
  }
  const below = Math.min(1, Math.max(0, (noisySum / expected + 1) / 2));
  return clipNorm * Math.exp(-rate * (below - quantile));
}

const subtract = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.denominator - b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});

/** The variance of the count's noise, (2σ_b)², for a sampler. */
export const countVariance = (countMultiplier: string): Rational => {
  const count = positiveMultiplier(countMultiplier);
  return multiply(count, count);
};
