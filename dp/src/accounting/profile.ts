/**
 * All of δ(ε), and one number for it: the μ of Gaussian differential privacy.
 *
 * Source of reporting μ: Gomez, Kulynych, Kaissis et al., "(ε, δ) Considered Harmful: Best Practices for Reporting Differential Privacy
 * Guarantees" (2025).
 */
import { fail } from "@tributary/errors";
import type { Account, PrivacyBound } from "./account.ts";
import { gaussianDelta } from "./gaussian-dp.ts";

/** δ at each ε. @throws TRB_DP_PARAMETER_INVALID */
export const privacyProfile = (account: Account, epsilons: readonly number[]): PrivacyBound[] =>
  epsilons.map((epsilon) => account.delta(epsilon));

/** `points` ≥ 2 values of ε from 0 to where δ is `leastDelta`. @throws as `Account.epsilon`; TRB_DP_PARAMETER_INVALID */
export function profileEpsilons(account: Account, leastDelta = 1e-9, points = 21): number[] {
  if (!(Number.isInteger(points) && points >= 2 && points <= 1e6)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "points", value: points, expected: "a whole number from 2 on" });
  }
  const { epsilon } = account.epsilon(leastDelta);
  return Array.from({ length: points }, (_, i) => (epsilon * i) / (points - 1));
}

/**
 * A μ such that δ_μ(ε) ≥ δ(ε) at all ε between the first and the last point of a profile: whatever can be told from the releases at those ε is
 * told by N(μ, 1) as well. Between points δ lies below the straight line in e^ε, because it is convex there.
 * @throws TRB_DP_PARAMETER_INVALID when there are fewer than two points, or not in rising order
 */
export function profileMu(profile: readonly Pick<PrivacyBound, "epsilon" | "delta">[]): number {
  const rising = profile.every(({ epsilon }, i) => i === 0 || epsilon > (profile[i - 1]?.epsilon ?? 0));
  if (profile.length < 2 || !rising) {
    throw fail("TRB_DP_PARAMETER_INVALID", {
      parameter: "profile",
      value: profile.length,
      expected: "two points or more, ε rising",
    });
  }
  const pieces = 32;
  let mu = 0;
  for (const [i, right] of profile.entries()) {
    const left = profile[i - 1];
    if (!left) continue;
    const step = (right.epsilon - left.epsilon) / pieces;
    for (let piece = 0; piece < pieces; piece++) {
      const from = left.epsilon + piece * step;
      const share = Math.expm1(piece * step) / Math.expm1(right.epsilon - left.epsilon);
      const delta = left.delta + (right.delta - left.delta) * share; // at `from`; δ only falls up to from + step
      mu = leastMu(mu, from + step, delta);
    }
  }
  return mu;
}

/** The least μ of at least `mu` with δ_μ(ε) ≥ δ, rounded up. */
function leastMu(mu: number, epsilon: number, delta: number): number {
  if (delta <= 0 || gaussianDelta(mu, epsilon) >= delta) return mu;
  if (delta >= 1) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  let low = mu;
  let high = Math.max(1, 2 * mu);
  while (gaussianDelta(high, epsilon) < delta) high *= 2;
  while (high - low > 1e-12 * high) {
    const middle = (low + high) / 2;
    if (gaussianDelta(middle, epsilon) >= delta) high = middle;
    else low = middle;
  }
  return high;
}
