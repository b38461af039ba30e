/** Rényi divergences of what is private with δ = 0. */

/**
 * Anything ε-private: randomised response is the worst of all.
 *
 *   RDP(α) = ln((e^{αε} + e^{(1−α)ε})/(1 + e^ε)) / (α − 1),  and never above ε
 *
 * Source: Mironov, "Rényi Differential Privacy" (2017), Proposition 5; that it is the worst: Kairouz, Oh, Viswanath (2015).
 */
export function rdpPure(epsilon: number, order: number): number {
  if (order * epsilon > 600) return epsilon;
  // A − 1 as a product: all factors positive, nothing cancels
  const excess = (-Math.expm1(-(order - 1) * epsilon) * Math.expm1(order * epsilon)) / (1 + Math.exp(epsilon));
  return Math.min(epsilon, Math.log1p(excess) / (order - 1));
}

/**
 * Laplace noise of scale b times the sensitivity.
 *
 *   RDP(α) = ln(α/(2α−1)·e^{(α−1)/b} + (α−1)/(2α−1)·e^{−α/b}) / (α − 1)
 *
 * Source: Mironov (2017), Proposition 6.
 */
export function rdpLaplace(noiseMultiplier: number, order: number): number {
  const up = (order - 1) / noiseMultiplier;
  const down = order / noiseMultiplier;
  if (up > 600) return Math.min(1 / noiseMultiplier, (up + Math.log(order / (2 * order - 1)) + 1e-15 * up) / (order - 1));
  // A − 1 = (α·g(up) + (α−1)·g(−down))/(2α−1), g(x) = e^x − 1 − x: the linear parts cancel exactly
  const excess = (order * beyondLinear(up) + (order - 1) * beyondLinear(-down)) / (2 * order - 1);
  return Math.min(1 / noiseMultiplier, Math.log1p(excess) / (order - 1));
}

/** e^x − 1 − x ≥ 0 */
function beyondLinear(x: number): number {
  if (Math.abs(x) > 0.5) return Math.expm1(x) - x;
  let term = x;
  let sum = 0;
  for (let k = 2; Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= x / k;
    sum += term;
  }
  return sum;
}
