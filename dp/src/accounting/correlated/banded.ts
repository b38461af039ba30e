/**
 * Banded matrix-factorisation noise (DP-MF): noise of consecutive steps is correlated by the inverse of a banded lower-triangular Toeplitz
 * matrix C with the coefficients c₀ … c_{b−1} of (1 − x)^{−1/2}:
 *
 *   c₀ = 1,  c_k = c_{k−1}·(2k − 1)/2k,   x_t = (z_t − Σ_{j≥1} c_j x_{t−j}) / c₀
 *
 * It is one Gaussian release of C·(vectors), with squared sensitivity: of a customer whose steps are at least `minSeparation` apart,
 * ‖Σ_i column(i·minSeparation)‖², which is participations·‖c‖² when bands ≤ minSeparation. Columns decrease and are non-negative, so
 * the earliest and densest schedule is the worst (Choquette-Choo et al., "Multi-Epoch Matrix Factorization Mechanisms", 2023, Theorem 2).
 *
 * Amplified ("(Amplified) Banded Matrix Factorization", 2023, §4): customers are split into `bands` fixed groups, step t uses group t mod
 * bands, Poisson-sampled within it: that costs ⌈steps/bands⌉ steps of the sampled Gaussian with noise over ‖c‖.
 * Adjacency: a customer's vectors become zero.
 */
import { fail } from "@tributary/errors";
import { checkNoiseMultiplier, checkSamplingRate, checkSteps } from "../orders.ts";
import { checkAtLeastOne } from "./tree.ts";

export interface BandedFactorisation {
  readonly kind: "banded";
  /** Deviation of z_t over the sensitivity of one step's vector. */
  readonly noiseMultiplier: number;
  readonly steps: number;
  /** b: how many coefficients are not zero; `steps` is the full matrix. */
  readonly bands: number;
  /** In how many steps one customer occurs at most; 1 unless given. Not used when amplified. */
  readonly participations?: number;
  /** From step t the next is t + minSeparation at the earliest; `bands` unless given. */
  readonly minSeparation?: number;
  /** Chance to be sampled when the customer's group has its turn: given, the mechanism is the amplified one. */
  readonly groupSamplingRate?: number;
}

/** @throws TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_STEPS_INVALID, TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_PARAMETER_INVALID */
export function checkBanded(event: BandedFactorisation): void {
  checkNoiseMultiplier(event.noiseMultiplier);
  checkBandedSchedule(event);
}

type Schedule = Omit<BandedFactorisation, "kind" | "noiseMultiplier">;

function checkBandedSchedule({ steps, bands, participations = 1, minSeparation = bands, groupSamplingRate }: Schedule): void {
  checkSteps(steps);
  if (steps === 0) throw fail("TRB_DP_STEPS_INVALID", { steps });
  checkAtLeastOne("bands", bands);
  checkAtLeastOne("participations", participations);
  checkAtLeastOne("minSeparation", minSeparation);
  if (bands > steps) throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "bands", value: bands, expected: `at most ${steps}` });
  if (groupSamplingRate === undefined) return;
  checkSamplingRate(groupSamplingRate);
  if (minSeparation !== bands) {
    const expected = "the number of bands: groups have their turn in every bands-th step";
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "minSeparation", value: minSeparation, expected });
  }
}

/** c₀ … c_{bands−1}. @throws TRB_DP_PARAMETER_INVALID */
export function toeplitzCoefficients(bands: number): Float64Array {
  checkAtLeastOne("bands", bands);
  const coefficients = new Float64Array(bands);
  for (let k = 0, value = 1; k < bands; k++) {
    if (k > 0) value *= (2 * k - 1) / (2 * k);
    coefficients[k] = value;
  }
  return coefficients;
}

/** Squared sensitivity in units of one step's. @throws TRB_DP_STEPS_INVALID, TRB_DP_PARAMETER_INVALID, TRB_DP_SAMPLING_RATE_INVALID */
export function bandedSensitivity(schedule: Schedule): number {
  checkBandedSchedule(schedule);
  const { steps, bands, participations = 1, minSeparation = bands } = schedule;
  const coefficients = toeplitzCoefficients(bands);
  const most = Math.min(participations, Math.ceil(steps / minSeparation));
  const column = new Float64Array(steps);
  for (let i = 0; i < most; i++) {
    for (let k = 0, row = i * minSeparation; k < bands && row < steps; k++, row++)
      column[row] = (column[row] as number) + (coefficients[k] as number);
  }
  return column.reduce((sum, value) => sum + value * value, 0);
}

/** The Gaussian release that the whole run stands for. */
export function bandedRelease(event: BandedFactorisation): { samplingRate: number; noiseMultiplier: number; steps: number } {
  const { steps, bands, groupSamplingRate, noiseMultiplier } = event;
  if (groupSamplingRate === undefined) {
    return { samplingRate: 1, noiseMultiplier: noiseMultiplier / Math.sqrt(bandedSensitivity(event)), steps: 1 };
  }
  const norm = Math.sqrt(bandedSensitivity({ steps: bands, bands }));
  return { samplingRate: groupSamplingRate, noiseMultiplier: noiseMultiplier / norm, steps: Math.ceil(steps / bands) };
}
