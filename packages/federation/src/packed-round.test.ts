/** A packed sum through everything that a round does to it: noise, masks, the wire, a node that drops out, unmasking. */
import { choosePackedSum, packedVector, readPackedSum, rotationSigns } from "@tributary/dp";
import { fromHex, randomSourceFromSeed } from "@tributary/protocol";
import { addVector, type Mask, maskVector, packedOctets, packWords, unmaskTotal, unpackWords } from "@tributary/secagg";
import { expect, test } from "vitest";
import { crypto, hash } from "./parties.test-support.ts";

const [nodes, dropped, dimension] = [8, 7, 1500]; // the last one drops out after the masks are on

test.each([16, 18, 20] as const)("%d bits: masks cancel modulo 2^b, and what is left is the survivors' noisy sum", (bits) => {
  const seed = fromHex(hash(`packed round of ${bits} bits`));
  const stream = (node: number, purpose: string) => randomSourceFromSeed(crypto, seed, "node", String(node), 1, purpose);
  const packed = choosePackedSum({
    ...{ bits, dimension, clipNorm: 1, noiseMultiplier: 0.5, maxNodes: nodes, honestMinimum: 6 },
  });
  const signs = rotationSigns(dimension, randomSourceFromSeed(crypto, seed, "round", "", 1, "rotation"));
  const pairKey = (a: number, b: number) => hash(`pair ${Math.min(a, b)} ${Math.max(a, b)}`);
  const unmasked: Uint32Array[] = [];
  const wire = Array.from({ length: nodes }, (_, node) => {
    const vector = Float32Array.from({ length: dimension }, (_value, i) => Math.sin(i * (node + 1)) / 30);
    const y = packedVector(vector, packed, signs, { rounding: stream(node, "rounding"), noise: stream(node, "noise") });
    unmasked.push(y);
    const pairs = Array.from({ length: nodes }, (_peer, peer): Mask[] =>
      peer === node ? [] : [{ key: pairKey(node, peer), sign: node < peer ? 1 : -1 }],
    );
    return packWords(maskVector(y, [{ key: hash(`own ${node}`), sign: 1 }, ...pairs.flat()], crypto), bits);
  });
  expect(wire[0]?.length).toBe(packedOctets(2048, bits)); // of 2^11 coordinates, the next power of two
  expect(2 ** -5 * 4 * 2048 * bits).toBe(wire[0]?.length); // bits/32 of an unpacked vector's octets

  const total = new Uint32Array(packed.sent);
  const survivors = [...wire.keys()].filter((node) => node !== dropped);
  for (const node of survivors) addVector(total, unpackWords(wire[node] ?? new Uint8Array(), packed.sent, bits), 1);
  const pairMasks = survivors.map((node): Mask => ({ key: pairKey(node, dropped), sign: node < dropped ? -1 : 1 }));
  unmaskTotal(total, { ownMasks: survivors.map((node) => hash(`own ${node}`)), pairMasks }, crypto);

  const expected = new Uint32Array(packed.sent);
  for (const node of survivors) addVector(expected, unmasked[node] ?? new Uint32Array(), 1);
  expect(total.map((word) => word % 2 ** bits)).toEqual(expected.map((word) => word % 2 ** bits));

  // and in the vector's own units it is the float sum but for the noise: every coordinate within 9 deviations (false alarm
  // 1e-15), of which one is for coordinates that wrapped around: each is 8 deviations off, spread over all 2,048
  const sum = readPackedSum(total, packed, signs);
  const deviation = Math.sqrt(survivors.length * (packed.nodeVariance + 0.25)) / packed.scale;
  for (let i = 0; i < dimension; i++) {
    const float = survivors.reduce((all, node) => all + Math.sin(i * (node + 1)) / 30, 0);
    expect(Math.abs((sum[i] ?? Number.NaN) - float)).toBeLessThan(9 * deviation);
  }
});
