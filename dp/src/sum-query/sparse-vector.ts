/**
 * Step 1 of a sum query for vectors of which nearly everything is zero: the same integers as `addCustomer`, at the cost of the
 * coordinates that a customer touches and not of the dimension. Statistics are such vectors: a customer's pairs among millions.
 *
 * Clipping sees only the values, since zeros add nothing to a norm. That is right as long as no coordinate is named twice: two values of
 * norm C at one place would add up to 2C. So coordinates must ascend strictly, and a vector whose don't counts as zero.
 */
import { fail } from "@tributary/errors";
import { clipToGrid } from "../clipping/clip-to-grid.ts";
import type { Grid } from "./grid.ts";

/** A vector by the coordinates that aren't zero. */
export interface SparseVector {
  /** [entries] coordinates from 0, strictly ascending. */
  readonly coordinates: Uint32Array;
  /** [entries] */
  readonly values: Float32Array | Float64Array;
}

/**
 * `exact` arithmetic: clips one customer's vector on the grid and adds it.
 * @param total [dimension] grid units, changed in place
 * @returns whether it counted: a vector with a number that is not finite, with more than `touched` coordinates that are not zero, with a
 *   coordinate outside the dimension, or with coordinates that don't ascend strictly counts as zero (the caller counts those, locally only)
 * @throws TRB_DP_LENGTH_MISMATCH when there are not as many values as coordinates
 */
export function addSparseCustomer(
  total: Float64Array,
  { coordinates, values }: SparseVector,
  grid: Pick<Grid, "unitsPerOne" | "clipNorm" | "squaredLimit">,
  touched: number,
): boolean {
  if (coordinates.length !== values.length) {
    throw fail("TRB_DP_LENGTH_MISMATCH", { length: values.length, expected: coordinates.length });
  }
  if (!ascendsWithin(coordinates, total.length)) return false;
  const units = clipToGrid(values, grid);
  if (units === null) return false;
  let moved = 0;
  for (const unit of units) if (unit !== 0) moved++;
  if (moved > touched) return false;
  for (let i = 0; i < coordinates.length; i++) {
    const at = coordinates[i] as number;
    total[at] = (total[at] as number) + (units[i] as number);
  }
  return true;
}

function ascendsWithin(coordinates: Uint32Array, dimension: number): boolean {
  let before = -1;
  for (const coordinate of coordinates) {
    if (coordinate <= before) return false;
    before = coordinate;
  }
  return before < dimension;
}
