/**
 * Step 1 of a sum query: real vectors become integers on the grid of s·2^f units, and add up there.
 *
 *   node                                                         coordinator
 *   addCustomer (exact) or addBucket (bucketed) ── total ──▶     (clamp, dither, noise, modular) ──▶ dequantise
 *
 * Integers add the same in any order, so removing one customer leaves what the others add untouched, to the bit. A float64 holds
 * every integer below 2⁵³; `mostCustomers` of `sumQueryParameters` keeps totals there.
 */
import { fail } from "@tributary/errors";
import { addWithin, clipToGrid } from "../clipping/clip-to-grid.ts";
import { floor, multiply, type Rational, toNumber, whole } from "../exact/rational.ts";
import type { Support } from "./support.ts";

/** The grid on which customers' vectors become integers. */
export interface Grid {
  /** s·2^f, as a double: grid units for one unit of the vector. */
  readonly unitsPerOne: number;
  /** C, as a double. */
  readonly clipNorm: number;
  /** ⌊(s·2^f·C)²⌋: an integer vector's squared norm is within the bound exactly if it is at most this. */
  readonly squaredLimit: bigint;
  /** f */
  readonly fractionBits: number;
}

/** The grid of a plan's numbers. @throws TRB_DP_PARAMETER_INVALID unless 0 ≤ fractionBits ≤ 20 */
export function sumQueryGrid(query: {
  readonly scale: Rational;
  readonly clipNorm: Rational;
  readonly fractionBits: number;
}): Grid {
  const { scale, clipNorm, fractionBits } = query;
  if (!(Number.isInteger(fractionBits) && fractionBits >= 0 && fractionBits <= 20)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "fractionBits", value: fractionBits, expected: "from 0 to 20" });
  }
  const units = multiply(scale, whole(2 ** fractionBits));
  const radius = multiply(units, clipNorm);
  if (floor(radius) >= 2n ** 46n) throw fail("TRB_DP_GRID_TOO_FINE");
  return {
    unitsPerOne: toNumber(units),
    clipNorm: toNumber(clipNorm),
    squaredLimit: floor(multiply(radius, radius)),
    fractionBits,
  };
}

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * `exact` arithmetic: clips one customer's vector on the grid and adds it.
 * @param total [dimension] grid units, changed in place
 * @param vector [dimension]
 * @param support outside of which the vector is 0: everywhere unless given
 * @returns whether it counted: a vector with a number that is not finite, or with more than `touched` coordinates that are not
 *   zero, counts as zero (the caller counts those, locally only)
 * @throws TRB_DP_LENGTH_MISMATCH
 */
export function addCustomer(
  total: Float64Array,
  vector: Float32Array | Float64Array,
  grid: Grid,
  touched: number,
  support?: Support,
): boolean {
  checkLength(vector.length, total.length);
  if (support) checkLength(support.length, total.length);
  if (touched >= total.length && addWithin(total, vector, grid, support)) return true; // nearly always, where all coordinates may be touched
  const units = clipToGrid(vector, grid);
  if (units === null || countNonZero(units) > touched) return false;
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (units[i] as number);
  return true;
}

/**
 * `bucketed` arithmetic: turns one graph run's clipped sum into grid units, truncating toward zero, and adds it.
 * @param total [dimension] grid units, changed in place
 * @param bucketSum [dimension], clipped customer by customer inside the graph
 * @param from, to only these coordinates, for a sum that is zero elsewhere: all unless given. Coordinates that are not named must be
 *   zero, and none may be named twice, so that each is truncated once a bucket
 * @returns whether it counted: a sum with a number that is not finite counts as zero. The graph makes single customers' non-finite
 *   vectors zero before they are summed; this is the second lock on the door.
 * @throws TRB_DP_LENGTH_MISMATCH
 */
export function addBucket(
  total: Float64Array,
  bucketSum: Float32Array | Float64Array,
  { unitsPerOne }: Pick<Grid, "unitsPerOne">,
  from = 0,
  to = total.length,
): boolean {
  checkLength(bucketSum.length, total.length);
  if (!allFinite(bucketSum, from, to)) return false;
  addUnits(total, from, bucketSum, from, to, unitsPerOne);
  return true;
}

/**
 * The same where the run's output holds a stretch of the vector only, so that it need not be copied into a whole one first.
 * @param at the place in `total` of `part[from]`
 * @param part `part[from]` up to, not including, `part[to]`. The caller has made sure that they are finite (`allFinite`) and that a
 *   bucket names each coordinate once
 * @throws TRB_DP_LENGTH_MISMATCH
 */
export function addBucketPart(
  total: Float64Array,
  at: number,
  part: Float32Array | Float64Array,
  { unitsPerOne }: Pick<Grid, "unitsPerOne">,
  from = 0,
  to = part.length,
): void {
  const fits = from >= 0 && to <= part.length && at >= 0 && at + to - from <= total.length;
  if (!fits)
    throw fail("TRB_DP_LENGTH_MISMATCH", { length: to - from, expected: Math.min(part.length - from, total.length - at) });
  addUnits(total, at, part, from, to, unitsPerOne);
}

/**
 * The same for a sum that is kept where it will stand in `total`; it is 0 afterwards, ready for the next bucket.
 * @throws TRB_DP_LENGTH_MISMATCH
 */
export function moveBucketPart(
  total: Float64Array,
  sum: Float64Array,
  { unitsPerOne }: Pick<Grid, "unitsPerOne">,
  from: number,
  to: number,
): void {
  checkLength(sum.length, total.length);
  for (let i = from; i < to; i++) {
    total[i] = (total[i] as number) + Math.trunc((sum[i] as number) * unitsPerOne);
    sum[i] = 0;
  }
}

/** Whether every number of a stretch is finite. */
export function allFinite(values: Float32Array | Float64Array, from = 0, to = values.length): boolean {
  if (values instanceof Float32Array) {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    let carried = 0; // an exponent of all ones, and no other, carries into the sign
    for (let i = from; i < to; i++) carried |= ((bits[i] as number) & 0x7f800000) + 0x00800000;
    return carried >= 0;
  }
  let probe = 0; // stays 0 as long as everything is finite
  for (let i = from; i < to; i++) probe += (values[i] as number) * 0;
  return probe === 0;
}

function addUnits(
  total: Float64Array,
  at: number,
  values: Float32Array | Float64Array,
  from: number,
  to: number,
  unitsPerOne: number,
): void {
  // two functions, because a loop over arrays of either kind takes twice as long
  if (values instanceof Float32Array) addUnits32(total, at - from, values, from, to, unitsPerOne);
  else addUnits64(total, at - from, values, from, to, unitsPerOne);
}

function addUnits32(total: Float64Array, shift: number, values: Float32Array, from: number, to: number, units: number): void {
  for (let i = from; i < to; i++) {
    total[i + shift] = (total[i + shift] as number) + Math.trunc((values[i] as number) * units);
  }
}

function addUnits64(total: Float64Array, shift: number, values: Float64Array, from: number, to: number, units: number): void {
  for (let i = from; i < to; i++) {
    total[i + shift] = (total[i + shift] as number) + Math.trunc((values[i] as number) * units);
  }
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The inverse: from integer units back to the vector's. The divisor is a constant of the plan, never a count of the customers that
 * came: such a count depends on the data, and dividing by it would release it without noise.
 * @param sum [dimension] integer units
 * @param scale s
 * @param divisor a constant of the plan, for example samplingRate·minCustomers; 1 for the plain sum
 * @param out [dimension] what it is written to, for whoever does it often; a new array unless given
 * @returns [dimension]
 * @throws TRB_DP_LENGTH_MISMATCH
 */
export function dequantise(
  sum: Int32Array | Float64Array,
  scale: number,
  divisor = 1,
  out: Float64Array = new Float64Array(sum.length),
): Float64Array {
  checkLength(out.length, sum.length);
  const unit = scale * divisor;
  if (!(unit > 0 && Number.isFinite(unit))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "divisor", value: divisor, expected: "above 0" });
  }
  for (let i = 0; i < out.length; i++) out[i] = (sum[i] as number) / unit;
  return out;
}

function countNonZero(units: Float64Array): number {
  let count = 0;
  for (const value of units) if (value !== 0) count++;
  return count;
}

function checkLength(length: number, expected: number): void {
  if (length !== expected) throw fail("TRB_DP_LENGTH_MISMATCH", { length, expected });
}
