import { expect, test } from "vitest";
import { vectorOctets, vectorOf } from "./vectors.ts";

test("a vector's octets are little-endian words, and lead back to it", () => {
  const vector = Uint32Array.of(1, 0x0102_0304, 0xffff_fffe);
  const octets = [1, 0, 0, 0, 4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff];
  expect([...vectorOctets(vector)]).toEqual(octets);
  expect(vectorOf(Uint8Array.from(octets))).toEqual(vector);
});

test("octets that begin at an odd place in a larger buffer are a vector all the same, and parts of vectors are octets", () => {
  const packet = Uint8Array.of(9, 1, 0, 0, 0, 2, 0, 0, 0, 9);
  expect([...vectorOf(packet.subarray(1, 9))]).toEqual([1, 2]);
  expect([...vectorOctets(Uint32Array.of(7, 8, 9).subarray(1, 2))]).toEqual([8, 0, 0, 0]);
});
