/**
 * Steps 2 to 5 together: what a node does with its total before it masks it, and what the coordinator does with the unmasked sum.
 */
import { fail } from "@tributary/errors";
import type { Rational } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import { checkReleasable, type IntegerSampler } from "../sampling/integer-sampler.ts";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";
import { clampToQuota } from "./clamp.ts";
import { ditherInto } from "./dither.ts";
import { dequantise } from "./grid.ts";
import { fromModular, toModularInto } from "./modular.ts";
import { addSamples, chunkLength } from "./noise.ts";
import type { SumQueryParameters } from "./parameters.ts";

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type VectorParameters = Pick<SumQueryParameters, "dimension" | "clampBound" | "grid" | "nodeVariance">;

/** Secret, fresh streams. */
interface VectorRandom {
  readonly rounding: RandomSource;
  readonly noise: RandomSource;
}

/**
 * y: clamped, dithered, noisy, modulo 2³²; still to be masked.
 * @param total [dimension] grid units; it is cleared, because V must not outlive y
 * @param samplerOf makes the sampler of the node's share: ours unless given
 * @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_SAMPLER_NOT_EXACT
 */
export function noisyVector(
  total: Float64Array,
  parameters: VectorParameters,
  random: VectorRandom,
  samplerOf: SamplerOfVariance = fastDiscreteGaussian,
): Uint32Array {
  const vector = new Uint32Array(parameters.dimension);
  eachNoisyPiece(total, parameters, random, samplerOf, (piece, start) => vector.set(piece, start));
  return vector;
}

/**
 * Adds y to a sum modulo 2³², without an array for y: for simulations, where masks would cancel.
 * @param sum [dimension], changed in place
 */
export function addNoisyVector(
  sum: Uint32Array,
  total: Float64Array,
  parameters: VectorParameters,
  random: VectorRandom,
  samplerOf: SamplerOfVariance = fastDiscreteGaussian,
): void {
  eachNoisyPiece(total, parameters, random, samplerOf, (piece, start) => {
    for (let i = 0; i < piece.length; i++) sum[start + i] = (sum[start + i] as number) + (piece[i] as number);
  });
}

type SamplerOfVariance = (variance: Rational, random: RandomSource) => IntegerSampler;

/** Piece by piece, all steps on a piece before the next one: what they hand on stays in the cache. */
function eachNoisyPiece(
  total: Float64Array,
  { dimension, clampBound, grid, nodeVariance }: VectorParameters,
  random: VectorRandom,
  samplerOf: SamplerOfVariance,
  take: (piece: Uint32Array, start: number) => void,
): void {
  if (total.length !== dimension) throw fail("TRB_DP_LENGTH_MISMATCH", { length: total.length, expected: dimension });
  const sampler = samplerOf(nodeVariance, random.noise);
  checkReleasable(sampler);
  const rounding = wordReader(random.rounding);
  const [units, samples] = [new Float64Array(chunkLength), new Float64Array(chunkLength)];
  const residues = new Uint32Array(chunkLength);
  try {
    for (let start = 0; start < dimension; start += chunkLength) {
      const end = Math.min(dimension, start + chunkLength);
      const [sums, piece] = [total.subarray(start, end), units.subarray(0, end - start)];
      clampToQuota(sums, clampBound);
      ditherInto(piece, sums, grid.fractionBits, rounding);
      addSamples(piece, sampler, samples);
      const part = residues.subarray(0, end - start);
      toModularInto(part, piece);
      take(part, start);
    }
  } finally {
    total.fill(0);
    units.fill(0);
    samples.fill(0); // noise is a secret: with it, y gives the sum away
  }
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The noisy sum in the vector's own units, over a constant of the plan. */
export function readSum(sum: Uint32Array, { scale }: Pick<SumQueryParameters, "scale">, divisor = 1): Float64Array {
  return dequantise(fromModular(sum), scale, divisor);
}
