/**
 * What other recipes of distributed noise cost: vectors rounded one by one, shares of discrete Gaussian or Skellam noise. Our own sum
 * query needs none of it (a node rounds its sum once, with dither: docs/privacy/rounding.md); these are for comparing, and for
 * federations that must do with 16 to 20 bits.
 *
 * All vectors are in nats at integer orders, for releases without sampling; `composeRdp` and `epsilonFromRdp` go on from there, and
 * `sampledRdp` amplifies. Lengths and variances are in integer units.
 *
 * Source: Kairouz, Liu, Steinke, "The Distributed Discrete Gaussian Mechanism" (2021), Proposition 14 and Lemma 29; Agarwal, Kairouz, Liu,
 * "The Skellam Mechanism" (2021), Theorem 3.5; google-research/federated, distributed_dp.
 */
import { fail } from "@tributary/errors";
import { checkAtLeastOne } from "./correlated/tree.ts";
import { rdpIntegerOrders } from "./orders.ts";

/**
 * How long a vector of length c·s can be after each coordinate was rounded at random to a whole number beside it, and rounded again until
 * it is no longer than this (which takes 1/(1 − β) tries):
 *
 *   Δ² = min{(sc + √d)², (sc)² + d/4 + √(2 ln(1/β))·(sc + √d/2)}
 *
 * It is for one vector rounded alone, not for a sum of several.
 * @param length s·c, in integer units
 * @param bias β, from 0 (any rounding passes) to below 1
 * @throws TRB_DP_SENSITIVITY_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function roundedNormBound(length: number, dimension: number, bias: number): number {
  checkLength(length);
  checkAtLeastOne("dimension", dimension);
  if (!(bias >= 0 && bias < 1)) invalid("bias", bias, "from 0 to below 1");
  const always = length + Math.sqrt(dimension);
  if (bias === 0) return always;
  const often = length ** 2 + dimension / 4 + Math.sqrt(-2 * Math.log(bias)) * (length + Math.sqrt(dimension) / 2);
  return Math.min(always, Math.sqrt(often));
}

/**
 * Integer units per unit of the vector, for n clients' rotated vectors of length c and shares of noise of deviation σ to stay inside b
 * bits but for k deviations:
 *
 *   s = √(2^{2b} − nk²) / (2k·√(c²n²/d + nσ²))
 *
 * @throws TRB_DP_SENSITIVITY_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function rotatedScale({
  bits,
  nodes,
  dimension,
  clipNorm,
  nodeDeviation,
  deviations = 4,
}: {
  readonly bits: number;
  readonly nodes: number;
  readonly dimension: number;
  readonly clipNorm: number;
  /** σ of one share, in units of the vector. */
  readonly nodeDeviation: number;
  readonly deviations?: number;
}): number {
  for (const [name, value] of Object.entries({ bits, nodes, dimension, deviations })) checkAtLeastOne(name, value);
  checkLength(clipNorm);
  if (!(nodeDeviation > 0 && Number.isFinite(nodeDeviation))) invalid("nodeDeviation", nodeDeviation, "a number above 0");
  const room = 4 ** bits - nodes * deviations ** 2;
  if (!(room > 0)) invalid("bits", bits, `enough for ${nodes} nodes`);
  const spread = Math.sqrt((clipNorm * nodes) ** 2 / dimension + nodes * nodeDeviation ** 2);
  return Math.sqrt(room) / (2 * deviations * spread);
}

/** A sum of shares of noise on integer vectors. */
export interface DistributedNoise {
  /** n: whose shares are counted on. */
  readonly nodes: number;
  /** σ_u² of one share. */
  readonly nodeVariance: number;
  /** Δ₂: the most by which one client moves the sum, in L2. */
  readonly sensitivity: number;
  readonly dimension: number;
}

/**
 * A sum of n shares of discrete Gaussian noise, at each order:
 *
 *   RDP(α) = min{αΔ²/2nσ_u² + τd, (α/2)·(Δ/√n·σ_u + √d·τ)²},  τ = 10·Σ_{k<n} e^{−2π²σ_u²·k/(k+1)}
 *
 * τ is what the sum lacks to be one discrete Gaussian: nothing at σ_u ≥ 3.
 * @throws TRB_DP_VARIANCE_NOT_POSITIVE, TRB_DP_SENSITIVITY_INVALID, TRB_DP_PARAMETER_INVALID
 */
export function distributedGaussianRdp(noise: DistributedNoise, orders: readonly number[] = rdpIntegerOrders): number[] {
  checkNoise(noise);
  const { nodes, nodeVariance, sensitivity, dimension } = noise;
  let tau = 0;
  for (let k = 1; k < nodes; k++) tau += 10 * Math.exp((-2 * Math.PI ** 2 * nodeVariance * k) / (k + 1));
  const squared = sensitivity ** 2 / (nodes * nodeVariance);
  const root = Math.sqrt(squared) + Math.sqrt(dimension) * tau;
  return orders.map((order) => Math.min((order / 2) * squared + tau * dimension, (order / 2) * root ** 2));
}

/**
 * A sum of shares of Skellam noise (the difference of two Poisson variables), of μ = n·σ_u² in all: sums of it are Skellam again.
 *
 *   RDP(α) = αΔ₂²/2μ + min{((2α − 1)Δ₂² + 6Δ₁)/4μ², 3Δ₁/2μ},  Δ₁ = Δ₂·min(√d, Δ₂)
 *
 * @param orders whole numbers from 2 on
 * @throws as `distributedGaussianRdp`
 */
export function skellamRdp(noise: DistributedNoise, orders: readonly number[] = rdpIntegerOrders): number[] {
  checkNoise(noise);
  const { nodes, nodeVariance, sensitivity, dimension } = noise;
  for (const order of orders) if (!(Number.isInteger(order) && order >= 2)) invalid("orders", order, "whole numbers from 2 on");
  const mu = nodes * nodeVariance;
  const squared = sensitivity ** 2;
  const inL1 = sensitivity * Math.min(Math.sqrt(dimension), sensitivity);
  return orders.map(
    (order) =>
      (order * squared) / (2 * mu) + Math.min(((2 * order - 1) * squared + 6 * inL1) / (4 * mu * mu), (3 * inL1) / (2 * mu)),
  );
}

function checkNoise({ nodes, nodeVariance, sensitivity, dimension }: DistributedNoise): void {
  checkAtLeastOne("nodes", nodes);
  checkAtLeastOne("dimension", dimension);
  checkLength(sensitivity);
  if (!(nodeVariance > 0 && Number.isFinite(nodeVariance))) {
    throw fail("TRB_DP_VARIANCE_NOT_POSITIVE", { variance: nodeVariance });
  }
}

function checkLength(sensitivity: number): void {
  if (!(sensitivity > 0 && Number.isFinite(sensitivity))) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
}

function invalid(parameter: string, value: number, expected: string): never {
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected });
}
