/** The machine's randomness, by WebCrypto, which Node and browsers have alike; drawn a block at a time because noise asks for it in small pieces. */
import { type RandomSource, wordReader } from "@tributary/dp";
import { toHex } from "@tributary/protocol";

/** As much as WebCrypto gives at a time (Web Cryptography API, §10.1.1). */
const blockSize = 64 * 1024;

/** Every byte is handed out once and wiped from the block. */
export function osRandomSource(): RandomSource {
  const block = new Uint8Array(blockSize);
  let used = blockSize;
  return {
    fill(out) {
      for (let done = 0; done < out.length; ) {
        if (used === blockSize) {
          globalThis.crypto.getRandomValues(block);
          used = 0;
        }
        const size = Math.min(blockSize - used, out.length - done);
        out.set(block.subarray(used, used + size), done);
        block.fill(0, used, used + size);
        used += size;
        done += size;
      }
    },
  };
}

/** 32 bytes that nobody has seen. */
export const randomSeed = (): Uint8Array<ArrayBuffer> => globalThis.crypto.getRandomValues(new Uint8Array(32));

/** A question that can have been answered by nobody before: 32 bytes, hex. */
export const freshNonce = (): string => toHex(randomSeed());

const draws = wordReader(osRandomSource());

/** Uniform over 0, …, n − 1. */
export const randomBelow = (n: number): number => draws.below(n);
