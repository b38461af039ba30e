/**
 * L2 clipping that holds exactly: the vector becomes integers on the grid of s·2^f units, and their squared norm is compared with
 * (s·2^f·C)² in integers, so no rounding error can hide in the sensitivity. Source: DESIGN §4, `exact` arithmetic.
 *
 * The comparison is made in floats where their error interval proves the answer, and in BigInt where it doesn't. A sum of n squares
 * of integers, each rounded, is within (n + 2)·2⁻⁵³ of its value relatively.
 */
import type { Grid } from "../sum-query/grid.ts";
import { eachStretch, type Support } from "../sum-query/support.ts";
import { clipL2, normL2 } from "./clip-l2.ts";

/**
 * Clips a vector and puts it on the integer grid, where its norm holds exactly.
 * @param vector [dimension]; not changed
 * @returns [dimension] integers whose squared sum is at most `grid.squaredLimit`; null for a vector that is not finite
 */
export function clipToGrid(
  vector: Float32Array | Float64Array,
  grid: Pick<Grid, "unitsPerOne" | "clipNorm" | "squaredLimit">,
): Float64Array | null {
  const units = Float64Array.from(vector);
  if (Number.isNaN(clipL2(units, grid.clipNorm))) return null;
  // + 0 turns −0 into 0: there is one zero in the integers
  for (let i = 0; i < units.length; i++) units[i] = Math.trunc((units[i] as number) * grid.unitsPerOne) + 0;
  while (!isWithin(units, grid.squaredLimit)) shrink(units, grid.squaredLimit);
  return units;
}

/** Exactly: Σ x² ≤ limit. Entries are integers below 2⁵³. */
export function isWithin(units: Float64Array, limit: bigint): boolean {
  let sum = 0;
  for (let i = 0; i < units.length; i++) sum += (units[i] as number) * (units[i] as number);
  if (isSurelyWithin(sum, units.length, limit)) return true;
  if (sum > Number(limit) * (1 + errorOf(units.length))) return false;
  let exact = 0n;
  for (const value of units) if (value !== 0) exact += BigInt(value) * BigInt(value);
  return exact <= limit;
}

/** Whether a sum of squares in floats proves that the exact one is within the limit. */
function isSurelyWithin(sum: number, length: number, limit: bigint): boolean {
  return sum <= Number(limit) * (1 - errorOf(length));
}

/** The sum's relative error twice over, and that of turning the limit into a double. */
const errorOf = (length: number) => (length + 8) * 2 ** -52;

/**
 * Adds what `clipToGrid` would make of the vector, without an array of its own, where floats prove that it is within the bound.
 * @param total [dimension] grid units, changed in place unless false is returned
 * @param support outside of which the vector is 0: everywhere unless given
 * @returns false where floats don't prove it, or the vector is not finite
 */
export function addWithin(
  total: Float64Array,
  vector: Float32Array | Float64Array,
  { unitsPerOne, clipNorm, squaredLimit }: Pick<Grid, "unitsPerOne" | "clipNorm" | "squaredLimit">,
  support?: Support,
): boolean {
  const norm = normL2(vector, support);
  if (!(norm < Number.POSITIVE_INFINITY)) return false;
  // the same operations in the same order as `clipL2` and `clipToGrid`, so the same integers; × 1 changes nothing
  const factor = norm > clipNorm ? clipNorm / norm : 1;
  if (factor === 0) return false;
  const add = (sign: 1 | -1): number => {
    let squares = 0;
    // two functions, because a loop over arrays of either kind takes twice as long
    const addStretch = (from: number, to: number): void => {
      squares +=
        vector instanceof Float32Array
          ? addUnits32(total, vector, from, to, sign * factor, unitsPerOne)
          : addUnits64(total, vector, from, to, sign * factor, unitsPerOne);
    };
    if (support === undefined) addStretch(0, total.length);
    else eachStretch(support, addStretch);
    return squares;
  };
  if (isSurelyWithin(add(1), vector.length, squaredLimit)) return true;
  add(-1); // integers below 2⁵³: what was added comes off again to the bit
  return false;
}

/** total ← total + ⌊vector·factor·unitsPerOne⌋, toward zero. @returns the sum of the squares of what was added, in floats of whatever order */
function addUnits32(
  total: Float64Array,
  vector: Float32Array,
  from: number,
  to: number,
  factor: number,
  unitsPerOne: number,
): number {
  const whole = to - ((to - from) & 1);
  let [even, odd] = [0, 0]; // two sums that don't wait for each other
  for (let i = from; i < whole; i += 2) {
    const first = Math.trunc((vector[i] as number) * factor * unitsPerOne);
    const second = Math.trunc((vector[i + 1] as number) * factor * unitsPerOne);
    even += first * first;
    odd += second * second;
    total[i] = (total[i] as number) + first;
    total[i + 1] = (total[i + 1] as number) + second;
  }
  if (whole === to) return even + odd;
  const last = Math.trunc((vector[whole] as number) * factor * unitsPerOne);
  total[whole] = (total[whole] as number) + last;
  return even + odd + last * last;
}

function addUnits64(
  total: Float64Array,
  vector: Float64Array,
  from: number,
  to: number,
  factor: number,
  unitsPerOne: number,
): number {
  const whole = to - ((to - from) & 1);
  let [even, odd] = [0, 0];
  for (let i = from; i < whole; i += 2) {
    const first = Math.trunc((vector[i] as number) * factor * unitsPerOne);
    const second = Math.trunc((vector[i + 1] as number) * factor * unitsPerOne);
    even += first * first;
    odd += second * second;
    total[i] = (total[i] as number) + first;
    total[i + 1] = (total[i + 1] as number) + second;
  }
  if (whole === to) return even + odd;
  const last = Math.trunc((vector[whole] as number) * factor * unitsPerOne);
  total[whole] = (total[whole] as number) + last;
  return even + odd + last * last;
}

/** Scales down a little below the limit. Each entry that is not zero loses at least one unit, so the loop around this ends. */
function shrink(units: Float64Array, limit: bigint): void {
  let sum = 0;
  for (const value of units) sum += value * value;
  const factor = Math.min(1 - 2 ** -40, Math.sqrt(Number(limit) / sum));
  for (let i = 0; i < units.length; i++) units[i] = Math.trunc((units[i] as number) * factor) + 0;
}
