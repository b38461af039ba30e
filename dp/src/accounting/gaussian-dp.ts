/**
 * Gaussian differential privacy: what can't be told apart better than N(0,1) from N(μ,1). Gaussian releases without sampling are exactly
 * that with μ = √Σ 1/z², at every (ε, δ) at once:
 *
 *   δ(ε) = P(Z > ε/μ − μ/2) − e^ε·P(Z > ε/μ + μ/2)
 *
 * Source: Balle, Wang, "Improving the Gaussian Mechanism" (2018), Theorem 8; Dong, Roth, Su (2019), Corollary 2.13.
 */
import { fail } from "@tributary/errors";
import { normalTail, scaledErfc } from "./normal.ts";
import { checkDelta, checkSampledGaussian, type SampledGaussian } from "./orders.ts";

/** δ(ε) of μ-Gaussian differential privacy, for any real ε. @throws TRB_DP_PARAMETER_INVALID */
export function gaussianDelta(mu: number, epsilon: number): number {
  checkMu(mu);
  if (!Number.isFinite(epsilon)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number" });
  }
  return mu === 0 ? Math.max(0, -Math.expm1(epsilon)) : hockeyStick(mu, epsilon);
}

/**
 * As `gaussianDelta`, of checked inputs with μ > 0. Since e^ε·φ(b) = φ(a) for a = ε/μ − μ/2 and b = a + μ, both tails share a factor that can be
 * taken out, so that nothing overflows or cancels in the tail.
 */
export function hockeyStick(mu: number, epsilon: number): number {
  const a = epsilon / mu - mu / 2;
  const b = epsilon / mu + mu / 2;
  if (a > 0) return 0.5 * Math.exp((-a * a) / 2) * (scaledErfc(a * Math.SQRT1_2) - scaledErfc(b * Math.SQRT1_2));
  if (b > 0) return normalTail(a) - 0.5 * Math.exp((-a * a) / 2) * scaledErfc(b * Math.SQRT1_2);
  return normalTail(a) - Math.exp(epsilon) * normalTail(b);
}

/** ε(δ) of μ-Gaussian differential privacy, rounded up in the last digit; 0 where δ alone is enough. @throws TRB_DP_DELTA_INVALID */
export function gaussianEpsilon(mu: number, delta: number): number {
  checkMu(mu);
  checkDelta(delta);
  if (mu === 0 || hockeyStick(mu, 0) <= delta) return 0;
  let high = mu;
  while (hockeyStick(mu, high) > delta) {
    high *= 2;
    if (high === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  }
  return bisect(0, high, (epsilon) => hockeyStick(mu, epsilon) <= delta).high;
}

/** The largest μ whose δ(ε) does not pass δ, rounded down; 1/μ is the least noise multiplier (the analytic Gaussian mechanism). */
export function gaussianMu(epsilon: number, delta: number): number {
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  checkDelta(delta);
  let high = 1;
  while (hockeyStick(high, epsilon) <= delta) high *= 2;
  return bisect(0, high, (mu) => mu > 0 && hockeyStick(mu, epsilon) > delta).low;
}

/**
 * μ of the central limit theorem for the sampled Gaussian, q·√(T·(e^{1/z²} − 1)): an approximation, and often too small to be a bound, so
 * no accountant uses it. Source: Bu, Dong, Long, Su (2020), Corollary 5.
 */
export function gaussianLimitMu(event: SampledGaussian): number {
  checkSampledGaussian(event);
  const { samplingRate, noiseMultiplier, steps } = event;
  return samplingRate * Math.sqrt(steps * Math.expm1(1 / (noiseMultiplier * noiseMultiplier)));
}

function checkMu(mu: number): void {
  if (!(mu >= 0 && Number.isFinite(mu))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "mu", value: mu, expected: "a finite number from 0 on" });
  }
}

/** Neighbouring floats around the point from which on `holds`. */
function bisect(low: number, high: number, holds: (value: number) => boolean): { low: number; high: number } {
  for (;;) {
    const middle = low + (high - low) / 2;
    if (!(middle > low && middle < high)) return { low, high };
    if (holds(middle)) high = middle;
    else low = middle;
  }
}
