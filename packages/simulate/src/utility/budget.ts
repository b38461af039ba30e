/** How much noise a cell of the table needs, and what it then costs: all releases together, by the accountant that is asked for. */
import { account, discreteGaussianNoise, gaussianMu, latticeGaussianEpsilon, noiseFor, repeated } from "@tributary/dp";
import type { ReleaseNoise } from "./release-statistics.ts";

/** `rdp`: Rényi at real orders, proven for all discrete noise without sampling. `lattice`: the theorem of `latticeGaussianEpsilon`. */
export const utilityAccountants = ["lattice", "rdp"] as const;
export type UtilityAccountant = (typeof utilityAccountants)[number];

/** Room for what the lattice theorem adds to ε, and for noise rounded up to millionths. */
const reserve = 1e-6;

/**
 * z of everything that is released, as if it were one release.
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_TARGET_UNREACHABLE
 */
export function noiseMultiplierOfAll(accountant: UtilityAccountant, epsilon: number, delta: number): number {
  if (accountant === "lattice") return 1 / gaussianMu(epsilon * (1 - reserve), delta);
  return noiseFor({ accountant: "rdp", epsilon, delta }, (z) => repeated(discreteGaussianNoise(z), 1)).noiseMultiplier;
}

/** ε of what was released, from the noise that was really drawn. */
export function spent(accountant: UtilityAccountant, releases: readonly ReleaseNoise[], delta: number): number {
  if (accountant === "lattice") return latticeGaussianEpsilon(releases, delta);
  const all = releases.reduce((sum, { noiseMultiplier }) => sum.add(discreteGaussianNoise(noiseMultiplier)), account("rdp"));
  return all.epsilon(delta).epsilon;
}
