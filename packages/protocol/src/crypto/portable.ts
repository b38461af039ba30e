/**
 * `Crypto` for browsers, in JavaScript alone: tweetnacl for X25519, Ed25519 and secretbox; noble for SHA-256, HKDF and
 * AES-256-CTR. Slower than `node.ts` and equal to it bit for bit (`conformance.test.ts`).
 */
import { ctr } from "@noble/ciphers/aes.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import nacl from "tweetnacl";
import type { Crypto, Keystream } from "./crypto.ts";
import { secretCopy } from "./secret-bytes.ts";
import { openBox, sealBox } from "./secretbox.ts";
import { mayVerify, strict } from "./strict.ts";

export function portableCrypto(): Crypto {
  return strict({
    sha256: (data) => sha256(data),
    hkdf: (secret, salt, info, length) => hkdf(sha256, secret, salt, info, length),
    signingPublicKey(secret) {
      const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(secret);
      secretKey.fill(0);
      return publicKey;
    },
    sign: signs,
    verify: verifies,
    agreementPublicKey: (secret) => nacl.scalarMult.base(secret),
    agree: (secret, publicKey) => nacl.scalarMult(secret, publicKey),
    seal: sealBox,
    open: openBox,
    keystream: (key) => aesKeystream(secretCopy(key)),
  });
}

/** tweetnacl's secret key is the seed with the public key behind it. */
function signs(message: Uint8Array, secret: Uint8Array): Uint8Array {
  const { secretKey } = nacl.sign.keyPair.fromSeed(secret);
  const signature = nacl.sign.detached(message, secretKey);
  secretKey.fill(0);
  return signature;
}

const verifies = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean =>
  nacl.sign.detached.verify(message, signature, publicKey);

/** `portableCrypto().verify` and nothing else, for threads that do nothing else and should weigh little. */
export const portableVerify: Crypto["verify"] = (signature, message, publicKey) =>
  mayVerify(signature, publicKey) && verifies(signature, message, publicKey);

const wordsPerBlock = 4;
/** Words made at a time, a multiple of a block: bounds the memory beside `out`. */
const chunk = 1 << 14;

function aesKeystream(key: Uint8Array): Keystream {
  return {
    words(offset, out) {
      const target = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
      for (let done = 0; done < out.length; ) {
        const skipped = (offset + done) % wordsPerBlock;
        const size = Math.min(chunk - skipped, out.length - done);
        const stream = ctr(key, counterAt(offset + done)).encrypt(new Uint8Array(4 * (skipped + size)));
        target.set(stream.subarray(4 * skipped), 4 * done);
        stream.fill(0);
        done += size;
      }
    },
    wipe: () => void key.fill(0),
  };
}

/** The counter block of a word: the IV is zero, so it is the block's number, big-endian (NIST SP 800-38A §6.5). */
function counterAt(word: number): Uint8Array {
  const counter = new Uint8Array(16);
  new DataView(counter.buffer).setBigUint64(8, BigInt(Math.floor(word / wordsPerBlock)));
  return counter;
}
