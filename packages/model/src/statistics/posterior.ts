/**
 * What a noisy count says of the true one, given what is publicly likely: spike and slab. It is post-processing, so it is free.
 *
 * Prior: with odds o the cell is real and its value v Exponential(mean μ); else v = 0. Observed: x = v + N(0, s²). With A = x − s²/μ
 *
 *   ln(likelihood ratio) = ln(s√(2π)/μ) + A²/2s² + ln Φ(A/s)
 *   P(real | x)          = o·ratio / (1 + o·ratio)
 *   E[v | x]             = P(real | x) · (A + s·φ(A/s)/Φ(A/s)),
 *
 * because ∫₀^∞ e^{−v/μ}/μ · e^{−(x−v)²/2s²}/(s√2π) dv over e^{−x²/2s²}/(s√2π) is the first line, and given that it is real, v is
 * a normal around A that is known to be positive.
 */
import { logNormal, normalHazard } from "./normal-ratio.ts";

const logRootTwoPi = Math.log(2 * Math.PI) / 2;

/** P(real | x). */
export function probabilityReal(x: number, s: number, logOdds: number, mean: number): number {
  const z = (x - (s * s) / mean) / s;
  const logRatio = Math.log(s / mean) + logRootTwoPi + (z * z) / 2 + logNormal(z);
  return 1 / (1 + Math.exp(-logOdds - logRatio));
}

/** E[v | x, real]. */
export function meanIfReal(x: number, s: number, mean: number): number {
  const shifted = x - (s * s) / mean;
  return shifted + s * normalHazard(shifted / s);
}
