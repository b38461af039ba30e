/**
 * Vectors of b-bit words on the wire: word i stands in bits b·i to b·i + b − 1, the lowest bit of an octet first, so b = 32 is what unpacked
 * vectors are. Masks need nothing of it: 2^b divides 2³², so a sum modulo 2³² is right modulo 2^b.
 */
import { fail } from "@tributary/errors";

/** Octets of so many words. */
export function packedOctets(length: number, bits: number): number {
  return Math.ceil((length * bits) / 8);
}

/** The lowest `bits` of every word. @returns [packedOctets(words.length, bits)] */
export function packWords(words: Uint32Array, bits: number): Uint8Array {
  checkBits(bits);
  const octets = new Uint8Array(packedOctets(words.length, bits));
  const mask = 2 ** bits - 1;
  let [held, heldBits, place] = [0, 0, 0]; // below 2^(8 + bits): exact
  for (let i = 0; i < words.length; i++) {
    held += ((words[i] as number) & mask) * 2 ** heldBits;
    heldBits += bits;
    for (; heldBits >= 8; heldBits -= 8) {
      octets[place++] = held & 0xff;
      held = Math.floor(held / 256);
    }
  }
  if (heldBits > 0) octets[place] = held;
  return octets;
}

/** @param length how many words. @throws TRB_SECAGG_PACKING_INVALID when the octets are not of so many words, or bits beyond the last are set */
export function unpackWords(octets: Uint8Array, length: number, bits: number): Uint32Array {
  checkBits(bits);
  if (octets.length !== packedOctets(length, bits)) {
    throw fail("TRB_SECAGG_PACKING_INVALID", { reason: `${octets.length} octets are not ${length} words of ${bits} bits` });
  }
  const words = new Uint32Array(length);
  const size = 2 ** bits;
  let [held, heldBits, place] = [0, 0, 0];
  for (let i = 0; i < length; i++) {
    for (; heldBits < bits; heldBits += 8) held += (octets[place++] as number) * 2 ** heldBits;
    words[i] = held % size;
    held = Math.floor(held / size);
    heldBits -= bits;
  }
  if (held !== 0) throw fail("TRB_SECAGG_PACKING_INVALID", { reason: "bits are set beyond the last word" });
  return words;
}

function checkBits(bits: number): void {
  if (Number.isInteger(bits) && bits >= 1 && bits <= 24) return;
  throw fail("TRB_SECAGG_PACKING_INVALID", { reason: "words have from 1 to 24 bits" });
}
