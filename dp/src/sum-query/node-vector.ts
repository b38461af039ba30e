/**
 * Steps 2 to 5 together: what a node does with its total before it masks it, and what the coordinator does with the unmasked sum.
 */
import { fail } from "@tributary/errors";
import type { Rational } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import { checkReleasable, type IntegerSampler } from "../sampling/integer-sampler.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { clampToQuota } from "./clamp.ts";
import { checkFractionBits } from "./dither.ts";
import { dequantise } from "./grid.ts";
import { fromModular } from "./modular.ts";
import { chunkLength } from "./noise.ts";
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
  addNoisyVector(vector, total, parameters, random, samplerOf);
  return vector;
}

type SamplerOfVariance = (variance: Rational, random: RandomSource) => IntegerSampler;

/**
 * Adds y to a sum modulo 2³², without an array for y: for simulations, where masks would cancel. Piece by piece, so that what one step hands
 * to the next stays in the cache.
 * @param sum [dimension], changed in place
 * @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_SAMPLER_NOT_EXACT, after which `sum` is of no use
 */
export function addNoisyVector(
  sum: Uint32Array,
  total: Float64Array,
  { dimension, clampBound, grid, nodeVariance }: VectorParameters,
  random: VectorRandom,
  samplerOf: SamplerOfVariance = fastDiscreteGaussian,
): void {
  for (const { length } of [total, sum])
    if (length !== dimension) throw fail("TRB_DP_LENGTH_MISMATCH", { length, expected: dimension });
  checkFractionBits(grid.fractionBits);
  const sampler = samplerOf(nodeVariance, random.noise);
  checkReleasable(sampler);
  const [samples, dithers] = [new Float64Array(chunkLength), new Uint32Array(chunkLength)];
  try {
    for (let start = 0; start < dimension; start += chunkLength) {
      const end = Math.min(dimension, start + chunkLength);
      const [drawn, words] = [samples.subarray(0, end - start), dithers.subarray(0, end - start)];
      sampler.fill(drawn);
      if (grid.fractionBits > 0) random.rounding.fill(new Uint8Array(words.buffer, 0, words.byteLength));
      const sums = total.subarray(start, end);
      clampToQuota(sums, clampBound);
      const whole = addPiece(sum.subarray(start, end), sums, words, drawn, grid.fractionBits);
      if (!whole) throw fail("TRB_DP_SAMPLER_NOT_EXACT", { sampler: "given" });
    }
  } finally {
    total.fill(0);
    samples.fill(0); // noise is a secret: with it, y gives the sum away
    dithers.fill(0);
  }
}

/**
 * Steps 3 to 5 in one pass, which is a third of the time of one after the other: `ditherAndShift`, `addNoise` and `toModular`, to which a test
 * holds it.
 * @param dithers U is the first `fractionBits` bits of each
 * @returns false when a sample was no whole number
 */
function addPiece(
  sum: Uint32Array,
  total: Float64Array,
  dithers: Uint32Array,
  samples: Float64Array,
  fractionBits: number,
): boolean {
  const [perUnit, spare] = [2 ** -fractionBits, 32 - fractionBits];
  let whole = true;
  for (let i = 0; i < sum.length; i++) {
    const sample = samples[i] as number;
    if (sample - Math.floor(sample) !== 0) whole = false;
    const units = Math.floor(((total[i] as number) + ((dithers[i] as number) >>> spare)) * perUnit); // >>> 32 is >>> 0, of zeros then
    sum[i] = (sum[i] as number) + ((units + sample) >>> 0);
  }
  return whole;
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The noisy sum in the vector's own units, over a constant of the plan. @param into as in `dequantise` */
export function readSum(
  sum: Uint32Array,
  { scale }: Pick<SumQueryParameters, "scale">,
  divisor = 1,
  into?: Float64Array,
): Float64Array {
  return dequantise(fromModular(sum), scale, divisor, into);
}
