/**
 * Tails of the binomial and quantiles of the beta distribution, for audits: exact intervals need both, far out in the tail.
 *
 * P[Bin(n, p) ≥ k] = I_p(k, n − k + 1), the regularised incomplete beta function. Sources: NIST Digital Library of Mathematical Functions
 * 8.17.5 and 8.17.22 (the continued fraction); Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000) for its factor,
 * which keeps full relative precision where a difference of log-gammas loses six digits.
 */
import { fail } from "@tributary/errors";

/** P[Bin(n, p) ≥ k]; k at most 0 gives 1, above n gives 0. */
export function binomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return betaCdf(p, k, n - k + 1);
}

/** P[Bin(n, p) = k] for real 0 ≤ k ≤ n. */
export function binomialPoint(k: number, n: number, p: number): number {
  if (p <= 0) return k === 0 ? 1 : 0;
  if (p >= 1) return k === n ? 1 : 0;
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  const exponent =
    stirlingError(n) - stirlingError(k) - stirlingError(n - k) - deviance(k, n * p) - deviance(n - k, n * (1 - p));
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/** I_x(a, b) for a, b > 0. */
function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // the fraction converges fast below the mean
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const total = a + b;
  // x^a·(1 − x)^b/(a·B(a, b)), with Γ(a+b+1)/(Γ(a+1)·Γ(b+1))·x^a·(1−x)^b as a point of the binomial
  return ((binomialPoint(a, total, x) * b) / total) * betaFraction(x, a, b);
}

/** The x with I_x(a, b) = probability, to neighbouring floats. */
export function betaQuantile(probability: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = low + (high - low) / 2;
    if (!(middle > low && middle < high)) return middle;
    if (betaCdf(middle, a, b) < probability) low = middle;
    else high = middle;
  }
}

/** The least p that `successes` of `trials` leave possible at this error probability (Clopper–Pearson, one side). */
export function clopperPearsonLower(successes: number, trials: number, error: number): number {
  checkSignificance(error);
  checkCounts(successes, trials);
  return successes === 0 ? 0 : betaQuantile(error, successes, trials - successes + 1);
}

/** The greatest p that `successes` of `trials` leave possible at this error probability (Clopper–Pearson, one side). */
export function clopperPearsonUpper(successes: number, trials: number, error: number): number {
  return 1 - clopperPearsonLower(trials - successes, trials, error);
}

/** The upper end of the Jeffreys interval, one side: a credible bound, near to a confidence bound on average over p, not at each p. */
export function jeffreysUpper(successes: number, trials: number, error: number): number {
  return successes === trials ? 1 : 1 - betaQuantile(error, trials - successes + 0.5, successes + 0.5);
}

function checkCounts(successes: number, trials: number): void {
  if (Number.isSafeInteger(trials) && Number.isInteger(successes) && successes >= 0 && successes <= trials && trials >= 1)
    return;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "successes", value: successes, expected: `whole, from 0 to ${trials}` });
}

/** Of every audit: an error probability strictly between 0 and 1. @throws TRB_DP_AUDIT_SIGNIFICANCE_INVALID */
export function checkSignificance(significance: number): void {
  if (!(significance > 0 && significance < 1)) throw fail("TRB_DP_AUDIT_SIGNIFICANCE_INVALID", { significance });
}

/** Lentz's evaluation of DLMF 8.17.22. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const kept = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 1e6; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept(1 + even * d);
    c = kept(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept(1 + odd * d);
    c = kept(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 4e-16) break;
  }
  return value;
}

/** ln Γ(x + 1) − (x + ½)·ln x + x − ½·ln 2π, for x > 0. */
function stirlingError(x: number): number {
  if (x < 15) {
    // down from where the series is exact: each step adds the difference of two Stirling approximations
    return stirlingError(x + 1) + (x + 0.5) * Math.log1p(1 / x) - 1;
  }
  const square = x * x;
  return (
    (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - (1 / 1188 - 691 / 360_360 / square) / square) / square) / square) / square) / x
  );
}

/** x·ln(x/mean) + mean − x, without cancellation where x is near the mean. */
function deviance(x: number, mean: number): number {
  const difference = x - mean;
  if (Math.abs(difference) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - difference;
  const v = difference / (x + mean);
  let sum = difference * v;
  let term = 2 * x * v;
  for (let j = 1; j < 1000; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}
