/**
 * Everything cryptographic that the pure rooms need, behind one interface with two implementations held to the same
 * vectors: `node.ts` (node:crypto) and `portable.ts` (tweetnacl and noble, for browsers).
 *
 * Byte strings are `Uint8Array`s of the stated length. Every implementation refuses what DESIGN §5 lists: signatures
 * with S ≥ L, non-canonical A or R, small-order A, and all-zero X25519 results.
 *
 * Secrets that are handed in are the caller's to overwrite, results as well; what an implementation copies or derives on the way it overwrites
 * itself, as far as it is JavaScript's (docs/privacy/timing.md, "Secrets in memory").
 */
export interface Crypto {
  sha256(data: Uint8Array): Uint8Array;
  /** HKDF-SHA-256 (RFC 5869). */
  hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  /** The Ed25519 public key (32 bytes) of a 32-byte secret seed. */
  signingPublicKey(secret: Uint8Array): Uint8Array;
  /** Deterministic Ed25519 (RFC 8032): 64 bytes. */
  sign(message: Uint8Array, secret: Uint8Array): Uint8Array;
  /** False for anything that is not a strictly valid signature. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;

  agreementPublicKey(secret: Uint8Array): Uint8Array;
  /** X25519 (RFC 7748). @throws TRB_CRYPTO_WEAK_KEY when the result is all zero */
  agree(secret: Uint8Array, publicKey: Uint8Array): Uint8Array;

  /** XSalsa20-Poly1305 with a 32-byte key and a 24-byte nonce. */
  seal(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array;
  /** Undefined when the box was not made with this key and nonce. */
  open(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined;

  /** AES-256-CTR keystream with a zero IV, read as little-endian u32 words. */
  keystream(key: Uint8Array): Keystream;
}

/** Seekable, so that a vector can be masked and unmasked in slices. */
export interface Keystream {
  /** Fills `out` with the words from `offset` (counted in words) on. */
  words(offset: number, out: Uint32Array): void;
  /** Overwrites the key. There are no words after that. */
  wipe(): void;
}
