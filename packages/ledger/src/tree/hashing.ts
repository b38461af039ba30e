/**
 * The Merkle tree over a ledger's lines: RFC 6962 §2.1 (= RFC 9162 §2.1.1) with SHA-256.
 *
 *   MTH({})    = SHA-256()
 *   MTH({d})   = SHA-256(0x00 ‖ d)
 *   MTH(D[n])  = SHA-256(0x01 ‖ MTH(D[0:k]) ‖ MTH(D[k:n])),   k the largest power of two below n
 *
 * d is an entry's line without its `\n`, in UTF-8. The two prefixes keep a leaf from being read as a node.
 */
import { type Crypto, fromHex, type Sha256, toHex } from "@tributary/protocol";

type Hashing = Pick<Crypto, "sha256">;

/** SHA-256(0x00 ‖ line) */
export function leafHash(crypto: Hashing, line: string): Sha256 {
  const text = new TextEncoder().encode(line);
  const prefixed = new Uint8Array(1 + text.length);
  prefixed.set(text, 1);
  return toHex(crypto.sha256(prefixed)) as Sha256;
}

/** SHA-256(0x01 ‖ left ‖ right) */
export function nodeHash(crypto: Hashing, left: Sha256, right: Sha256): Sha256 {
  const joined = new Uint8Array(65);
  joined[0] = 1;
  joined.set(fromHex(left), 1);
  joined.set(fromHex(right), 33);
  return toHex(crypto.sha256(joined)) as Sha256;
}

/** SHA-256 of nothing. */
export function emptyRoot(crypto: Hashing): Sha256 {
  return toHex(crypto.sha256(new Uint8Array())) as Sha256;
}

/**
 * The frontier of a tree: the roots of its largest perfect subtrees, from left to right, one for each bit that is set in its size (at most
 * log₂ n + 1 of them). It is all that adding a leaf and the root need, so that a ledger grows in O(log n).
 */
export type Frontier = readonly Sha256[];

/** @param size leaves before this one */
export function withLeaf(crypto: Hashing, frontier: Frontier, size: number, leaf: Sha256): Frontier {
  const roots = [...frontier];
  let last = leaf;
  // each one at the end of the size in binary is a subtree as large as the one that grows
  for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    const left = roots.pop();
    if (left === undefined) throw new RangeError(`a tree of ${size} leaves has a longer frontier`);
    last = nodeHash(crypto, left, last);
  }
  return [...roots, last];
}

/** The tree's root. */
export function rootOf(crypto: Hashing, frontier: Frontier): Sha256 {
  const last = frontier.at(-1);
  if (last === undefined) return emptyRoot(crypto);
  return frontier.slice(0, -1).reduceRight((right, left) => nodeHash(crypto, left, right), last);
}
