/**
 * Every key of a round, each by HKDF-SHA-256 under a label of its own, with the plan, the model and the round in it: a key of
 * one round, model or purpose is of no use in another (2111.07380: a coordinator that hands out different models learns
 * nothing, because the masks don't cancel). h₁, the hash of all adverts, is the salt.
 */
import { type AgreementKey, type Crypto, canonicalBytes, fromHex, type NodeId, type Sha256, toHex } from "@tributary/protocol";

/** What all keys of a round are bound to. */
export interface RoundBinding {
  readonly planHash: Sha256;
  readonly modelHash: Sha256;
  readonly round: number;
  /** SHA-256 of the canonical bytes of U1's adverts. */
  readonly h1: Sha256;
}

/** What the secretbox of an envelope is keyed with; the direction is part of it. */
export function envelopeKey(
  crypto: Crypto,
  binding: RoundBinding,
  secret: string,
  publicKey: AgreementKey,
  from: NodeId,
  to: NodeId,
): Uint8Array {
  const shared = crypto.agree(fromHex(secret), fromHex(publicKey));
  return derive(crypto, binding, shared, "tributary envelope key", { from, to });
}

/** The key of the mask that two nodes share: the same from both sides. */
export function pairMaskKey(crypto: Crypto, binding: RoundBinding, secret: string, publicKey: AgreementKey): string {
  const shared = crypto.agree(fromHex(secret), fromHex(publicKey));
  return toHex(derive(crypto, binding, shared, "tributary pairwise mask", {}));
}

/** The key of a node's own mask. */
export function ownMaskKey(crypto: Crypto, binding: RoundBinding, seed: string): string {
  return toHex(derive(crypto, binding, fromHex(seed), "tributary own mask", {}));
}

/** What a node commits to in its advert: SHA-256 of the 32 bytes of its own-mask seed. */
export function seedCommitment(crypto: Crypto, seed: string): Sha256 {
  return toHex(crypto.sha256(fromHex(seed))) as Sha256;
}

/** The X25519 public key of a secret seed. */
export function agreementKeyOf(crypto: Crypto, secret: string): AgreementKey {
  return toHex(crypto.agreementPublicKey(fromHex(secret))) as AgreementKey;
}

/** +1 for the node that comes first in U1, −1 for the other: the two masks cancel. */
export function pairSign(self: NodeId, peer: NodeId): 1 | -1 {
  return self < peer ? 1 : -1;
}

function derive(
  crypto: Crypto,
  { planHash, modelHash, round, h1 }: RoundBinding,
  secret: Uint8Array,
  label: string,
  parties: Readonly<Record<string, string>>,
): Uint8Array {
  return crypto.hkdf(secret, fromHex(h1), canonicalBytes({ label, planHash, modelHash, round, ...parties }), 32);
}
