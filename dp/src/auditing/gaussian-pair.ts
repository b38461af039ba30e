/** How well two normal distributions of any means and deviations can be told apart, as ε at δ. */
import { normalTail } from "../accounting/normal.ts";

export interface Normal {
  readonly mean: number;
  /** > 0 */
  readonly deviation: number;
}

/** The least ε ≥ 0 with both hockey sticks at most δ, rounded up in the last digits; 256 where it is more than that. */
export function gaussianPairEpsilon(a: Normal, b: Normal, delta: number): number {
  const enough = (epsilon: number) => hockeyStick(a, b, epsilon) <= delta && hockeyStick(b, a, epsilon) <= delta;
  if (enough(0)) return 0;
  let low = 0;
  let high = 256;
  while (high - low > 1e-12 * high) {
    const middle = low + (high - low) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * P_a[L > ε] − e^ε·P_b[L > ε] for the loss L = ln a/b, which is a parabola in x: what is above ε lies outside two roots (a is wider), between
 * them (b is wider), or on one side (equal deviations).
 */
function hockeyStick(a: Normal, b: Normal, epsilon: number): number {
  const gain = (from: number, to: number) => Math.max(0, mass(a, from, to) - Math.exp(epsilon) * mass(b, from, to));
  // L(x) = square·x² + linear·x + constant
  const square = 0.5 / b.deviation ** 2 - 0.5 / a.deviation ** 2;
  const linear = a.mean / a.deviation ** 2 - b.mean / b.deviation ** 2;
  const constant =
    Math.log(b.deviation / a.deviation) + b.mean ** 2 / (2 * b.deviation ** 2) - a.mean ** 2 / (2 * a.deviation ** 2) - epsilon;
  if (Math.abs(square) * Math.max(a.deviation, b.deviation) ** 2 < 1e-12) {
    if (linear === 0) return 0;
    const root = -constant / linear;
    return linear > 0 ? gain(root, Number.POSITIVE_INFINITY) : gain(Number.NEGATIVE_INFINITY, root);
  }
  const discriminant = linear ** 2 - 4 * square * constant;
  if (discriminant <= 0) return square > 0 ? gain(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY) : 0;
  const turned = -0.5 * (linear + Math.sign(linear || 1) * Math.sqrt(discriminant));
  const [left, right] = [turned / square, constant / turned].sort((x, y) => x - y) as [number, number];
  if (square < 0) return gain(left, right);
  return gain(Number.NEGATIVE_INFINITY, left) + gain(right, Number.POSITIVE_INFINITY);
}

/** P[from < X < to], by the tail that is smaller. */
function mass({ mean, deviation }: Normal, from: number, to: number): number {
  const [low, high] = [(from - mean) / deviation, (to - mean) / deviation];
  return low > 0 ? normalTail(low) - normalTail(high) : normalTail(-high) - normalTail(-low);
}
