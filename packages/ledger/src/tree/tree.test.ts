import type { Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyRoot, type Frontier, leafHash, nodeHash, rootOf, withLeaf } from "./hashing.ts";
import { consistencyProof, includes, inclusionProof, isExtension } from "./proofs.ts";

const crypto = nodeCrypto();
const seed = 20261130;

/** The frontier after these lines, leaf by leaf. */
const grown = (lines: readonly string[]): Frontier =>
  lines.reduce<Frontier>((frontier, line, size) => withLeaf(crypto, frontier, size, leafHash(crypto, line)), []);
const root = (lines: readonly string[]): Sha256 => rootOf(crypto, grown(lines));

/** The definition of RFC 6962 §2.1, word for word. */
function naive(lines: readonly string[]): Sha256 {
  const [only] = lines;
  if (only === undefined) return emptyRoot(crypto);
  if (lines.length === 1) return leafHash(crypto, only);
  let k = 1;
  while (k * 2 < lines.length) k *= 2;
  return nodeHash(crypto, naive(lines.slice(0, k)), naive(lines.slice(k)));
}

describe("the reference tree of certificate-transparency (merkle_tree_test.cc)", () => {
  const hex = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const leaves = hex.map((octets) => Buffer.from(octets, "hex").toString("latin1"));
  const roots = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ];

  test("has the roots that are published", () => {
    expect(roots.map((_, size) => root(leaves.slice(0, size)))).toEqual(roots);
  });

  test("has the inclusion paths that are published", () => {
    const path = (index: number, size: number) => inclusionProof(crypto, leaves, index, size).path;
    expect(path(0, 1)).toEqual([]);
    expect(path(0, 8)).toEqual([
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]);
    expect(path(5, 8)).toEqual([
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]);
    expect(path(2, 3)).toEqual(["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]);
  });

  test("has the consistency paths that are published", () => {
    const path = (earlier: number, size: number) => consistencyProof(crypto, leaves, earlier, size).path;
    expect(path(1, 1)).toEqual([]);
    expect(path(1, 8)).toEqual([
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]);
    expect(path(6, 8)).toEqual([
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]);
    expect(path(2, 5)).toEqual([
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]);
  });
});

/** RFC 6962 §2.1.3: the tree of seven. */
test("the proofs of the RFC's example are made of the nodes that it names", () => {
  const lines = ["0", "1", "2", "3", "4", "5", "6"];
  const [a, b, c, d, e, f, j] = lines.map((line) => leafHash(crypto, line)) as [
    Sha256,
    Sha256,
    Sha256,
    Sha256,
    Sha256,
    Sha256,
    Sha256,
  ];
  const [g, h, i] = [nodeHash(crypto, a, b), nodeHash(crypto, c, d), nodeHash(crypto, e, f)];
  const [k, l] = [nodeHash(crypto, g, h), nodeHash(crypto, i, j)];
  const inclusion = (index: number) => inclusionProof(crypto, lines, index).path;
  expect([0, 3, 4, 6].map(inclusion)).toEqual([
    [b, h, l],
    [c, g, l],
    [f, j, k],
    [i, k],
  ]);
  const consistency = (earlier: number) => consistencyProof(crypto, lines, earlier).path;
  expect([3, 4, 6].map(consistency)).toEqual([[c, d, g, l], [l], [i, j, k]]);
});

const sized = fc.integer({ min: 1, max: 70 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.nat(size - 1)));
const linesOf = (size: number) => Array.from({ length: size }, (_, i) => `line ${i}`);

test("the frontier has the naive tree's root, and a hash for each bit of the size", () => {
  for (let size = 0; size <= 130; size++) {
    const lines = linesOf(size);
    expect(root(lines)).toBe(naive(lines));
    expect(grown(lines).length).toBe([...size.toString(2)].filter((bit) => bit === "1").length);
  }
});

test("every line's proof holds for its line, index, size and root, and for nothing else", () => {
  fc.assert(
    fc.property(sized, ([size, index, other]) => {
      const lines = linesOf(size);
      const proof = inclusionProof(crypto, lines, index);
      const whole = root(lines);
      const line = lines[index] ?? "";
      expect(proof.path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
      expect(includes(crypto, line, proof, whole)).toBe(true);
      expect(includes(crypto, `${line}!`, proof, whole)).toBe(false);
      expect(includes(crypto, line, proof, leafHash(crypto, "x"))).toBe(false);
      expect(includes(crypto, line, { ...proof, index: size }, whole)).toBe(false);
      if (other !== index) expect(includes(crypto, line, { ...proof, index: other }, whole)).toBe(false);
      expect(includes(crypto, line, { ...proof, path: [...proof.path, whole] }, whole)).toBe(false);
      if (size > 1) expect(includes(crypto, line, { ...proof, path: proof.path.slice(1) }, whole)).toBe(false);
    }),
    { seed, numRuns: 300 },
  );
});

test("a longer tree extends its beginning, and no other one", () => {
  fc.assert(
    fc.property(sized, ([size, before]) => {
      const lines = linesOf(size);
      const earlier = before + 1;
      const proof = consistencyProof(crypto, lines, earlier);
      const [first, whole] = [root(lines.slice(0, earlier)), root(lines)];
      expect(isExtension(crypto, proof, first, whole)).toBe(true);
      const rewritten = root(lines.map((line, i) => (i === 0 ? "rewritten" : line)));
      expect(isExtension(crypto, proof, first, rewritten)).toBe(false);
      if (earlier < size) {
        expect(isExtension(crypto, proof, whole, whole)).toBe(false);
        expect(isExtension(crypto, { ...proof, path: proof.path.slice(1) }, first, whole)).toBe(false);
      }
      expect(isExtension(crypto, { ...proof, path: [...proof.path, whole] }, first, whole)).toBe(false);
      expect(isExtension(crypto, { ...proof, earlier: 0 }, first, whole)).toBe(false);
    }),
    { seed, numRuns: 300 },
  );
});

test("there is no proof of what isn't there", () => {
  expect(() => inclusionProof(crypto, ["a"], 1)).toThrow(RangeError);
  expect(() => inclusionProof(crypto, ["a"], 0, 2)).toThrow(RangeError);
  expect(() => consistencyProof(crypto, ["a"], 0)).toThrow(RangeError);
  expect(() => consistencyProof(crypto, ["a", "b"], 2, 1)).toThrow(RangeError);
});
