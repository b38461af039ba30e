/**
 * What packing changes in a round: y is masked in words of 32 bits, of which the lowest b cross the wire (2^b divides 2³², so masks cancel as they do
 * otherwise), and a round's rotation is public: a function of plan and round number, fixed before anybody's data is looked at.
 */
import type { RandomSource } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type Crypto, fromHex, randomSourceFromSeed, type Sha256, vectorOctets, vectorOf } from "@tributary/protocol";
import { packWords, unpackWords } from "@tributary/secagg";

/** The signs of a packed round: the same for everyone. */
export function rotationSource(crypto: Crypto, planHash: Sha256, round: number): RandomSource {
  return randomSourceFromSeed(crypto, fromHex(planHash), "round", "", round, "rotation");
}

/** What is sent of a masked vector: itself at 32 bits. @returns [words.length · bits / 32] */
export function wireVector(words: Uint32Array, bits: number): Uint32Array {
  return bits === 32 ? words : vectorOf(packWords(words, bits));
}

/** Some coordinates of a vector. */
export interface VectorRange {
  readonly from: number;
  readonly length: number;
}

/** In which words of the wire these coordinates stand. @throws TRB_SECAGG_PACKING_INVALID unless they begin and end with a word */
export function wireRange({ from, length }: VectorRange, bits: number): VectorRange {
  const range = { from: (from * bits) / 32, length: (length * bits) / 32 };
  if (Number.isInteger(range.from) && Number.isInteger(range.length)) return range;
  throw fail("TRB_SECAGG_PACKING_INVALID", {
    reason: `coordinates ${from} to ${from + length} of ${bits} bits are in no whole words`,
  });
}

/** @returns the so many coordinates that these words of the wire hold @throws TRB_SECAGG_PACKING_INVALID when they don't */
export function fromWire(wire: Uint32Array, length: number, bits: number): Uint32Array {
  return bits === 32 ? wire : unpackWords(vectorOctets(wire), length, bits);
}
