/**
 * Rational numbers, and the few places where they meet floats.
 *
 * Everything in a plan that decides privacy (scale, clip norm, noise variance) is computed from the plan's decimal strings
 * in integers, so that all nodes and auditors get the same number, and is rounded in a stated direction.
 */
import { fail } from "@tributary/errors";

/** A non-negative rational number `numerator / denominator`, denominator > 0; not necessarily in lowest terms. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const decimalPattern = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:e(-?[0-9]+))?$/;
/** Beyond this a decimal is no parameter of anything, and its integers would only cost memory. */
const largestExponent = 400;

/**
 * The value of a plan's decimal string, exactly. Negative numbers are refused: no parameter of this room is one.
 * @throws TRB_DP_DECIMAL_INVALID
 */
export function parseRational(text: string): Rational {
  const match = text.length <= 1000 ? decimalPattern.exec(text) : null;
  const exponent = Number(match?.[3] ?? 0);
  if (!match || Math.abs(exponent) > largestExponent) throw fail("TRB_DP_DECIMAL_INVALID", { text: text.slice(0, 80) });
  const fraction = match[2] ?? "";
  const digits = BigInt(`${match[1]}${fraction}`);
  const shift = exponent - fraction.length;
  return shift >= 0
    ? { numerator: digits * 10n ** BigInt(shift), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-shift) };
}

/** A whole number as a rational. */
export function whole(value: number | bigint): Rational {
  return { numerator: BigInt(value), denominator: 1n };
}

export function add(a: Rational, b: Rational): Rational {
  return { numerator: a.numerator * b.denominator + b.numerator * a.denominator, denominator: a.denominator * b.denominator };
}

export function multiply(...factors: readonly Rational[]): Rational {
  return factors.reduce((a, b) => ({ numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator }));
}

/** a / b for b > 0. */
export function divide(a: Rational, b: Rational): Rational {
  return { numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator };
}

/** Negative, zero or positive as a is below, equal to or above b. */
export function compare(a: Rational, b: Rational): number {
  const left = a.numerator * b.denominator;
  const right = b.numerator * a.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

export function floor(a: Rational): bigint {
  return a.numerator / a.denominator;
}

export function ceiling(a: Rational): bigint {
  return (a.numerator + a.denominator - 1n) / a.denominator;
}

/** The least multiple of 2^−bits that is not below a: the denominator becomes a power of two. */
export function roundUp(a: Rational, bits: number): Rational {
  const denominator = 1n << BigInt(bits);
  return { numerator: ceiling(multiply(a, whole(denominator))), denominator };
}

/** The least multiple of 2^−bits that is not below √a. */
export function squareRootUp(a: Rational, bits: number): Rational {
  const denominator = 1n << BigInt(bits);
  const square = ceiling(multiply(a, whole(denominator * denominator)));
  const root = integerSqrt(square);
  return { numerator: root * root === square ? root : root + 1n, denominator };
}

/** ⌊√x⌋ by Newton's method. */
export function integerSqrt(x: bigint): bigint {
  if (x < 2n) return x;
  let guess = 1n << BigInt((bitLength(x) + 1) >> 1);
  for (;;) {
    const next = (guess + x / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/** The number of bits of x ≥ 0; 0 for 0. */
export function bitLength(x: bigint): number {
  if (x === 0n) return 0;
  const hex = x.toString(16);
  return 4 * (hex.length - 1) + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
}

/**
 * A double beside a: the next one at or below it, or at or above it. Within 2^−52 of a, relatively.
 * For |log₂ a| < 1000; outside, it tends to 0 or Infinity.
 */
export function toNumber(a: Rational, rounding: "down" | "up" = "down"): number {
  if (a.numerator === 0n) return 0;
  const shift = 53 - (bitLength(a.numerator) - bitLength(a.denominator)); // a quotient of 53 or 54 bits
  const numerator = shift > 0 ? a.numerator << BigInt(shift) : a.numerator;
  const denominator = shift < 0 ? a.denominator << BigInt(-shift) : a.denominator;
  let quotient = numerator / denominator;
  let inexact = quotient * denominator !== numerator;
  let exponent = -shift;
  if (quotient >> 53n) {
    inexact ||= (quotient & 1n) === 1n;
    quotient >>= 1n;
    exponent += 1;
  }
  if (rounding === "up" && inexact) quotient += 1n; // at most 2^53, which a double holds
  const half = Math.trunc(exponent / 2); // in two steps: 2^exponent alone may be out of range
  return Number(quotient) * 2 ** half * 2 ** (exponent - half);
}

/** A finite double ≥ 0 as the rational that it is. */
export function fromNumber(value: number): Rational {
  let numerator = value;
  let denominator = 1n;
  while (!Number.isInteger(numerator)) {
    numerator *= 2; // exact: a power of two
    denominator *= 2n;
  }
  return { numerator: BigInt(numerator), denominator };
}

/** A decimal string of at most `digits` significant digits, rounded in the direction given. The form is a plan's. */
export function toDecimal(a: Rational, rounding: "down" | "up", digits = 12): string {
  if (a.numerator === 0n) return "0";
  const limit = 10n ** BigInt(digits);
  let exponent = a.numerator.toString().length - a.denominator.toString().length - digits; // one digit more than fits, at most
  for (; ; exponent += 1) {
    const scaled =
      exponent >= 0
        ? { numerator: a.numerator, denominator: a.denominator * 10n ** BigInt(exponent) }
        : { numerator: a.numerator * 10n ** BigInt(-exponent), denominator: a.denominator };
    const significand = rounding === "up" ? ceiling(scaled) : floor(scaled);
    if (significand < limit) return writeDecimal(significand, exponent);
  }
}

function writeDecimal(significand: bigint, exponent: number): string {
  let text = significand.toString();
  let shift = exponent;
  while (text.length > 1 && text.endsWith("0")) {
    text = text.slice(0, -1);
    shift += 1;
  }
  const point = text.length + shift; // places before the decimal point
  if (point > 21 || point < -6) {
    const tail = text.length > 1 ? `.${text.slice(1)}` : "";
    return `${text.charAt(0)}${tail}e${point - 1}`;
  }
  if (shift >= 0) return text + "0".repeat(shift);
  return point > 0 ? `${text.slice(0, point)}.${text.slice(point)}` : `0.${"0".repeat(-point)}${text}`;
}
