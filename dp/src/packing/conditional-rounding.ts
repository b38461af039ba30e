/**
 * One vector rounded at random to whole numbers, again and again until it is short enough: what keeps the sensitivity of a coarse grid near the
 * vector's own length, where a single rounding could add √d to it.
 *
 * The check is on integers and exact, so whatever floats did before, nobody's vector is longer than Δ. It is for one vector rounded alone (a
 * device's whole update), not for a sum of customers' vectors: there one customer's coming moves how the others are rounded.
 *
 * How many roundings are too long depends on the vector, and of a vector without fractions none is. So that neither time nor the bytes of `random`
 * tell, the same number is made whatever comes of them, without branches on coordinates; more only where all of those were too long.
 * Source: Kairouz, Liu, Steinke (2021), §4.1, Algorithm 1; privacy-core.md §2, steps 2 and 3.
 */
import { fail } from "@tributary/errors";
import { type RandomSource, type WordReader, wordReader } from "../sampling/random-source.ts";

/** With β = e^−½ a rounding passes with probability 0.39 or more: all of these fail with probability below 2⁻¹⁴⁵. */
const mostTries = 200;
/** Made whatever comes of them: that none of them passes has a chance below 0.02, of vectors of length C below 1e-6 (0.84 and more pass at once). */
const alwaysTried = 8;

/**
 * Each coordinate becomes a whole number beside it, up with the probability of what it is above the lower: right on average, but for the
 * condition. After `mostTries` it is truncated instead, which is never longer than the vector.
 * @param values [d] in integer units, changed in place to whole numbers
 * @param mostSquared ⌊Δ²⌋: the greatest sum of squares that passes; below 2⁵²
 * @param random secret
 * @returns the first rounding that was short enough, from 1
 * @throws TRB_DP_SENSITIVITY_INVALID when even truncated it is too long; `values` is all zeros then
 */
export function roundConditionally(values: Float64Array, mostSquared: number, random: RandomSource): number {
  if (!(Number.isInteger(mostSquared) && mostSquared >= 0 && mostSquared < 2 ** 52)) {
    throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity: Math.sqrt(mostSquared) });
  }
  const words = wordReader(random);
  const [rounded, spare] = [new Float64Array(values.length), new Float64Array(values.length)];
  let passed = 0;
  for (let tries = 1; tries <= alwaysTried || (passed === 0 && tries <= mostTries); tries++) {
    const into = passed === 0 ? rounded : spare;
    roundAtRandom(into, values, words);
    const isShort = squaredLength(into) <= mostSquared;
    if (isShort && passed === 0) passed = tries;
  }
  spare.fill(0);
  if (passed > 0) {
    values.set(rounded);
    rounded.fill(0);
    return passed;
  }
  rounded.fill(0);
  for (let i = 0; i < values.length; i++) values[i] = Math.trunc(values[i] as number);
  if (squaredLength(values) <= mostSquared) return mostTries;
  const sensitivity = Math.sqrt(squaredLength(values));
  values.fill(0);
  throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
}

/** word < fraction·2³² as 1 or 0: the sign of a difference of floats is always right, and the ceiling of it, over 2³², is that number. */
function roundAtRandom(into: Float64Array, values: Float64Array, words: WordReader): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const lower = Math.floor(value);
    const up = Math.ceil(((value - lower) * 2 ** 32 - words.word()) * 2 ** -32) + 0; // no branch: half of them could not be predicted
    into[i] = lower + up;
  }
}

/** Exact up to 2⁵³; beyond that it is certainly too much, and stays so. */
function squaredLength(integers: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < integers.length; i++) sum += (integers[i] as number) * (integers[i] as number);
  return sum;
}
