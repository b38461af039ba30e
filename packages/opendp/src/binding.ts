/**
 * What a built artefact offers, whichever door leads to it: `addon.ts` (Node) or `wasm.ts` (anywhere). Both call the same Rust
 * functions (`rust/noise`), and neither knows where random bytes come from: they are arguments.
 */

/** Must be `INTERFACE` of rust/noise/src/lib.rs. */
export const bindingInterface = 1;

export type Distribution = "gaussian" | "laplace";

export interface Progress {
  /** Samples, or coordinates, that were drawn: fewer than asked for when the bytes ran out. */
  readonly done: number;
  /** Bytes that these took; the rest is to be given again, with more after it. */
  readonly used: number;
}

export interface Binding {
  /** OpenDP's version. */
  readonly opendp: string;
  /** Samples into `out`. @param parameter "p/q": σ² of the Gaussian, the Laplace's scale */
  fill(distribution: Distribution, parameter: string, out: Float64Array, entropy: Uint8Array): Progress;
  /** OpenDP's measurement of this scale, invoked on `values`, in place. */
  add(distribution: Distribution, scale: number, values: Int32Array | BigInt64Array, entropy: Uint8Array): Progress;
  /** ρ of the Gaussian measurement for an L2 distance. */
  gaussianRho(scale: number, distance: number): number;
  /** ε of the Laplace measurement for an L1 distance. */
  laplaceEpsilon(scale: number, distance: number): number;
  epsilonFromZcdp(rho: number, delta: number): number;
  deltaFromZcdp(rho: number, epsilon: number): number;
}
