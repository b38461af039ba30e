/** Mechanisms take the numbers that decide privacy as decimal strings, and compute with them in fractions. */
import { fail } from "@tributary/errors";
import { parseRational, type Rational } from "../exact/rational.ts";

/** @throws TRB_DP_DECIMAL_INVALID, TRB_DP_EPSILON_INVALID */
export function positiveEpsilon(text: string): Rational {
  const epsilon = parseRational(text);
  if (epsilon.numerator === 0n) throw fail("TRB_DP_EPSILON_INVALID", { epsilon: text });
  return epsilon;
}

/** @throws TRB_DP_DECIMAL_INVALID, TRB_DP_DELTA_INVALID */
export function properDelta(text: string): Rational {
  const delta = parseRational(text);
  if (delta.numerator === 0n || delta.numerator >= delta.denominator) throw fail("TRB_DP_DELTA_INVALID", { delta: text });
  return delta;
}

/** @throws TRB_DP_DECIMAL_INVALID, TRB_DP_SENSITIVITY_INVALID */
export function positiveSensitivity(text: string): Rational {
  const sensitivity = parseRational(text);
  if (sensitivity.numerator === 0n) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity: text });
  return sensitivity;
}

/** @throws TRB_DP_DECIMAL_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID */
export function positiveMultiplier(text: string): Rational {
  const noiseMultiplier = parseRational(text);
  if (noiseMultiplier.numerator === 0n) throw fail("TRB_DP_NOISE_MULTIPLIER_INVALID", { noiseMultiplier: text });
  return noiseMultiplier;
}

/** A whole number of something. @throws TRB_DP_PARAMETER_INVALID */
export function wholeNumber(parameter: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected: `a whole number from ${least} to ${most}` });
}
