/**
 * Composition of releases of which only (ε, δ) is known.
 *
 *   basic     Σ ε_i at Σ δ_i
 *   advanced  Σ ε_i·(e^{ε_i} − 1)/(e^{ε_i} + 1) + √(2 ln(1/δ′)·Σ ε_i²) at 1 − (1 − δ′)·Π(1 − δ_i)
 *   optimal   of k equal releases, exactly what k randomised responses leak:
 *             δ(ε) = 1 − (1−δ₀)^k·(1 − Σ_l C(k,l)·(e^{(k−l)ε₀} − e^{ε + lε₀})₊ / (1 + e^{ε₀})^k)
 *
 * Source: Kairouz, Oh, Viswanath, "The Composition Theorem for Differential Privacy" (2015), Theorems 3.3 and 3.5.
 */
import { fail } from "@tributary/errors";
import { checkDelta, checkFromZero, checkSteps } from "./orders.ts";

export interface ApproximateReleases {
  readonly epsilon: number;
  readonly delta: number;
  readonly count: number;
}

/** ε of all together at δ by the best of the three. @throws as `approximate`; TRB_DP_STEPS_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_DELTA_SPENT when the releases' own δ pass it */
export function composeApproximate(releases: readonly ApproximateReleases[], delta: number): number {
  checkDelta(delta);
  for (const release of releases) {
    checkFromZero("epsilon", release.epsilon);
    checkSteps(release.count);
    if (release.delta >= 0 && release.delta < 1) continue;
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "delta", value: release.delta, expected: "from 0 to below 1" });
  }
  if (releases.length === 0) return 0;
  const logKept = releases.reduce((sum, r) => sum + r.count * Math.log1p(-r.delta), 0);
  const spent = -Math.expm1(logKept);
  if (spent > delta) throw fail("TRB_DP_DELTA_SPENT", { delta, spent });
  const sum = (of: (epsilon: number) => number) => releases.reduce((total, r) => total + r.count * of(r.epsilon), 0);
  let best = sum((epsilon) => epsilon);
  // 1 − (1 − δ′)·kept = δ
  const slack = -Math.expm1(Math.log1p(-delta) - logKept);
  if (slack > 0) {
    const drift = sum((epsilon) => epsilon * Math.tanh(epsilon / 2));
    best = Math.min(best, drift + Math.sqrt(-2 * Math.log(slack) * sum((epsilon) => epsilon * epsilon)));
  }
  const [first, second] = releases;
  if (first && !second && slack > 0) best = Math.min(best, optimalEpsilon(first.epsilon, first.count, slack));
  return best;
}

/**
 * Exactly δ(ε) of `count` releases that are each (ε₀, 0)-private and as bad as that allows.
 * @throws TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function optimalDelta(each: number, count: number, epsilon: number): number {
  checkSteps(count);
  checkFromZero("each", each);
  checkFromZero("epsilon", epsilon);
  const logDenominator = count * (each + Math.log1p(Math.exp(-each)));
  let logBinomial = 0;
  let sum = 0;
  for (let l = 0; l <= count && (count - 2 * l) * each > epsilon; l++) {
    if (l > 0) logBinomial += Math.log((count - l + 1) / l);
    const loss = (count - 2 * l) * each;
    sum += Math.exp(logBinomial + (count - l) * each - logDenominator) * -Math.expm1(epsilon - loss);
  }
  return sum;
}

/** The least ε with `optimalDelta` ≤ δ, rounded up. */
function optimalEpsilon(each: number, count: number, delta: number): number {
  let low = 0;
  let high = each * count;
  if (optimalDelta(each, count, 0) <= delta) return 0;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (optimalDelta(each, count, middle) * (1 + 1e-9) <= delta) high = middle;
    else low = middle;
  }
  return high;
}
