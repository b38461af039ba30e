/**
 * Shamir's t-of-n secret sharing over Z_p: the secret is f(0) of a polynomial of degree t − 1 whose other coefficients are
 * uniform; holder x gets f(x). Fewer than t shares are independent of the secret. x is the holder's index in U1 plus one, so
 * it is never sent and never 0. Source: Shamir, "How to share a secret", CACM 22(11), 1979.
 */
import { fail } from "@tributary/errors";
import { decodeElement, encodeElement, fieldPrime, invert, reduce, type UniformBytes, uniformElement } from "./field.ts";

export interface Share {
  /** Evaluation point, 1 … n. */
  readonly x: number;
  /** f(x), 32 bytes in hex. */
  readonly y: string;
}

/** How many sets of shares are tried before giving up on wrong ones among them. */
const mostAttempts = 2_000;

/**
 * Shares for x = 1 … `holders`, in that order.
 * @param secret 32 bytes in hex, below p
 * @throws TRB_SECAGG_THRESHOLD_INVALID, TRB_SECAGG_SHARE_MALFORMED
 */
export function splitSecret(secret: string, threshold: number, holders: number, random: UniformBytes): string[] {
  if (!Number.isInteger(threshold) || !Number.isInteger(holders) || threshold < 1 || threshold > holders) {
    throw fail("TRB_SECAGG_THRESHOLD_INVALID", { threshold, holders });
  }
  const coefficients = [decodeElement(secret)];
  while (coefficients.length < threshold) coefficients.push(uniformElement(random));
  return Array.from({ length: holders }, (_, i) => encodeElement(evaluate(coefficients, BigInt(i + 1))));
}

/** A share must be an element of the field, in its one spelling. @throws TRB_SECAGG_SHARE_MALFORMED */
export function requireShare(share: string): void {
  decodeElement(share);
}

/**
 * f(0) of the polynomial of degree < `shares.length` through the shares.
 * @throws TRB_SECAGG_SHARE_MALFORMED when two shares have one x
 */
export function combineShares(shares: readonly Share[]): string {
  const points = shares.map(({ x, y }) => ({ x: BigInt(x), y: decodeElement(y) }));
  if (new Set(shares.map(({ x }) => x)).size !== shares.length) {
    throw fail("TRB_SECAGG_SHARE_MALFORMED", { reason: "two shares have the same index" });
  }
  let secret = 0n;
  for (const { x, y } of points) {
    // Lagrange basis at 0: Π x_j / (x_j − x)
    let numerator = 1n;
    let denominator = 1n;
    for (const other of points) {
      if (other.x === x) continue;
      numerator = (numerator * other.x) % fieldPrime;
      denominator = (denominator * reduce(other.x - x)) % fieldPrime;
    }
    secret = (secret + ((y * numerator) % fieldPrime) * invert(denominator)) % fieldPrime;
  }
  return encodeElement(secret);
}

/**
 * The secret that `accept` recognises (by its commitment or public key), although some of the shares may be wrong: subsets of
 * `threshold` shares are tried, the earliest shares first. Undefined when none fits.
 * @throws TRB_SECAGG_TOO_FEW_SHARES
 */
export function reconstruct(
  shares: readonly Share[],
  threshold: number,
  accept: (secret: string) => boolean,
): string | undefined {
  if (shares.length < threshold) throw fail("TRB_SECAGG_TOO_FEW_SHARES", { shares: shares.length, threshold });
  let attempts = 0;
  for (const subset of subsets(shares.length, threshold)) {
    if (++attempts > mostAttempts) return undefined;
    const secret = combineShares(subset.flatMap((i) => shares[i] ?? []));
    if (accept(secret)) return secret;
  }
  return undefined;
}

/** Ascending index sets of `size` below `count`, in lexicographic order. */
function* subsets(count: number, size: number): Generator<readonly number[]> {
  const chosen = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    yield chosen;
    let place = size - 1;
    while (place >= 0 && chosen[place] === count - size + place) place--;
    if (place < 0) return;
    let next = (chosen[place] ?? 0) + 1;
    for (let i = place; i < size; i++) chosen[i] = next++;
  }
}

/** f(x) by Horner's rule. */
function evaluate(coefficients: readonly bigint[], x: bigint): bigint {
  let value = 0n;
  for (let i = coefficients.length - 1; i >= 0; i--) value = (value * x + (coefficients[i] ?? 0n)) % fieldPrime;
  return value;
}
