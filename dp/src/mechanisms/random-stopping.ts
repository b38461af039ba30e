/**
 * Private tuning: the best of a secret random number of runs. `accounting/random-stopping.ts` says what it costs, and why.
 *
 * The number of runs is drawn exactly, in fractions. Truncated negative binomial with η ≤ 1: geometric numbers k are proposed and accepted with
 * probability Π_{0<l<k} (l+η)/(l+1), which turns γ(1−γ)^{k−1} into (1−γ)^k·Π_{l<k} (l+η)/(l+1) up to a constant; the empty product keeps η = 0
 * from needing a case of its own. Poisson: μ is divided into n = ⌈μ⌉ equal parts m ≤ 1; a part's k is proposed with probability 2^{−k−1} and
 * accepted with (2m)^k/(2·k!), which is at most 1.
 */
import { checkStopping, type Stopping } from "../accounting/random-stopping.ts";
import { parseRational, type Rational, whole } from "../exact/rational.ts";
import { bernoulli } from "../sampling/bernoulli.ts";
import { type RandomSource, type WordReader, wordReader } from "../sampling/random-source.ts";

/** One run's output: all of it private by itself, the score included. */
export interface Run<Value> {
  readonly score: number;
  readonly value: Value;
}

/**
 * K, exactly distributed. Secret: who knows it, or how long the runs took together, knows more than what was paid for.
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function numberOfRuns(stopping: Stopping, random: RandomSource): number {
  checkStopping(stopping);
  const words = wordReader(random);
  return stopping.distribution === "poisson" ? poisson(parseRational(stopping.mean), words) : negativeBinomial(stopping, words);
}

/**
 * Runs `run` a secret number of times and gives the output with the highest score; undefined when there was no run at all, which only Poisson
 * stopping allows. Every run has to draw its settings itself, the same way each time, from random numbers that are its own. A score that is not a
 * number counts as the lowest. Of equal scores the first is taken: runs are exchangeable, so that is a draw among them.
 * @param run must not let others see what it found
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID, and what `run` throws
 */
export async function bestOfRandomRuns<Value>(
  stopping: Stopping,
  run: () => Run<Value> | Promise<Run<Value>>,
  random: RandomSource,
): Promise<Run<Value> | undefined> {
  let best: Run<Value> | undefined;
  for (let left = numberOfRuns(stopping, random); left > 0; left--) {
    const { score: found, value } = await run();
    const score = Number.isNaN(found) ? Number.NEGATIVE_INFINITY : found;
    if (best === undefined || score > best.score) best = { score, value };
  }
  return best;
}

function negativeBinomial(
  { shape, gamma }: Extract<Stopping, { distribution: "truncated-negative-binomial" }>,
  words: WordReader,
): number {
  const [eta, stop] = [parseRational(shape), parseRational(gamma)];
  for (;;) {
    let k = 1;
    let accepted = true;
    // a refused proposal ends at once: what it would have become says nothing of the next
    while (accepted && !bernoulli(stop, words)) {
      accepted = bernoulli(share(eta, k), words);
      k += 1;
    }
    if (accepted) return k;
  }
}

/** (l+η)/(l+1) */
function share({ numerator, denominator }: Rational, l: number): Rational {
  return { numerator: BigInt(l) * denominator + numerator, denominator: BigInt(l + 1) * denominator };
}

function poisson(mean: Rational, words: WordReader): number {
  const parts = Number((mean.numerator + mean.denominator - 1n) / mean.denominator);
  const part: Rational = { numerator: mean.numerator, denominator: mean.denominator * BigInt(parts) };
  let total = 0;
  for (let i = 0; i < parts; i++) total += poissonPart(part, words);
  return total;
}

function poissonPart({ numerator, denominator }: Rational, words: WordReader): number {
  for (;;) {
    let k = 0n;
    let weight = whole(1);
    while (bernoulli({ numerator: 1n, denominator: 2n }, words)) {
      k += 1n;
      weight = { numerator: weight.numerator * 2n * numerator, denominator: weight.denominator * denominator * k };
    }
    if (bernoulli({ ...weight, denominator: weight.denominator * 2n }, words)) return Number(k);
  }
}
