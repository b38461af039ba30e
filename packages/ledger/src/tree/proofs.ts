/**
 * Inclusion and consistency proofs of the tree over a ledger's lines: made by RFC 6962 §2.1.1 and §2.1.2, checked by RFC 9162 §2.1.3.2 and
 * §2.1.4.2. Who has an entry's signature has a signed root: `tree` of entry n is the root over the n lines before it.
 */
import type { Crypto, Sha256 } from "@tributary/protocol";
import { leafHash, nodeHash } from "./hashing.ts";

type Hashing = Pick<Crypto, "sha256">;

/** That a line is the one at `index` among the first `size`. */
export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  /** From the leaf's sibling upwards; at most ⌈log₂ size⌉. */
  readonly path: readonly Sha256[];
}

/** That the tree over the first `size` lines begins with the tree over the first `earlier`. */
export interface ConsistencyProof {
  readonly earlier: number;
  readonly size: number;
  readonly path: readonly Sha256[];
}

/**
 * @param lines without their `\n`; at least `size` of them
 * @throws RangeError unless 0 ≤ index < size ≤ lines
 */
export function inclusionProof(
  crypto: Hashing,
  lines: readonly string[],
  index: number,
  size: number = lines.length,
): InclusionProof {
  requireWithin(index >= 0 && index < size && size <= lines.length, `entry ${index} of ${size} of ${lines.length}`);
  const leaves = lines.slice(0, size).map((line) => leafHash(crypto, line));
  return inclusionOf(crypto, leaves, index);
}

/** The same from the hashes of the leaves, all of them: what a reader of a long file keeps of it. */
export function inclusionOf(crypto: Hashing, leaves: readonly Sha256[], index: number): InclusionProof {
  requireWithin(index >= 0 && index < leaves.length, `entry ${index} of ${leaves.length}`);
  const path: Sha256[] = [];
  let [from, to] = [0, leaves.length];
  while (to - from > 1) {
    const middle = from + powerBelow(to - from);
    if (index < middle) {
      path.push(subtreeRoot(crypto, leaves, middle, to));
      to = middle;
    } else {
      path.push(subtreeRoot(crypto, leaves, from, middle));
      from = middle;
    }
  }
  return { index, size: leaves.length, path: path.reverse() };
}

/** @throws RangeError unless 0 < earlier ≤ size ≤ lines */
export function consistencyProof(
  crypto: Hashing,
  lines: readonly string[],
  earlier: number,
  size: number = lines.length,
): ConsistencyProof {
  requireWithin(earlier > 0 && earlier <= size && size <= lines.length, `${earlier} of ${size} of ${lines.length}`);
  const leaves = lines.slice(0, size).map((line) => leafHash(crypto, line));
  const path: Sha256[] = [];
  let [from, to, whole] = [0, size, true];
  while (earlier < to) {
    const middle = from + powerBelow(to - from);
    if (earlier <= middle) {
      path.push(subtreeRoot(crypto, leaves, middle, to));
      to = middle;
    } else {
      path.push(subtreeRoot(crypto, leaves, from, middle));
      [from, whole] = [middle, false];
    }
  }
  if (!whole) path.push(subtreeRoot(crypto, leaves, from, to));
  return { earlier, size, path: path.reverse() };
}

/** Whether a line is the one at the proof's index in the tree with this root. RFC 9162 §2.1.3.2. */
export function includes(crypto: Hashing, line: string, { index, size, path }: InclusionProof, root: Sha256): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let [fn, sn] = [index, size - 1];
  let hash = leafHash(crypto, line);
  for (const sibling of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(crypto, sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      hash = nodeHash(crypto, hash, sibling);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && hash === root;
}

/** Whether the tree with the second root begins with the one with the first. RFC 9162 §2.1.4.2. */
export function isExtension(
  crypto: Hashing,
  { earlier, size, path }: ConsistencyProof,
  earlierRoot: Sha256,
  root: Sha256,
): boolean {
  if (!Number.isSafeInteger(earlier) || !Number.isSafeInteger(size) || earlier <= 0 || earlier > size) return false;
  if (earlier === size) return path.length === 0 && earlierRoot === root;
  const steps = isPowerOfTwo(earlier) ? [earlierRoot, ...path] : [...path];
  const [first, ...others] = steps;
  if (first === undefined) return false;
  let [fn, sn] = [earlier - 1, size - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [before, after] = [first, first];
  for (const sibling of others) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      before = nodeHash(crypto, sibling, before);
      after = nodeHash(crypto, sibling, after);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      after = nodeHash(crypto, after, sibling);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && before === earlierRoot && after === root;
}

/** MTH(leaves[from:to]) */
function subtreeRoot(crypto: Hashing, leaves: readonly Sha256[], from: number, to: number): Sha256 {
  if (to - from === 1) return leaves[from] as Sha256;
  const middle = from + powerBelow(to - from);
  return nodeHash(crypto, subtreeRoot(crypto, leaves, from, middle), subtreeRoot(crypto, leaves, middle, to));
}

/** The largest power of two below n ≥ 2. */
function powerBelow(n: number): number {
  let power = 1;
  while (2 * power < n) power *= 2;
  return power;
}

const isPowerOfTwo = (n: number): boolean => powerBelow(2 * n) === n && powerBelow(n + 1) === n;
const half = (n: number): number => Math.floor(n / 2);

function requireWithin(holds: boolean, what: string): void {
  if (!holds) throw new RangeError(`no proof of ${what}`);
}
