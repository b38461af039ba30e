/** For tests: distributions of small mechanisms, written out, and how far apart they are. */
import { chiSquareLimit } from "../sampling/seeded-source.ts";

/** δ(ε) = Σ max(0, P(x) − e^ε·Q(x)), the larger of both directions. */
export function hockeyStickOf(p: readonly number[], q: readonly number[], epsilon: number): number {
  const one = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + Math.max(0, value - Math.exp(epsilon) * (b[i] ?? 0)), 0);
  return Math.max(one(p, q), one(q, p));
}

/** ln E_Q[(P/Q)^α]/(α − 1), the larger of both directions. */
export function renyiOf(p: readonly number[], q: readonly number[], order: number): number {
  const one = (a: readonly number[], b: readonly number[]) =>
    Math.log(a.reduce((sum, value, i) => sum + value ** order * (b[i] ?? 0) ** (1 - order), 0)) / (order - 1);
  return Math.max(one(p, q), one(q, p));
}

/** χ² of counts against probabilities, over what it passes with probability 1e-10; below 1 is fine. Each count should be due 25 times. */
export function chiSquareRatio(counts: ArrayLike<number>, probabilities: readonly number[]): number {
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  const kept = probabilities.map((p, i) => ({ due: p * total, seen: counts[i] ?? 0 })).filter(({ due }) => due > 0);
  const statistic = kept.reduce((sum, { due, seen }) => sum + (seen - due) ** 2 / due, 0);
  const impossible = probabilities.some((p, i) => p === 0 && (counts[i] ?? 0) > 0);
  return impossible ? Number.POSITIVE_INFINITY : statistic / chiSquareLimit(kept.length - 1);
}

/** How often each outcome 0 … size − 1 comes. */
export function tally(draws: number, size: number, draw: () => number): Float64Array {
  const counts = new Float64Array(size);
  for (let i = 0; i < draws; i++) {
    const outcome = draw();
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}
