/** What a caller gets: the library over a binding, with arguments checked before Rust sees them. */
import { fail } from "@tributary/errors";
import type { Binding } from "./binding.ts";
import { type RandomSource, systemEntropy } from "./entropy.ts";
import { type Measurement, noiseMeasurement, notNegative } from "./measurements.ts";
import { type Fraction, type NoiseSampler, noiseSampler } from "./samplers.ts";

export interface OpenDp {
  /** OpenDP's version, for example "0.16.0". */
  readonly version: string;
  /**
   * A sampler of the discrete Gaussian N_Z(0, σ²), for any rational σ² up to 2^80 (2^52 for Int32Array). A `SamplerOf` for `dp`.
   * @throws TRB_OPENDP_ARGUMENT_INVALID, TRB_DP_VARIANCE_TOO_LARGE
   */
  discreteGaussian(variance: Fraction, random?: RandomSource): NoiseSampler;
  /**
   * A sampler of the discrete Laplace of scale b, for any rational b up to 2^40 (2^22 for Int32Array).
   * @throws TRB_OPENDP_ARGUMENT_INVALID, TRB_DP_VARIANCE_TOO_LARGE
   */
  discreteLaplace(scale: Fraction, random?: RandomSource): NoiseSampler;
  /** `make_gaussian` on vectors of whole numbers; its map gives ρ for an L2 distance. @throws TRB_OPENDP_ARGUMENT_INVALID */
  makeGaussian(scale: number): Measurement;
  /** `make_laplace` on vectors of whole numbers; its map gives ε for an L1 distance. @throws TRB_OPENDP_ARGUMENT_INVALID */
  makeLaplace(scale: number): Measurement;
  /** ε for a δ, of what is ρ-zCDP; rounded up. @throws TRB_OPENDP_ARGUMENT_INVALID, TRB_OPENDP_FAILED */
  epsilonFromZcdp(rho: number, delta: number): number;
  /** δ for an ε, of what is ρ-zCDP; rounded up. @throws TRB_OPENDP_ARGUMENT_INVALID, TRB_OPENDP_FAILED */
  deltaFromZcdp(rho: number, epsilon: number): number;
}

/** The library over a binding, for example one of `openWasm`. Randomness is the system's where none is given. */
export function openDpOver(binding: Binding): OpenDp {
  const system = systemEntropy();
  return {
    version: binding.opendp,
    discreteGaussian: (variance, random = system) => noiseSampler(binding, "gaussian", variance, random),
    discreteLaplace: (scale, random = system) => noiseSampler(binding, "laplace", scale, random),
    makeGaussian: (scale) => noiseMeasurement(binding, "gaussian", scale, system),
    makeLaplace: (scale) => noiseMeasurement(binding, "laplace", scale, system),
    epsilonFromZcdp(rho, delta) {
      notNegative("rho", rho);
      if (!(delta > 0 && delta < 1)) {
        throw fail("TRB_OPENDP_ARGUMENT_INVALID", { argument: "delta", value: delta, expected: "between 0 and 1" });
      }
      return binding.epsilonFromZcdp(rho, delta);
    },
    deltaFromZcdp(rho, epsilon) {
      notNegative("rho", rho);
      notNegative("epsilon", epsilon);
      return binding.deltaFromZcdp(rho, epsilon);
    },
  };
}
