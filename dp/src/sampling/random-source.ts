/**
 * Where every random bit comes from. `dp` and the reducers are handed one; only shells create one.
 */
import { fail } from "@tributary/errors";
import { bitLength } from "../exact/rational.ts";

/** A stream of uniform random bytes that nobody else can predict (or, in tests, that a seed determines). */
export interface RandomSource {
  /** Fills the whole array with uniform bytes. */
  fill(out: Uint8Array): void;
}

/**
 * The words that a reader has fetched and not yet given: from `next` on. A loop of millions reads them here, which is three times as fast as a
 * call a word: it sets each to 0 as it takes it, moves `next`, and calls `word` when there are none.
 */
interface FetchedWords {
  words: Uint32Array;
  next: number;
}

/** A source read in words: it fetches ahead, so hand one reader to everything that draws from the same source. */
export interface WordReader extends RandomSource {
  readonly fetched: FetchedWords;
  /** 32 uniform bits, as an integer from 0 to 2³² − 1. */
  word(): number;
  /** `count` uniform bits as an integer, 0 ≤ count ≤ 53. */
  bits(count: number): number;
  /** Uniform over 0, …, n − 1 without bias. @throws TRB_DP_PARAMETER_INVALID unless n ≥ 1 (and n ≤ 2⁵³ for a number) */
  below(n: number): number;
  below(n: bigint): bigint;
}

/** Words fetched at first, and at most: a single draw costs little, a long run calls the source seldom. */
const firstWords = 64;
const mostWords = 4096;

/**
 * Wraps a source; a reader is returned as it is. Words are little-endian (as every machine's that JavaScript runs on),
 * and which bytes are read depends only on the calls made, so a seeded source gives the same draws everywhere.
 */
export function wordReader(random: RandomSource): WordReader {
  if (isReader(random)) return random;
  const fetched: FetchedWords = { words: new Uint32Array(0), next: 0 };

  const refill = (): void => {
    const length = Math.min(mostWords, Math.max(firstWords, 2 * fetched.words.length));
    if (fetched.words.length !== length) fetched.words = new Uint32Array(length);
    random.fill(new Uint8Array(fetched.words.buffer));
    fetched.next = 0;
  };
  const word = (): number => {
    if (fetched.next === fetched.words.length) refill();
    const value = fetched.words[fetched.next] as number;
    fetched.words[fetched.next++] = 0; // noise can't be drawn again from what is left in memory
    return value;
  };
  const bits = (count: number): number => {
    if (count <= 32) return count === 0 ? 0 : word() >>> (32 - count);
    return (word() >>> (64 - count)) * 2 ** 32 + word();
  };
  const belowBig = (n: bigint): bigint => {
    if (n < 1n) throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "n", value: n, expected: "at least 1" });
    const count = bitLength(n - 1n);
    for (;;) {
      let value = BigInt(bits(count % 32));
      for (let i = count >> 5; i > 0; i--) value = (value << 32n) | BigInt(word());
      if (value < n) return value; // more than every second time
    }
  };
  const belowNumber = (n: number): number => {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 53)) {
      throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "n", value: n, expected: "a whole number from 1 to 2^53" });
    }
    const count = n <= 2 ** 32 ? 32 - Math.clz32(n - 1) : bitLength(BigInt(n) - 1n);
    for (;;) {
      const value = bits(count);
      if (value < n) return value;
    }
  };
  function below(n: number): number;
  function below(n: bigint): bigint;
  function below(n: number | bigint): number | bigint {
    return typeof n === "bigint" ? belowBig(n) : belowNumber(n);
  }
  return { fill: (out) => random.fill(out), fetched, word, bits, below };
}

function isReader(random: RandomSource): random is WordReader {
  return "fetched" in random && "word" in random && "bits" in random && "below" in random;
}
