/**
 * A secret from shares of which some are wrong: m shares of a polynomial of degree below t are a word of a Reed–Solomon code, so up to
 * ⌊(m − t)/2⌋ wrong ones are corrected, in O(m²) whatever they are.
 * Source: Gao, "A New Algorithm for Decoding Reed–Solomon Codes" (2003), algorithm 1.
 */
import { fieldPrime, invert, reduce } from "./field.ts";

/** Coefficients, lowest degree first, without zeros at the end. */
type Polynomial = readonly bigint[];

/**
 * f(0) of the polynomial of degree < `threshold` that all but ⌊(m − t)/2⌋ of the points lie on; something else, or undefined, when there is none.
 * @param xs different, none 0
 */
export function decodeAtZero(xs: readonly bigint[], ys: readonly bigint[], threshold: number): bigint | undefined {
  const vanishing = xs.reduce<Polynomial>((product, x) => timesRoot(product, x), [1n]);
  let [before, now] = [vanishing, interpolate(vanishing, xs, ys)];
  let [locatorBefore, locator]: [Polynomial, Polynomial] = [[], [1n]];
  // stop at the first remainder of degree below (m + t)/2
  while (2 * (now.length - 1) >= xs.length + threshold) {
    const [quotient, rest] = divide(before, now);
    [before, now] = [now, rest];
    [locatorBefore, locator] = [locator, subtract(locatorBefore, multiply(quotient, locator))];
  }
  const [value = 0n, scale = 0n] = [now[0], locator[0]];
  return scale === 0n ? undefined : reduce(value * invert(scale)); // no holder is at 0, so a true locator is not 0 there
}

/** The polynomial of degree < m through all points. @param vanishing Π (X − x_i) */
function interpolate(vanishing: Polynomial, xs: readonly bigint[], ys: readonly bigint[]): Polynomial {
  const sum = new Array<bigint>(xs.length).fill(0n);
  for (const [i, x] of xs.entries()) {
    // Π_{j ≠ i} (X − x_j) by synthetic division, and its value at x_i by Horner's rule
    const others = new Array<bigint>(xs.length).fill(0n);
    let carry = 0n;
    for (let place = xs.length; place > 0; place--) {
      carry = reduce((vanishing[place] ?? 0n) + carry * x);
      others[place - 1] = carry;
    }
    const weight = reduce((ys[i] ?? 0n) * invert(evaluate(others, x)));
    for (const [place, coefficient] of others.entries()) sum[place] = ((sum[place] ?? 0n) + coefficient * weight) % fieldPrime;
  }
  return trimmed(sum);
}

function evaluate(polynomial: Polynomial, x: bigint): bigint {
  return polynomial.reduceRight((value, coefficient) => (value * x + coefficient) % fieldPrime, 0n);
}

/** p · (X − root) */
function timesRoot(polynomial: Polynomial, root: bigint): Polynomial {
  return [...polynomial, 0n].map((coefficient, place) =>
    reduce((place === 0 ? 0n : (polynomial[place - 1] ?? 0n)) - (place < polynomial.length ? coefficient * root : 0n)),
  );
}

function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const product = new Array<bigint>(Math.max(0, a.length + b.length - 1)).fill(0n);
  for (const [i, x] of a.entries()) {
    for (const [j, y] of b.entries()) product[i + j] = ((product[i + j] ?? 0n) + x * y) % fieldPrime;
  }
  return trimmed(product);
}

function subtract(a: Polynomial, b: Polynomial): Polynomial {
  return trimmed(Array.from({ length: Math.max(a.length, b.length) }, (_, i) => reduce((a[i] ?? 0n) - (b[i] ?? 0n))));
}

/** Quotient and remainder. @param divisor not 0 */
function divide(dividend: Polynomial, divisor: Polynomial): readonly [quotient: Polynomial, rest: Polynomial] {
  const rest = [...dividend];
  const quotient = new Array<bigint>(Math.max(0, dividend.length - divisor.length + 1)).fill(0n);
  const leading = invert(divisor.at(-1) ?? 0n);
  for (let shift = quotient.length - 1; shift >= 0; shift--) {
    const factor = reduce((rest[shift + divisor.length - 1] ?? 0n) * leading);
    quotient[shift] = factor;
    for (const [place, coefficient] of divisor.entries()) {
      rest[shift + place] = reduce((rest[shift + place] ?? 0n) - factor * coefficient);
    }
  }
  return [trimmed(quotient), trimmed(rest)];
}

function trimmed(coefficients: readonly bigint[]): Polynomial {
  let length = coefficients.length;
  while (length > 0 && coefficients[length - 1] === 0n) length--;
  return coefficients.slice(0, length);
}
