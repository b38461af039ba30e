/**
 * Shamir's t-of-n secret sharing over Z_p: the secret is f(0) of a polynomial of degree t − 1 whose other coefficients are
 * uniform; holder x gets f(x). Fewer than t shares are independent of the secret. x is the holder's index in U1 plus one, so
 * it is never sent and never 0. Source: Shamir, "How to share a secret", CACM 22(11), 1979.
 */
import { fail } from "@tributary/errors";
import { decodeAtZero } from "./decoding.ts";
import { decodeElement, encodeElement, fieldPrime, invert, reduce, type UniformBytes, uniformElement } from "./field.ts";

export interface Share {
  /** Evaluation point, 1 … n. */
  readonly x: number;
  /** f(x), 32 bytes in hex. */
  readonly y: string;
}

/** How many multiplications go into sets of shares before wrong ones are corrected instead: all sets of ten holders, one or two of a hundred. */
const mostProducts = 20_000;

/**
 * Shares for x = 1 … `holders`, in that order.
 * @param secret 32 bytes in hex, below p
 * @throws TRB_SECAGG_THRESHOLD_INVALID, TRB_SECAGG_SHARE_MALFORMED
 */
export function splitSecret(secret: string, threshold: number, holders: number, random: UniformBytes): string[] {
  const points = Array.from({ length: Number.isInteger(holders) ? Math.max(0, holders) : 0 }, (_, i) => i + 1);
  return splitSecretAt(secret, threshold, points, random);
}

/**
 * Shares for given points, in their order.
 * @param points different integers from 1 on
 * @throws TRB_SECAGG_THRESHOLD_INVALID, TRB_SECAGG_SHARE_MALFORMED
 */
export function splitSecretAt(secret: string, threshold: number, points: readonly number[], random: UniformBytes): string[] {
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > points.length || points.some((x) => !(x >= 1))) {
    throw fail("TRB_SECAGG_THRESHOLD_INVALID", { threshold, holders: points.length });
  }
  const coefficients = [decodeElement(secret)];
  while (coefficients.length < threshold) coefficients.push(uniformElement(random));
  return points.map((x) => encodeElement(evaluate(coefficients, BigInt(x))));
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
  const values = shares.map(({ y }) => decodeElement(y));
  const weights = weightsAtZero(shares.map(({ x }) => x));
  return encodeElement(values.reduce((secret, value, i) => (secret + value * (weights[i] ?? 0n)) % fieldPrime, 0n));
}

let remembered: { readonly key: string; readonly weights: readonly bigint[] } | undefined;

/**
 * The Lagrange basis at 0, w_i = Π_{j ≠ i} x_j / (x_j − x_i). A round reconstructs one secret a node from the same holders' shares, so the
 * last one is remembered.
 * @throws TRB_SECAGG_SHARE_MALFORMED
 */
function weightsAtZero(xs: readonly number[]): readonly bigint[] {
  const key = xs.join();
  if (remembered?.key === key) return remembered.weights;
  if (new Set(xs).size !== xs.length) {
    throw fail("TRB_SECAGG_SHARE_MALFORMED", { reason: "two shares have the same index" });
  }
  const points = xs.map(BigInt);
  const product = points.reduce((all, x) => (all * x) % fieldPrime, 1n);
  // w_i = Π x_j / d_i with d_i = x_i · Π_{j ≠ i} (x_j − x_i)
  const denominators = points.map((x) =>
    points.reduce((all, other) => (other === x ? all : (all * (other - x)) % fieldPrime), x),
  );
  const weights = invertAll(denominators).map((inverse) => reduce(product * inverse));
  remembered = { key, weights };
  return weights;
}

/** Every inverse by one inversion: 1/d_i = (d_1 ⋯ d_{i−1}) · 1/(d_1 ⋯ d_i). Source: Montgomery, Math. Comp. 48 (1987), §10.3.1. */
function invertAll(elements: readonly bigint[]): bigint[] {
  const before: bigint[] = [];
  let all = 1n;
  for (const element of elements) {
    before.push(all);
    all = (all * element) % fieldPrime;
  }
  let rest = invert(all);
  const inverses = elements.map(() => 0n);
  for (let i = elements.length - 1; i >= 0; i--) {
    inverses[i] = (rest * (before[i] ?? 0n)) % fieldPrime;
    rest = (rest * (elements[i] ?? 0n)) % fieldPrime;
  }
  return inverses;
}

/**
 * The secret that `accept` recognises (by its commitment or public key), although some of the shares may be wrong. Where there are few sets of
 * `threshold` shares they are tried, the earliest shares first; then up to half of the shares beyond the threshold are corrected. Undefined when nothing fits.
 * @throws TRB_SECAGG_TOO_FEW_SHARES
 */
export function reconstruct(
  shares: readonly Share[],
  threshold: number,
  accept: (secret: string) => boolean,
): string | undefined {
  if (shares.length < threshold) throw fail("TRB_SECAGG_TOO_FEW_SHARES", { shares: shares.length, threshold });
  const most = Math.max(1, Math.floor(mostProducts / threshold ** 2));
  let attempts = 0;
  for (const subset of subsets(shares.length, threshold)) {
    if (++attempts > most) break;
    const secret = combineShares(subset.flatMap((i) => shares[i] ?? []));
    if (accept(secret)) return secret;
  }
  if (attempts <= most || shares.length < threshold + 2) return undefined; // every set was tried, or nothing can be corrected
  const xs = shares.map(({ x }) => BigInt(x));
  const decoded = decodeAtZero(
    xs,
    shares.map(({ y }) => decodeElement(y)),
    threshold,
  );
  const secret = decoded === undefined ? undefined : encodeElement(decoded);
  return secret !== undefined && accept(secret) ? secret : undefined;
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
