import { expect, test } from "vitest";
import { toHex } from "./canonical/hex.ts";
import { nodeCrypto } from "./crypto/node.ts";
import type { IdentityKey, NodeId } from "./identifiers.ts";
import { rotatedMemberSchema, signRotation, verifyRotation } from "./roster.ts";

const crypto = nodeCrypto();
const signer = (byte: number) => {
  const secret = new Uint8Array(32).fill(byte);
  const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
  return { key, sign: (message: Uint8Array) => crypto.sign(message, secret) };
};
const [previous, next, other] = [signer(8), signer(9), signer(10)];
const node = "shop-1" as NodeId;
const rotated = signRotation({ previous, next }, "example", { node, key: next.key, kind: "merchant" });

test("a new key is taken with the word of both keys, for this node, federation and key before it, and for nothing else", () => {
  expect(rotatedMemberSchema.parse(rotated)).toEqual(rotated);
  expect(verifyRotation(crypto, "example", rotated, previous.key)).toBe(true);
  expect(verifyRotation(crypto, "another", rotated, previous.key)).toBe(false);
  expect(verifyRotation(crypto, "example", rotated, other.key)).toBe(false);
  expect(verifyRotation(crypto, "example", { ...rotated, node: "shop-2" as NodeId }, previous.key)).toBe(false);
  expect(verifyRotation(crypto, "example", { ...rotated, key: other.key }, previous.key)).toBe(false);
  expect(verifyRotation(crypto, "example", { ...rotated, kind: "device" }, previous.key)).toBe(false);
  const { signature, previousSignature } = rotated;
  expect(verifyRotation(crypto, "example", { ...rotated, signature: previousSignature }, previous.key)).toBe(false);
  expect(verifyRotation(crypto, "example", { ...rotated, previousSignature: signature }, previous.key)).toBe(false);
});
