/**
 * A public random rotation: x ↦ H·D·x/√d, with D the signs of a seed and H the Walsh–Hadamard matrix of d = 2^m rows. Lengths stay, and
 * no coordinate stands out any more: with random signs each is sub-Gaussian of variance ‖x‖²/d, so that few bits hold a sum.
 *
 * It is drawn without looking at any vector and protects nothing. In float64 the length may come out a few units of 2⁻⁵² off, which is why
 * sensitivity is checked on integers afterwards (`conditional-rounding.ts`).
 * Source: Ailon, Chazelle, "The Fast Johnson–Lindenstrauss Transform" (2009); privacy-core.md §2, step 1.
 */
import { fail } from "@tributary/errors";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";

/** How many bits a coordinate of a packed sum can have. */
export const packedBits = [16, 18, 20] as const;
/** One of `packedBits`. */
export type PackedBits = (typeof packedBits)[number];

/** The power of two that a vector is filled up to with zeros. @throws TRB_DP_PARAMETER_INVALID */
export function rotatedDimension(dimension: number): number {
  if (!(Number.isInteger(dimension) && dimension >= 1 && dimension <= 2 ** 30)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "dimension", value: dimension, expected: "from 1 to 2^30" });
  }
  return 2 ** Math.ceil(Math.log2(dimension));
}

/** The diagonal of D. @param random public, and the same for every node of a round. @returns [rotatedDimension(dimension)] of 1 and −1 */
export function rotationSigns(dimension: number, random: RandomSource): Int8Array {
  const signs = new Int8Array(rotatedDimension(dimension));
  const words = wordReader(random);
  for (let start = 0; start < signs.length; start += 32) {
    const word = words.word();
    const end = Math.min(signs.length, start + 32);
    for (let i = start; i < end; i++) signs[i] = (word >>> (i - start)) & 1 ? 1 : -1;
  }
  return signs;
}

/** @param vector [dimension] @returns [signs.length] @throws TRB_DP_LENGTH_MISMATCH */
export function rotate(vector: Float32Array | Float64Array, signs: Int8Array): Float64Array {
  if (rotatedDimension(vector.length) !== signs.length) {
    throw fail("TRB_DP_LENGTH_MISMATCH", { length: vector.length, expected: signs.length });
  }
  const out = new Float64Array(signs.length);
  for (let i = 0; i < vector.length; i++) out[i] = (vector[i] as number) * (signs[i] as number);
  transform(out);
  return out;
}

/** The inverse, D·H·y/√d. @param rotated [signs.length], changed in place @returns its first `dimension` coordinates */
export function rotateBack(rotated: Float64Array, signs: Int8Array, dimension: number): Float64Array {
  if (rotated.length !== signs.length) {
    throw fail("TRB_DP_LENGTH_MISMATCH", { length: rotated.length, expected: signs.length });
  }
  transform(rotated);
  for (let i = 0; i < rotated.length; i++) rotated[i] = (rotated[i] as number) * (signs[i] as number);
  return rotated.subarray(0, dimension);
}

/** H/√d in place: log₂ d passes of sums and differences. */
function transform(values: Float64Array): void {
  for (let half = 1; half < values.length; half *= 2) {
    for (let start = 0; start < values.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const [first, second] = [values[i] as number, values[i + half] as number];
        values[i] = first + second;
        values[i + half] = first - second;
      }
    }
  }
  const unit = 1 / Math.sqrt(values.length);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * unit;
}
