/**
 * `node:crypto`, remembering within one world what it has computed: a signature that was made here need not be verified, and two nodes
 * that agree on a key do it once. Whatever was not made here is asked of the real thing.
 */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { type Crypto, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";

const slow = nodeCrypto();
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

/** Identity keys are the same in every world. */
const signingKeys = new Map<string, Uint8Array>();
const privateKeys = new Map<string, KeyObject>();

/** DER before a raw Ed25519 seed (RFC 8410). */
const privatePrefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** Reading a private key takes longer than signing with it. */
function privateKeyOf(secret: Uint8Array): KeyObject {
  const name = latin1(secret);
  const der = () => createPrivateKey({ key: Buffer.concat([privatePrefix, secret]), format: "der", type: "pkcs8" });
  const known = privateKeys.get(name) ?? der();
  privateKeys.set(name, known);
  return known;
}

function signingPublicKey(secret: Uint8Array): Uint8Array {
  const name = latin1(secret);
  const known = signingKeys.get(name) ?? slow.signingPublicKey(secret);
  signingKeys.set(name, known);
  return known;
}

export function rememberingCrypto(): Crypto {
  const verified = new Map<string, boolean>();
  const signatures = new Map<string, Uint8Array>();
  const publicKeys = new Map<string, Uint8Array>();
  const shared = new Map<string, Uint8Array>();
  const agreementPublicKey = (secret: Uint8Array) => {
    const name = latin1(secret);
    const known = publicKeys.get(name) ?? slow.agreementPublicKey(secret);
    publicKeys.set(name, known);
    return known;
  };
  return {
    ...slow,
    signingPublicKey,
    sign(message, secret) {
      const name = latin1(secret) + latin1(message);
      const known = signatures.get(name) ?? Uint8Array.from(sign(null, message, privateKeyOf(secret)));
      signatures.set(name, known);
      verified.set(latin1(known) + latin1(signingPublicKey(secret)) + latin1(message), true);
      return known;
    },
    verify(signature, message, key) {
      const name = latin1(signature) + latin1(key) + latin1(message);
      const known = verified.get(name) ?? slow.verify(signature, message, key);
      verified.set(name, known);
      return known;
    },
    agreementPublicKey,
    agree(secret, key) {
      const [own, other] = [latin1(agreementPublicKey(secret)), latin1(key)];
      const name = own < other ? own + other : other + own;
      const known = shared.get(name) ?? slow.agree(secret, key);
      shared.set(name, known);
      return known.slice();
    },
  };
}

/** A party's identity key. */
export interface Identity {
  readonly key: IdentityKey;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** A node's keys, one after the other: 0 is the one that it began with. */
export function identityInTurn(crypto: Crypto, node: string, turn: number): Identity {
  return identityOf(crypto, turn === 0 ? node : `${node} ${turn}`);
}

/** The identity that belongs to a label. */
export function identityOf(crypto: Crypto, label: string): Identity {
  const secret = crypto.sha256(new TextEncoder().encode(`identity ${label}`));
  return { key: toHex(crypto.signingPublicKey(secret)) as IdentityKey, sign: (message) => crypto.sign(message, secret) };
}
