import { describe, expect, test } from "vitest";
import { toHex } from "./canonical/hex.ts";
import { nodeCrypto } from "./crypto/node.ts";
import { type IdentityKey, type NodeId, nodeId, type Sha256 } from "./identifiers.ts";
import { decodeInvite, encodeInvite, type Invite } from "./invite.ts";
import { fingerprintOf, rosterFingerprint, signMember, verifyMember } from "./roster.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(8);
const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const member = signMember({ sign: (message) => crypto.sign(message, secret) }, "example", {
  node: "shop-1" as NodeId,
  key,
  kind: "merchant",
});

describe("a member of a roster", () => {
  test("asked to be in, itself, in this federation, under this name, key and kind", () => {
    expect(verifyMember(crypto, "example", member)).toBe(true);
    expect(verifyMember(crypto, "another", member)).toBe(false);
    expect(verifyMember(crypto, "example", { ...member, node: "shop-2" as NodeId })).toBe(false);
    expect(verifyMember(crypto, "example", { ...member, kind: "device" })).toBe(false);
    const other = toHex(crypto.signingPublicKey(new Uint8Array(32).fill(9))) as IdentityKey;
    expect(verifyMember(crypto, "example", { ...member, key: other })).toBe(false);
  });

  test("can't be named like the coordinator", () => {
    expect(nodeId.safeParse("coordinator").success).toBe(false);
    for (const name of ["", "-a", "A", "a b", "ü", "a".repeat(64)]) expect(nodeId.safeParse(name).success).toBe(false);
  });

  test("is known by the SHA-256 of its key's bytes, and the roster by that of its canonical bytes", () => {
    expect(fingerprintOf(crypto, key)).toBe(toHex(crypto.sha256(crypto.signingPublicKey(secret))));
    expect(rosterFingerprint(crypto, [member])).not.toBe(rosterFingerprint(crypto, [member, member]));
  });
});

describe("an invite", () => {
  const invite: Invite = {
    federation: "example",
    url: "http://127.0.0.1:4100",
    token: "0123456789abcdef0123456789abcdef",
    fingerprint: "ab".repeat(32) as Sha256,
    node: "shop-1" as NodeId,
  };

  test("is one word that reads back as it was, also with white space around it", () => {
    expect(encodeInvite(invite)).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(decodeInvite(` ${encodeInvite(invite)}\n`)).toEqual(invite);
  });

  test("is refused when a character is missing, altered or added, without its text in the refusal", () => {
    const text = encodeInvite(invite);
    for (const bad of [text.slice(1), text.slice(0, -1), `${text}A`, `${text}=`, text.toUpperCase(), "", "no invite"]) {
      expect(() => decodeInvite(bad)).toThrow("The invite is not valid");
    }
  });

  test("is refused with an unknown field, a strange address, or another spelling of the same", () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const sorted = Object.fromEntries(Object.entries(invite).sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(decodeInvite(encode(sorted))).toEqual(invite);
    expect(() => decodeInvite(encode({ ...sorted, extra: 1 }))).toThrow();
    expect(() => decodeInvite(encode(Object.fromEntries(Object.entries(sorted).reverse())))).toThrow();
    expect(() => decodeInvite(encode({ ...sorted, url: "ftp://x" }))).toThrow();
    expect(() => decodeInvite(encode({ ...sorted, token: "12" }))).toThrow();
  });
});
