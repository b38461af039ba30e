/**
 * The Laplace mechanism with integer noise: P[noise = x] ∝ exp(−|x|/b), b = Δ₁/ε exactly, which is ε-private for integer vectors of L1
 * sensitivity Δ₁ (Ghosh, Roughgarden, Sundararajan 2009).
 *
 * It costs the event (ε, 0), *not* the event `laplace` of the accountants, which stands for continuous noise on one real number: the two
 * curves differ. With Δ₁ = 1 the discrete one is randomised response, δ(ε′) = (1 − e^{ε′ − ε})/(1 + e^{−ε}), above the continuous
 * 1 − e^{(ε′ − ε)/2} at every ε′ below ε; and it is exactly the curve that accountants take for (ε, 0).
 */
import { approximate, type PrivacyEvent } from "../accounting/events.ts";
import { divide, multiply, parseRational, type Rational, toNumber } from "../exact/rational.ts";
import { fastDiscreteLaplace } from "../sampling/fast-discrete-laplace.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { positiveEpsilon, positiveSensitivity } from "./decimals.ts";
import { type NoisyVector, noisyIntegers, type SamplerOf } from "./gaussian.ts";
import { fromGrid, gridFor, toGrid } from "./integer-grid.ts";

/** How much Laplace noise. */
export interface LaplaceOptions {
  /** Δ₁: L1, the most by which one customer moves the vector; a decimal string. */
  readonly sensitivity: string;
  /** A decimal string. */
  readonly epsilon: string;
}

/**
 * values + discrete Laplace of scale Δ₁/ε in each coordinate. Costs (ε, 0).
 * @param values [d] whole numbers; not changed
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_SENSITIVITY_INVALID, TRB_DP_EPSILON_INVALID, TRB_DP_DECIMAL_INVALID, TRB_DP_VARIANCE_TOO_LARGE
 */
export function discreteLaplaceMechanism(
  values: Float64Array,
  { sensitivity, epsilon }: LaplaceOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteLaplace,
): NoisyVector {
  const scale = divide(positiveSensitivity(sensitivity), positiveEpsilon(epsilon));
  return { values: noisyIntegers(values, scale, random, samplerOf), event: pure(epsilon) };
}

/**
 * The same for real numbers, rounded to a grid some 2^−16·Δ₁/√d wide; the sensitivity grows by d of its steps. Costs (ε, 0).
 * @throws as `discreteLaplaceMechanism`
 */
export function laplaceMechanism(
  values: Float64Array,
  { sensitivity, epsilon }: LaplaceOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteLaplace,
): NoisyVector {
  const grid = gridFor(positiveSensitivity(sensitivity), Math.max(1, values.length), "l1");
  const scale = divide(grid.sensitivity, positiveEpsilon(epsilon));
  return { values: fromGrid(noisyIntegers(toGrid(values, grid), scale, random, samplerOf), grid), event: pure(epsilon) };
}

/** The event of something ε-private; ε rounded up to a float. */
export const pure = (epsilon: string): PrivacyEvent => approximate(toNumber(parseRational(epsilon), "up"));

/** ε·gap/(factor·Δ): how unlikely a score that far below the best is. */
export const penalty = (epsilon: Rational, gap: bigint, sensitivity: Rational, factor: number): Rational =>
  divide(
    multiply(epsilon, { numerator: gap, denominator: 1n }),
    multiply(sensitivity, { numerator: BigInt(factor), denominator: 1n }),
  );
