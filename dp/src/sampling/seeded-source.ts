/** Test support, not exported by the room: sources of bytes that a seed or a script determines. Not for any secret. */
import type { RandomSource } from "./random-source.ts";

/** sfc32 (PractRand-clean), seeded by an integer. */
export function seededSource(seed: number): RandomSource {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum;
  };
  for (let i = 0; i < 20; i++) next();
  return {
    fill(out) {
      for (let i = 0; i < out.length; i += 4) {
        const word = next();
        for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = word >>> (8 * j);
      }
    },
  };
}

/** Gives these words first, and zeros ever after. */
export function scriptedSource(words: readonly number[]): RandomSource {
  let position = 0;
  return {
    fill(out) {
      for (let i = 0; i < out.length; i += 4) {
        const word = words[position++] ?? 0;
        for (let j = 0; j < 4; j++) out[i + j] = word >>> (8 * j);
      }
    },
  };
}

/**
 * What a χ² with so many degrees of freedom passes with probability at most 1e-10, by Laurent and Massart (2000), Lemma 1:
 * P[χ² ≥ k + 2√(kx) + 2x] ≤ e^−x.
 */
export function chiSquareLimit(degrees: number): number {
  const x = 10 * Math.LN10;
  return degrees + 2 * Math.sqrt(degrees * x) + 2 * x;
}
