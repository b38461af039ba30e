/** The vectors whose noise is timed, and where their randomness comes from: classes that differ as much as a clipped sum can. */
import {
  choosePackedSum,
  noisyVector,
  packedVector,
  type RandomSource,
  rotationSigns,
  type SumQueryParameters,
  type SumQueryPlan,
  sumQueryParameters,
} from "@tributary/dp";
import { seededSource } from "../../../dp/src/sampling/seeded-source.ts";

/** A release of training as plans have it: bucketed, σ_u of some hundred thousand units, a quota of 64 customers. */
const release: SumQueryPlan = {
  arithmetic: "bucketed",
  clipNorm: "1",
  scale: "347534.922815",
  fractionBits: 8,
  dimension: 4096,
  touched: 4096,
  samplingRate: "1",
  noiseMultiplier: "1.2",
  minCohort: 4,
  maxCorrupt: 1,
  customerQuota: 64,
};

/** The same at a coarse grid, rotated and rounded under a condition, as devices send it. */
const packed = choosePackedSum({
  ...{ bits: 18, dimension: release.dimension, clipNorm: 1, noiseMultiplier: 1.2, maxNodes: 60, honestMinimum: 40 },
});
const signs = rotationSigns(release.dimension, seededSource(1));

export const parameters = sumQueryParameters(release);

/** Secret streams of a node's own. */
export interface Streams {
  readonly rounding: RandomSource;
  readonly noise: RandomSource;
}

/** [dimension] grid units: what a class of data looks like where noise is added to it. */
export type DataClass = (query: Pick<SumQueryParameters, "dimension" | "clampBound" | "grid">) => Float64Array;

/** Nobody was sampled, or time was up. */
export const zeros: DataClass = ({ dimension }) => new Float64Array(dimension);
/** Every coordinate at the clamp's bound, up and down in turn. */
export const extremes: DataClass = ({ dimension, clampBound }) =>
  Float64Array.from({ length: dimension }, (_, i) => (i % 2 === 0 ? clampBound : -clampBound));
/** A customer's vector, clipped: all coordinates filled, norm C. */
export const spread: DataClass = ({ dimension, grid }) =>
  Float64Array.from({ length: dimension }, (_, i) =>
    Math.trunc((Math.SQRT2 * Math.sin(1 + 3 * i) * grid.unitsPerOne * grid.clipNorm) / Math.sqrt(dimension)),
  );
/** All of C in one coordinate. */
export const spike: DataClass = ({ dimension, grid }) =>
  new Float64Array(dimension).fill(Math.trunc(grid.unitsPerOne * grid.clipNorm), 7, 8);

/** What a node makes of its sum before masks. [dimension]; `total` is cleared */
export const perturb = (total: Float64Array, random: Streams): Uint32Array => noisyVector(total, parameters, random);

/** The same of a packed release, as `noisyPackedVector` does it: one vector, no longer than C. [dimension]; `total` is of no use then */
export function perturbPacked(total: Float64Array, random: Streams): Uint32Array {
  const { unitsPerOne } = parameters.grid;
  for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) / unitsPerOne; // no `map`: it calls back with boxed numbers
  return packedVector(total, packed, signs, random);
}

export const streamsOf = (seed: number): Streams => ({ rounding: seededSource(2 * seed), noise: seededSource(2 * seed + 1) });
