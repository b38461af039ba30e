/** Φ⁻¹, for trade-off curves of Gaussian mechanisms. */
import { logNormalTail, normalTail } from "../accounting/normal.ts";

/**
 * The t with P(Z ≤ t) = probability, −Infinity at 0 and Infinity at 1. Newton's steps on ln P from the tail's leading term: the logarithm is
 * concave, so from the outer side they close in without leaving it, to full relative precision of the tail.
 */
export function normalQuantile(probability: number): number {
  if (!(probability > 0)) return Number.NEGATIVE_INFINITY;
  if (!(probability < 1)) return Number.POSITIVE_INFINITY;
  if (probability > 0.5) return upperQuantile(1 - probability);
  return -upperQuantile(probability);
}

/** The t ≥ 0 with P(Z > t) = tail ≤ ½. */
function upperQuantile(tail: number): number {
  const target = Math.log(tail);
  let t = Math.sqrt(Math.max(0, -2 * (target + Math.LN2)));
  for (let step = 0; step < 60; step++) {
    const value = logNormalTail(t);
    const slope = -Math.exp(-0.5 * t * t - 0.5 * Math.log(2 * Math.PI) - value);
    const next = t - (value - target) / slope;
    if (Math.abs(next - t) <= 1e-15 * Math.max(1, t)) return Math.max(0, next);
    t = next;
  }
  return t;
}

/** Φ(t) */
export const normalCdf = (t: number): number => normalTail(-t);
