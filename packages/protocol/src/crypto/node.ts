/**
 * `Crypto` by `node:crypto` (OpenSSL): X25519 and Ed25519 some 40 times faster than in JavaScript, AES in hardware.
 * Exported as `@tributary/protocol/node-crypto`, apart from the index, so that browsers never load it.
 */
import {
  type Cipheriv,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import type { Crypto, Keystream } from "./crypto.ts";
import { secretBytes, secretCopy } from "./secret-bytes.ts";
import { openBox, sealBox } from "./secretbox.ts";
import { strict } from "./strict.ts";

/** DER before a raw 32-byte key (RFC 8410): `node:crypto` takes no raw keys. */
const privatePrefix = {
  ed25519: Buffer.from("302e020100300506032b657004220420", "hex"),
  x25519: Buffer.from("302e020100300506032b656e04220420", "hex"),
};
const publicPrefix = {
  ed25519: Buffer.from("302a300506032b6570032100", "hex"),
  x25519: Buffer.from("302a300506032b656e032100", "hex"),
};

type Curve = keyof typeof privatePrefix;

function privateKey(curve: Curve, secret: Uint8Array): KeyObject {
  const der = Buffer.concat([privatePrefix[curve], secret]);
  try {
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } finally {
    der.fill(0);
  }
}
const publicKeyOf = (curve: Curve, bytes: Uint8Array) =>
  createPublicKey({ key: Buffer.concat([publicPrefix[curve], bytes]), format: "der", type: "spki" });

/** Verifying keys that were asked for last: everybody's signatures are verified again and again, and reading a key takes a third of it. */
const verifyingKeys = new Map<string, KeyObject>();
const mostVerifyingKeys = 1024;

function verifyingKey(bytes: Uint8Array): KeyObject {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  const known = verifyingKeys.get(name);
  if (known) return known;
  const key = publicKeyOf("ed25519", bytes);
  if (verifyingKeys.size === mostVerifyingKeys) verifyingKeys.delete(verifyingKeys.keys().next().value ?? name);
  verifyingKeys.set(name, key);
  return key;
}

/** The raw public key that belongs to a raw secret. */
function derivePublic(curve: Curve, secret: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(curve, secret)).export({ format: "der", type: "spki" });
  return plain(der.subarray(publicPrefix[curve].length));
}

/** A copy that is no `Buffer`: what leaves this file compares and slices as any `Uint8Array` does. */
const plain = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

/** The same of a secret: what OpenSSL handed over is overwritten. */
function taken(bytes: Buffer): Uint8Array {
  const copy = secretCopy(bytes);
  bytes.fill(0);
  return copy;
}

let agreeing: { readonly secret: Uint8Array; readonly key: KeyObject } | undefined;

/** A node agrees with all its peers in one go; its key is read once for that, and forgotten before anything else happens. */
function agreementKey(secret: Uint8Array): KeyObject {
  if (agreeing !== undefined && Buffer.compare(agreeing.secret, secret) === 0) return agreeing.key;
  const key = privateKey("x25519", secret);
  agreeing = { secret: secretCopy(secret), key };
  queueMicrotask(() => {
    agreeing?.secret.fill(0);
    agreeing = undefined;
  });
  return key;
}

const hashBytes = 32;
const blockBytes = 64;

/** HMAC-SHA-256 (RFC 2104). The key stands in both blocks, and in all that is made of them. */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const short = key.length > blockBytes ? hash("sha256", key, "buffer") : key;
  const [inner, outer] = [Buffer.alloc(blockBytes, 0x36), Buffer.alloc(blockBytes, 0x5c)]; // no native code sees them
  for (let i = 0; i < short.length; i++) {
    inner[i] = (inner[i] as number) ^ (short[i] as number);
    outer[i] = (outer[i] as number) ^ (short[i] as number);
  }
  const asked = Buffer.concat([inner, ...parts]);
  const digest = hash("sha256", asked, "buffer");
  const closing = Buffer.concat([outer, digest]);
  const code = hash("sha256", closing, "buffer");
  for (const secret of [inner, outer, asked, digest, closing]) secret.fill(0);
  if (short !== key) short.fill(0);
  return code;
}

/** RFC 5869. `hkdfSync` spends most of its time on finding out that the secret is no key object. */
function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const extracted = hmac(salt, secret);
  const out = secretBytes(length);
  let last: Uint8Array = new Uint8Array();
  for (let i = 0; i * hashBytes < length; i++) {
    const before = last;
    last = hmac(extracted, before, info, Uint8Array.of(i + 1));
    before.fill(0);
    out.set(last.subarray(0, length - i * hashBytes), i * hashBytes);
  }
  last.fill(0);
  extracted.fill(0);
  return out;
}

export function nodeCrypto(): Crypto {
  return strict({
    sha256: (data) => plain(createHash("sha256").update(data).digest()),
    hkdf,
    signingPublicKey: (secret) => derivePublic("ed25519", secret),
    sign: (message, secret) => plain(sign(null, message, privateKey("ed25519", secret))),
    verify: (signature, message, publicKey) => verify(null, message, verifyingKey(publicKey), signature),
    agreementPublicKey: (secret) => derivePublic("x25519", secret),
    agree: (secret, publicKey) =>
      taken(diffieHellman({ privateKey: agreementKey(secret), publicKey: publicKeyOf("x25519", publicKey) })),
    seal: sealBox,
    open: openBox,
    keystream: (key) => aesKeystream(secretCopy(key)),
  });
}

/** Zeros that are encrypted again and again; large enough that a call's overhead does not show, small enough for the cache. */
const zeros = Buffer.alloc(1 << 16);
const wordsPerBlock = 4;

/**
 * Reading on from where the last read ended goes on with the same cipher; anywhere else starts one at that block.
 *
 * OpenSSL's words come in a fresh buffer each time. Once copied it is given back at once (`transfer(0)`) instead of waiting for the garbage
 * collector: the next call gets the same memory, still in the cache, and gigabytes of keystream bring on no collections.
 */
function aesKeystream(key: Uint8Array): Keystream {
  let cipher: Cipheriv | undefined;
  let position = 0; // in words: what `cipher` gives next
  return {
    words(offset, out) {
      const target = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
      if (cipher === undefined || position !== offset) {
        cipher?.final();
        cipher = cipherAt(key, offset);
      }
      for (let done = 0; done < target.length; ) {
        const size = Math.min(zeros.length, target.length - done);
        const made = cipher.update(size === zeros.length ? zeros : zeros.subarray(0, size));
        target.set(made, done);
        if (made.byteLength === made.buffer.byteLength && made.buffer instanceof ArrayBuffer) made.buffer.transfer(0); // no pool's
        done += size;
      }
      position = offset + out.length;
    },
    wipe() {
      key.fill(0);
      cipher?.final(); // has OpenSSL overwrite the key's schedule now, and not when the garbage collector lets go of it
      cipher = undefined;
    },
  };
}

function cipherAt(key: Uint8Array, offset: number): Cipheriv {
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(Math.floor(offset / wordsPerBlock)), 8);
  const cipher = createCipheriv("aes-256-ctr", key, counter);
  const skipped = (offset % wordsPerBlock) * 4;
  if (skipped > 0) cipher.update(zeros.subarray(0, skipped));
  return cipher;
}
