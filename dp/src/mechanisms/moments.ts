/**
 * A private mean, variance and count of one bounded number a customer: one sum query of three coordinates, released with discrete Gaussian
 * noise; everything after the noise is post-processing.
 *
 * With t = (x − middle)/(half the range) ∈ [−1, 1] a customer adds (1, t, 2t² − 1), all in [−1, 1], as whole numbers of 2^−20: an L2
 * sensitivity of √3·2^20, when added or removed. So the count is private as well, and no divisor is a secret.
 */
import { fail } from "@tributary/errors";
import { discreteGaussianNoise, type PrivacyEvent } from "../accounting/events.ts";
import { multiply, toNumber, whole } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { positiveMultiplier } from "./decimals.ts";
import { noisyIntegers, type SamplerOf } from "./gaussian.ts";

/** Bounds of the numbers, and how much noise. */
export interface MomentsOptions {
  /** Public bounds; values beyond count as these. */
  readonly lower: number;
  readonly upper: number;
  /** z, a decimal string. */
  readonly noiseMultiplier: string;
}

/** Released mean and variance, and what both cost together. */
export interface PrivateMoments {
  /** At least 1. */
  readonly count: number;
  readonly mean: number;
  /** Of the values, not of an estimate's error; from 0 to (range/2)². */
  readonly variance: number;
  readonly event: PrivacyEvent;
}

const unit = 2 ** 20;

/**
 * Costs the discrete Gaussian event of noise multiplier z.
 * @param values one for each customer; what is not a number counts as the middle of the range
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function privateMoments(
  values: Float64Array,
  options: MomentsOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteGaussian,
): PrivateMoments {
  const { lower, upper } = options;
  if (!(Number.isFinite(lower) && Number.isFinite(upper) && lower < upper)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "upper", value: upper, expected: `above ${lower}` });
  }
  const noiseMultiplier = positiveMultiplier(options.noiseMultiplier);
  const variance = multiply(noiseMultiplier, noiseMultiplier, whole(3n * BigInt(unit) ** 2n));
  const sums = new Float64Array(3);
  for (const value of values) {
    const [one, first, second] = contribution(value, options);
    sums[0] = (sums[0] as number) + one;
    sums[1] = (sums[1] as number) + first;
    sums[2] = (sums[2] as number) + second;
  }
  const noisy = noisyIntegers(sums, variance, random, samplerOf);

  const count = Math.max(1, (noisy[0] as number) / unit);
  const within = (value: number) => Math.min(1, Math.max(-1, value));
  const first = within((noisy[1] as number) / unit / count);
  const second = (within((noisy[2] as number) / unit / count) + 1) / 2;
  const half = (upper - lower) / 2;
  return {
    count,
    mean: lower + half * (first + 1),
    variance: half * half * Math.max(0, second - first * first),
    event: discreteGaussianNoise(toNumber(noiseMultiplier, "down")),
  };
}

/** What one customer adds, in units of 2^−20: each from −2^20 to 2^20, whatever the value. */
export function contribution(value: number, { lower, upper }: MomentsOptions): readonly [number, number, number] {
  const half = (upper - lower) / 2;
  const raw = (value - lower) / half - 1;
  const t = Number.isNaN(raw) ? 0 : Math.min(1, Math.max(-1, raw));
  return [unit, Math.round(t * unit) + 0, Math.round((2 * t * t - 1) * unit) + 0];
}
