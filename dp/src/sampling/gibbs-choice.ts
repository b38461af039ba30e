/**
 * An exact choice among options with probabilities proportional to multiplicity·exp(−γ): the softmax, without computing it.
 *
 * Each option gets an integer weight W = ⌈upper bound of multiplicity·exp(−γ)·2^128⌉; one is drawn in proportion to W, by integers, and
 * kept with probability multiplicity·exp(−γ)·2^128/W, decided by a uniform number whose words are drawn until proven bounds of exp(−γ)
 * separate it. So every option comes out in proportion to its true weight, whatever the rounding; rounding only decides how often a
 * draw is thrown away: once in 2^60 times, if any γ is below 40.
 */
import { type Bounds, exponentialBounds } from "../exact/exponential.ts";
import type { Rational } from "../exact/rational.ts";
import { type RandomSource, type WordReader, wordReader } from "./random-source.ts";

export interface Option {
  /** γ ≥ 0 */
  readonly gamma: Rational;
  /** ≥ 1: how many equal options this one stands for */
  readonly multiplicity: bigint;
}

const precision = 128;

/** The number of the option chosen. The time that it takes depends on the options and on the choice. */
export function gibbsChoice(options: readonly Option[], random: RandomSource): number {
  const words = wordReader(random);
  let total = 0n;
  const bounds = options.map(({ gamma }) => exponentialBounds(gamma, precision));
  const upTo = options.map(({ multiplicity }, i) => (total += multiplicity * (bounds[i] as Bounds).high));
  for (;;) {
    const place = words.below(total);
    const chosen = firstAbove(upTo, place);
    // multiplicities cancel: keep with probability exp(−γ)·2^128/high
    if (isBelowExponential((options[chosen] as Option).gamma, bounds[chosen] as Bounds, words)) return chosen;
  }
}

/** True with probability exp(−γ)·2^128/high: is U < that? `first` are the bounds to 128 bits, which nearly always decide. */
function isBelowExponential(gamma: Rational, first: Bounds, words: WordReader): boolean {
  const { high } = first;
  let known = 0n; // U ∈ [known, known + 1)/2^bits
  for (let bits = 64; ; bits += 64) {
    known = (known << 64n) | (BigInt(words.word()) << 32n) | BigInt(words.word());
    if (bits === 64 && (known + 1n) * high <= first.low << 64n) return true;
    const bounds = exponentialBounds(gamma, precision + bits);
    if ((known + 1n) * high <= bounds.low) return true;
    if (known * high >= bounds.high) return false;
  }
}

/** The first i with sums[i] > place, by bisection. */
function firstAbove(sums: readonly bigint[], place: bigint): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] as bigint) > place) high = middle;
    else low = middle + 1;
  }
  return low;
}
