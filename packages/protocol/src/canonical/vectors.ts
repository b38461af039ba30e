/** Vectors as they cross borders: little-endian u32, without a header (docs/protocol.md). */

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The octets of a vector: the same memory where the machine is little-endian, as nearly all are, else a copy. [4 · length] */
export function vectorOctets(vector: Uint32Array): Uint8Array {
  const octets = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  return littleEndian ? octets : swapped(octets);
}

/** The vector of octets, whose length is a multiple of 4: the same memory where machine and alignment allow it, else a copy. */
export function vectorOf(octets: Uint8Array): Uint32Array {
  const aligned = octets.byteOffset % 4 === 0 ? octets : octets.slice();
  const native = littleEndian ? aligned : swapped(aligned);
  return new Uint32Array(native.buffer, native.byteOffset, native.byteLength >>> 2);
}

function swapped(octets: Uint8Array): Uint8Array {
  const copy = octets.slice();
  for (let i = 0; i + 3 < copy.length; i += 4) copy.subarray(i, i + 4).reverse();
  return copy;
}
