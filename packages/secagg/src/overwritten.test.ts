/** Bytes of secrets are zeros once they are used up. `Crypto` is listened to: what it is handed, and what it hands out, are the buffers in question. */
import type { Crypto, NodeId, Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test, vi } from "vitest";
import { agreementKeyOf, envelopeKey, ownMaskKey, pairMaskKey, type RoundBinding, seedCommitment } from "./derivation.ts";
import { openEnvelope, sealEnvelope } from "./envelope.ts";
import { uniformSeed } from "./field.ts";
import { maskVector } from "./masking.ts";

const real = nodeCrypto();
const hash = "11".repeat(32) as Sha256;
const binding: RoundBinding = { planHash: hash, modelHash: hash, round: 1, h1: hash };
const [secret, peer] = ["2a".repeat(32), "3b".repeat(32)];
const [from, to] = ["shop-1", "shop-2"] as [NodeId, NodeId];

/** The buffers with secrets that pass through. */
function listening(): { readonly crypto: Crypto; readonly secrets: { readonly name: string; readonly bytes: Uint8Array }[] } {
  const secrets: { name: string; bytes: Uint8Array }[] = [];
  const heard = (name: string, bytes: Uint8Array): Uint8Array => {
    if (bytes.every((byte) => byte === 0)) throw new Error(`${name} was nothing from the beginning`);
    secrets.push({ name, bytes });
    return bytes;
  };
  const crypto: Crypto = {
    ...real,
    sha256: (data) => real.sha256(heard("hashed", data)),
    agreementPublicKey: (own) => real.agreementPublicKey(heard("secret key", own)),
    agree: (own, key) => heard("agreed", real.agree(heard("secret key", own), key)),
    hkdf: (key, salt, info, length) => heard("derived", real.hkdf(heard("derived from", key), salt, info, length)),
    seal: (message, nonce, key) => real.seal(heard("sealed", message), nonce, key),
    open(box, nonce, key) {
      const message = real.open(box, nonce, key);
      return message && heard("opened", message);
    },
    keystream: (key) => real.keystream(heard("stream key", key)),
  };
  return { crypto, secrets };
}

const left = (secrets: readonly { readonly name: string; readonly bytes: Uint8Array }[]) =>
  secrets.filter(({ bytes }) => bytes.some((byte) => byte !== 0)).map(({ name }) => name);

test("keys of masks, commitments and public keys leave no bytes of what they come of", () => {
  const { crypto, secrets } = listening();
  const key = agreementKeyOf(crypto, peer);
  expect(pairMaskKey(crypto, binding, secret, key)).toBe(pairMaskKey(real, binding, secret, key));
  expect(ownMaskKey(crypto, binding, secret)).toBe(ownMaskKey(real, binding, secret));
  expect(seedCommitment(crypto, secret)).toBe(seedCommitment(real, secret));
  expect(secrets.map(({ name }) => name).sort()).toEqual(
    ["secret key", "secret key", "agreed", "derived from", "derived", "derived from", "derived", "hashed"].sort(),
  );
  expect(left(secrets)).toEqual([]);
});

test("an envelope's key is the caller's; what it was derived of is gone", () => {
  const { crypto, secrets } = listening();
  const key = envelopeKey(crypto, binding, secret, agreementKeyOf(real, peer), from, to);
  expect(left(secrets)).toEqual(["derived"]);
  key.fill(0);
  expect(left(secrets)).toEqual([]);
});

test("shares are gone from plaintexts, of sealed boxes and of opened ones, those that don't fit among them", () => {
  const { crypto, secrets } = listening();
  const key = new Uint8Array(32).fill(5);
  const shares = { ownMask: "4c".repeat(32), maskKey: "5d".repeat(32) };
  const box = sealEnvelope(crypto, key, { from, to, round: 1 }, shares, { fill: (out) => void out.fill(6) });
  expect(openEnvelope(crypto, key, box, { from, to, round: 1 })).toEqual(shares);
  expect(openEnvelope(crypto, key, box, { from, to, round: 2 })).toBeUndefined();
  expect(secrets.map(({ name }) => name)).toEqual(["sealed", "opened", "opened"]);
  expect(left(secrets)).toEqual([]);
});

test("the bytes that a seed was drawn into are gone", () => {
  const drawn: Uint8Array[] = [];
  const seed = uniformSeed({
    fill(out) {
      out.fill(0x2a);
      drawn.push(out);
    },
  });
  expect(seed).toBe("2a".repeat(32));
  expect(drawn.map((bytes) => [...new Set(bytes)])).toEqual([[0]]);
});

test("the shares that a plaintext is put together from are gone as well", () => {
  const parts: Uint8Array[] = [];
  const { set } = Uint8Array.prototype;
  const heard = vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (this: Uint8Array, from, offset) {
    if (from instanceof Uint8Array) parts.push(from);
    set.call(this, from, offset);
  });
  try {
    const shares = { ownMask: "4c".repeat(32), maskKey: "5d".repeat(32) };
    sealEnvelope(real, new Uint8Array(32).fill(5), { from, to, round: 1 }, shares, { fill: (out) => void out.fill(6) });
  } finally {
    heard.mockRestore();
  }
  const secrets = parts.filter(({ length }) => length === 32);
  expect(secrets.length).toBeGreaterThanOrEqual(2);
  expect(secrets.some((bytes) => bytes.includes(0x4c) || bytes.includes(0x5d))).toBe(false);
});

test("streams' keys are gone once masks are on, those in the streams too", () => {
  const { crypto, secrets } = listening();
  const streams: ReturnType<Crypto["keystream"]>[] = [];
  const kept: Crypto = {
    ...crypto,
    keystream(key) {
      const stream = crypto.keystream(key);
      streams.push(stream);
      return stream;
    },
  };
  const masks = [
    { key: secret, sign: 1 },
    { key: peer, sign: -1 },
  ] as const;
  expect(maskVector(new Uint32Array(5), masks, kept)).toEqual(maskVector(new Uint32Array(5), masks, real));
  expect(left(secrets)).toEqual([]);
  expect(streams.length).toBe(2);
  for (const stream of streams)
    expect(() => stream.words(0, new Uint32Array(1))).toThrow(expect.objectContaining({ code: "TRB_CRYPTO_KEY_WIPED" }));
});
