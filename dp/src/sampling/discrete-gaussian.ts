/**
 * Exact samples from the discrete Gaussian N_Z(0, σ²): P[x] ∝ exp(−x²/2σ²) over all integers x.
 *
 * This is the readable twin: integer arithmetic only, so no rounding can leak what the noise should hide
 * (Mironov 2012). `fast-discrete-gaussian.ts` must agree with it in distribution, and the tests hold it to that.
 *
 * Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Algorithms 1–3.
 */
import { fail } from "@tributary/errors";
import { integerSqrt, type Rational, whole } from "../exact/rational.ts";
import { bernoulliExp } from "./bernoulli.ts";
import { discreteLaplace } from "./discrete-laplace.ts";
import { type RandomSource, wordReader } from "./random-source.ts";

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
    const y = discreteLaplace(whole(t), words);
    const gap = absolute(y) * t * d - n; // (|y| − σ²/t) · t·d
    // accept with probability exp(−(|y| − σ²/t)² / 2σ²)
    if (bernoulliExp({ numerator: gap * gap, denominator: 2n * t * t * d * n }, words)) return y;
  }
}

const absolute = (x: bigint): bigint => (x < 0n ? -x : x);
