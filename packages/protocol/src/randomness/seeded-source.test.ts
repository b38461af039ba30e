import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../canonical/hex.ts";
import { nodeCrypto } from "../crypto/node.ts";
import { portableCrypto } from "../crypto/portable.ts";
import { randomSourceFromSeed } from "./seeded-source.ts";

const seed = new Uint8Array(32).fill(42);

test("the stream does not depend on how its bytes are asked for, nor on the implementation", () => {
  const whole = new Uint8Array(12_000);
  randomSourceFromSeed(nodeCrypto(), seed, "node", "shop-1", 3, "noise").fill(whole);
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { maxLength: 6 }), (lengths) => {
      const source = randomSourceFromSeed(portableCrypto(), seed, "node", "shop-1", 3, "noise");
      let offset = 0;
      for (const length of lengths) {
        const part = new Uint8Array(Math.min(length, whole.length - offset));
        source.fill(part);
        expect(part).toEqual(whole.slice(offset, offset + part.length));
        offset += part.length;
      }
    }),
    { numRuns: 30 },
  );
});

test("every seed, role, id, round and purpose has a stream of its own", () => {
  const first = (...[role, id, round, purpose]: [string, string, number, string]) => {
    const bytes = new Uint8Array(16);
    randomSourceFromSeed(nodeCrypto(), seed, role, id, round, purpose).fill(bytes);
    return toHex(bytes);
  };
  const streams = [
    first("node", "a", 1, "noise"),
    first("coordinator", "a", 1, "noise"),
    first("node", "b", 1, "noise"),
    first("node", "a", 2, "noise"),
    first("node", "a", 1, "sampling"),
    first("node", "a1", 1, "noise"),
    first("nodea", "", 1, "noise"),
  ];
  expect(new Set(streams).size).toBe(streams.length);
});
