/**
 * Exact samples from the discrete Laplace with rational scale b, millions a second: the fast twin of `discrete-laplace.ts`.
 * How, and why a float in it can't make it inexact: `envelope-sampler.ts`.
 */
import { fail } from "@tributary/errors";
import { bitLength, floor, type Rational } from "../exact/rational.ts";
import { buildEnvelope } from "./envelope.ts";
import { envelopeSampler } from "./envelope-sampler.ts";
import type { IntegerSampler } from "./integer-sampler.ts";
import { type RandomSource, wordReader } from "./random-source.ts";

/** b ≤ 2²² keeps 2³¹ beyond 512b: e^−512. */
const mostForInt32 = 22;

/**
 * Prepares the tables for one scale (about a millisecond).
 * @param scale b, in integer units; 0 < b ≤ 2^40 (2^22 for Int32Array)
 * @param options `floatMargin`: relative width below which a float may not decide; wider is slower and equal in every sample
 * @throws TRB_DP_SCALE_NOT_POSITIVE, TRB_DP_VARIANCE_TOO_LARGE
 */
export function fastDiscreteLaplace(
  scale: Rational,
  random: RandomSource,
  options: { readonly floatMargin?: number } = {},
): IntegerSampler {
  const { numerator, denominator } = scale;
  if (numerator <= 0n || denominator <= 0n) throw fail("TRB_DP_SCALE_NOT_POSITIVE", { scale: `${numerator}/${denominator}` });
  if (numerator > denominator << 40n) throw fail("TRB_DP_VARIANCE_TOO_LARGE", { most: 80 });
  const fitsInt32 = bitLength(floor(scale)) <= mostForInt32;
  const envelope = buildEnvelope({ shape: "laplace", parameter: scale });
  return envelopeSampler(envelope, wordReader(random), { ...options, mostForInt32: 2 * mostForInt32, fitsInt32 });
}
