/**
 * Real numbers in signed documents: decimal strings of at most 12 significant digits, because a float's printed form is not
 * the same everywhere. Privacy costs are rounded up, so that writing a number down never understates it.
 */
import type { Rational } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Decimal } from "../identifiers.ts";

/** Digits that a written number keeps. */
const significantDigits = 12;
/** No float64 is smaller than 10⁻³²⁴ or as large as 10³⁰⁹; larger exponents would only cost memory. */
const maxExponent = 400;

/**
 * The number in at most 12 significant digits: the nearest such number, or with "up" the least that does not read back as
 * less (so that reading and writing again changes nothing: 0.1 stays "0.1").
 * @throws TRB_DECIMAL_INVALID for NaN and the infinities
 */
export function formatDecimal(value: number, rounding: "nearest" | "up" = "nearest"): Decimal {
  if (!Number.isFinite(value)) throw fail("TRB_DECIMAL_INVALID", { reason: "it is not finite" });
  const { mantissa, exponent } = roundToDigits(value);
  const nearest = write(mantissa, exponent);
  return rounding === "up" && Number(nearest) < value ? write(mantissa + 1n, exponent) : nearest;
}

/** The float64 nearest to the decimal. @throws TRB_DECIMAL_INVALID when it is not a decimal or too large for one */
export function parseDecimal(decimal: Decimal | string): number {
  split(decimal);
  const value = Number(decimal);
  if (!Number.isFinite(value)) throw fail("TRB_DECIMAL_INVALID", { reason: "it is too large" });
  return value;
}

/** The decimal's exact value in lowest terms: the same on every machine. @throws TRB_DECIMAL_INVALID */
export function decimalToRational(decimal: Decimal | string): Rational {
  const { mantissa, exponent } = split(decimal);
  const numerator = exponent > 0 ? mantissa * 10n ** BigInt(exponent) : mantissa;
  const denominator = exponent < 0 ? 10n ** BigInt(-exponent) : 1n;
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** mantissa · 10^exponent. */
interface Scaled {
  readonly mantissa: bigint;
  readonly exponent: number;
}

function roundToDigits(value: number): Scaled {
  const [digits, exponent] = value.toExponential(significantDigits - 1).split("e") as [string, string];
  return { mantissa: BigInt(digits.replace(".", "")), exponent: Number(exponent) - (significantDigits - 1) };
}

/** One form for each number: plain from 10⁻⁶ up to below 10²¹, else with an exponent; no trailing zeros, no "+". */
function write(mantissa: bigint, exponent: number): Decimal {
  if (mantissa === 0n) return "0" as Decimal;
  const sign = mantissa < 0n ? "-" : "";
  const digits = (mantissa < 0n ? -mantissa : mantissa).toString().replace(/0+$/, "");
  const trailing = (mantissa < 0n ? -mantissa : mantissa).toString().length - digits.length;
  const low = exponent + trailing; // power of ten of the last digit kept
  const high = low + digits.length - 1; // and of the first
  if (high >= 21 || high < -6) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${sign}${digits[0]}${rest}e${high}` as Decimal;
  }
  if (low >= 0) return `${sign}${digits}${"0".repeat(low)}` as Decimal;
  if (high < 0) return `${sign}0.${"0".repeat(-high - 1)}${digits}` as Decimal;
  return `${sign}${digits.slice(0, high + 1)}.${digits.slice(high + 1)}` as Decimal;
}

function split(decimal: string): Scaled {
  const parts = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:e(-?[0-9]+))?$/.exec(decimal);
  if (parts === null || decimal.length > 64) throw fail("TRB_DECIMAL_INVALID", { reason: "it is not a decimal number" });
  const [, sign = "", whole = "", fraction = "", power = "0"] = parts;
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > maxExponent) throw fail("TRB_DECIMAL_INVALID", { reason: "its exponent is too large" });
  const magnitude = BigInt(whole + fraction);
  return { mantissa: sign === "-" ? -magnitude : magnitude, exponent };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [large, small] = [a, b];
  while (small !== 0n) [large, small] = [small, large % small];
  return large === 0n ? 1n : large;
}
