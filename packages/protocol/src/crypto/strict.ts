/**
 * The one place where both crypto implementations are made equally strict (DESIGN §5). Libraries differ on what they let
 * through: npm tweetnacl verifies signatures with S + L and returns an all-zero X25519 result, `node:crypto` refuses both;
 * neither minds a small-order public key, for which one signature fits many messages. Here every input is checked before
 * either is asked, so that two nodes with different implementations never disagree on what is valid.
 */
import { fail } from "@tributary/errors";
import type { Crypto, Keystream } from "./crypto.ts";

/** What an implementation brings; lengths and encodings have been checked when it is called. */
export interface RawCrypto extends Omit<Crypto, "verify"> {
  /** May throw or answer false for a point that is not on the curve. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/** p = 2²⁵⁵ − 19, of both curves. */
const fieldPrime = 2n ** 255n - 19n;
/** L, the order of edwards25519's prime subgroup (RFC 8032 §5.1). */
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * y of the eight points whose order divides 8: identity, order 2, order 4 (±), order 8 (±, ±).
 * Source: the torsion subgroup of edwards25519; `strict.test.ts` recomputes it from the curve equation.
 */
export const smallOrderY: readonly bigint[] = [
  1n,
  fieldPrime - 1n,
  0n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
];

/** u of Montgomery points of small order on curve25519 and its twist: X25519 with them is zero for every secret. */
export const smallOrderU: readonly bigint[] = [
  0n,
  1n,
  fieldPrime - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

/** HKDF's info is at most this long in `node:crypto`; one limit for both. */
const maxInfo = 1024;

/** Wraps an implementation with every check; the result is what the rest of the product uses. */
export function strict(raw: RawCrypto): Crypto {
  return {
    sha256: (data) => raw.sha256(data),
    hkdf(secret, salt, info, length) {
      if (info.length > maxInfo) throw wrongLength("HKDF info", `at most ${maxInfo}`, info.length);
      if (!Number.isInteger(length) || length < 1 || length > 255 * 32) throw wrongLength("HKDF output", "1 to 8160", length);
      return raw.hkdf(secret, salt, info, length);
    },
    signingPublicKey(secret) {
      requireLength("Ed25519 secret", 32, secret);
      return raw.signingPublicKey(secret);
    },
    sign(message, secret) {
      requireLength("Ed25519 secret", 32, secret);
      return raw.sign(message, secret);
    },
    verify(signature, message, publicKey) {
      return mayVerify(signature, publicKey) && raw.verify(signature, message, publicKey);
    },
    agreementPublicKey(secret) {
      requireLength("X25519 secret", 32, secret);
      return raw.agreementPublicKey(secret);
    },
    agree(secret, publicKey) {
      requireLength("X25519 secret", 32, secret);
      requireLength("X25519 public key", 32, publicKey);
      // RFC 7748 §5 masks the top bit and reduces modulo p, so these are all the encodings of a small-order point
      if (smallOrderU.includes(withoutTopBit(publicKey) % fieldPrime)) throw fail("TRB_CRYPTO_WEAK_KEY");
      const shared = raw.agree(secret, publicKey);
      if (shared.every((byte) => byte === 0)) throw fail("TRB_CRYPTO_WEAK_KEY");
      return shared;
    },
    seal(message, nonce, key) {
      requireLength("secretbox nonce", 24, nonce);
      requireLength("secretbox key", 32, key);
      return raw.seal(message, nonce, key);
    },
    open(box, nonce, key) {
      requireLength("secretbox nonce", 24, nonce);
      requireLength("secretbox key", 32, key);
      return box.length < 16 ? undefined : raw.open(box, nonce, key);
    },
    keystream(key) {
      requireLength("AES-256 key", 32, key);
      return strictKeystream(raw.keystream(key));
    },
  };
}

function strictKeystream(raw: Keystream): Keystream {
  let wiped = false;
  return {
    words(offset, out) {
      if (wiped) throw fail("TRB_CRYPTO_KEY_WIPED"); // or it would go on with a key of zeros
      if (!Number.isSafeInteger(offset) || offset < 0) throw fail("TRB_CRYPTO_BAD_OFFSET");
      raw.words(offset, out);
    },
    wipe() {
      wiped = true;
      raw.wipe();
    },
  };
}

/**
 * What is asked of a signature and a key before any implementation sees them: 64 and 32 octets, S < L, R and A canonical, A not of small order.
 * What is left to an implementation is the equation S·B = R + k·A, without a cofactor, which all that are used here compare by R's octets.
 */
export function mayVerify(signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  if (littleEndian(signature.subarray(32)) >= groupOrder) return false;
  return isCanonicalPoint(signature.subarray(0, 32)) && isCanonicalPoint(publicKey) && !hasSmallOrder(publicKey);
}

/** y below p, and no sign on an x of zero (RFC 8032 §5.1.3, which libraries tend to leave out). */
function isCanonicalPoint(encoding: Uint8Array): boolean {
  const y = withoutTopBit(encoding);
  if (y >= fieldPrime) return false;
  const negative = ((encoding[31] ?? 0) & 0x80) !== 0;
  return !(negative && (y === 1n || y === fieldPrime - 1n));
}

/** Whether 8 times the point is the identity. */
export function hasSmallOrder(encoding: Uint8Array): boolean {
  return smallOrderY.includes(withoutTopBit(encoding));
}

function withoutTopBit(bytes: Uint8Array): bigint {
  return littleEndian(bytes) & (2n ** 255n - 1n);
}

function littleEndian(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32);
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = (value << 64n) | view.getBigUint64(8 * word, true);
  return value;
}

function requireLength(what: string, expected: number, bytes: Uint8Array): void {
  if (bytes.length !== expected) throw wrongLength(what, String(expected), bytes.length);
}

function wrongLength(what: string, expected: string, actual: number) {
  return fail("TRB_CRYPTO_WRONG_LENGTH", { what, expected, actual });
}
