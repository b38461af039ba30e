/**
 * The least noise that keeps a target ε: bisection over multiples of 10⁻⁶, so that the answer is a short decimal, the same on every
 * machine unless two of them disagree about ε in its last digit, and never below what the target needs.
 */
import { fail } from "@tributary/errors";
import { epsilonFromRdp } from "./epsilon.ts";
import { checkDelta, checkSamplingRate, checkSteps, rdpIntegerOrders, type SampledGaussian } from "./orders.ts";
import { rdpVector } from "./poisson-gaussian.ts";

const unitsPerOne = 1_000_000;
const leastUnits = 10_000; // z = 0.01
const mostUnits = 1_000_000 * unitsPerOne;

/** What noise is calibrated for: a target, and what runs. */
export interface NoiseTarget {
  /** ε > 0 that must not be passed. */
  readonly epsilon: number;
  /** δ, between 0 and 1. */
  readonly delta: number;
  /** q, above 0 and up to 1 */
  readonly samplingRate: number;
  /** T, from 1 on */
  readonly steps: number;
  /** Other releases on the same customers that the target must cover as well. */
  readonly besides?: readonly SampledGaussian[];
}

/**
 * The least noise multiplier, rounded up to a multiple of 10⁻⁶ (at least 0.01), whose ε does not pass the target.
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID
 *   when there is nothing to calibrate (q = 0 or T = 0), TRB_DP_EPSILON_UNREACHABLE
 */
export function calibrateNoise({ epsilon, delta, samplingRate, steps, besides = [] }: NoiseTarget): number {
  if (!(epsilon > 0 && Number.isFinite(epsilon))) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  checkDelta(delta);
  checkSamplingRate(samplingRate);
  checkSteps(steps);
  if (samplingRate === 0) throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "samplingRate", value: 0, expected: "above 0" });
  if (steps === 0) throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "steps", value: 0, expected: "at least 1" });

  const others = besides.map((event) => rdpVector(event));
  const suffices = (units: number): boolean => {
    const own = rdpVector({ samplingRate, noiseMultiplier: units / unitsPerOne, steps });
    const rdp = own.map((value, i) => others.reduce((sum, other) => sum + (other[i] as number), value));
    return rdp.some(Number.isFinite) && epsilonFromRdp(rdpIntegerOrders, rdp, delta).epsilon <= epsilon;
  };

  let low = 0; // too little: no noise at all
  let high = leastUnits;
  while (!suffices(high)) {
    if (high === mostUnits) {
      throw fail("TRB_DP_EPSILON_UNREACHABLE", { most: mostUnits / unitsPerOne, epsilon, delta, steps, samplingRate });
    }
    low = high;
    high = Math.min(mostUnits, 2 * high);
  }
  if (high === leastUnits) return leastUnits / unitsPerOne;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (suffices(middle)) high = middle;
    else low = middle;
  }
  return high / unitsPerOne;
}
