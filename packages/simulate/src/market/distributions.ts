/** Draws from the distributions that the market is made of, over a seeded generator. Floating point: for make-believe only, never for noise that protects. */
import type { SeededRandom } from "@tributary/events";

/** True with this chance. */
export const chance = (probability: number, random: SeededRandom): boolean => random.fraction() < probability;

/** Mean `mean`. */
export const exponential = (mean: number, random: SeededRandom): number => -mean * Math.log(1 - random.fraction());

/** Box–Muller; the second of the pair is thrown away, so that a draw leaves no state behind. */
export function normal(random: SeededRandom): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.fraction()));
  return radius * Math.cos(2 * Math.PI * random.fraction());
}

/** By its median and the standard deviation of its logarithm. */
export const lognormal = (median: number, spread: number, random: SeededRandom): number =>
  median * Math.exp(spread * normal(random));

/** Gamma with scale 1 (Marsaglia, Tsang 2000; shapes below 1 by their boosting, Gamma(a) = Gamma(a + 1) · U^(1/a)). */
export function gamma(shape: number, random: SeededRandom): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.fraction()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.fraction()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Weights to draw places by, prepared once: `cumulative[i]` = w₀ + … + w_i. */
export type Weighted = Float64Array;

/** @param weights none negative, at least one positive */
export function weighted(weights: readonly number[]): Weighted {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  weights.forEach((weight, place) => {
    sum += weight;
    cumulative[place] = sum;
  });
  return cumulative;
}

/** Rank r = 1, 2, … has weight r^−exponent. */
export const zipf = (count: number, exponent: number): number[] =>
  Array.from({ length: count }, (_, place) => (place + 1) ** -exponent);

/** A place, by its weight; binary search. */
export function draw(cumulative: Weighted, random: SeededRandom): number {
  const target = random.fraction() * (cumulative.at(-1) ?? 0);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
