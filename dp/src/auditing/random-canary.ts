/**
 * Canaries that are random directions: cheap to put in, and what they show needs no training of an attacker.
 *
 * A canary customer sends a uniformly random unit vector c, scaled to the clip norm. Had it not been there, the cosine between c and what
 * was released would be N(0, 1/d) for large d, whatever the release; a canary that was there pulls it up. From the cosines of n canaries:
 *
 *   bound      ln((1 − δ − FNR⁺)/FPR) or ln((1 − δ − FPR)/FNR⁺) at the best of a list of thresholds; FNR⁺ is the upper end of an interval
 *              for the share of canaries below, FPR = P[N(0, 1/d) > t] is known. Each threshold pays its part of `significance`.
 *   estimate   ε of telling N(mean, variance) of the cosines from N(0, 1/d), at δ. It has no error probability: it is no bound.
 *
 * Both take the n cosines of one run as independent, which holds in the limit of large d; neither is a proof about the mechanism.
 *
 * Source: Andrew, Kairouz, Oh, Oprea, McMahan, Suriyakumar, "One-shot Empirical Privacy Estimation for Federated Learning" (2023).
 */
import { fail } from "@tributary/errors";
import { normalTail } from "../accounting/normal.ts";
import { normL2 } from "../clipping/clip-l2.ts";
import { simulationGaussian } from "../sampling/continuous-gaussian.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { checkSignificance, clopperPearsonUpper, jeffreysUpper } from "./binomial.ts";
import { gaussianPairEpsilon } from "./gaussian-pair.ts";
import { checkAuditDelta } from "./one-run.ts";

/** What canaries showed. */
export interface CanaryCosines {
  /** `[n]`, each of a canary that was in. */
  readonly cosines: ArrayLike<number>;
  /** d: coordinates of a canary. */
  readonly dimension: number;
}

/** The lower bound of ε that random canaries give. */
export interface CanaryBound {
  readonly kind: "bound";
  readonly epsilon: number;
  /** The cosine from which on the attacker says "in", and which of the two inputs its event is likelier under. */
  readonly threshold: number;
  readonly direction: "in" | "out";
  readonly delta: number;
  readonly significance: number;
  readonly interval: "jeffreys" | "clopper-pearson";
}

/** An estimate of ε from random canaries; no bound. */
export interface CanaryEstimate {
  readonly kind: "estimate";
  readonly epsilon: number;
  readonly mean: number;
  readonly deviation: number;
  readonly delta: number;
}

/**
 * A uniformly random direction of length `norm`. Float noise is good enough: it hides nothing.
 * @returns `[dimension]`
 * @throws TRB_DP_PARAMETER_INVALID
 */
export function randomCanary(dimension: number, norm: number, random: RandomSource): Float64Array {
  checkDimension(dimension);
  if (!(norm > 0 && Number.isFinite(norm))) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "norm", value: norm, expected: "a finite number above 0" });
  }
  const canary = new Float64Array(dimension);
  simulationGaussian(1, random).fill(canary);
  const length = normL2(canary);
  return canary.map((value) => (value / length) * norm);
}

/** The cosine of the angle between two vectors; 0 where one of them is zero. @throws TRB_DP_LENGTH_MISMATCH, TRB_DP_PARAMETER_INVALID */
export function cosine(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  if (a.length !== b.length) throw fail("TRB_DP_LENGTH_MISMATCH", { length: b.length, expected: a.length });
  const lengths = [normL2(a), normL2(b)] as const;
  if (lengths.some(Number.isNaN)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "vector", value: "not finite", expected: "finite numbers" });
  }
  if (lengths[0] === 0 || lengths[1] === 0) return 0;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) / lengths[0]) * ((b[i] as number) / lengths[1]);
  return sum;
}

/**
 * A lower bound on ε from thresholds that were fixed before the cosines were seen, in units of 1/√d.
 * `interval`: Jeffreys as in the source, right on average over the unknown share; Clopper–Pearson for one that is right at each.
 * @throws TRB_DP_AUDIT_SCORES_INVALID, TRB_DP_AUDIT_DELTA_INVALID, TRB_DP_AUDIT_SIGNIFICANCE_INVALID, TRB_DP_PARAMETER_INVALID,
 *   TRB_DP_AUDIT_TOO_FEW_SAMPLES
 */
export function canaryBound(
  found: CanaryCosines,
  options: {
    readonly thresholds: readonly number[];
    readonly delta: number;
    readonly significance: number;
    readonly interval?: CanaryBound["interval"];
  },
): CanaryBound {
  checkCosines(found, 1);
  const { thresholds, delta, significance, interval = "jeffreys" } = options;
  checkAuditDelta(delta);
  checkSignificance(significance);
  if (thresholds.length === 0 || !thresholds.every(Number.isFinite)) {
    throw fail("TRB_DP_PARAMETER_INVALID", {
      parameter: "thresholds",
      value: thresholds.length,
      expected: "one or more numbers",
    });
  }
  const upper = interval === "jeffreys" ? jeffreysUpper : clopperPearsonUpper;
  const each = significance / (2 * thresholds.length); // two events a threshold
  const { cosines, dimension } = found;
  let best: CanaryBound = {
    ...{ kind: "bound", epsilon: 0, threshold: Number.POSITIVE_INFINITY, direction: "in" },
    ...{ delta, significance, interval },
  };
  for (const units of thresholds) {
    const threshold = units / Math.sqrt(dimension);
    let below = 0;
    for (let i = 0; i < cosines.length; i++) below += (cosines[i] as number) <= threshold ? 1 : 0;
    const missed = upper(below, cosines.length, each);
    const falsePositive = normalTail(units);
    const bounds = {
      in: Math.log((1 - delta - missed) / falsePositive),
      out: Math.log((1 - delta - falsePositive) / missed),
    };
    for (const direction of ["in", "out"] as const) {
      if (bounds[direction] > best.epsilon) best = { ...best, epsilon: bounds[direction], threshold, direction };
    }
  }
  return best;
}

/**
 * What ε would be, were cosines normal: no bound.
 * @throws TRB_DP_AUDIT_SCORES_INVALID, TRB_DP_AUDIT_TOO_FEW_SAMPLES, TRB_DP_PARAMETER_INVALID, TRB_DP_DELTA_INVALID
 */
export function canaryEstimate(found: CanaryCosines, { delta }: { readonly delta: number }): CanaryEstimate {
  checkCosines(found, 2);
  if (!(delta > 0 && delta < 1)) throw fail("TRB_DP_DELTA_INVALID", { delta });
  const values = Array.from(found.cosines);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  if (!(deviation > 0)) throw fail("TRB_DP_AUDIT_TOO_FEW_SAMPLES", { samples: values.length, least: "two that differ" });
  const without = { mean: 0, deviation: 1 / Math.sqrt(found.dimension) };
  return { kind: "estimate", epsilon: gaussianPairEpsilon({ mean, deviation }, without, delta), mean, deviation, delta };
}

function checkCosines({ cosines, dimension }: CanaryCosines, least: number): void {
  checkDimension(dimension);
  if (cosines.length < least) throw fail("TRB_DP_AUDIT_TOO_FEW_SAMPLES", { samples: cosines.length, least });
  for (let place = 0; place < cosines.length; place++) {
    if (!(Math.abs(cosines[place] as number) <= 1 + 1e-9)) throw fail("TRB_DP_AUDIT_SCORES_INVALID", { place });
  }
}

function checkDimension(dimension: number): void {
  if (Number.isInteger(dimension) && dimension >= 2) return;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "dimension", value: dimension, expected: "a whole number from 2 on" });
}
