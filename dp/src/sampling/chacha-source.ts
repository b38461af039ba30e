/**
 * A cryptographic stream of random bytes for where the operating system's own is slow to ask (browsers, workers, WebAssembly): ChaCha20 keyed
 * from it, with fast key erasure: every batch of keystream first replaces the key that made it, so that what was handed out can't be
 * computed again from what is in memory; and fresh entropy is mixed into the key every `reseedBytes`. Node's own `randomFillSync` is such
 * a generator already (AES-256-CTR, rekeyed from the operating system) and faster, which is why the command line uses it directly.
 *
 * Source: RFC 8439 §2.3 for the block; D. J. Bernstein, "Fast-key-erasure random-number generators" (2017) for the rest.
 */
import { fail } from "@tributary/errors";
import type { RandomSource } from "./random-source.ts";

const keyWords = 8;
const blockWords = 16;
/** Blocks of one key: a kilobyte, of which 32 bytes are the next key. */
const batchBlocks = 16;
const batchWords = batchBlocks * blockWords;

/**
 * A stream of random bytes, rekeyed from the system's.
 * @param entropy the operating system's randomness: 32 bytes at once, and again every `reseedBytes`
 * @param options `reseedBytes`: at least 1; 2^20 unless given
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function chachaSource(entropy: RandomSource, { reseedBytes = 2 ** 20 } = {}): RandomSource {
  if (!(Number.isSafeInteger(reseedBytes) && reseedBytes >= 1)) {
    throw fail("TRB_DP_PARAMETER_INVALID", {
      parameter: "reseedBytes",
      value: reseedBytes,
      expected: "a whole number from 1 on",
    });
  }
  const key = new Uint32Array(keyWords);
  const batch = new Uint32Array(batchWords);
  const bytes = new Uint8Array(batch.buffer);
  const nonce = new Uint32Array(3); // zero, always: no key is used for a second batch
  let used = bytes.length;
  let untilReseed = 0;

  const refill = (): void => {
    if (untilReseed <= 0) {
      const fresh = new Uint32Array(keyWords);
      entropy.fill(new Uint8Array(fresh.buffer));
      for (let i = 0; i < keyWords; i++) key[i] = (key[i] as number) ^ (fresh[i] as number);
      fresh.fill(0);
      untilReseed = reseedBytes;
    }
    for (let block = 0; block < batchBlocks; block++) chachaBlock(key, block, nonce, batch, block * blockWords);
    key.set(batch.subarray(0, keyWords));
    batch.fill(0, 0, keyWords);
    used = 4 * keyWords;
  };

  return {
    fill(out) {
      for (let done = 0; done < out.length; ) {
        if (used === bytes.length) refill();
        const size = Math.min(bytes.length - used, out.length - done);
        out.set(bytes.subarray(used, used + size), done);
        bytes.fill(0, used, used + size); // never given twice, and not left in memory
        used += size;
        done += size;
        untilReseed -= size;
      }
    },
  };
}

/**
 * One block of keystream: 16 words to `out[at]` and on. Twenty rounds over the state
 *
 *   0–3 constants   4–11 key   12 counter   13–15 nonce
 *
 * written out in sixteen variables, which the compiler keeps in registers: five times as fast as an array.
 */
export function chachaBlock(key: Uint32Array, counter: number, nonce: Uint32Array, out: Uint32Array, at: number): void {
  const word = (array: Uint32Array, i: number): number => (array[i] as number) | 0;
  let x0 = 0x61707865; // "expand 32-byte k"
  let x1 = 0x3320646e;
  let x2 = 0x79622d32;
  let x3 = 0x6b206574;
  let x4 = word(key, 0);
  let x5 = word(key, 1);
  let x6 = word(key, 2);
  let x7 = word(key, 3);
  let x8 = word(key, 4);
  let x9 = word(key, 5);
  let x10 = word(key, 6);
  let x11 = word(key, 7);
  let x12 = counter | 0;
  let x13 = word(nonce, 0);
  let x14 = word(nonce, 1);
  let x15 = word(nonce, 2);
  for (let i = 0; i < 10; i++) {
    x0 = (x0 + x4) | 0;
    x12 = rotate(x12 ^ x0, 16);
    x8 = (x8 + x12) | 0;
    x4 = rotate(x4 ^ x8, 12);
    x0 = (x0 + x4) | 0;
    x12 = rotate(x12 ^ x0, 8);
    x8 = (x8 + x12) | 0;
    x4 = rotate(x4 ^ x8, 7);
    x1 = (x1 + x5) | 0;
    x13 = rotate(x13 ^ x1, 16);
    x9 = (x9 + x13) | 0;
    x5 = rotate(x5 ^ x9, 12);
    x1 = (x1 + x5) | 0;
    x13 = rotate(x13 ^ x1, 8);
    x9 = (x9 + x13) | 0;
    x5 = rotate(x5 ^ x9, 7);
    x2 = (x2 + x6) | 0;
    x14 = rotate(x14 ^ x2, 16);
    x10 = (x10 + x14) | 0;
    x6 = rotate(x6 ^ x10, 12);
    x2 = (x2 + x6) | 0;
    x14 = rotate(x14 ^ x2, 8);
    x10 = (x10 + x14) | 0;
    x6 = rotate(x6 ^ x10, 7);
    x3 = (x3 + x7) | 0;
    x15 = rotate(x15 ^ x3, 16);
    x11 = (x11 + x15) | 0;
    x7 = rotate(x7 ^ x11, 12);
    x3 = (x3 + x7) | 0;
    x15 = rotate(x15 ^ x3, 8);
    x11 = (x11 + x15) | 0;
    x7 = rotate(x7 ^ x11, 7);
    x0 = (x0 + x5) | 0;
    x15 = rotate(x15 ^ x0, 16);
    x10 = (x10 + x15) | 0;
    x5 = rotate(x5 ^ x10, 12);
    x0 = (x0 + x5) | 0;
    x15 = rotate(x15 ^ x0, 8);
    x10 = (x10 + x15) | 0;
    x5 = rotate(x5 ^ x10, 7);
    x1 = (x1 + x6) | 0;
    x12 = rotate(x12 ^ x1, 16);
    x11 = (x11 + x12) | 0;
    x6 = rotate(x6 ^ x11, 12);
    x1 = (x1 + x6) | 0;
    x12 = rotate(x12 ^ x1, 8);
    x11 = (x11 + x12) | 0;
    x6 = rotate(x6 ^ x11, 7);
    x2 = (x2 + x7) | 0;
    x13 = rotate(x13 ^ x2, 16);
    x8 = (x8 + x13) | 0;
    x7 = rotate(x7 ^ x8, 12);
    x2 = (x2 + x7) | 0;
    x13 = rotate(x13 ^ x2, 8);
    x8 = (x8 + x13) | 0;
    x7 = rotate(x7 ^ x8, 7);
    x3 = (x3 + x4) | 0;
    x14 = rotate(x14 ^ x3, 16);
    x9 = (x9 + x14) | 0;
    x4 = rotate(x4 ^ x9, 12);
    x3 = (x3 + x4) | 0;
    x14 = rotate(x14 ^ x3, 8);
    x9 = (x9 + x14) | 0;
    x4 = rotate(x4 ^ x9, 7);
  }
  out[at] = x0 + 0x61707865;
  out[at + 1] = x1 + 0x3320646e;
  out[at + 2] = x2 + 0x79622d32;
  out[at + 3] = x3 + 0x6b206574;
  out[at + 4] = x4 + word(key, 0);
  out[at + 5] = x5 + word(key, 1);
  out[at + 6] = x6 + word(key, 2);
  out[at + 7] = x7 + word(key, 3);
  out[at + 8] = x8 + word(key, 4);
  out[at + 9] = x9 + word(key, 5);
  out[at + 10] = x10 + word(key, 6);
  out[at + 11] = x11 + word(key, 7);
  out[at + 12] = (x12 + counter) | 0;
  out[at + 13] = x13 + word(nonce, 0);
  out[at + 14] = x14 + word(nonce, 1);
  out[at + 15] = x15 + word(nonce, 2);
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));
