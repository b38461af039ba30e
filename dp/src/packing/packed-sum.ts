/**
 * A sum in 16 to 20 bits a coordinate instead of 32: the distributed discrete Gaussian mechanism. A node's vector is clipped as a whole,
 * rotated, rounded to whole units under a condition on its length, gets its share of the noise, and wraps around at 2^b:
 *
 *   node          y_u = (round_Δ(s·R·x_u) + N_Z(0, σ_u²)) mod 2^b
 *   coordinator   x̂ = R⁻¹·centre(Σ y_u mod 2^b)/s
 *
 * What a round costs is the exact formula's, `distributedGaussianRdp` at Δ and σ_u²; at σ_u ≥ 4 that is a Gaussian's of multiplier z to fifty
 * digits, and what fewer bits take away is accuracy: Δ is longer than s·C, the noise with it, and a coordinate may wrap.
 * Source: Kairouz, Liu, Steinke (2021), Algorithms 1 and 2; privacy-core.md §2.
 */
import { fail } from "@tributary/errors";
import { distributedGaussianRdp, rotatedScale, roundedNormBound } from "../accounting/distributed-noise.ts";
import { type Rational, toNumber } from "../exact/rational.ts";
import { fastDiscreteGaussian } from "../sampling/fast-discrete-gaussian.ts";
import type { IntegerSampler } from "../sampling/integer-sampler.ts";
import type { RandomSource } from "../sampling/random-source.ts";
import { addNoise } from "../sum-query/noise.ts";
import type { SumQueryParameters } from "../sum-query/parameters.ts";
import { roundConditionally } from "./conditional-rounding.ts";
import { type PackedBits, rotate, rotateBack, rotatedDimension, rotationSigns } from "./rotation.ts";

/** What a packed sum has to be chosen for. */
export interface PackedSumChoice {
  readonly bits: PackedBits;
  readonly dimension: number;
  /** C: what a node's whole vector is clipped to. */
  readonly clipNorm: number;
  /** z: σ of the honest minimum's noise over Δ. */
  readonly noiseMultiplier: number;
  /** Most nodes in one sum. */
  readonly maxNodes: number;
  /** h: whose noise is counted on. */
  readonly honestMinimum: number;
}

/** A packed sum's numbers, public, and the same on both sides. */
export interface PackedSum extends PackedSumChoice {
  /** 2^m coordinates that are sent. */
  readonly sent: number;
  /** s: integer units per unit of the vector. */
  readonly scale: number;
  /** ⌊Δ²⌋: exact, in integer units. */
  readonly mostSquared: number;
  /** σ_u², a float that was rounded up. */
  readonly nodeVariance: number;
  /** Δ/(s·C): how much more noise the same ε takes than without rounding. */
  readonly inflation: number;
  /**
   * Bound of the chance that a coordinate of the rotated sum wraps around. One that does is wrong by 2^b, which the rotation spreads over all:
   * beside the noise that is 4k² = 64 times a coordinate's variance in so few of them. It costs accuracy, never privacy.
   */
  readonly wrapAroundProbability: number;
}

/** β of the condition: what other federations take, at which a rounding passes two times in five. */
const bias = Math.exp(-0.5);
/** k: deviations of a coordinate of the sum that 2^(b−1) has room for. More room is a coarser grid, which costs more than what wraps at 4. */
const deviations = 4;
/** Below it a sum of shares is not one discrete Gaussian any more (privacy-core.md §2). */
const leastDeviation = 4;

/**
 * The scale solves s = rotatedScale(σ_u/s) with σ_u = z·Δ(s)/√h, which falls on one value in a few steps: the coarser the grid, the longer Δ/s.
 * @throws TRB_DP_PARAMETER_INVALID, TRB_DP_SCALE_IMPOSSIBLE when so few bits leave less than σ_u = 4
 */
export function choosePackedSum(choice: PackedSumChoice): PackedSum {
  const { bits, dimension, clipNorm, noiseMultiplier, maxNodes, honestMinimum } = choice;
  const sent = rotatedDimension(dimension);
  const deviationAt = (scale: number) =>
    (noiseMultiplier * roundedNormBound(scale * clipNorm, sent, bias)) / Math.sqrt(honestMinimum);
  let scale = 2 ** bits;
  for (let step = 0; step < 200; step++) {
    const nodeDeviation = deviationAt(scale) / scale;
    scale = rotatedScale({ bits, nodes: maxNodes, dimension: sent, clipNorm, nodeDeviation, deviations });
  }
  scale = Number(scale.toPrecision(12)) * (1 - 1e-11); // as a plan would write it, rounded down
  const mostSquared = Math.floor(roundedNormBound(scale * clipNorm, sent, bias) ** 2);
  const nodeVariance = ((noiseMultiplier ** 2 * mostSquared) / honestMinimum) * (1 + 2 ** -40);
  if (!(nodeVariance >= leastDeviation ** 2)) throw fail("TRB_DP_SCALE_IMPOSSIBLE", { dimension });
  return {
    ...choice,
    ...{ sent, scale, mostSquared, nodeVariance, inflation: Math.sqrt(mostSquared) / (scale * clipNorm) },
    wrapAroundProbability: wrapAround(deviations),
  };
}

/** Of a coordinate with so many deviations of room: Hoeffding over the signs, and sub-Gaussian noise. */
const wrapAround = (room: number) => 2 * Math.exp(-(room ** 2) / 2);

/** What a plan states of a packed sum, and how many nodes' vectors it may hold. */
export interface PackedFitRequest {
  readonly bits: PackedBits;
  readonly dimension: number;
  readonly clipNorm: number;
  readonly scale: number;
  readonly nodeVariance: Rational;
  readonly nodes: number;
}

/**
 * What the numbers of a packed sum have to be, recomputed for whoever checks a plan:
 *
 *   least ⌊Δ²⌋ = ⌊roundedNormBound(s·C, 2^m, e^−½)²⌋        room = 2^(b−1) / √((n·s·C)²/2^m + n·(σ_u² + ¼)) deviations of a coordinate of the sum
 */
export function packedFit({ bits, dimension, clipNorm, scale, nodeVariance, nodes }: PackedFitRequest): {
  readonly leastSquared: number;
  /** Whether there is as much room as `choosePackedSum` leaves. */
  readonly fits: boolean;
  readonly wrapAroundProbability: number;
} {
  const sent = rotatedDimension(dimension);
  const length = scale * clipNorm;
  const spread = Math.sqrt((nodes * length) ** 2 / sent + nodes * (toNumber(nodeVariance, "up") + 0.25));
  const room = 2 ** (bits - 1) / spread;
  return {
    leastSquared: Math.floor(roundedNormBound(length, sent, bias) ** 2),
    fits: room >= deviations * (1 - 1e-9),
    wrapAroundProbability: Math.min(1, wrapAround(room)),
  };
}

/** Rényi divergences of one round, at each order, by the exact formula. @param orders whole numbers; those of `rdp-integer` unless given */
export function packedRdp(
  {
    honestMinimum,
    nodeVariance,
    mostSquared,
    sent,
  }: Pick<PackedSum, "honestMinimum" | "nodeVariance" | "mostSquared" | "sent">,
  orders?: readonly number[],
): number[] {
  const noise = { nodes: honestMinimum, nodeVariance, sensitivity: Math.sqrt(mostSquared), dimension: sent };
  return distributedGaussianRdp(noise, orders);
}

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type PackedNumbers = Pick<PackedSum, "bits" | "scale" | "clipNorm" | "mostSquared" | "nodeVariance">;
type SamplerOfVariance = (variance: Rational, random: RandomSource) => IntegerSampler;

/** Secret, fresh streams. */
interface PackedRandom {
  readonly rounding: RandomSource;
  readonly noise: RandomSource;
}

/**
 * y: clipped, rotated, rounded, noisy, modulo 2^b; still to be masked.
 * @param vector [dimension] a node's whole update; longer than C it is shortened
 * @param signs of the round (`rotationSigns`)
 * @param samplerOf makes the sampler of the noise share: ours unless given
 * @returns [sent] below 2^b
 * @throws TRB_DP_SAMPLER_NOT_EXACT, TRB_DP_LENGTH_MISMATCH, TRB_DP_PARAMETER_INVALID for a vector that is not finite
 */
export function packedVector(
  vector: Float32Array | Float64Array,
  { bits, scale, clipNorm, mostSquared, nodeVariance }: PackedNumbers,
  signs: Int8Array,
  random: PackedRandom,
  samplerOf: SamplerOfVariance = fastDiscreteGaussian,
): Uint32Array {
  const units = rotate(vector, signs);
  let squares = 0;
  for (let i = 0; i < units.length; i++) squares += (units[i] as number) ** 2;
  const length = Math.sqrt(squares);
  if (!Number.isFinite(length))
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "vector", value: length, expected: "finite" });
  const factor = length > clipNorm ? (scale * clipNorm) / length : scale;
  for (let i = 0; i < units.length; i++) units[i] = (units[i] as number) * factor;
  roundConditionally(units, mostSquared, random.rounding);
  addNoise(units, samplerOf(varianceOf(nodeVariance), random.noise));
  const mask = 2 ** bits - 1;
  const residues = new Uint32Array(units.length);
  for (let i = 0; i < residues.length; i++) residues[i] = ((units[i] as number) >>> 0) & mask;
  units.fill(0);
  return residues;
}

/** What a plan's numbers (`sumQueryParameters`) are to a packed sum. */
export type PackedParameters = Pick<SumQueryParameters, "dimension" | "grid" | "scale" | "nodeVariance"> & {
  readonly packed: NonNullable<SumQueryParameters["packed"]>;
};

/**
 * The packed twin of `noisyVector`: y of a total on the grid, which is one vector, no longer than s·C·2^f.
 * @param total [dimension] grid units; it is cleared, because V must not outlive y
 * @param rotation the round's public stream, the same for every node
 * @returns [sent] below 2^b
 * @throws as `packedVector`
 */
export function noisyPackedVector(
  total: Float64Array,
  { dimension, grid, scale, nodeVariance, packed }: PackedParameters,
  rotation: RandomSource,
  random: PackedRandom,
  samplerOf?: SamplerOfVariance,
): Uint32Array {
  const { bits, squaredSensitivity: mostSquared } = packed;
  // σ_u² is a multiple of 2⁻²⁰: the double is exact below 2³²
  const numbers = { bits, scale, clipNorm: grid.clipNorm, mostSquared, nodeVariance: toNumber(nodeVariance, "up") };
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) / grid.unitsPerOne;
  try {
    return packedVector(total, numbers, rotationSigns(dimension, rotation), random, samplerOf);
  } finally {
    total.fill(0);
  }
}

/** Rounded up to a multiple of 2⁻²⁰. */
function varianceOf(nodeVariance: number): Rational {
  return { numerator: BigInt(Math.ceil(nodeVariance * 2 ** 20)), denominator: 1n << 20n };
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The noisy sum in the vector's own units. @param sum [sent] of residues, reduced modulo 2^b or not yet @returns [dimension] */
export function readPackedSum(
  sum: Uint32Array,
  { bits, scale, dimension }: Pick<PackedSum, "bits" | "scale" | "dimension">,
  signs: Int8Array,
): Float64Array {
  const spare = 32 - bits;
  const centred = new Float64Array(sum.length);
  for (let i = 0; i < centred.length; i++) centred[i] = (((sum[i] as number) << spare) >> spare) / scale;
  return rotateBack(centred, signs, dimension);
}

/** The packed twin of `readSum`. @param sum [sent] @param divisor a constant of the plan @returns [dimension] */
export function readPacked(
  sum: Uint32Array,
  { dimension, scale, packed }: Pick<PackedParameters, "dimension" | "scale" | "packed">,
  rotation: RandomSource,
  divisor = 1,
): Float64Array {
  const read = readPackedSum(sum, { bits: packed.bits, scale, dimension }, rotationSigns(dimension, rotation));
  for (let i = 0; i < read.length; i++) read[i] = (read[i] as number) / divisor;
  return read;
}
