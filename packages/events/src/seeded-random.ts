/**
 * A small seeded generator for shuffles and for the synthetic market: xoshiro128** (Blackman, Vigna 2018, version 1.1,
 * https://prng.di.unimi.it/xoshiro128starstar.c), its state hashed from a seed and a purpose.
 *
 * **Not cryptographic**: whoever sees a few outputs knows the rest. Nothing that protects anybody may draw from it; privacy takes `RandomSource` of `dp`.
 */

export interface SeededRandom {
  /** Uniform over 0 … 2³² − 1. */
  uint32(): number;
  /** Uniform over the multiples of 2⁻⁵³ in [0, 1). */
  fraction(): number;
  /** Uniform over 0 … n − 1, without bias. `n` is a whole number from 1 to 2³². */
  below(n: number): number;
}

/**
 * The stream of one seed and purpose. Different purposes give unrelated streams, so that drawing more for one does not move another.
 * @param purpose for example `("market", "customer", 17)`
 */
export function seededRandom(seed: number, ...purpose: readonly (string | number)[]): SeededRandom {
  return xoshiro128(hashedState([seed, ...purpose].join("/")));
}

/** xoshiro128** from a state of four 32-bit words, not all zero. */
export function xoshiro128(state: readonly [number, number, number, number]): SeededRandom {
  let [a, b, c, d] = state;
  const uint32 = () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  return {
    uint32,
    fraction: () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53,
    below: (n) => {
      const bound = 2 ** 32 - (2 ** 32 % n); // the largest multiple of n: what lies above would favour small results
      for (;;) {
        const drawn = uint32();
        if (drawn < bound) return drawn % n;
      }
    },
  };
}

/** Fisher–Yates: every order equally likely. Shuffles in place and returns its argument. */
export function shuffle<Values extends Uint32Array | unknown[]>(values: Values, random: SeededRandom): Values {
  for (let last = values.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = values[last];
    values[last] = values[other];
    values[other] = kept;
  }
  return values;
}

/** Four FNV-1a hashes from different bases, each finished by MurmurHash3's mixer: 128 bits, so that thousands of streams don't collide. */
function hashedState(text: string): [number, number, number, number] {
  const word = (basis: number) => {
    let hash = basis;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  };
  const state: [number, number, number, number] = [word(0x811c9dc5), word(0x9e3779b9), word(0x7f4a7c15), word(0x6a09e667)];
  return state.every((part) => part === 0) ? [1, 0, 0, 0] : state;
}

const rotateLeft = (x: number, bits: number) => (x << bits) | (x >>> (32 - bits));
