/**
 * Step 4 of a sum query: a node's share of the noise.
 *
 * Each node adds N_Z(0, σ_u²) with σ_u² = z²Δ²/(minCohort − maxCorrupt), so that any honest minimum of survivors brings the stated noise, whatever
 * the corrupt ones do. A sum of discrete Gaussians differs from one of the summed variance by less than 1e-50 at σ_u ≥ 4 (privacy-core §2),
 * which `sumQueryParameters` enforces.
 */
import { fail } from "@tributary/errors";
import { multiply, type Rational, toNumber, whole } from "../exact/rational.ts";
import { checkIntegers, checkReleasable, type IntegerSampler } from "../sampling/integer-sampler.ts";

/** Samples drawn at a time: they stay in the cache and the array is small enough to be cleared at once. */
export const chunkLength = 8192;

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Adds a sample to each coordinate, in place.
 * @param units [dimension] integer units, changed in place
 * @param sampler of variance `nodeVariance`, over the stream `noise`
 * @throws TRB_DP_SAMPLER_NOT_EXACT; nothing was released then, but `units` may be half noisy
 */
export function addNoise(units: Float64Array, sampler: IntegerSampler): void {
  checkReleasable(sampler);
  const chunk = new Float64Array(Math.min(chunkLength, units.length));
  for (let start = 0; start < units.length; start += chunkLength) {
    const part = chunk.subarray(0, Math.min(chunkLength, units.length - start));
    sampler.fill(part);
    checkIntegers(part);
    for (let i = 0; i < part.length; i++) units[start + i] = (units[start + i] as number) + (part[i] as number);
  }
  chunk.fill(0); // noise is a secret: with it, y gives the sum away
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Standard deviation of the noise in a released sum, in integer units, when `survivors` nodes each brought their share. */
export function noiseDeviation(nodeVariance: Rational, survivors: number): number {
  if (!(Number.isInteger(survivors) && survivors >= 1)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "survivors", value: survivors, expected: "at least 1" });
  }
  return Math.sqrt(toNumber(multiply(nodeVariance, whole(survivors))));
}
