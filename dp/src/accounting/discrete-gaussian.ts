/**
 * The discrete Gaussian on one whole number: N_Z(0, σ²), P(y) ∝ e^{−y²/2σ²}, and what it shows of an answer that one customer moves by Δ.
 * Its hockey-stick curve is a sum that is computed as it is; where σ is small it is another one than the continuous Gaussian's.
 *
 * Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Theorem 7.
 */
import { fail } from "@tributary/errors";

/** Sums of more terms than this are refused: σ ≤ 10⁵. */
const mostVariance = 1e10;

/**
 * δ(ε) of one integer answer with N_Z(0, σ²), rounded up: Σ over y > εσ²/Δ − Δ/2 of P(y)·(1 − e^{ε − (2yΔ + Δ²)/2σ²}).
 * @param sensitivity Δ, a whole number
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_VARIANCE_NOT_POSITIVE, TRB_DP_SENSITIVITY_INVALID
 */
export function discreteGaussianDelta({
  variance,
  sensitivity,
  epsilon,
}: {
  readonly variance: number;
  readonly sensitivity: number;
  readonly epsilon: number;
}): number {
  checkVariance(variance);
  checkWholeSensitivity(sensitivity);
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
  }
  return upward(discreteHockeyStick(variance, sensitivity, epsilon));
}

/** P[N_Z(0, σ²) ≥ t], rounded up. @throws TRB_DP_PARAMETER_INVALID, TRB_DP_VARIANCE_NOT_POSITIVE */
export function discreteGaussianTail(variance: number, t: number): number {
  checkVariance(variance);
  return upward(weightedTail(variance, t, () => 1) / massOf(variance));
}

/** Rounding errors, and what underflows, never make a probability smaller than it is. */
const upward = (probability: number): number => Math.min(1, Math.max(1e-300, probability * (1 + 1e-10)));

/** As `discreteGaussianDelta`, of checked inputs, at any real ε, not rounded up: good to 1e-12. */
export function discreteHockeyStick(variance: number, sensitivity: number, epsilon: number): number {
  const least = Math.floor((epsilon * variance) / sensitivity - sensitivity / 2) - 1; // one too early adds nothing: see max
  const gain = (y: number) => Math.max(0, -Math.expm1(epsilon - ((2 * y + sensitivity) * sensitivity) / (2 * variance)));
  return weightedTail(variance, least, gain) / massOf(variance);
}

/** @throws TRB_DP_VARIANCE_NOT_POSITIVE, TRB_DP_PARAMETER_INVALID */
export function checkVariance(variance: number): void {
  if (!(variance > 0)) throw fail("TRB_DP_VARIANCE_NOT_POSITIVE", { variance });
  if (!(variance <= mostVariance)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "variance", value: variance, expected: `at most ${mostVariance}` });
  }
}

/** @throws TRB_DP_SENSITIVITY_INVALID */
export function checkWholeSensitivity(sensitivity: number): void {
  if (!(Number.isSafeInteger(sensitivity) && sensitivity >= 1)) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
}

/** Σ_{y ≥ least} e^{−y²/2σ²}·gain(y) for a gain of 0 to 1 that does not fall. */
function weightedTail(variance: number, least: number, gain: (y: number) => number): number {
  let sum = 0;
  const start = Math.max(Math.ceil(least), -Math.ceil(40 * Math.sqrt(variance)));
  for (let y = start; ; y++) {
    const weight = Math.exp((-y * y) / (2 * variance));
    sum += weight * gain(y);
    // what is left is at most weight·(1 + σ²/y), for y > 0
    if (y > 0 && weight * (1 + variance / y) <= 1e-12 * sum) return sum;
    if (y > 0 && weight === 0) return sum;
  }
}

/** Σ_x e^{−x²/2σ²}. */
export function massOf(variance: number): number {
  if (variance > 100) return Math.sqrt(2 * Math.PI * variance); // Poisson summation: too small by e^{−2π²σ²}, and never too large
  let sum = 1;
  for (let x = 1; ; x++) {
    const weight = Math.exp((-x * x) / (2 * variance));
    if (weight < 1e-18) return sum;
    sum += 2 * weight;
  }
}
