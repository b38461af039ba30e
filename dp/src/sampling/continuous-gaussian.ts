/**
 * The continuous Gaussian, in floats: for simulations and tests of utility only. Float noise has holes and uneven steps that tell what was
 * below it (Mironov 2012; Haney et al., "Precision-based attacks and interval refining", 2022), so no release path takes it.
 */
import { fail } from "@tributary/errors";
import { type RandomSource, wordReader } from "./random-source.ts";

/** Not an `IntegerSampler`, by type and by mark. */
export interface SimulationSampler {
  readonly simulationOnly: true;
  fill(out: Float64Array): void;
}

/**
 * N(0, deviation²) by Marsaglia's polar method. Not private: see above.
 * @param deviation σ > 0
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function simulationGaussian(deviation: number, random: RandomSource): SimulationSampler {
  if (!(deviation > 0 && Number.isFinite(deviation))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "deviation", value: deviation, expected: "a finite number above 0" });
  }
  const words = wordReader(random);
  const uniform = () => (words.bits(53) + 0.5) * 2 ** -52 - 1; // in (−1, 1)
  let spare: number | undefined;
  const next = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const [x, y] = [uniform(), uniform()];
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = deviation * Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * factor;
      return x * factor;
    }
  };
  return {
    simulationOnly: true,
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = next();
    },
  };
}
