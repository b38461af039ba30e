/**
 * The discrete Gaussian on integer vectors of any dimension, unsampled, released any number of times, each release chosen by what the ones before
 * it showed: at the widths that sum queries have it costs what the continuous Gaussian costs, to nine digits. Rényi accounting (`rdp`) asks 4
 * to 7 % more noise for the same (ε, δ).
 *
 * **Theorem.** Release r adds N_Z(0, σ_r²) to each coordinate, and one customer moves its answer by an integer vector of L2 norm at most Δ_r with at most
 * m_r coordinates that are not zero. Let μ² = Σ_r (Δ_r/σ_r)² and δ_μ(ε) be the curve of μ-Gaussian privacy. For any t > 0 all of it together is
 *
 *   (ε + η + η′, e^η·(δ_μ(ε) + e^ε·τ))-private,   η = Σ m_r/24σ_r²,   τ = R·e^−t,
 *   η′ = Σ (B_r²/24σ_r⁴ + m_r·θ_r),   B_r = σ_r·√(m_r + 2√(m_r·t) + 2t) + √m_r/2,   θ_r = 3e^{−2π²σ_r²}.
 *
 * **Proof.** Let G ~ N(0, σ²), N = ⌊G⌉ rounded to the nearest integer, φ the density of G and P(x) = e^{−x²/2σ²}/Z, Z = Σ_k e^{−k²/2σ²}, the discrete
 * Gaussian. For u uniform on [−½, ½], P[N = x] = E φ(x + u).
 *
 *   (1) P(x) ≤ e^{1/24σ²}·P[N = x]. By Poisson summation Z = σ√(2π)·Σ_k e^{−2π²σ²k²} ≥ σ√(2π), so P(x) ≤ φ(x); and by Jensen's inequality
 *       E φ(x + u) = φ(x)·E e^{−xu/σ² − u²/2σ²} ≥ φ(x)·e^{−1/24σ²}, since E u = 0 and E u² = 1/12.
 *   (2) P[N = x] ≤ e^{x²/24σ⁴ + θ}·P(x). E e^{−xu/σ² − u²/2σ²} ≤ E e^{−xu/σ²} = sinh(h)/h ≤ e^{h²/6} for h = x/2σ², and φ(x) ≤ (1 + θ)·P(x), because
 *       Σ_{k≠0} e^{−2π²σ²k²} ≤ θ for σ ≥ ½.
 *
 * Fix neighbours D, D′. Let M be the mechanism, and W the one that draws N instead on those coordinates of each release that D and D′ answer
 * differently (which they are, the transcript so far decides). On them W adds continuous noise and rounds: post-processing of a Gaussian release;
 * elsewhere its answers and noise are the same for both. So W is adaptively composed Gaussian releases, and μ-Gaussian private
 * (Dong, Roth, Su 2019, Corollary 3.3). By (1) any event has M(D) ≤ e^η·W(D). By (2) it has W(D′) ≤ e^{η′}·M(D′) + τ: noise of W on those coordinates has norm at
 * most ‖G‖ + √m/2, and ‖G‖² ≤ σ²(m + 2√(mt) + 2t) but for probability e^−t (Laurent, Massart 2000, Lemma 1). Chained:
 * M(D) ≤ e^η·(e^ε·W(D′) + δ_μ(ε)) ≤ e^η·(e^ε·(e^{η′}·M(D′) + τ) + δ_μ(ε)). Nothing depends on which of D and D′ is the larger. ∎
 *
 * A sum query fits it: given the dither, one customer moves y by an integer vector of norm at most Δ on `touched` coordinates
 * (docs/privacy/rounding.md), and the noise is the sum of shares, less than 1e-50 from N_Z(0, σ²) (privacy-core §2). Customers must not be sampled.
 */
import { fail } from "@tributary/errors";
import { gaussianDelta, gaussianEpsilon } from "./gaussian-dp.ts";
import { checkDelta, checkLattice, checkNoiseMultiplier, checkSteps } from "./orders.ts";

/** One release of discrete Gaussian noise on an integer vector, of everybody. */
export interface LatticeRelease {
  /** z = σ/Δ */
  readonly noiseMultiplier: number;
  /** σ, integer units, at least 4: the larger, the closer to the continuous Gaussian. */
  readonly deviation: number;
  /** m: most coordinates that one customer moves. */
  readonly touched: number;
  /** How often it ran; once unless given. */
  readonly count?: number;
}

/** t: what is left out has probability e^−100. */
const exponent = 100;

/**
 * ε of all releases together, rounded up.
 * @throws TRB_DP_DELTA_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_PARAMETER_INVALID, TRB_DP_EPSILON_UNBOUNDED
 */
export function latticeGaussianEpsilon(releases: readonly LatticeRelease[], delta: number): number {
  checkDelta(delta);
  const { count, mu, above, below } = budgetOf(releases);
  if (count === 0) return 0;
  const left = count * Math.exp(-exponent);
  const whole = delta * Math.exp(-above);
  if (!(whole > 1e-290 && mu < Number.POSITIVE_INFINITY)) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  // the inner δ depends on ε by e^ε·τ only: ε of the whole δ is too small, so a first guess from a smaller one bounds it
  const generous = gaussianEpsilon(mu, whole / 2);
  const inner = whole - Math.exp(generous) * left;
  if (!(inner > whole / 2)) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  return (gaussianEpsilon(mu, inner) + above + below) * (1 + 2 ** -50);
}

/** δ of all releases together at ε, rounded up. @throws as `latticeGaussianEpsilon` */
export function latticeGaussianDelta(releases: readonly LatticeRelease[], epsilon: number): number {
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
  }
  const { count, mu, above, below } = budgetOf(releases);
  if (count === 0) return 0;
  if (mu === Number.POSITIVE_INFINITY) return 1;
  const least = epsilon - above - below;
  const left = count * Math.exp(-exponent);
  return Math.min(1, Math.exp(above) * (gaussianDelta(mu, least) + Math.exp(epsilon) * left) * (1 + 2 ** -40));
}

/** R, μ, η and η′. */
function budgetOf(releases: readonly LatticeRelease[]): {
  readonly count: number;
  readonly mu: number;
  readonly above: number;
  readonly below: number;
} {
  let [all, squares, above, below] = [0, 0, 0, 0];
  for (const { noiseMultiplier, deviation, touched, count = 1 } of releases) {
    checkNoiseMultiplier(noiseMultiplier);
    checkLattice({ deviation, touched });
    checkSteps(count);
    if (count === 0) continue;
    const variance = deviation * deviation;
    const norm = deviation * Math.sqrt(touched + 2 * Math.sqrt(touched * exponent) + 2 * exponent) + Math.sqrt(touched) / 2;
    all += count;
    squares += count / (noiseMultiplier * noiseMultiplier);
    above += (count * touched) / (24 * variance);
    below += count * ((norm * norm) / (24 * variance * variance) + touched * 3 * Math.exp(-2 * Math.PI ** 2 * variance));
  }
  return { count: all, mu: Math.sqrt(squares) * (1 + 2 ** -50), above, below };
}
