/**
 * Looks at tensors while a graph is built, so that what is explained is built by the functions that build what serves. `noProbe` changes
 * no byte of a graph.
 */
import type { Tensor } from "@tributary/tensor";

export interface Probe {
  /** Event vectors [T, width] on the grid of the history, before positions are added; what it gives back is read in their place. */
  readonly events: (vectors: Tensor) => Tensor;
  /** `block0.self`, …: how much each query took of each key, [B, M, L], or [B, heads, M, L] where there are several heads. */
  readonly attention: (place: string, weights: Tensor) => void;
}

/** Looks away. */
export const noProbe: Probe = { events: (vectors) => vectors, attention: () => {} };
