/**
 * From real numbers to integers on a grid whose step is a power of two, for mechanisms that add integer noise.
 *
 * Rounding to the nearest integer moves two numbers at most one apart farther: |round(a) − round(b)| ≤ |a − b| + 1, so that a sensitivity
 * of Δ in the numbers' unit is Δ/step + √d (L2) or Δ/step + d (L1) on the grid. Division by a power of two is exact in floats.
 */
import { add, divide, fromNumber, type Rational, squareRootUp, toNumber, whole } from "../exact/rational.ts";

export interface IntegerGrid {
  /** A power of two. */
  readonly step: number;
  /** Sensitivity in steps, rounded up. */
  readonly sensitivity: Rational;
}

/** Steps in one sensitivity, at least, for each coordinate that rounding can move: what rounding costs is 2^−16 of the noise. */
const fineness = 2 ** 16;
/** Beyond it numbers are clamped, which moves no two of them apart. */
const mostSteps = 2 ** 52;

/** @param norm which norm the sensitivity is of */
export function gridFor(sensitivity: Rational, dimension: number, norm: "l1" | "l2"): IntegerGrid {
  const moved = norm === "l2" ? squareRootUp(whole(dimension), 20) : whole(dimension);
  const target = toNumber(sensitivity) / (fineness * Math.sqrt(dimension));
  const step = 2 ** Math.min(1000, Math.max(-1000, Math.floor(Math.log2(target)) || 0));
  return { step, sensitivity: add(divide(sensitivity, fromNumber(step)), moved) };
}

/** Nearest integers; what is not a number counts as 0. Nothing here throws, because an error would tell of the values. */
export function toGrid(values: Float64Array, { step }: IntegerGrid): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const value = Math.round((values[i] as number) / step);
    out[i] = Number.isNaN(value) ? 0 : Math.min(mostSteps, Math.max(-mostSteps, value)) + 0;
  }
  return out;
}

/** Back, after the noise: post-processing. */
export function fromGrid(units: Float64Array, { step }: IntegerGrid): Float64Array {
  return units.map((value) => value * step);
}
