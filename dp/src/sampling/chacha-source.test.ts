import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { chachaBlock, chachaSource } from "./chacha-source.ts";
import { wordReader } from "./random-source.ts";
import { chiSquareLimit, seededSource } from "./seeded-source.ts";

const words = (hex: string) => new Uint32Array(Uint8Array.from(Buffer.from(hex, "hex")).buffer);
const hexOf = (block: Uint32Array) => Buffer.from(block.buffer).toString("hex");

describe("the block function", () => {
  it("gives RFC 8439's block (§2.3.2)", () => {
    const key = words("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    const out = new Uint32Array(16);
    chachaBlock(key, 1, words("000000090000004a00000000"), out, 0);
    expect(hexOf(out)).toBe(
      "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
    );
  });

  it("is node:crypto's chacha20 on random keys, counters and nonces (seed 9)", () => {
    const reader = wordReader(seededSource(9));
    for (let run = 0; run < 100; run++) {
      const key = Uint32Array.from({ length: 8 }, () => reader.word());
      const iv = Uint32Array.from({ length: 4 }, () => reader.word()); // counter, nonce
      const out = new Uint32Array(18);
      chachaBlock(key, iv[0] as number, iv.subarray(1), out, 1);
      const cipher = createCipheriv("chacha20", new Uint8Array(key.buffer), new Uint8Array(iv.buffer));
      const expected = cipher.update(new Uint8Array(64));
      expect(hexOf(out.slice(1, 17))).toBe(expected.toString("hex"));
      expect([out[0], out[17]]).toEqual([0, 0]);
    }
  });
});

describe("chachaSource", () => {
  it("gives the same stream however it is asked, and another one for other entropy", () => {
    const [whole, pieces, other] = [new Uint8Array(5000), new Uint8Array(5000), new Uint8Array(5000)];
    chachaSource(seededSource(1)).fill(whole);
    chachaSource(seededSource(2)).fill(other);
    const source = chachaSource(seededSource(1));
    for (let at = 0, length = 1; at < 5000; at += length, length = (length * 7) % 613)
      source.fill(pieces.subarray(at, at + length));
    expect(pieces).toEqual(whole);
    expect(other).not.toEqual(whole);
  });

  it("replaces its key by the first 32 bytes of each batch, which are never handed out", () => {
    const key = new Uint8Array(32);
    seededSource(1).fill(key);
    const first = createCipheriv("chacha20", key, new Uint8Array(16)).update(new Uint8Array(1024));
    const second = createCipheriv("chacha20", first.subarray(0, 32), new Uint8Array(16)).update(new Uint8Array(1024));
    const out = new Uint8Array(2 * 992);
    chachaSource(seededSource(1)).fill(out);
    expect(Buffer.from(out.subarray(0, 992)).equals(first.subarray(32))).toBe(true);
    expect(Buffer.from(out.subarray(992)).equals(second.subarray(32))).toBe(true);
  });

  it("mixes fresh entropy in: 32 bytes at once, and after every reseedBytes", () => {
    let asked = 0;
    const entropy = { fill: (out: Uint8Array) => void (asked += out.length) };
    const source = chachaSource(entropy, { reseedBytes: 10_000 });
    source.fill(new Uint8Array(9000));
    expect(asked).toBe(32);
    source.fill(new Uint8Array(3000));
    expect(asked).toBe(64);
    for (const reseedBytes of [0, Number.NaN, 1.5]) {
      expect(() => chachaSource(entropy, { reseedBytes })).toThrow(
        expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }),
      );
    }
  });

  it("has bytes that are equally frequent (false alarm ≤ 1e-10; seed 3)", () => {
    const out = new Uint8Array(500_000);
    chachaSource(seededSource(3)).fill(out);
    const counts = new Float64Array(256);
    for (const byte of out) counts[byte] = (counts[byte] as number) + 1;
    const due = out.length / 256;
    expect(counts.reduce((sum, count) => sum + (count - due) ** 2 / due, 0)).toBeLessThan(chiSquareLimit(255));
  });
});
