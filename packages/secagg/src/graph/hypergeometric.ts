/**
 * Tails of the hypergeometric distribution: how many marked members a sample without replacement holds. They decide how many
 * neighbours a node needs, so every machine must come to the same number: only IEEE 754's +, −, ×, ÷ are used, which are exact
 * to the last bit everywhere (logarithms aren't), and powers of two are kept apart, so that nothing underflows.
 */

/** `mantissa` · 2^`exponent`, with 1 ≤ mantissa < 2; or 0. */
export interface Scaled {
  readonly mantissa: number;
  readonly exponent: number;
}

const zero: Scaled = { mantissa: 0, exponent: 0 };
const one: Scaled = { mantissa: 1, exponent: 0 };

/** An urn, and how many are drawn from it. */
export interface Draw {
  /** N: all members. */
  readonly population: number;
  /** K ≤ N: those that count. */
  readonly marked: number;
  /** k ≤ N: how many are drawn. */
  readonly drawn: number;
}

/**
 * P[X ≥ least] for X ~ Hypergeometric(N, K, k):
 *
 *   Σ_{x ≥ least} C(K, x) · C(N − K, k − x) / C(N, k)
 *
 * The first term is a product of 2k ratios, each next one follows by one ratio. Relative error below (6k + 8)·2⁻⁵².
 */
export function upperTail({ population, marked, drawn }: Draw, least: number): Scaled {
  const others = population - marked;
  const first = Math.max(least, 0, drawn - others);
  const last = Math.min(drawn, marked);
  if (first > last) return zero;
  if (least <= Math.max(0, drawn - others)) return one;
  let term = one;
  for (let i = 0; i < first; i++) term = times(term, (marked - i) / (first - i));
  for (let i = 0; i < drawn - first; i++) term = times(term, (others - i) / (drawn - first - i));
  for (let i = 0; i < drawn; i++) term = times(term, (drawn - i) / (population - i));
  // Σ_x p(x)/p(first): the ratio p(x + 1)/p(x) is (K − x)(k − x) / ((x + 1)(N − K − k + x + 1))
  let sum = one;
  let relative = one;
  for (let x = first; x < last; x++) {
    relative = times(relative, ((marked - x) * (drawn - x)) / ((x + 1) * (others - drawn + x + 1)));
    sum = plus(sum, relative);
  }
  return multiply(term, sum);
}

/** P that a sample of `drawn` holds marked members only: Π_{i < k} (K − i)/(N − i). */
export function allMarked({ population, marked, drawn }: Draw): Scaled {
  if (drawn > marked) return zero;
  let chance = one;
  for (let i = 0; i < drawn; i++) chance = times(chance, (marked - i) / (population - i));
  return chance;
}

/** Whether `events` times the chance is at most 2^−bits: a union bound. */
export function unionAtMost(events: number, chance: Scaled, bits: number): boolean {
  const { mantissa, exponent } = times(chance, events);
  return mantissa === 0 || exponent < -bits || (exponent === -bits && mantissa === 1);
}

/** log₂, for people to read: −∞ for 0. */
export function log2Of({ mantissa, exponent }: Scaled): number {
  return mantissa === 0 ? Number.NEGATIVE_INFINITY : Math.log2(mantissa) + exponent;
}

/** @param factor at least 0 */
export function times({ mantissa, exponent }: Scaled, factor: number): Scaled {
  return normalised(mantissa * factor, exponent);
}

function multiply(a: Scaled, b: Scaled): Scaled {
  return normalised(a.mantissa * b.mantissa, a.exponent + b.exponent);
}

function plus(a: Scaled, b: Scaled): Scaled {
  if (a.mantissa === 0) return b;
  if (b.mantissa === 0) return a;
  const [large, small] = a.exponent >= b.exponent ? [a, b] : [b, a];
  const gap = large.exponent - small.exponent;
  return gap > 1000 ? large : normalised(large.mantissa + small.mantissa / 2 ** gap, large.exponent);
}

/** Halving and doubling are exact. */
function normalised(value: number, power: number): Scaled {
  if (value === 0) return zero;
  let [mantissa, exponent] = [value, power];
  for (; mantissa >= 2; exponent++) mantissa /= 2;
  for (; mantissa < 1; exponent--) mantissa *= 2;
  return { mantissa, exponent };
}
