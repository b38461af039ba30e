/**
 * How many integer units one unit of the vector is worth: as many as 32 bits allow.
 *
 * A sum of all nodes must stay inside ±(2³¹ − 1) but for rare noise: the clamped sums reach Q·s·C, rounding adds at most 1 for each node,
 * and the noise of n_max shares has standard deviation z·Δ·√(n_max/h), h = n_min − n_corrupt, of which eight are left room for:
 *
 *   Q·s·C + n_max + 8·z·κ·Δ = 2³¹ − 1,   κ = √(n_max/h).
 *
 * Δ itself depends on s (Δ = k·(a·s·C + √touched), a = 1 or 1 + 2⁻¹⁰; k = 1 below), which DESIGN §4 writes as a fixed point with C′ = Δ/s. It is linear in s:
 *
 *   s = (2³¹ − 1 − n_max − 8·z·κ·√touched) / (C·(Q + 8·z·κ·a)).
 *
 * Roots are rounded up and s is rounded down to 12 significant digits, so the left side never passes the right.
 */
import { fail } from "@tributary/errors";
import { add, compare, divide, multiply, type Rational, squareRootUp, toDecimal, whole } from "../exact/rational.ts";
import { checkCount, floatAllowance, positive, sensitivityOf } from "./parameters.ts";

/** What a scale has to leave room for. */
export interface ScaleChoice {
  readonly arithmetic?: "exact" | "bucketed";
  /** Q: the quotas of all nodes together. */
  readonly totalQuota: number;
  /** C > 0, a decimal string. */
  readonly clipNorm: string;
  /** z > 0, a decimal string. */
  readonly noiseMultiplier: string;
  readonly dimension: number;
  /** The dimension unless given. */
  readonly touched?: number;
  /** n_max: most nodes whose noise can be in one sum. */
  readonly maxNodes: number;
  /** h = n_min − n_corrupt; 1 in local mode. */
  readonly honestMinimum: number;
  /** k; 1 unless given. */
  readonly maxMerchantsPerCustomer?: number;
}

/** A scale, and what it risks. */
export interface ChosenScale {
  /** s, as a plan writes it. */
  readonly scale: string;
  /** Bound of the chance that any coordinate of one round's sum wraps around. It costs accuracy, never privacy. */
  readonly wrapAroundProbability: number;
}

const largest = 2n ** 31n - 1n;
const deviations = 8n;

/**
 * `arithmetic` is `bucketed` unless given.
 * @throws TRB_DP_SCALE_IMPOSSIBLE when noise and rounding alone fill 32 bits, TRB_DP_PARAMETER_INVALID, TRB_DP_DECIMAL_INVALID
 */
export function chooseScale(choice: ScaleChoice): ChosenScale {
  const { arithmetic = "bucketed", totalQuota, dimension, maxNodes, honestMinimum } = choice;
  const touched = choice.touched ?? dimension;
  const merchants = choice.maxMerchantsPerCustomer ?? 1;
  for (const [parameter, value] of Object.entries({ totalQuota, dimension, touched, maxNodes, honestMinimum, merchants })) {
    checkCount(parameter, value, 1);
  }
  const clipNorm = positive("clipNorm", choice.clipNorm);
  const noiseMultiplier = positive("noiseMultiplier", choice.noiseMultiplier);

  const spread = squareRootUp({ numerator: BigInt(maxNodes), denominator: BigInt(honestMinimum) }, 40); // κ
  const noise = multiply(whole(deviations), noiseMultiplier, spread, whole(merchants)); // 8zκk
  const unit = whole(1);
  const rounding = sensitivityOf({ arithmetic, scale: whole(0), clipNorm: unit, touched, merchants: 1 }); // Δ at s = 0
  const allowance = arithmetic === "bucketed" ? floatAllowance : unit; // a
  // 2^−19 more, because Δ and its root are each rounded up to a multiple of 2^−20 again
  const taken = add(whole(maxNodes), multiply(noise, add(rounding, { numerator: 1n, denominator: 1n << 19n })));
  if (compare(taken, whole(largest)) >= 0) throw fail("TRB_DP_SCALE_IMPOSSIBLE", { dimension });
  const room: Rational = {
    numerator: largest * taken.denominator - taken.numerator,
    denominator: taken.denominator,
  };
  const perUnit = multiply(clipNorm, add(whole(totalQuota), multiply(noise, allowance)));
  return { scale: toDecimal(divide(room, perUnit), "down"), wrapAroundProbability: tailBound(dimension) };
}

/** P[|N_Z(0, σ²)| ≥ 8σ] ≤ 2·e^−32 (sub-Gaussian; rounded up), for any of `dimension` coordinates. */
function tailBound(dimension: number): number {
  return Math.min(1, dimension * 2 * 1.2665e-14);
}
