/**
 * Poisson sampling: every customer joins a round on its own with probability q, exactly, for any rational q.
 *
 * A uniform number in [0, 1) is compared with q word by word, as two numbers are compared digit by digit from the left. The first
 * word decides all but once in 2³² times, so that one word a customer is read nearly always, whoever is sampled.
 */
import { fail } from "@tributary/errors";
import { type Rational, toDecimal } from "../exact/rational.ts";
import { isBelowRational } from "./bernoulli.ts";
import { type RandomSource, wordReader } from "./random-source.ts";

/**
 * The numbers of the customers sampled, ascending.
 * @param count customers, numbered from 0
 * @param rate q, from 0 to 1
 * @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function poissonSample(count: number, rate: Rational, random: RandomSource): Uint32Array {
  if (!(Number.isInteger(count) && count >= 0 && count <= 2 ** 32)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "count", value: count, expected: "a whole number from 0 on" });
  }
  const { numerator, denominator } = rate;
  if (denominator <= 0n || numerator < 0n || numerator > denominator) {
    const value = denominator > 0n && numerator >= 0n ? toDecimal(rate, "down") : `${numerator}/${denominator}`;
    throw fail("TRB_DP_SAMPLING_RATE_INVALID", { samplingRate: value });
  }
  const words = wordReader(random);
  const chosen: number[] = [];
  const first = Number((numerator << 32n) / denominator); // 2³² for q = 1: above every word
  for (let customer = 0; customer < count; customer++) {
    const word = words.word();
    if (word < first || (word === first && isBelowRational((numerator << 32n) % denominator, denominator, words))) {
      chosen.push(customer);
    }
  }
  return Uint32Array.from(chosen);
}
