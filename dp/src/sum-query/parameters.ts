/**
 * From a plan's numbers to the integers that a sum query runs on: sensitivity, noise share, grid and clamp.
 *
 *   Δ   = k·(s·C + √touched)                       exact arithmetic       (integer units; k = maxMerchantsPerCustomer)
 *   Δ   = k·(s·C·(1 + 2⁻¹⁰) + √dimension)          bucketed arithmetic
 *   σ_u² = z²·Δ²/(minCohort − maxCorrupt)          a node's noise share, distributed mode
 *   σ_u² = z²·Δ²                                   local mode: every node brings all of it
 *
 * A packed sum (`packed-sum.ts`) has the Δ that its plan states, ⌊Δ²⌋, to which every node's rounding is held exactly.
 *
 * A person at k > 1 merchants who sample is k parts of the noise, one for each (`atSeveralMerchants`); so a k-th of the sum's noise has to be
 * at least what a node's share has to be: σ ≥ 4.
 *
 * Computed in rational arithmetic from the plan's decimal strings; Δ and σ_u² are rounded up to multiples of a power of two. So every node
 * and every auditor gets the same fractions to the last bit. Why Δ is what it is: docs/privacy/rounding.md. Source: DESIGN §4.
 */
import { fail } from "@tributary/errors";
import {
  add,
  ceiling,
  compare,
  divide,
  floor,
  multiply,
  parseRational,
  type Rational,
  roundUp,
  squareRootUp,
  toDecimal,
  toNumber,
  whole,
} from "../exact/rational.ts";
import { type PackedBits, packedBits, rotatedDimension } from "../packing/rotation.ts";
import { type Grid, sumQueryGrid } from "./grid.ts";

/** Decimals are strings as in a plan; counts are whole numbers. */
export interface SumQueryPlan {
  readonly arithmetic: "exact" | "bucketed";
  /** C > 0 */
  readonly clipNorm: string;
  /** s > 0 */
  readonly scale: string;
  /** f, from 0 to 20 */
  readonly fractionBits: number;
  readonly dimension: number;
  /** Most coordinates that one customer can touch. */
  readonly touched: number;
  /** q, from 0 to 1 */
  readonly samplingRate: string;
  /** z > 0 */
  readonly noiseMultiplier: string;
  readonly minCohort: number;
  readonly maxCorrupt: number;
  /** Sampled customers of one node that its clamp leaves room for. */
  readonly customerQuota: number;
  /** k; 1 unless given. */
  readonly maxMerchantsPerCustomer?: number;
  /** `distributed` unless given. */
  readonly noiseMode?: "distributed" | "local";
  /** Few bits a coordinate, of nodes that round one vector alone: exact arithmetic of everybody, at one merchant each. */
  readonly packing?: PackingNumbers;
}

/** What makes a sum a packed one. */
interface PackingNumbers {
  readonly bits: PackedBits;
  /** ⌊Δ²⌋, squared integer units: a whole number below 2⁵². */
  readonly squaredSensitivity: number;
}

/** The integers and fractions that a sum query runs on. */
export interface SumQueryParameters {
  readonly dimension: number;
  readonly touched: number;
  readonly grid: Grid;
  readonly samplingRate: Rational;
  /** s as a double, for turning sums back. */
  readonly scale: number;
  /** Δ: how far one customer can move y in L2, in integer units; a multiple of 2⁻²⁰, rounded up. */
  readonly sensitivity: Rational;
  /** σ_u², squared integer units; a multiple of 2⁻²⁰, rounded up; ≥ 16. */
  readonly nodeVariance: Rational;
  /** How many nodes' shares the stated noise consists of. */
  readonly honestNodes: number;
  /** ⌊quota·s·C·2^f⌋: the clamp of each coordinate of a node's sum, in grid units. */
  readonly clampBound: number;
  /** Δ/(s·C): what rounding costs, as a factor of the noise. */
  readonly inflation: number;
  /** A node with more customers than this could leave the range in which its sums are exact. */
  readonly mostCustomers: number;
  /** There exactly where the plan packs; `sent` is how many coordinates are sent, the next power of two. */
  readonly packed?: PackingNumbers & { readonly sent: number };
}

const finenessBits = 20;
/** 1 + 2⁻¹⁰: what a bucket's float32 run may add to a customer's clipped vector. */
export const floatAllowance: Rational = { numerator: 1025n, denominator: 1024n };
const one: Rational = { numerator: 1n, denominator: 1n };

/**
 * The numbers that a sum query runs on; refuses a plan whose sums could not be private or exact.
 * @throws TRB_DP_DECIMAL_INVALID, TRB_DP_PARAMETER_INVALID, TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID,
 *   TRB_DP_TOUCHED_NEEDS_EXACT, TRB_DP_NO_HONEST_NODES, TRB_DP_NOISE_TOO_SMALL, TRB_DP_GRID_TOO_FINE
 */
export function sumQueryParameters(plan: SumQueryPlan): SumQueryParameters {
  const { arithmetic, dimension, touched, minCohort, maxCorrupt, customerQuota, fractionBits } = plan;
  const merchants = plan.maxMerchantsPerCustomer ?? 1;
  for (const [parameter, value] of Object.entries({ dimension, touched, minCohort, customerQuota, merchants })) {
    checkCount(parameter, value, 1);
  }
  checkCount("maxCorrupt", maxCorrupt, 0);
  if (touched > dimension || (arithmetic === "bucketed" && touched < dimension)) {
    throw fail("TRB_DP_TOUCHED_NEEDS_EXACT", { touched, dimension });
  }
  if (maxCorrupt >= minCohort) throw fail("TRB_DP_NO_HONEST_NODES", { minCohort, maxCorrupt });

  const scale = positive("scale", plan.scale);
  const clipNorm = positive("clipNorm", plan.clipNorm);
  const samplingRate = parseRational(plan.samplingRate);
  if (compare(samplingRate, one) > 0) throw fail("TRB_DP_SAMPLING_RATE_INVALID", { samplingRate: plan.samplingRate });
  const noiseMultiplier = parseRational(plan.noiseMultiplier);
  if (noiseMultiplier.numerator === 0n) throw fail("TRB_DP_NOISE_MULTIPLIER_INVALID", { noiseMultiplier: "0" });

  const packed = packedOf(plan);
  const sensitivity =
    packed === undefined
      ? sensitivityOf({ arithmetic, scale, clipNorm, touched, merchants })
      : squareRootUp(whole(packed.squaredSensitivity), finenessBits);
  const honestNodes = plan.noiseMode === "local" ? 1 : minCohort - maxCorrupt;
  const squared = packed === undefined ? multiply(sensitivity, sensitivity) : whole(packed.squaredSensitivity);
  const varianceOfSum = multiply(noiseMultiplier, noiseMultiplier, squared);
  const variance = divide(varianceOfSum, whole(honestNodes));
  const parts = compare(samplingRate, one) < 0 ? Math.max(honestNodes, merchants) : honestNodes;
  const smallest = divide(varianceOfSum, whole(parts));
  if (compare(smallest, whole(16)) < 0) {
    throw fail("TRB_DP_NOISE_TOO_SMALL", { deviation: toDecimal(squareRootUp(smallest, finenessBits), "down", 4) });
  }

  const grid = sumQueryGrid({ scale, clipNorm, fractionBits });
  const clampBound = floor(multiply(whole(customerQuota), scale, clipNorm, whole(2 ** fractionBits)));
  const perCustomer = ceiling(multiply(floatAllowance, scale, clipNorm, whole(2 ** fractionBits))) + 1n;
  const room = 2n ** 53n - 2n ** 21n;
  if (clampBound > room) throw fail("TRB_DP_GRID_TOO_FINE");
  return {
    dimension,
    touched,
    grid,
    samplingRate,
    scale: toNumber(scale),
    sensitivity,
    nodeVariance: roundUp(variance, finenessBits),
    honestNodes,
    clampBound: Number(clampBound),
    inflation: toNumber(divide(sensitivity, multiply(scale, clipNorm)), "up"),
    mostCustomers: Number(room / perCustomer),
    ...(packed === undefined ? {} : { packed }),
  };
}

/** @throws TRB_DP_PARAMETER_INVALID where a sum of several vectors would be packed, whose rounding is another sensitivity (docs/decisions/0031) */
function packedOf(plan: SumQueryPlan): SumQueryParameters["packed"] {
  const { packing, arithmetic, dimension, touched, samplingRate, maxMerchantsPerCustomer = 1 } = plan;
  if (packing === undefined) return undefined;
  const refuse = (parameter: string, value: string | number, expected: string) =>
    fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected });
  if (arithmetic !== "exact") throw refuse("arithmetic", arithmetic, "exact, in a packed sum");
  if (touched !== dimension) throw refuse("touched", touched, `the dimension, ${dimension}, in a packed sum`);
  if (maxMerchantsPerCustomer !== 1) throw refuse("merchants", maxMerchantsPerCustomer, "1, in a packed sum");
  if (compare(parseRational(samplingRate), one) !== 0) throw refuse("samplingRate", samplingRate, "1, in a packed sum");
  if (!packedBits.includes(packing.bits)) throw refuse("bits", packing.bits, packedBits.join(", "));
  const { bits, squaredSensitivity } = packing;
  if (!(Number.isInteger(squaredSensitivity) && squaredSensitivity >= 1 && squaredSensitivity < 2 ** 52)) {
    throw refuse("squaredSensitivity", squaredSensitivity, "a whole number from 1 to below 2^52");
  }
  return { bits, squaredSensitivity, sent: rotatedDimension(dimension) };
}

/**
 * Before a node trains with a plan: its sums stay in the range where they are exact, whoever is sampled.
 * @param customers all that the node holds, sampled or not, so that the answer says nothing of a sample
 * @throws TRB_DP_TOO_MANY_CUSTOMERS
 */
export function checkCustomers(customers: number, { mostCustomers }: Pick<SumQueryParameters, "mostCustomers">): void {
  if (!(customers <= mostCustomers)) throw fail("TRB_DP_TOO_MANY_CUSTOMERS", { customers, most: mostCustomers });
}

/** Δ, rounded up to a multiple of 2⁻²⁰. */
export function sensitivityOf(query: {
  readonly arithmetic: "exact" | "bucketed";
  readonly scale: Rational;
  readonly clipNorm: Rational;
  readonly touched: number;
  readonly merchants: number;
}): Rational {
  const allowance = query.arithmetic === "bucketed" ? floatAllowance : one;
  const rounding = squareRootUp(whole(query.touched), finenessBits);
  const moved = add(multiply(query.scale, query.clipNorm, allowance), rounding);
  return roundUp(multiply(whole(query.merchants), moved), finenessBits);
}

/** A decimal above zero. */
export function positive(parameter: string, text: string): Rational {
  const value = parseRational(text);
  if (value.numerator === 0n) throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value: text, expected: "above 0" });
  return value;
}

export function checkCount(parameter: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= 2 ** 40) return;
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected: `a whole number from ${least} to 2⁴⁰` });
}
