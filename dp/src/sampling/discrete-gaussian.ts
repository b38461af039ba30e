/**
 * Exact samples from the discrete Gaussian N_Z(0, σ²): P[x] ∝ exp(−x²/2σ²) over all integers x.
 *
 * This is the readable twin: integer arithmetic only, so no rounding can leak what the noise should hide
 * (Mironov 2012). `fast-discrete-gaussian.ts` must agree with it in distribution, and the tests hold it to that.
 *
 * Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Algorithms 1–3.
 */
import { fail } from "@tributary/errors";
import { integerSqrt, type Rational } from "../exact/rational.ts";
import { type RandomSource, type WordReader, wordReader } from "./random-source.ts";

/**
 * Draws one sample.
 * @param variance σ², in squared integer units; > 0
 * @throws TRB_DP_VARIANCE_NOT_POSITIVE
 */
export function discreteGaussian(variance: Rational, random: RandomSource): bigint {
  const { numerator: n, denominator: d } = variance;
  if (n <= 0n || d <= 0n) throw fail("TRB_DP_VARIANCE_NOT_POSITIVE", { variance: `${n}/${d}` });
  const words = wordReader(random);
  const t = integerSqrt(n / d) + 1n; // any t ≥ 1 is correct; ⌊σ⌋ + 1 accepts most often
  for (;;) {
    const y = discreteLaplace(t, words);
    const gap = absolute(y) * t * d - n; // (|y| − σ²/t) · t·d
    // accept with probability exp(−(|y| − σ²/t)² / 2σ²)
    if (bernoulliExp({ numerator: gap * gap, denominator: 2n * t * t * d * n }, words)) return y;
  }
}

/** Draws from the discrete Laplace with integer scale t ≥ 1: P[x] ∝ exp(−|x|/t). */
function discreteLaplace(t: bigint, words: WordReader): bigint {
  for (;;) {
    const u = words.below(t);
    if (!bernoulliExp({ numerator: u, denominator: t }, words)) continue;
    let v = 0n;
    while (bernoulliExp({ numerator: 1n, denominator: 1n }, words)) v += 1n;
    const x = u + t * v;
    const negative = words.bits(1) === 1;
    if (negative && x === 0n) continue; // or zero would be drawn twice as often
    return negative ? -x : x;
  }
}

/** True with probability exp(−γ), γ ≥ 0, without ever computing it. */
function bernoulliExp({ numerator, denominator }: Rational, words: WordReader): boolean {
  for (let rest = numerator / denominator; rest > 0n; rest--) {
    if (!bernoulliExpFraction(1n, 1n, words)) return false;
  }
  return bernoulliExpFraction(numerator % denominator, denominator, words);
}

/** exp(−γ) for γ ≤ 1: the first failure of Bernoulli(γ/k), k = 1, 2, …, comes at an odd k with that probability. */
function bernoulliExpFraction(numerator: bigint, denominator: bigint, words: WordReader): boolean {
  let k = 1n;
  while (words.below(denominator * k) < numerator) k += 1n;
  return k % 2n === 1n;
}

const absolute = (x: bigint): bigint => (x < 0n ? -x : x);
