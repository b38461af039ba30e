/**
 * What one node hands another through the coordinator: a share of each of its two secrets, in a secretbox that only the two
 * of them can open. Sender, receiver and round are inside as well as in the key, so that a box can't be passed off as another.
 *
 * Plaintext: the canonical bytes of `{ from, round, to }`, then the two shares, 32 bytes each.
 */
import { type Crypto, canonicalBytes, fromHex, type NodeId, secretFromHex, toHex } from "@tributary/protocol";
import type { UniformBytes } from "./field.ts";

export interface EnvelopeAddress {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly round: number;
}

/** A share of b and a share of s, 32 bytes in hex. */
export interface SharePair {
  readonly ownMask: string;
  readonly maskKey: string;
}

export interface SealedEnvelope {
  readonly nonce: string;
  readonly box: string;
}

const nonceBytes = 24;
const shareBytes = 32;

/** @param nonces uniform bytes; 24 a box */
export function sealEnvelope(
  crypto: Crypto,
  key: Uint8Array,
  address: EnvelopeAddress,
  { ownMask, maskKey }: SharePair,
  nonces: UniformBytes,
): SealedEnvelope {
  const head = addressBytes(address);
  const plain = new Uint8Array(head.length + 2 * shareBytes);
  plain.set(head);
  for (const [place, share] of [ownMask, maskKey].map(secretFromHex).entries()) {
    plain.set(share, head.length + place * shareBytes);
    share.fill(0);
  }
  const nonce = new Uint8Array(nonceBytes);
  nonces.fill(nonce);
  const box = crypto.seal(plain, nonce, key);
  plain.fill(0);
  return { nonce: toHex(nonce), box: toHex(box) };
}

/** Undefined when it doesn't open, or holds anything but shares of `from` for `to` in this very round. */
export function openEnvelope(
  crypto: Crypto,
  key: Uint8Array,
  { nonce, box }: SealedEnvelope,
  expected: EnvelopeAddress,
): SharePair | undefined {
  if (nonce.length !== 2 * nonceBytes) return undefined;
  const plain = crypto.open(fromHex(box), fromHex(nonce), key);
  const head = addressBytes(expected);
  if (plain === undefined) return undefined;
  const fits = plain.length === head.length + 2 * shareBytes && head.every((byte, i) => plain[i] === byte);
  const shareAt = (place: number) =>
    toHex(plain.subarray(head.length + place * shareBytes, head.length + (place + 1) * shareBytes));
  const shares = fits ? { ownMask: shareAt(0), maskKey: shareAt(1) } : undefined;
  plain.fill(0);
  return shares;
}

function addressBytes({ from, to, round }: EnvelopeAddress): Uint8Array {
  return canonicalBytes({ from, to, round });
}
