/** What packing changes in a round's steps: uploads as long as their bits, sums in parts, and a rotation that is public. */
import { packedBits } from "@tributary/dp";
import { type Sha256, toHex, vectorOf, wireFormOf } from "@tributary/protocol";
import { packWords } from "@tributary/secagg";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { packedPlan } from "../../protocol/src/plan/packed-plan.test-support.ts";
import { fromWire, rotationSource, wireRange, wireVector } from "./packing.ts";
import { crypto, hash } from "./parties.test-support.ts";
import { applySum, sumUploads } from "./release.ts";

const plan = packedPlan();
const words = (bits: number, shift: number) =>
  Uint32Array.from({ length: 1024 }, (_, i) => Math.imul(i + shift, 0x9e37_79b1) >>> (32 - bits));

describe("a packed sum", () => {
  test.each(packedBits)("of %d bits is the same in parts, and below 2^b", async (bits) => {
    const wire = [1, 2, 3].map((shift) => vectorOf(packWords(words(bits, shift), bits)));
    const uploads = wire.map((_, node) => ({ node: `node-${node}`, sha256: hash(`upload ${node}`) }));
    const asked = {
      round: 1,
      length: 1024,
      bits,
      uploads: uploads as never,
      unmasking: { ownMasks: [hash("own")], pairMasks: [] },
    };
    const read = (sha256: string, { from, length }: { from: number; length: number }) =>
      (wire[uploads.findIndex((upload) => upload.sha256 === sha256)] ?? new Uint32Array()).slice(from, from + length);
    const whole = await sumUploads(asked, read, crypto);
    const parts = [
      await sumUploads(asked, read, crypto, { from: 0, length: 512 }),
      await sumUploads(asked, read, crypto, { from: 512, length: 512 }),
    ];
    expect([...parts.flatMap((part) => [...part])]).toEqual([...whole]);
    expect(whole.every((word) => word < 2 ** bits)).toBe(true);
    const bare = await sumUploads({ ...asked, unmasking: { ownMasks: [], pairMasks: [] } }, read, crypto);
    const expected = words(bits, 1).map((word, i) => (word + (words(bits, 2)[i] ?? 0) + (words(bits, 3)[i] ?? 0)) % 2 ** bits);
    expect([...bare]).toEqual([...expected]);
    expect(bare).not.toEqual(whole);
  });

  test("is not read in parts that begin inside a word, and not of an upload of another length", async () => {
    const uploads = [{ node: "node-0", sha256: hash("upload") }] as never;
    const asked = { round: 1, length: 1024, bits: 18, uploads, unmasking: { ownMasks: [], pairMasks: [] } };
    const wire = () => new Uint32Array(576);
    await expect(sumUploads(asked, wire, crypto, { from: 3, length: 32 })).rejects.toMatchObject({
      code: "TRB_SECAGG_PACKING_INVALID",
    });
    await expect(sumUploads(asked, () => new Uint32Array(1024), crypto)).rejects.toMatchObject({
      code: "TRB_SECAGG_PACKING_INVALID",
    });
  });

  test("is turned back by the round's rotation, and by no other; without one it is refused", () => {
    const [release] = plan.releases;
    const zero = new Uint32Array(wireFormOf(plan, 0).coordinates);
    const still = { ...plan, trained: undefined, optimiser: { name: "fedavg", learningRate: "1", momentum: "0" } };
    const { trained: _, ...whole } = still;
    const step = { plan: whole as never, release: 0, survivors: 4, parameters: new Float32Array(1000), optimiserState: null };
    expect(() => applySum({ ...step, sum: zero })).toThrowError(expect.objectContaining({ code: "TRB_PLAN_PACKING_UNFIT" }));
    const sum = zero.with(5, 32);
    const rotation = (round: number) => rotationSource(crypto, hash("plan"), round);
    const moved = (round: number) => applySum({ ...step, sum, rotation: rotation(round) }).parameters;
    const [first, again, other] = [moved(1), moved(1), moved(2)];
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
    // H/√1024 of one word of 32 units is 1 unit everywhere, over scale and four devices
    const unit = 1 / (Number(release?.scale) * 4);
    for (const value of first) expect(Math.abs(value) / unit).toBeCloseTo(1, 5);
  });
});

test("a packed vector crosses the wire in its bits, and a part of it in whole words", () => {
  const whole = words(16, 1);
  expect(wireVector(whole, 32)).toBe(whole);
  const wire = wireVector(whole, 16);
  expect(wire).toHaveLength(512);
  expect(fromWire(wire, 1024, 16)).toEqual(whole);
  expect(wireRange({ from: 32, length: 64 }, 18)).toEqual({ from: 18, length: 36 });
  for (const range of [
    { from: 3, length: 32 },
    { from: 32, length: 3 },
  ]) {
    expect(() => wireRange(range, 18)).toThrow(expect.objectContaining({ code: "TRB_SECAGG_PACKING_INVALID" }));
  }
});

test("a round's rotation is the seeded stream of that name", () => {
  const bytes = new Uint8Array(16);
  rotationSource(crypto, "01".repeat(32) as Sha256, 7).fill(bytes);
  // HKDF-SHA256 of the seed with {"id":"","purpose":"rotation","role":"round","round":7}, then AES-256-CTR: by Python's hmac and openssl enc
  expect(toHex(bytes)).toBe("b1a30babab03fd203e52becf0bf86c03");
});

test("sums of 32 bits are asked for as they were", async () => {
  expect(wireFormOf(examplePlan(), 0).bits).toBe(32);
  const one = Uint32Array.of(1, 2 ** 32 - 1, 7);
  const uploads = [{ node: "node-0", sha256: hash("upload") }] as never;
  const asked = { round: 1, length: 3, uploads, unmasking: { ownMasks: [], pairMasks: [] } };
  expect(await sumUploads(asked, () => one, crypto)).toEqual(one);
});
