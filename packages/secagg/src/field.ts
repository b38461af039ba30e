/**
 * The prime field Z_p, p = 2²⁵⁵ − 19, in which secrets are shared. Elements cross borders as 32 bytes, little-endian, in
 * lower-case hex: a uniform element is at the same time a fine X25519 secret and a fine mask seed.
 *
 * BigInt arithmetic is not constant-time. What it touches is fresh every round and never leaves the process unmasked, and
 * a party that can time it sits inside the process already. Nor can a BigInt be overwritten.
 */
import { fail } from "@tributary/errors";
import { secretBytes } from "@tributary/protocol";

export const fieldPrime = 2n ** 255n - 19n;

/** Uniform random bytes; `RandomSource` of `@tributary/dp` is one. */
export interface UniformBytes {
  fill(out: Uint8Array): void;
}

/** A uniform element of Z_p. Of 2²⁵⁵ candidates only 19 are thrown away. */
export function uniformElement(random: UniformBytes): bigint {
  const bytes = secretBytes(32);
  for (;;) {
    random.fill(bytes);
    bytes[31] = (bytes[31] ?? 0) & 0x7f;
    const candidate = fromLittleEndian(bytes);
    if (candidate < fieldPrime) {
      bytes.fill(0);
      return candidate;
    }
  }
}

/** A uniform seed: 32 bytes in hex, below p as a little-endian number. */
export function uniformSeed(random: UniformBytes): string {
  return encodeElement(uniformElement(random));
}

/** 32 little-endian bytes in hex. */
export function encodeElement(element: bigint): string {
  const big = element.toString(16).padStart(64, "0");
  return (big.match(/../g) ?? []).reverse().join("");
}

/** @throws TRB_SECAGG_SHARE_MALFORMED for anything but 32 bytes of a number below p: one element has one spelling */
export function decodeElement(hex: string): bigint {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw fail("TRB_SECAGG_SHARE_MALFORMED", { reason: "it is not 32 bytes in hex" });
  const element = BigInt(`0x${(hex.match(/../g) ?? []).reverse().join("")}`);
  if (element >= fieldPrime) throw fail("TRB_SECAGG_SHARE_MALFORMED", { reason: "it is not below 2^255 - 19" });
  return element;
}

/** x mod p in [0, p). */
export function reduce(x: bigint): bigint {
  const rest = x % fieldPrime;
  return rest < 0n ? rest + fieldPrime : rest;
}

/** 1/x mod p by the extended Euclidean algorithm; x must not be a multiple of p. */
export function invert(x: bigint): bigint {
  let [r0, r1] = [fieldPrime, reduce(x)];
  let [t0, t1] = [0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return reduce(t0);
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}
