/**
 * Exact samples from the discrete Gaussian N_Z(0, σ²), millions a second: the fast twin of `discrete-gaussian.ts`.
 * How, and why a float in it can't make it inexact: `envelope-sampler.ts`.
 */
import { fail } from "@tributary/errors";
import { bitLength, floor, type Rational } from "../exact/rational.ts";
import { buildEnvelope, type Envelope } from "./envelope.ts";
import { envelopeSampler } from "./envelope-sampler.ts";
import type { IntegerSampler } from "./integer-sampler.ts";
import { type RandomSource, wordReader } from "./random-source.ts";

/** σ ≤ 2²⁶ keeps 2³¹ beyond 32σ: e^−512. */
const mostForInt32 = 52;

/** The tables of the variances asked for last: a federation's nodes, and all rounds of a release, have one. */
const tables = new Map<string, Envelope>();
const mostTables = 8;

function envelopeOf(variance: Rational): Envelope {
  const key = `${variance.numerator}/${variance.denominator}`;
  const known = tables.get(key);
  if (known) return known;
  const built = buildEnvelope({ shape: "gaussian", parameter: variance });
  if (tables.size === mostTables) tables.delete(tables.keys().next().value ?? key);
  tables.set(key, built);
  return built;
}

/**
 * Prepares the tables for one variance (a few milliseconds, once).
 * @param variance σ², in squared integer units; 0 < σ² ≤ 2^80 (2^52 for Int32Array)
 * @param options `floatMargin`: relative width below which a float may not decide; wider is slower and equal in every sample
 * @throws TRB_DP_VARIANCE_NOT_POSITIVE, TRB_DP_VARIANCE_TOO_LARGE
 */
export function fastDiscreteGaussian(
  variance: Rational,
  random: RandomSource,
  options: { readonly floatMargin?: number } = {},
): IntegerSampler {
  const { numerator, denominator } = variance;
  if (numerator <= 0n || denominator <= 0n) {
    throw fail("TRB_DP_VARIANCE_NOT_POSITIVE", { variance: `${numerator}/${denominator}` });
  }
  if (numerator > denominator << 80n) throw fail("TRB_DP_VARIANCE_TOO_LARGE", { most: 80 });
  const fitsInt32 = bitLength(floor(variance)) <= mostForInt32;
  return envelopeSampler(envelopeOf(variance), wordReader(random), { ...options, mostForInt32, fitsInt32 });
}
