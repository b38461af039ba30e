/** Noise and ε of several releases together, by the plan's accountant: as `planCost` of `protocol` has it, before there is a plan. */
import {
  calibrateNoise,
  composeRdp,
  epsilonFromRdp,
  gaussianEpsilon,
  gaussianMu,
  rdpIntegerOrders,
  rdpVector,
  type SampledGaussian,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Plan } from "@tributary/protocol";

/** What noise is found by. */
export interface Calibration {
  readonly accountant: Plan["accountant"];
  /** Of `lattice`: what part of ε is left for the theorem's two terms, which nobody knows before there is a scale. */
  readonly reserve: number;
}

interface Target {
  readonly epsilon: number;
  readonly delta: number;
  readonly samplingRate: number;
  readonly steps: number;
  /** What else the target covers. */
  readonly besides?: readonly SampledGaussian[];
}

/**
 * The least z of `steps` equal rounds, rounded up to a millionth.
 * @throws TRB_PLAN_LATTICE_UNFIT, TRB_DP_EPSILON_UNREACHABLE and the codes of `calibrateNoise`
 */
export function noiseBy({ accountant, reserve }: Calibration, target: Target): number {
  if (accountant === "rdp-integer") return calibrateNoise(target);
  const { epsilon, delta, samplingRate, steps, besides = [] } = target;
  if (samplingRate !== 1) {
    throw fail("TRB_PLAN_LATTICE_UNFIT", { reason: `training would sample customers, each with chance ${samplingRate}` });
  }
  const left = gaussianMu(epsilon * (1 - reserve), delta) ** 2 - squares(besides);
  const noise = Math.ceil(Math.sqrt(steps / left) * 1e6) / 1e6;
  if (!(left > 0 && noise <= most)) throw fail("TRB_DP_EPSILON_UNREACHABLE", { most, epsilon, delta, steps, samplingRate });
  return noise;
}

/** The most noise that `calibrateNoise` looks for, too. */
const most = 1e6;

/** By `lattice` without the theorem's two terms. @throws TRB_DP_DELTA_INVALID, TRB_DP_EPSILON_UNBOUNDED */
export function costBy({ accountant }: Calibration, events: readonly SampledGaussian[], delta: number): number {
  if (accountant === "lattice") return gaussianEpsilon(Math.sqrt(squares(events)), delta);
  return epsilonFromRdp(rdpIntegerOrders, composeRdp(...events.map((event) => rdpVector(event))), delta).epsilon;
}

/** μ² */
const squares = (events: readonly SampledGaussian[]): number =>
  events.reduce((sum, { noiseMultiplier, steps }) => sum + steps / noiseMultiplier ** 2, 0);
