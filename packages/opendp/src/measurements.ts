/** OpenDP's measurements that add noise to vectors of whole numbers: a function, and a map that says what it costs. */
import { fail } from "@tributary/errors";
import type { Binding, Distribution } from "./binding.ts";
import { entropyPool, type RandomSource } from "./entropy.ts";
import { drawAll } from "./samplers.ts";

/** Vectors of whole numbers; a sum that leaves the type stays at its end. */
export type WholeVector = Int32Array | BigInt64Array;

export interface Measurement {
  readonly scale: number;
  /** The values with noise, in an array of their own. */
  invoke<Vector extends WholeVector>(values: Vector, random?: RandomSource): Vector;
  /**
   * What it costs when one customer moves the vector by at most `distance`: ρ (zCDP) of an L2 distance for `makeGaussian`, ε of an L1
   * distance for `makeLaplace`. Rounded up.
   */
  map(distance: number): number;
}

/**
 * @param scale σ of the Gaussian, b of the Laplace; the double itself is the scale, not what it was rounded from
 * @throws TRB_OPENDP_ARGUMENT_INVALID
 */
export function noiseMeasurement(
  binding: Binding,
  distribution: Distribution,
  scale: number,
  system: RandomSource,
): Measurement {
  positive("scale", scale);
  return {
    scale,
    invoke(values, random = system) {
      const noisy = values.slice() as typeof values;
      drawAll(entropyPool(random), noisy.length, (done, entropy) =>
        binding.add(distribution, scale, noisy.subarray(done), entropy),
      );
      return noisy;
    },
    map(distance) {
      notNegative("distance", distance);
      return distribution === "gaussian" ? binding.gaussianRho(scale, distance) : binding.laplaceEpsilon(scale, distance);
    },
  };
}

/** @throws TRB_OPENDP_ARGUMENT_INVALID */
function positive(argument: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw fail("TRB_OPENDP_ARGUMENT_INVALID", { argument, value, expected: "a finite number above 0" });
  }
}

/** @throws TRB_OPENDP_ARGUMENT_INVALID */
export function notNegative(argument: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value)) || Object.is(value, -0)) {
    throw fail("TRB_OPENDP_ARGUMENT_INVALID", { argument, value, expected: "a finite number from 0 on" });
  }
}
