/**
 * Negatives drawn for each customer, for comparison with publications that rank against a few only. Such figures are far higher than
 * full ranking's and can order models differently (Krichene & Rendle, KDD 2020).
 */
import { fail } from "@tributary/errors";
import { type SeededRandom, seededRandom } from "@tributary/events/histories";

export type SampledNegatives = {
  /** How many a customer; fewer where there are not so many. */
  readonly count: number;
  readonly seed: number;
} & (
  | { readonly by: "uniform" }
  /** In proportion to `counts` ([items], `itemCounts`), one after the other without putting back; items with 0 never. */
  | { readonly by: "popularity"; readonly counts: Float64Array }
);

/**
 * The places of a customer's negatives, each once. They depend on seed, customer and what is barred: on no other customer.
 * @param barred places that are not drawn: relevant items, and those that are no candidates
 */
export type NegativeSampler = (customer: string, barred: ReadonlySet<number>) => Int32Array;

/** @throws TRB_MODEL_EVALUATION_INVALID, TRB_MODEL_LENGTH_MISMATCH */
export function negativeSampler(sampled: SampledNegatives, items: number): NegativeSampler {
  const { count, seed } = sampled;
  if (!Number.isInteger(count) || count < 1) {
    throw fail("TRB_MODEL_EVALUATION_INVALID", { what: "sampled.count", value: count, expected: "a whole number, 1 or more" });
  }
  const draw = sampled.by === "uniform" ? uniformly(items, count) : byPopularity(sampled.counts, items, count);
  return (customer, barred) => draw(barred, seededRandom(seed, "negatives", customer));
}

type Draw = (barred: ReadonlySet<number>, random: SeededRandom) => Int32Array;

function uniformly(items: number, count: number): Draw {
  return (barred, random) => {
    if (2 * (count + barred.size) > items) {
      const allowed = Int32Array.from({ length: items }, (_, i) => i).filter((i) => !barred.has(i));
      for (let i = 0; i < Math.min(count, allowed.length); i++) {
        const other = i + random.below(allowed.length - i);
        const kept = allowed[i] as number;
        allowed[i] = allowed[other] as number;
        allowed[other] = kept;
      }
      return allowed.slice(0, count);
    }
    const chosen = new Set<number>();
    while (chosen.size < count) {
      const place = random.below(items);
      if (!barred.has(place)) chosen.add(place);
    }
    return Int32Array.from(chosen);
  };
}

/** Tries a draw before the way that takes no luck but a pass over all items. */
const tries = 20;

function byPopularity(counts: Float64Array, items: number, count: number): Draw {
  if (counts.length !== items)
    throw fail("TRB_MODEL_LENGTH_MISMATCH", { what: "counts", found: counts.length, expected: items });
  const cumulative = new Float64Array(items);
  let total = 0;
  for (let i = 0; i < items; i++) cumulative[i] = total += counts[i] as number;
  return (barred, random) => {
    const chosen = new Set<number>();
    for (let attempt = 0; total > 0 && chosen.size < count && attempt < tries * count; attempt++) {
      const place = firstAbove(cumulative, random.fraction() * total);
      if (!barred.has(place)) chosen.add(place);
    }
    if (chosen.size < count) drawRest(chosen, counts, barred, count, random);
    return Int32Array.from(chosen);
  };
}

/**
 * Goes on drawing without luck: the largest of the keys log(u)/weight are a weighted sample without putting back (Efraimidis &
 * Spirakis 2006), and what is left of one after some draws is one of what is left.
 */
function drawRest(
  chosen: Set<number>,
  counts: Float64Array,
  barred: ReadonlySet<number>,
  count: number,
  random: SeededRandom,
): void {
  const keys: { readonly place: number; readonly key: number }[] = [];
  counts.forEach((weight, place) => {
    if (weight > 0 && !barred.has(place) && !chosen.has(place))
      keys.push({ place, key: Math.log(1 - random.fraction()) / weight });
  });
  keys.sort((a, b) => b.key - a.key || a.place - b.place);
  for (const { place } of keys.slice(0, count - chosen.size)) chosen.add(place);
}

/** The first place whose cumulative count is above a number below the total. */
function firstAbove(cumulative: Float64Array, value: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
