/**
 * Masks go on (node) and come off (coordinator). All arithmetic is modulo 2³².
 *
 *   y_u = x_u + PRG(b_u) + Σ_{v ∈ U2, v ≠ u} ± PRG(k_uv)          (+ when u comes before v)
 *   Σ_{u ∈ U3} x_u = Σ_{u ∈ U3} y_u − Σ_{u ∈ U3} PRG(b_u) − Σ_{u ∈ U3, v ∈ U2∖U3} ± PRG(k_uv)
 *
 * All streams advance together, slice by slice: a slice of the vector stays in the cache until every mask is on it, and memory is
 * one vector and two slices whatever the number of nodes. Streams are seekable, so a range of the vector can be done by itself.
 * Source: Bonawitz et al., CCS 2017, §4.
 */
import { fail } from "@tributary/errors";
import { type Crypto, type Keystream, secretFromHex } from "@tributary/protocol";
import type { Unmasking } from "./unmasking.ts";
import { addWords, sliceWords, wordArithmetic } from "./word-arithmetic.ts";

/** A stream and the sign that it goes on with. */
export interface Mask {
  readonly key: string;
  readonly sign: 1 | -1;
}

/** y: a new vector, `vector` with all masks on. [length] */
export function maskVector(vector: Uint32Array, masks: readonly Mask[], crypto: Crypto): Uint32Array {
  const masked = vector.slice();
  addMasks(masked, masks, crypto, 0);
  return masked;
}

/** Adds a masked vector to the running total, in place. @throws TRB_SECAGG_VECTOR_MISMATCHED */
export function addVector(total: Uint32Array, vector: Uint32Array, round: number): void {
  if (vector.length !== total.length) {
    throw fail("TRB_SECAGG_VECTOR_MISMATCHED", { round, length: vector.length, expected: total.length });
  }
  addWords(total, vector);
}

/**
 * Takes the masks off the sum of the survivors' vectors, in place.
 * @param from the coordinate that `total` begins with, when it is a part of the sum
 */
export function unmaskTotal(total: Uint32Array, { ownMasks, pairMasks }: Unmasking, crypto: Crypto, from = 0): void {
  addMasks(total, [...ownMasks.map((key): Mask => ({ key, sign: -1 })), ...pairMasks], crypto, from);
}

function addMasks(target: Uint32Array, masks: readonly Mask[], crypto: Crypto, from: number): void {
  const streams = masks.map(({ key, sign }) => ({ stream: keystreamOf(key, crypto), sign }));
  const arithmetic = wordArithmetic();
  try {
    for (let offset = 0; offset < target.length; offset += sliceWords) {
      const slice = target.subarray(offset, offset + sliceWords);
      const words = arithmetic.operand.subarray(0, slice.length);
      arithmetic.target.set(slice);
      for (const { stream, sign } of streams) {
        stream.words(from + offset, words);
        if (sign === 1) arithmetic.add(slice.length);
        else arithmetic.subtract(slice.length);
      }
      slice.set(arithmetic.target.subarray(0, slice.length));
    }
  } finally {
    arithmetic.clear();
    for (const { stream } of streams) stream.wipe();
  }
}

function keystreamOf(key: string, crypto: Crypto): Keystream {
  const bytes = secretFromHex(key);
  const stream = crypto.keystream(bytes); // with a copy of its own
  bytes.fill(0);
  return stream;
}
