import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packedOctets, packWords, unpackWords } from "./packing.ts";

const bits = fc.integer({ min: 1, max: 24 });
const words = fc.array(fc.nat(2 ** 32 - 1), { maxLength: 70 }).map((list) => Uint32Array.from(list));

describe("packing", () => {
  test("gives every word back modulo 2^b, in as few octets as there are bits", () => {
    fc.assert(
      fc.property(words, bits, (vector, b) => {
        const octets = packWords(vector, b);
        expect(octets.length).toBe(Math.ceil((vector.length * b) / 8));
        expect(unpackWords(octets, vector.length, b)).toEqual(vector.map((word) => word % 2 ** b));
      }),
    );
  });

  test("puts the lowest bit first, as unpacked vectors do: known octets", () => {
    expect([...packWords(Uint32Array.of(0x1234, 0xabcd), 16)]).toEqual([0x34, 0x12, 0xcd, 0xab]);
    expect([...packWords(Uint32Array.of(0x12345, 0xabcde), 20)]).toEqual([0x45, 0x23, 0xe1, 0xcd, 0xab]);
    expect([...packWords(Uint32Array.of(0x3ffff, 0, 1), 18)]).toEqual([0xff, 0xff, 0x03, 0, 0x10, 0, 0]);
  });

  test("halves what is sent at 16 bits", () => {
    expect(packedOctets(2 ** 20, 16)).toBe(2 ** 21);
  });

  test("refuses octets of another length, bits beyond the last word, and widths that it does not have", () => {
    const refused = (action: () => unknown) =>
      expect(action).toThrow(expect.objectContaining({ code: "TRB_SECAGG_PACKING_INVALID" }));
    refused(() => unpackWords(new Uint8Array(5), 3, 16));
    refused(() => unpackWords(Uint8Array.of(0, 0, 0b100), 1, 18));
    for (const b of [0, 25, 32, 1.5]) refused(() => packWords(new Uint32Array(1), b));
  });
});
