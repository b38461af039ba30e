/**
 * L2 clipping in floats: a vector longer than C is scaled down to C. What it returns may pass C by a rounding error (some 1e-16 of it), so
 * a sensitivity may rest on it only with an allowance (bucketed arithmetic) or after `clip-to-grid.ts` has checked it in integers.
 */
import { fail } from "@tributary/errors";
import { eachStretch, type Support } from "../sum-query/support.ts";

/**
 * Scales the vector in place to an L2 norm of at most C (up to rounding). One that holds a number that is not finite becomes zero.
 * @param vector [any length]
 * @param clipNorm C > 0
 * @returns the norm before clipping; NaN when the vector became zero because it was not finite
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function clipL2(vector: Float32Array | Float64Array, clipNorm: number): number {
  if (!(clipNorm > 0 && Number.isFinite(clipNorm))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "clipNorm", value: clipNorm, expected: "a finite number above 0" });
  }
  const norm = normL2(vector);
  if (Number.isNaN(norm)) {
    vector.fill(0);
  } else if (norm > clipNorm) {
    const factor = clipNorm / norm;
    if (factor > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) * factor;
    else for (let i = 0; i < vector.length; i++) vector[i] = ((vector[i] as number) / norm) * clipNorm; // the quotient vanishes
  }
  return norm;
}

/**
 * The L2 norm, scaled by the largest entry where squares might overflow or vanish; NaN unless all entries are finite.
 * @param support outside of which the vector is 0: everywhere unless given
 */
export function normL2(vector: Float32Array | Float64Array, support?: Support): number {
  const sums = new Float64Array(4);
  // two functions, because a loop over arrays of either kind takes twice as long
  const add = (from: number, to: number): void =>
    vector instanceof Float32Array ? addSquares32(sums, vector, from, to) : addSquares64(sums, vector, from, to);
  if (support === undefined) add(0, vector.length);
  else eachStretch(support, add);
  const [a, b, c, d] = sums as unknown as readonly [number, number, number, number];
  const plain = a + b + (c + d);
  if (plain > 1e-200 && plain < 1e200) return Math.sqrt(plain);
  if (support?.blocks.includes(1) === false) return 0;
  let largest = 0;
  for (const value of vector) {
    if (!Number.isFinite(value)) return Number.NaN;
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0) return 0;
  let sum = 0;
  for (const value of vector) sum += (value / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/** Into four sums that don't wait for each other, by the coordinate modulo 4: one alone takes as long as four. */
function addSquares32(sums: Float64Array, vector: Float32Array, from: number, to: number): void {
  const whole = to - ((to - from) & 3);
  let a = sums[0] as number;
  let b = sums[1] as number;
  let c = sums[2] as number;
  let d = sums[3] as number;
  for (let i = from; i < whole; i += 4) {
    a += (vector[i] as number) * (vector[i] as number);
    b += (vector[i + 1] as number) * (vector[i + 1] as number);
    c += (vector[i + 2] as number) * (vector[i + 2] as number);
    d += (vector[i + 3] as number) * (vector[i + 3] as number);
  }
  for (let i = whole; i < to; i++) a += (vector[i] as number) * (vector[i] as number);
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}

/** The same additions in the same order, so that a vector has one norm in either kind of array. */
function addSquares64(sums: Float64Array, vector: Float64Array, from: number, to: number): void {
  const whole = to - ((to - from) & 3);
  let a = sums[0] as number;
  let b = sums[1] as number;
  let c = sums[2] as number;
  let d = sums[3] as number;
  for (let i = from; i < whole; i += 4) {
    a += (vector[i] as number) * (vector[i] as number);
    b += (vector[i + 1] as number) * (vector[i + 1] as number);
    c += (vector[i + 2] as number) * (vector[i + 2] as number);
    d += (vector[i + 3] as number) * (vector[i + 3] as number);
  }
  for (let i = whole; i < to; i++) a += (vector[i] as number) * (vector[i] as number);
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}
