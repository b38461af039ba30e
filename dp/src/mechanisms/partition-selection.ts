/**
 * Which keys may be named at all: a vocabulary, the items of a catalogue, the categories in use. The existence of a key that only one customer
 * has would give that customer away, so keys are released with a probability that depends on how many customers have them.
 *
 *   selectPartitions      each key of n customers with probability π(n), the largest that (ε, δ) allows (Desfontaines, Voss, Gipson,
 *                         "Differentially private partition selection", 2020): π(0) = 0,
 *                         π(n+1) = min(e^ε·π(n) + δ, 1 − e^{−ε}(1 − π(n) − δ), 1)
 *   thresholdPartitions   noisy counts of the keys, as far as they reach a threshold: for when counts are wanted as well
 *
 * A customer with up to k keys costs the sum of k of them, so each gets ε/k and δ/k. Adjacency: add or remove one customer.
 */
import { fail } from "@tributary/errors";
import { discreteGaussianTail } from "../accounting/discrete-gaussian.ts";
import { approximate, composed, discreteGaussianNoise, type PrivacyEvent } from "../accounting/events.ts";
import { exponentialBounds } from "../exact/exponential.ts";
import { divide, floor, multiply, type Rational, toNumber, whole } from "../exact/rational.ts";
import { bernoulli } from "../sampling/bernoulli.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";
import { positiveEpsilon, positiveMultiplier, properDelta, wholeNumber } from "./decimals.ts";
import { noisyIntegers, type SamplerOf } from "./gaussian.ts";

/**
 * How many customers have each key: of each customer the first `maxPartitions` distinct keys count, and each once.
 * @param customers each one's keys, in an order that depends on nobody else's
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function countCustomers(customers: Iterable<Iterable<string>>, maxPartitions: number): Map<string, number> {
  wholeNumber("maxPartitions", maxPartitions, 1);
  const counts = new Map<string, number>();
  for (const keys of customers) {
    const own = new Set<string>();
    for (const key of keys) {
      if (own.size === maxPartitions) break;
      own.add(key);
    }
    for (const key of own) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** What naming keys may cost, and how many keys one customer can have. */
export interface PartitionOptions {
  /** A decimal string. */
  readonly epsilon: string;
  /** A decimal string. */
  readonly delta: string;
  /** k: most keys of one customer that count. */
  readonly maxPartitions: number;
}

/**
 * The keys selected, in the order of their UTF-16 code units, so that the order says nothing. Costs (ε, δ).
 * @param counts customers of each key, as `countCustomers` gives them
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function selectPartitions(
  counts: ReadonlyMap<string, number>,
  options: PartitionOptions,
  random: RandomSource,
): { readonly keys: string[]; readonly event: PrivacyEvent } {
  const chances = partitionChances(options);
  const words = wordReader(random);
  const keys = Array.from(counts.keys())
    .sort()
    .filter((key) => {
      const numerator = chances[Math.min(counts.get(key) ?? 0, chances.length - 1)] as bigint;
      return bernoulli({ numerator, denominator: one }, words);
    });
  const event = approximate(toNumber(positiveEpsilon(options.epsilon), "up"), toNumber(properDelta(options.delta), "up"));
  return { keys, event };
}

/** π in units of 2^−128. */
const chanceBits = 128n;
const one = 1n << chanceBits;
const mostChances = 1_000_000;

/**
 * π(0), π(1), … up to the first that is 1, in units of 2^−128. Every step is rounded down from proven bounds of e^{±ε}, so that the two
 * inequalities of (ε, δ) hold between neighbours in integers.
 */
export function partitionChances({ epsilon, delta, maxPartitions }: PartitionOptions): bigint[] {
  wholeNumber("maxPartitions", maxPartitions, 1);
  const each = divide(positiveEpsilon(epsilon), whole(maxPartitions));
  const spare = floor(multiply(divide(properDelta(delta), whole(maxPartitions)), whole(one)));
  const { high } = exponentialBounds(each, Number(chanceBits));
  const shrink = high < one ? high : one; // e^{−ε}, from above
  const chances = [0n];
  for (let chance = 0n; chance < one; ) {
    const grown = (chance * one) / shrink + spare;
    const missing = one - chance - spare;
    const left = missing > 0n ? (shrink * missing + one - 1n) / one : 0n;
    const next = [grown, one - left, one].reduce((a, b) => (a < b ? a : b));
    if (next <= chance || chances.length >= mostChances) {
      throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "more per key" });
    }
    chances.push((chance = next));
  }
  return chances;
}

/** Noise and threshold of a selection by Gaussian noise. */
export interface ThresholdOptions {
  /** z: noise over √k, the L2 sensitivity of the counts; a decimal string. */
  readonly noiseMultiplier: string;
  /** That any key of one customer alone is named; a decimal string. */
  readonly delta: string;
  readonly maxPartitions: number;
}

/**
 * Keys whose noisy count reaches the threshold, with that count. Costs the discrete Gaussian event of z and (0, δ): without the customer's
 * own keys the counts are a Gaussian release, and one of those own keys is named with probability at most k·P[1 + noise ≥ threshold] ≤ δ.
 * @throws TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID (σ above 10⁵), TRB_DP_DECIMAL_INVALID
 */
export function thresholdPartitions(
  counts: ReadonlyMap<string, number>,
  options: ThresholdOptions,
  random: RandomSource,
  samplerOf: SamplerOf = fastDiscreteGaussian,
): { readonly counts: { key: string; count: number }[]; readonly threshold: number; readonly event: PrivacyEvent } {
  const { maxPartitions } = options;
  wholeNumber("maxPartitions", maxPartitions, 1);
  const noiseMultiplier = positiveMultiplier(options.noiseMultiplier);
  const delta = properDelta(options.delta);
  const variance = multiply(noiseMultiplier, noiseMultiplier, whole(maxPartitions));
  const threshold = thresholdOf(variance, toNumber(divide(delta, whole(maxPartitions)), "down"));
  const keys = Array.from(counts.keys()).sort();
  const noisy = noisyIntegers(
    Float64Array.from(keys, (key) => counts.get(key) ?? 0),
    variance,
    random,
    samplerOf,
  );
  return {
    counts: keys.map((key, i) => ({ key, count: noisy[i] as number })).filter(({ count }) => count >= threshold),
    threshold,
    event: composed(discreteGaussianNoise(toNumber(noiseMultiplier, "down")), approximate(0, toNumber(delta, "up"))),
  };
}

/** The least t with P[1 + N_Z(0, σ²) ≥ t] ≤ chance. */
function thresholdOf(variance: Rational, chance: number): number {
  const value = toNumber(variance, "up");
  let low = 0;
  let high = Math.ceil(Math.sqrt(value) * Math.sqrt(-2 * Math.log(chance))) + 2; // sub-Gaussian: P[N ≥ t] ≤ e^{−t²/2σ²}
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (discreteGaussianTail(value, middle - 1) <= chance) high = middle;
    else low = middle + 1;
  }
  return low;
}
