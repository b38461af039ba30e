/**
 * Masks go on (node) and come off (coordinator). All arithmetic is modulo 2³²: `Uint32Array` wraps by itself.
 *
 *   y_u = x_u + PRG(b_u) + Σ_{v ∈ U2, v ≠ u} ± PRG(k_uv)          (+ when u comes before v)
 *   Σ_{u ∈ U3} x_u = Σ_{u ∈ U3} y_u − Σ_{u ∈ U3} PRG(b_u) − Σ_{u ∈ U3, v ∈ U2∖U3} ± PRG(k_uv)
 *
 * Streams are expanded a slice at a time, so memory is one vector whatever the number of nodes.
 * Source: Bonawitz et al., CCS 2017, §4.
 */
import { fail } from "@tributary/errors";
import { type Crypto, fromHex } from "@tributary/protocol";
import type { Unmasking } from "./unmasking.ts";

/** Words expanded at once: 256 KiB stay in the second-level cache. */
const sliceWords = 1 << 16;

/** A stream and the sign that it goes on with. */
export interface Mask {
  readonly key: string;
  readonly sign: 1 | -1;
}

/** y: a new vector, `vector` with all masks on. [length] */
export function maskVector(vector: Uint32Array, masks: readonly Mask[], crypto: Crypto): Uint32Array {
  const masked = vector.slice();
  addMasks(masked, masks, crypto);
  return masked;
}

/** Adds a masked vector to the running total, in place. @throws TRB_SECAGG_VECTOR_MISMATCHED */
export function addVector(total: Uint32Array, vector: Uint32Array, round: number): void {
  if (vector.length !== total.length) {
    throw fail("TRB_SECAGG_VECTOR_MISMATCHED", { round, length: vector.length, expected: total.length });
  }
  for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) + (vector[i] ?? 0);
}

/** Takes the masks off the sum of the survivors' vectors, in place. */
export function unmaskTotal(total: Uint32Array, { ownMasks, pairMasks }: Unmasking, crypto: Crypto): void {
  addMasks(total, [...ownMasks.map((key): Mask => ({ key, sign: -1 })), ...pairMasks], crypto);
}

function addMasks(target: Uint32Array, masks: readonly Mask[], crypto: Crypto): void {
  const stream = new Uint32Array(Math.min(sliceWords, target.length));
  for (const { key, sign } of masks) {
    const keystream = crypto.keystream(fromHex(key));
    for (let offset = 0; offset < target.length; offset += sliceWords) {
      const words = stream.subarray(0, Math.min(sliceWords, target.length - offset));
      keystream.words(offset, words);
      const slice = target.subarray(offset, offset + words.length);
      if (sign === 1) for (let i = 0; i < words.length; i++) slice[i] = (slice[i] ?? 0) + (words[i] ?? 0);
      else for (let i = 0; i < words.length; i++) slice[i] = (slice[i] ?? 0) - (words[i] ?? 0);
    }
  }
  stream.fill(0);
}
