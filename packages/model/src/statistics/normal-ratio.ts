/**
 * The standard normal's φ(z)/Φ(z) and ln Φ(z), to 12 digits, also where Φ underflows. Φ(z) for |z| ≤ 3 is its Taylor series about 0,
 *
 *   Φ(z) = ½ + φ(z)·(z + z³/3 + z⁵/15 + …),
 *
 * below that Laplace's continued fraction of Mills' ratio: (1 − Φ(t))/φ(t) = 1/(t + 1/(t + 2/(t + 3/(t + …)))).
 * Source: Abramowitz, Stegun, 26.2.11 and 26.2.14.
 */

const logRootTwoPi = Math.log(2 * Math.PI) / 2;
/** Where the series hands over to the continued fraction. */
const edge = 3;

const density = (z: number): number => Math.exp((-z * z) / 2 - logRootTwoPi);

/** Φ(−t)/φ(t) for t ≥ 3, from the innermost of 60 fractions outwards. */
function millsRatio(t: number): number {
  let below = t;
  for (let k = t > 12 ? 20 : 60; k > 0; k--) below = t + k / below;
  return 1 / below;
}

/** Φ(z) for |z| ≤ 3. */
function series(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 + density(z) * sum;
}

/** ln Φ(z) */
export function logNormal(z: number): number {
  if (z < -edge) return Math.log(millsRatio(-z)) - (z * z) / 2 - logRootTwoPi;
  if (z > edge) return Math.log1p(-millsRatio(z) * density(z));
  return Math.log(series(z));
}

/** φ(z)/Φ(z): how far the mean of a normal that is known to be positive lies above its location, in standard deviations. */
export function normalHazard(z: number): number {
  if (z < -edge) return 1 / millsRatio(-z);
  if (z > edge) return density(z) / (1 - millsRatio(z) * density(z));
  return density(z) / series(z);
}
