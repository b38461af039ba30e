/**
 * Steps 2 to 5 together: what a node does with its total before it masks it, and what the coordinator does with the unmasked sum.
 */
import { fail } from "@tributary/errors";
import type { Rational } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { IntegerSampler } from "../sampling/integer-sampler.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { clampToQuota } from "./clamp.ts";
import { ditherAndShift } from "./dither.ts";
import { dequantise } from "./grid.ts";
import { fromModular, toModular } from "./modular.ts";
import { addNoise } from "./noise.ts";
import type { SumQueryParameters } from "./parameters.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * y: clamped, dithered, noisy, modulo 2³²; still to be masked.
 * @param total [dimension] grid units; it is cleared, because V must not outlive y
 * @param samplerOf makes the sampler of the node's share: ours unless given
 * @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_SAMPLER_NOT_EXACT
 */
export function noisyVector(
  total: Float64Array,
  parameters: Pick<SumQueryParameters, "dimension" | "clampBound" | "grid" | "nodeVariance">,
  random: { readonly rounding: RandomSource; readonly noise: RandomSource },
  samplerOf: (variance: Rational, random: RandomSource) => IntegerSampler = fastDiscreteGaussian,
): Uint32Array {
  const { dimension, clampBound, grid, nodeVariance } = parameters;
  if (total.length !== dimension) throw fail("TRB_DP_LENGTH_MISMATCH", { length: total.length, expected: dimension });
  clampToQuota(total, clampBound);
  const units = ditherAndShift(total, grid.fractionBits, random.rounding);
  total.fill(0);
  addNoise(units, samplerOf(nodeVariance, random.noise));
  const vector = toModular(units);
  units.fill(0);
  return vector;
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The noisy sum in the vector's own units, over a constant of the plan. */
export function readSum(sum: Uint32Array, { scale }: Pick<SumQueryParameters, "scale">, divisor = 1): Float64Array {
  return dequantise(fromModular(sum), scale, divisor);
}
