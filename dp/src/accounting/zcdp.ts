/**
 * Zero-concentrated differential privacy: ρ adds up, and RDP(α) ≤ αρ at every real order above 1, so that the order is free to be chosen:
 *
 *   δ(ε) = min_α exp((α−1)(αρ − ε) + α·ln(1 − 1/α)) / (α − 1)
 *
 * Source: Bun, Steinke (2016); Canonne, Kamath, Steinke (2020), Corollary 13. Any α gives a bound, so where the search stops short the
 * answer errs upward.
 */
import { fail } from "@tributary/errors";
import { checkDelta } from "./orders.ts";

/** ρ of Gaussian noise, continuous or discrete, without sampling: 1/2z². */
export const rhoOfGaussian = (noiseMultiplier: number): number => 1 / (2 * noiseMultiplier * noiseMultiplier);

/** ρ of anything ε-private: ε²/2 (Bun, Steinke, Proposition 1.4). */
export const rhoOfPure = (epsilon: number): number => (epsilon * epsilon) / 2;

/** The least ε that ρ-zCDP is shown to keep at δ, and the order that shows it. @throws TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID */
export function epsilonFromZcdp(rho: number, delta: number): { epsilon: number; order: number | null } {
  checkRho(rho);
  checkDelta(delta);
  if (rho === 0 || delta * delta + Math.expm1(-rho) >= 0) return { epsilon: 0, order: null };
  const at = (order: number) => rho * order + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
  const order = bestOrder(at);
  return { epsilon: Math.max(0, at(order)), order };
}

/** The least δ that ρ-zCDP is shown to keep at ε. @throws TRB_DP_PARAMETER_INVALID */
export function deltaFromZcdp(rho: number, epsilon: number): number {
  checkRho(rho);
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
  }
  if (rho === 0) return 0;
  const logAt = (order: number) => (order - 1) * (order * rho - epsilon) + order * Math.log1p(-1 / order) - Math.log(order - 1);
  return Math.min(1, Math.sqrt(-Math.expm1(-rho)), Math.exp(logAt(bestOrder(logAt))));
}

/** The most ρ that keeps ε at δ, rounded down. @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID */
export function rhoFor(epsilon: number, delta: number): number {
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  checkDelta(delta);
  let low = 0;
  let high = epsilon;
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = low + (high - low) / 2;
    if (middle === low || middle === high) break;
    if (epsilonFromZcdp(middle, delta).epsilon <= epsilon) low = middle;
    else high = middle;
  }
  return low;
}

function checkRho(rho: number): void {
  if (!(rho >= 0 && Number.isFinite(rho))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "rho", value: rho, expected: "a finite number from 0 on" });
  }
}

/** Golden-section search over ln(α − 1), where the function has one valley. */
function bestOrder(at: (order: number) => number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  const value = (logExcess: number) => at(1 + Math.exp(logExcess));
  let low = -14;
  let high = 35;
  let left = high - golden * (high - low);
  let right = low + golden * (high - low);
  let atLeft = value(left);
  let atRight = value(right);
  while (high - low > 1e-8) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - golden * (high - low);
      atLeft = value(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + golden * (high - low);
      atRight = value(right);
    }
  }
  return 1 + Math.exp((low + high) / 2);
}
