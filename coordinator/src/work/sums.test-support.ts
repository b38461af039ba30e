/** Rounds' uploads with known masks, and what must come out, worked out in the plainest way. */
import { randomBytes } from "node:crypto";
import { fromHex, nodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { sha256Of } from "../storage/blobs.ts";
import type { ObjectStore } from "../storage/objects.ts";
import { bytesOfWords } from "../storage/uploads.ts";
import type { SumEffect } from "./work-queue.ts";

const randomWords = (length: number) => new Uint32Array(Uint8Array.from(randomBytes(4 * length)).buffer);

function stream(key: string, length: number): Uint32Array {
  const words = new Uint32Array(length);
  nodeCrypto().keystream(fromHex(key)).words(0, words);
  return words;
}

/** Bit by bit: word i stands in bits b·i to b·i + b − 1, the lowest bit of an octet first. */
function packBits(words: Uint32Array, bits: number): Uint8Array {
  const packed = new Uint8Array((words.length * bits) / 8);
  for (let i = 0; i < words.length * bits; i++) {
    const bit = ((words[Math.floor(i / bits)] ?? 0) >>> (i % bits)) & 1;
    packed[i >> 3] = (packed[i >> 3] ?? 0) | (bit << (i & 7));
  }
  return packed;
}

export interface MadeSum {
  readonly effect: SumEffect;
  /** The sum's bytes. */
  readonly expected: Uint8Array;
}

/**
 * Publishes the uploads of a round, each under a mask of its own; the last one also under a pair mask with a node that dropped out.
 * @param bits in which they are packed, below 32; then `length` is a multiple of 32
 */
export async function makeSum(
  objects: ObjectStore,
  {
    round,
    length,
    nodes = 3,
    bits = 32,
  }: { readonly round: number; readonly length: number; readonly nodes?: number; readonly bits?: number },
): Promise<MadeSum> {
  const total = new Uint32Array(length);
  const pair = randomBytes(32).toString("hex");
  const ownMasks = Array.from({ length: nodes }, () => randomBytes(32).toString("hex"));
  const uploads: SumEffect["uploads"][number][] = [];
  for (const [place, own] of ownMasks.entries()) {
    const vector = randomWords(length);
    const masks = place === nodes - 1 ? [stream(own, length), stream(pair, length)] : [stream(own, length)];
    const masked = vector.map((word, i) => masks.reduce((sum, mask) => (sum + (mask[i] ?? 0)) >>> 0, word));
    for (const [i, word] of vector.entries()) total[i] = (total[i] ?? 0) + word;
    const octets = bits === 32 ? bytesOfWords(masked) : packBits(masked, bits);
    const upload = { node: nodeId.parse(`node-${place}`), sha256: sha256Of(octets) };
    await objects.put(`uploads/${round}.${upload.node}.${upload.sha256}`, octets);
    uploads.push(upload);
  }
  const effect: SumEffect = {
    ...{ type: "sum", round, length, uploads },
    ...(bits === 32 ? {} : { bits }),
    unmasking: { ownMasks, pairMasks: [{ key: pair, sign: -1 }] },
  };
  const expected = bits === 32 ? total : total.map((word) => word & (2 ** bits - 1));
  return { effect, expected: bytesOfWords(expected) };
}
