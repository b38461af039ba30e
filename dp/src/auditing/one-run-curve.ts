/**
 * The same one run held against a whole trade-off curve instead of one point (ε, δ) of it. That refutes more: a Gaussian mechanism's curve
 * lies well inside the region of any single (ε, δ).
 *
 * Let p_j be the chance of exactly j right guesses out of r, and r_i = Σ_{j≥i} p_j·j/m, h_i = Σ_{j≥i} p_j·(r − j)/m the shares of canaries
 * guessed right and wrong in runs with i or more right guesses. If the mechanism's curve is f, then h_i ≥ g(r_i) for every i, where g(x) is
 * the least chance under the one input of an event of chance x under the other (for μ-GDP Φ(Φ⁻¹(x) − μ)). Were P[v or more right] ≥ τ,
 * then r_v ≥ τ·v/m and h_v ≥ τ·(r − v)/m, and going down from i = v,
 *
 *   h_i ≥ max(h_{i+1}, g(r_{i+1})),   r_i ≥ r_{i+1} + (h_i − h_{i+1})·i/(r − i).
 *
 * All guesses together are r_0 + h_0 = r/m; a chain that ends above refutes the curve at error probability τ.
 *
 * Source: Mahloujifar, Melis, Chaudhuri, "Auditing f-Differential Privacy in One Run" (2024).
 */
import { fail } from "@tributary/errors";
import { gaussianEpsilon } from "../accounting/gaussian-dp.ts";
import { normalTail } from "../accounting/normal.ts";
import { checkSignificance } from "./binomial.ts";
import { normalQuantile } from "./normal-quantile.ts";
import { checkOneRun, largestRefuted, type OneRun, type OneRunTarget } from "./one-run.ts";

/** g: for an event of chance x under one input, its least chance under a neighbour. Rising, g(0) = 0, g(x) ≤ x. */
export type LeastChance = (chance: number) => number;

/** Rounding errors grow along the chain as a change of τ does; with so much less of τ they refute nothing. */
const rounding = 1e-9;

/** g of (ε, δ): max(0, (x − δ)·e^−ε, 1 − δ − e^ε·(1 − x)). */
export const leastChanceApproximate =
  (epsilon: number, delta: number): LeastChance =>
  (x) =>
    Math.max(0, (x - delta) * Math.exp(-epsilon), 1 - delta - Math.exp(epsilon) * (1 - x));

/** g of μ-GDP: Φ(Φ⁻¹(x) − μ). */
export const leastChanceGaussian =
  (mu: number): LeastChance =>
  (x) =>
    x <= 0 ? 0 : x >= 1 ? 1 : normalTail(mu - normalQuantile(x));

/**
 * Whether what the run showed has a chance below `significance` under every mechanism with this curve.
 * @throws TRB_DP_AUDIT_COUNTS_INVALID, TRB_DP_AUDIT_SIGNIFICANCE_INVALID
 */
export function refutesCurve(run: OneRun, leastChance: LeastChance, significance: number): boolean {
  checkOneRun(run);
  checkSignificance(significance);
  const { canaries, guesses, correct } = run;
  const chance = significance * (1 - rounding);
  let right = (chance * correct) / canaries;
  let wrong = (chance * (guesses - correct)) / canaries;
  for (let i = correct - 1; i >= 0; i--) {
    const least = Math.max(wrong, leastChance(right));
    if (least === wrong) break; // then neither changes any more
    right = Math.min(1, right + (least - wrong) * (i / (guesses - i)));
    wrong = least;
  }
  return right + wrong > guesses / canaries;
}

/**
 * The largest μ whose Gaussian curve is refuted, rounded down; 0 when none is.
 * @throws the codes of `refutesCurve`
 */
export const oneRunMu = (run: OneRun, significance: number): number =>
  largestRefuted((mu) => refutesCurve(run, leastChanceGaussian(mu), significance));

/**
 * `oneRunMu` as ε at δ. A lower bound for mechanisms whose curve is Gaussian (or nearly: many rounds), and so for the claim "μ-GDP"; for
 * another mechanism's ε use `refutesCurve` with that mechanism's own curve, or `oneRunEpsilon`.
 * @throws the codes of `refutesCurve`, TRB_DP_DELTA_INVALID
 */
export function oneRunGaussianEpsilon(run: OneRun, { delta, significance }: OneRunTarget): number {
  if (!(delta > 0 && delta < 1)) throw fail("TRB_DP_DELTA_INVALID", { delta });
  return gaussianEpsilon(oneRunMu(run, significance), delta);
}
