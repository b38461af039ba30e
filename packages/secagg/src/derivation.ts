/**
 * Every key of a round, each by HKDF-SHA-256 under a label of its own, with the plan, the model and the round in it: a key of
 * one round, model or purpose is of no use in another (2111.07380: a coordinator that hands out different models learns
 * nothing, because the masks don't cancel). h₁, the hash of all adverts, is the salt.
 *
 * Bytes of secrets are overwritten here once the next key is derived of them. Texts (hex) can't be.
 */
import {
  type AgreementKey,
  type Crypto,
  canonicalBytes,
  fromHex,
  type NodeId,
  type Sha256,
  secretFromHex,
  toHex,
} from "@tributary/protocol";

/** What all keys of a round are bound to. */
export interface RoundBinding {
  readonly planHash: Sha256;
  readonly modelHash: Sha256;
  readonly round: number;
  /** SHA-256 of the canonical bytes of U1's adverts. */
  readonly h1: Sha256;
}

/** What the secretbox of an envelope is keyed with; the direction is part of it. The caller overwrites it. */
export function envelopeKey(
  crypto: Crypto,
  binding: RoundBinding,
  secret: string,
  publicKey: AgreementKey,
  from: NodeId,
  to: NodeId,
): Uint8Array {
  const shared = agreed(crypto, secret, publicKey);
  return derive(crypto, binding, shared, "tributary envelope key", { from, to });
}

/** The key of the mask that two nodes share: the same from both sides. */
export function pairMaskKey(crypto: Crypto, binding: RoundBinding, secret: string, publicKey: AgreementKey): string {
  return inHex(derive(crypto, binding, agreed(crypto, secret, publicKey), "tributary pairwise mask", {}));
}

/** The key of a node's own mask. */
export function ownMaskKey(crypto: Crypto, binding: RoundBinding, seed: string): string {
  return inHex(derive(crypto, binding, secretFromHex(seed), "tributary own mask", {}));
}

/** What a node commits to in its advert: SHA-256 of the 32 bytes of its own-mask seed. */
export function seedCommitment(crypto: Crypto, seed: string): Sha256 {
  const bytes = secretFromHex(seed);
  const commitment = toHex(crypto.sha256(bytes)) as Sha256;
  bytes.fill(0);
  return commitment;
}

/** The X25519 public key of a secret seed. */
export function agreementKeyOf(crypto: Crypto, secret: string): AgreementKey {
  const bytes = secretFromHex(secret);
  const key = toHex(crypto.agreementPublicKey(bytes)) as AgreementKey;
  bytes.fill(0);
  return key;
}

/** +1 for the node that comes first in U1, −1 for the other: the two masks cancel. */
export function pairSign(self: NodeId, peer: NodeId): 1 | -1 {
  return self < peer ? 1 : -1;
}

/** @throws TRB_CRYPTO_WEAK_KEY */
function agreed(crypto: Crypto, secret: string, publicKey: AgreementKey): Uint8Array {
  const bytes = secretFromHex(secret);
  try {
    return crypto.agree(bytes, fromHex(publicKey));
  } finally {
    bytes.fill(0);
  }
}

function inHex(key: Uint8Array): string {
  const text = toHex(key);
  key.fill(0);
  return text;
}

/** @param secret overwritten */
function derive(
  crypto: Crypto,
  { planHash, modelHash, round, h1 }: RoundBinding,
  secret: Uint8Array,
  label: string,
  parties: Readonly<Record<string, string>>,
): Uint8Array {
  const key = crypto.hkdf(secret, fromHex(h1), canonicalBytes({ label, planHash, modelHash, round, ...parties }), 32);
  secret.fill(0);
  return key;
}
