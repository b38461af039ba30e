/**
 * Coins with an exact bias: p rational, and exp(−γ) for rational γ. Integer arithmetic only.
 *
 * Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Algorithm 1.
 */
import { fail } from "@tributary/errors";
import { type Rational, toDecimal } from "../exact/rational.ts";
import { type RandomSource, type WordReader, wordReader } from "./random-source.ts";

/**
 * True with probability p, exactly.
 * @param probability p, from 0 to 1
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function bernoulli(probability: Rational, random: RandomSource): boolean {
  const { numerator, denominator } = probability;
  if (denominator <= 0n || numerator < 0n || numerator > denominator)
    throw outOfRange("probability", probability, "from 0 to 1");
  return isBelowRational(numerator, denominator, wordReader(random));
}

/**
 * True with probability exp(−γ), without ever computing it: at once while γ > 1, and below that because the first failure of
 * Bernoulli(γ/k), k = 1, 2, …, comes at an odd k with that probability. How many words are read depends on γ and on the outcome.
 * @param gamma γ ≥ 0
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function bernoulliExp(gamma: Rational, random: RandomSource): boolean {
  const { numerator, denominator } = gamma;
  if (denominator <= 0n || numerator < 0n) throw outOfRange("gamma", gamma, "0 or above");
  const words = wordReader(random);
  for (let rest = numerator / denominator; rest > 0n; rest--) if (!expOfFraction(1n, 1n, words)) return false;
  return expOfFraction(numerator % denominator, denominator, words);
}

/** exp(−γ) for γ ≤ 1. */
function expOfFraction(numerator: bigint, denominator: bigint, words: WordReader): boolean {
  let k = 1n;
  while (words.below(denominator * k) < numerator) k += 1n;
  return k % 2n === 1n;
}

/**
 * True with probability `numerator / denominator`: a uniform number in [0, 1) is compared with it word by word, as two numbers are
 * compared digit by digit from the left. The first word decides all but once in 2³² times. For 0 ≤ numerator ≤ denominator.
 */
export function isBelowRational(numerator: bigint, denominator: bigint, words: WordReader): boolean {
  if (numerator >= denominator) return true;
  let remainder = numerator;
  while (remainder > 0n) {
    const digit = Number((remainder << 32n) / denominator);
    const word = words.word();
    if (word !== digit) return word < digit;
    remainder = (remainder << 32n) % denominator;
  }
  return false; // all digits left are 0: no number is below
}

function outOfRange(parameter: string, value: Rational, expected: string): Error {
  const plain = value.denominator > 0n && value.numerator >= 0n;
  const text = plain ? toDecimal(value, "down") : `${value.numerator}/${value.denominator}`;
  return fail("TRB_DP_PARAMETER_INVALID", { parameter, value: text, expected });
}
