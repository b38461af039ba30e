/**
 * A private quantile of one number a customer: the exponential mechanism over a public grid of candidates (Smith 2011), exactly.
 *
 * For the quantile a/b, candidate x scores u(x) = −|(b − a)·#{values below x} − a·#{values above x}|, which one customer moves by at most
 * max(a, b − a) steps, whether added or removed. Candidates between two values score the same, so they are drawn as one option with a
 * multiplicity: the time is n·log n, however fine the grid.
 */

import { fail } from "@tributary/errors";
import type { PrivacyEvent } from "../accounting/events.ts";
import { whole } from "../exact/rational.ts";
import { gibbsChoice, type Option } from "../sampling/gibbs-choice.ts";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";
import { positiveEpsilon, wholeNumber } from "./decimals.ts";
import { penalty, pure } from "./laplace.ts";

/** Which quantile, within what bounds, on how fine a grid, for how much ε. */
export interface QuantileOptions {
  /** The quantile numerator/denominator: `[1, 2]` is the median. */
  readonly quantile: readonly [number, number];
  /** Public bounds; values beyond count as these. */
  readonly lower: number;
  readonly upper: number;
  /** Candidates are lower, lower + (upper − lower)/steps, …, upper. */
  readonly steps: number;
  /** A decimal string. */
  readonly epsilon: string;
}

/**
 * Costs (ε, 0).
 * @param values one for each customer; what is not a number counts as `lower`
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_EPSILON_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function privateQuantile(
  values: Float64Array,
  options: QuantileOptions,
  random: RandomSource,
): { readonly value: number; readonly event: PrivacyEvent } {
  const { lower, upper, steps, epsilon } = options;
  const groups = candidateGroups(values, options);
  const words = wordReader(random);
  const group = groups[gibbsChoice(groups, words)] as Group;
  const place = group.first + Number(words.below(group.multiplicity));
  return { value: lower + ((upper - lower) * place) / steps, event: pure(epsilon) };
}

interface Group extends Option {
  /** The first of its candidates; as many follow as `multiplicity` says. */
  readonly first: number;
}

/** Candidates with equal scores that lie side by side, with their γ. */
export function candidateGroups(values: Float64Array, options: QuantileOptions): Group[] {
  const { quantile, lower, upper, steps, epsilon } = options;
  const [a, b] = quantile;
  wholeNumber("quantile", b, 1, 2 ** 20);
  wholeNumber("quantile", a, 0, b);
  wholeNumber("steps", steps, 1, 2 ** 40);
  if (!(Number.isFinite(lower) && Number.isFinite(upper) && lower < upper)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "upper", value: upper, expected: `above ${lower}` });
  }
  const rate = positiveEpsilon(epsilon);
  const sensitivity = whole(Math.max(a, b - a));

  const places = values.map((value) => placeOf(value, options)).sort();
  const found: { first: number; length: number; score: number }[] = [];
  const scoreOf = (below: number, above: number) => -Math.abs((b - a) * below - a * above);
  let free = 0; // first candidate that is in no group yet
  for (let i = 0; i < places.length; ) {
    const place = places[i] as number;
    let next = i;
    while (next < places.length && places[next] === place) next++;
    if (place > free) found.push({ first: free, length: place - free, score: scoreOf(i, places.length - i) });
    found.push({ first: place, length: 1, score: scoreOf(i, places.length - next) });
    free = place + 1;
    i = next;
  }
  if (free <= steps) found.push({ first: free, length: steps + 1 - free, score: scoreOf(places.length, 0) });

  const best = found.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  return found.map(({ first, length, score }) => ({
    first,
    multiplicity: BigInt(length),
    gamma: penalty(rate, BigInt(best - score), sensitivity, 2),
  }));
}

/** The candidate that a value counts as: a function of that value alone. */
function placeOf(value: number, { lower, upper, steps }: QuantileOptions): number {
  const place = Math.round(((value - lower) / (upper - lower)) * steps);
  return Number.isNaN(place) ? 0 : Math.min(steps, Math.max(0, place));
}
