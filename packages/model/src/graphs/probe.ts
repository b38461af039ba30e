/**
 * Looks at tensors while a graph is built and changes nothing: the same graph with and without, so that what is explained is what
 * serves.
 */
import type { Tensor } from "@tributary/tensor";

export interface Probe {
  /** Event vectors [T, width] on the grid of the history, before positions are added. */
  readonly events: (vectors: Tensor) => void;
  /** `block0.self`, …: how much each query took of each key, [B, M, L], or [B, heads, M, L] where there are several heads. */
  readonly attention: (place: string, weights: Tensor) => void;
}

/** Looks away. */
export const noProbe: Probe = { events: () => {}, attention: () => {} };
