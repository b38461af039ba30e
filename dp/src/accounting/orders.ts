/** What every function of this folder takes, and the checks of it. A bad input is a coded error, never a number. */
import { fail } from "@tributary/errors";

/**
 * The Rényi orders of the accountant `rdp-integer`. Integer, because at integer orders the Poisson-subsampled discrete Gaussian costs
 * no more than the continuous one (DESIGN §4).
 */
export const rdpIntegerOrders: readonly number[] = [...Array.from({ length: 62 }, (_, i) => i + 2), 128, 256, 512, 1024];

/** `steps` sums, each with every customer sampled at `samplingRate` and Gaussian noise of `noiseMultiplier`·sensitivity. */
export interface SampledGaussian {
  /** q, from 0 to 1 */
  readonly samplingRate: number;
  /** z > 0 */
  readonly noiseMultiplier: number;
  /** T, a whole number from 0 on */
  readonly steps: number;
}

/** @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_STEPS_INVALID */
export function checkSampledGaussian({ samplingRate, noiseMultiplier, steps }: SampledGaussian): void {
  checkSamplingRate(samplingRate);
  checkNoiseMultiplier(noiseMultiplier);
  checkSteps(steps);
}

export function checkNoiseMultiplier(noiseMultiplier: number): void {
  if (!(noiseMultiplier > 0 && Number.isFinite(noiseMultiplier))) {
    throw fail("TRB_DP_NOISE_MULTIPLIER_INVALID", { noiseMultiplier });
  }
}

/** @throws TRB_DP_PARAMETER_INVALID unless σ is 4 integer units or more, and m a whole number of coordinates */
export function checkLattice({ deviation, touched }: { readonly deviation: number; readonly touched: number }): void {
  if (!(deviation >= 4 && Number.isFinite(deviation)))
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "deviation", value: deviation, expected: "a number from 4 on" });
  if (!(Number.isSafeInteger(touched) && touched >= 1))
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "touched", value: touched, expected: "a whole number from 1 on" });
}

export function checkSamplingRate(samplingRate: number): void {
  if (!(samplingRate >= 0 && samplingRate <= 1)) throw fail("TRB_DP_SAMPLING_RATE_INVALID", { samplingRate });
}

export function checkSteps(steps: number): void {
  if (!(Number.isSafeInteger(steps) && steps >= 0)) throw fail("TRB_DP_STEPS_INVALID", { steps });
}

/** @throws TRB_DP_PARAMETER_INVALID unless α is a whole number from 2 on */
export function checkIntegerOrder(order: number): void {
  if (Number.isSafeInteger(order) && order >= 2) return;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "order", value: order, expected: "a whole number from 2 on" });
}

/** @throws TRB_DP_PARAMETER_INVALID */
export function checkFromZero(parameter: string, value: number): void {
  if (value >= 0 && Number.isFinite(value)) return;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected: "a finite number from 0 on" });
}

export function checkDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw fail("TRB_DP_DELTA_INVALID", { delta });
}
