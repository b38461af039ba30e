/**
 * Proven bounds of exp(−γ) for rational γ, to any number of bits, in integers.
 *
 * e^{γ/2^k} with γ/2^k ≤ ¼ is summed from its series twice: every step rounded down, and every step rounded up with the rest of
 * the series added; squared k times in the same two directions; and inverted, which swaps the two. Nothing is estimated: the
 * answer is right whatever the precision, and the precision only decides how close the bounds are.
 */
import { bitLength, type Rational } from "./rational.ts";

/** `low ≤ exp(−γ)·2^bits ≤ high` */
export interface Bounds {
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * @param gamma γ ≥ 0
 * @param bits how fine the answer is; `high − low` is a few units of 2^−bits at most
 */
export function exponentialBounds(gamma: Rational, bits: number): Bounds {
  const { numerator, denominator } = gamma;
  if (numerator === 0n) return { low: 1n << BigInt(bits), high: 1n << BigInt(bits) };
  // exp(−γ) < 2^−γ ≤ 2^−bits: nothing to compute, and γ may be too large to try
  if (numerator >= denominator * BigInt(bits)) return { low: 0n, high: 1n };

  const halvings = Math.max(0, bitLength(numerator) - bitLength(denominator) + 3);
  const precision = BigInt(bits + 2 * halvings + 16);
  const one = 1n << precision;
  const argument = (numerator << precision) / (denominator << BigInt(halvings));

  let { low, high } = seriesBounds(argument, argument + 1n, precision);
  for (let i = 0; i < halvings; i++) {
    low = (low * low) >> precision;
    high = ((high * high) >> precision) + 1n;
  }
  const unit = one << BigInt(bits);
  return { low: unit / high, high: unit / low + 1n };
}

/** Bounds of e^x·2^precision for x between `least` and `most` over 2^precision, both ≤ ¼ (and a unit). */
function seriesBounds(least: bigint, most: bigint, precision: bigint): Bounds {
  const one = 1n << precision;
  let low = one;
  let high = one;
  let termDown = one;
  let termUp = one;
  for (let i = 1n; termDown > 0n; i++) {
    termDown = ((termDown * least) >> precision) / i;
    termUp = ((termUp * most) >> precision) / i + 2n; // each of the two divisions lost less than one
    low += termDown;
    high += termUp;
  }
  return { low, high: high + termUp }; // the rest is below termUp·(x + x² + …) ≤ termUp/2
}
