/**
 * Exact samples from the discrete Laplace with rational scale b: P[x] ∝ exp(−|x|/b) over all integers x.
 *
 * The readable twin of `fast-discrete-laplace.ts`: integer arithmetic only. With b = t/s, a geometric X of ratio exp(−1/t) is put
 * together from its remainder and its quotient by t, and ⌊X/s⌋ is geometric of ratio exp(−s/t) = exp(−1/b).
 *
 * Source: Canonne, Kamath, Steinke (2020), Algorithm 2.
 */
import { fail } from "@tributary/errors";
import type { Rational } from "../exact/rational.ts";
import { bernoulliExp } from "./bernoulli.ts";
import { type RandomSource, type WordReader, wordReader } from "./random-source.ts";

/**
 * Draws one sample.
 * @param scale b, in integer units; > 0. Its variance is 2e^{1/b}/(e^{1/b} − 1)²
 * @throws TRB_DP_SCALE_NOT_POSITIVE
 */
export function discreteLaplace(scale: Rational, random: RandomSource): bigint {
  const { numerator: t, denominator: s } = scale;
  if (t <= 0n || s <= 0n) throw fail("TRB_DP_SCALE_NOT_POSITIVE", { scale: `${t}/${s}` });
  const words = wordReader(random);
  for (;;) {
    const magnitude = geometric(t, words) / s;
    const negative = words.bits(1) === 1;
    if (negative && magnitude === 0n) continue; // or zero would be drawn twice as often
    return negative ? -magnitude : magnitude;
  }
}

/** P[x] = (1 − e^{−1/t})·e^{−x/t} for x ≥ 0. */
function geometric(t: bigint, words: WordReader): bigint {
  for (;;) {
    const remainder = words.below(t);
    if (!bernoulliExp({ numerator: remainder, denominator: t }, words)) continue;
    let quotient = 0n;
    while (bernoulliExp({ numerator: 1n, denominator: 1n }, words)) quotient += 1n;
    return remainder + t * quotient;
  }
}
