/** The nodes admitted to a federation, with the keys by which every other node knows them. */
import { z } from "zod";
import { canonicalBytes, hashOf } from "./canonical/canonical.ts";
import { fromHex, toHex } from "./canonical/hex.ts";
import type { Crypto } from "./crypto/crypto.ts";
import { type IdentityKey, identityKey, nodeId, type Sha256, signatureHex } from "./identifiers.ts";
import { type Signer, signDocument } from "./messages/sign.ts";

export const rosterMemberSchema = z.strictObject({
  node: nodeId,
  key: identityKey,
  kind: z.enum(["merchant", "device"]),
  /** By the member itself, over the canonical bytes of `{ federation, node, key, kind }`: it wants to be in. */
  signature: signatureHex,
});
export type RosterMember = z.infer<typeof rosterMemberSchema>;

/** A larger roster is refused before it costs anything. */
export const mostMembers = 10_000;

/** Ascending by node. Its fingerprint is the SHA-256 of its canonical bytes. */
export const rosterSchema = z.array(rosterMemberSchema).max(mostMembers);
export type Roster = z.infer<typeof rosterSchema>;

/** SHA-256 of the key's 32 bytes: what people compare out of band. */
export function fingerprintOf(crypto: Pick<Crypto, "sha256">, key: IdentityKey): Sha256 {
  return toHex(crypto.sha256(fromHex(key))) as Sha256;
}

/** What `node join` prints, so that members can check that all were shown the same roster. */
export function rosterFingerprint(crypto: Pick<Crypto, "sha256">, roster: Roster): Sha256 {
  return hashOf(crypto, roster);
}

/** A node's own request to be a member, under its identity key. */
export function signMember(signer: Signer, federation: string, member: Omit<RosterMember, "signature">): RosterMember {
  const { signature } = signDocument(signer, { federation, ...member });
  return { ...member, signature };
}

/** Whether the member itself asked to be in this very federation, with this key. */
export function verifyMember(crypto: Pick<Crypto, "verify">, federation: string, member: RosterMember): boolean {
  const { signature, ...claim } = member;
  return crypto.verify(fromHex(signature), canonicalBytes({ federation, ...claim }), fromHex(member.key));
}

/** A member's next identity key: its membership under that key, as anybody's, and the word of the key that it replaces. */
export const rotatedMemberSchema = rosterMemberSchema.extend({
  /** By the key before it, over the canonical bytes of `{ purpose: "rotation", federation, node, key, previous }`, `previous` being that key. */
  previousSignature: signatureHex,
});
export type RotatedMember = z.infer<typeof rotatedMemberSchema>;

/** The member's identity key is to be `next`'s: both keys sign, so that neither a thief of the new one nor a stranger can say so. */
export function signRotation(
  { previous, next }: { readonly previous: Signer & { readonly key: IdentityKey }; readonly next: Signer },
  federation: string,
  member: Omit<RosterMember, "signature">,
): RotatedMember {
  const { signature } = signDocument(previous, rotationClaim(federation, member, previous.key));
  return { ...signMember(next, federation, member), previousSignature: signature };
}

/** Whether both keys said so. @param previous the key that is in force */
export function verifyRotation(
  crypto: Pick<Crypto, "verify">,
  federation: string,
  { previousSignature, ...member }: RotatedMember,
  previous: IdentityKey,
): boolean {
  const claim = canonicalBytes(rotationClaim(federation, member, previous));
  return verifyMember(crypto, federation, member) && crypto.verify(fromHex(previousSignature), claim, fromHex(previous));
}

function rotationClaim(federation: string, { node, key }: Pick<RosterMember, "node" | "key">, previous: IdentityKey) {
  return { purpose: "rotation", federation, node, key, previous } as const;
}
