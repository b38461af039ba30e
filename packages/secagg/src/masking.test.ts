import { type AgreementKey, type NodeId, portableCrypto, type Sha256, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  agreementKeyOf,
  envelopeKey,
  ownMaskKey,
  pairMaskKey,
  pairSign,
  type RoundBinding,
  seedCommitment,
} from "./derivation.ts";
import { openEnvelope, sealEnvelope } from "./envelope.ts";
import { addVector, type Mask, maskVector, unmaskTotal } from "./masking.ts";

const crypto = nodeCrypto();
const hash = (text: string) => toHex(crypto.sha256(new TextEncoder().encode(text))) as Sha256;
const binding: RoundBinding = { planHash: hash("plan"), modelHash: hash("model"), round: 3, h1: hash("adverts") };
const secretOf = (name: string) => `${hash(`secret ${name}`).slice(0, 62)}00`;
const names = ["a", "b", "c", "d", "e"] as NodeId[];

describe("masks", () => {
  test("for every set of survivors, what is left of the sum is the survivors' sum, across slice borders", () => {
    const length = (1 << 16) + 5;
    const vectors = names.map((_, i) => Uint32Array.from({ length }, (_, j) => (i + 1) * 0x3000_0001 + j * 77));
    const masksOf = (self: NodeId): Mask[] => [
      { key: ownMaskKey(crypto, binding, secretOf(`own ${self}`)), sign: 1 },
      ...names
        .filter((peer) => peer !== self)
        .map((peer): Mask => {
          const key = pairMaskKey(crypto, binding, secretOf(self), agreementKeyOf(crypto, secretOf(peer)));
          return { key, sign: pairSign(self, peer) };
        }),
    ];
    const masked = names.map((self, i) => maskVector(vectors[i] ?? new Uint32Array(), masksOf(self), crypto));
    for (const survivors of [names, names.slice(1), names.slice(0, 3), ["b", "e"] as NodeId[]]) {
      const total = new Uint32Array(length);
      const expected = new Uint32Array(length);
      for (const node of survivors) {
        addVector(total, masked[names.indexOf(node)] ?? new Uint32Array(), 3);
        addVector(expected, vectors[names.indexOf(node)] ?? new Uint32Array(), 3);
      }
      const dropped = names.filter((node) => !survivors.includes(node));
      unmaskTotal(
        total,
        {
          ownMasks: survivors.map((node) => ownMaskKey(crypto, binding, secretOf(`own ${node}`))),
          pairMasks: dropped.flatMap((node) =>
            survivors.map((survivor) => ({
              key: pairMaskKey(crypto, binding, secretOf(node), agreementKeyOf(crypto, secretOf(survivor))),
              sign: pairSign(node, survivor),
            })),
          ),
        },
        crypto,
      );
      expect(Buffer.from(total.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
    }
  });

  test("a sum comes apart: ranges that begin anywhere, unmasked by themselves, are the whole", () => {
    const length = (1 << 15) + 7;
    const key = (name: string) => ownMaskKey(crypto, binding, secretOf(name));
    const unmasking = { ownMasks: ["p", "q"].map(key), pairMasks: [{ key: key("r"), sign: 1 as const }] };
    const masked = Uint32Array.from({ length }, (_, i) => i * 0x0101_0101);
    const whole = masked.slice();
    unmaskTotal(whole, unmasking, crypto);
    for (const border of [0, 1, 1003, 1 << 14, length - 1]) {
      const [head, tail] = [masked.slice(0, border), masked.slice(border)];
      unmaskTotal(head, unmasking, crypto);
      unmaskTotal(tail, unmasking, crypto, border);
      expect(Buffer.from(Uint32Array.of(...head, ...tail).buffer).equals(Buffer.from(whole.buffer))).toBe(true);
    }
  });

  test("masks are the streams that docs/protocol.md says, added word by word", () => {
    const [length, key] = [(1 << 14) + 3, ownMaskKey(crypto, binding, secretOf("own"))];
    const stream = new Uint32Array(length);
    portableCrypto().keystream(Buffer.from(key, "hex")).words(0, stream);
    const vector = Uint32Array.from({ length }, (_, i) => i);
    const expected = (sign: 1 | -1) => Uint32Array.from(vector, (word, i) => word + sign * (stream[i] ?? 0));
    expect(maskVector(vector, [{ key, sign: 1 }], crypto)).toEqual(expected(1));
    expect(maskVector(vector, [{ key, sign: -1 }], crypto)).toEqual(expected(-1));
  });

  test("a vector of another length is refused", () => {
    expect(() => addVector(new Uint32Array(3), new Uint32Array(4), 1)).toThrow(
      expect.objectContaining({ code: "TRB_SECAGG_VECTOR_MISMATCHED" }),
    );
  });
});

describe("keys", () => {
  const derived = (bound: RoundBinding): string[] => {
    const peer = agreementKeyOf(crypto, secretOf("b"));
    return [
      ownMaskKey(crypto, bound, secretOf("a")),
      pairMaskKey(crypto, bound, secretOf("a"), peer),
      toHex(envelopeKey(crypto, bound, secretOf("a"), peer, "a" as NodeId, "b" as NodeId)),
      toHex(envelopeKey(crypto, bound, secretOf("a"), peer, "b" as NodeId, "a" as NodeId)),
    ];
  };

  test("another purpose, direction, plan, model, round or cohort gives another key", () => {
    const bindings: RoundBinding[] = [
      binding,
      { ...binding, planHash: hash("another plan") },
      { ...binding, modelHash: hash("another model") },
      { ...binding, round: 4 },
      { ...binding, h1: hash("other adverts") },
    ];
    expect(new Set(bindings.flatMap(derived)).size).toBe(4 * bindings.length);
  });

  test("both ends of a pair derive the same keys, with either implementation", () => {
    const portable = portableCrypto();
    const [a, b] = [secretOf("a"), secretOf("b")];
    const [A, B] = [agreementKeyOf(crypto, a), agreementKeyOf(portable, b)] as [AgreementKey, AgreementKey];
    expect(pairMaskKey(crypto, binding, a, B)).toBe(pairMaskKey(portable, binding, b, A));
    expect(pairSign("a" as NodeId, "b" as NodeId)).toBe(1);
    expect(pairSign("a" as NodeId, "b" as NodeId)).toBe(-pairSign("b" as NodeId, "a" as NodeId));
    expect(seedCommitment(crypto, a)).toBe(seedCommitment(portable, a));
  });
});

describe("envelopes", () => {
  const key = crypto.sha256(new TextEncoder().encode("key"));
  const address = { from: "a" as NodeId, to: "b" as NodeId, round: 3 };
  const shares = { ownMask: secretOf("x"), maskKey: secretOf("y") };
  const nonces = { fill: (out: Uint8Array) => void out.fill(9) };

  test("only the addressee in this round gets the shares out", () => {
    const sealed = sealEnvelope(crypto, key, address, shares, nonces);
    expect(openEnvelope(crypto, key, sealed, address)).toEqual(shares);
    expect(openEnvelope(crypto, key, sealed, { ...address, round: 4 })).toBeUndefined();
    expect(openEnvelope(crypto, key, sealed, { ...address, from: "c" as NodeId })).toBeUndefined();
    expect(openEnvelope(crypto, key, sealed, { ...address, to: "c" as NodeId })).toBeUndefined();
    expect(openEnvelope(crypto, crypto.sha256(key), sealed, address)).toBeUndefined();
    expect(openEnvelope(crypto, key, { ...sealed, nonce: sealed.nonce.slice(2) }, address)).toBeUndefined();
  });

  test("any changed bit of the box is noticed", () => {
    const sealed = sealEnvelope(crypto, key, address, shares, nonces);
    fc.assert(
      fc.property(fc.nat({ max: sealed.box.length * 4 - 1 }), (bit) => {
        const place = Math.floor(bit / 4);
        const digit = (Number.parseInt(sealed.box[place] ?? "0", 16) ^ (1 << (bit % 4))).toString(16);
        const box = sealed.box.slice(0, place) + digit + sealed.box.slice(place + 1);
        return openEnvelope(crypto, key, { ...sealed, box }, address) === undefined;
      }),
    );
  });
});
