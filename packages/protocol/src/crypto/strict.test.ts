/** That the two lists of small-order points are right and complete, from the curve equations themselves. */
import nacl from "tweetnacl";
import { expect, test } from "vitest";
import { groupOrder, inverse, lift, mod, p, times } from "./curve-arithmetic.ts";
import { smallOrderU, smallOrderY } from "./strict.ts";

test("the small-order y are exactly those of the eight points that L times a point can be", () => {
  const found = new Set<bigint>();
  for (let y = 3n; y < 40n; y++) {
    const point = lift(y);
    if (point === undefined) continue;
    const torsion = times(groupOrder, point);
    for (let k = 0n; k < 8n; k++) found.add(times(k, torsion)[1]);
  }
  expect([...found].sort()).toEqual([...smallOrderY].sort());
});

test("the small-order u are those of the same points on the Montgomery curve, and −1 on its twist", () => {
  const mapped = smallOrderY.filter((y) => y !== 1n).map((y) => mod((1n + y) * inverse(mod(1n - y)))); // RFC 7748 §4.1
  expect([...mapped, p - 1n].sort()).toEqual([...smallOrderU].sort());
});

test("X25519 with each small-order u is zero, so the check refuses nothing that works", () => {
  for (const u of smallOrderU) {
    const encoding = Uint8Array.from({ length: 32 }, (_, i) => Number((u >> BigInt(8 * i)) & 0xffn));
    expect(nacl.scalarMult(new Uint8Array(32).fill(77), encoding)).toEqual(new Uint8Array(32));
  }
});
