/** Attention as one differentiable step, within one grid of tokens or from one to another, and the masks that it adds to scores. */
import type { GraphBuilder, Tokens } from "../graph/builder.ts";
import {
  cast,
  equal,
  greater,
  minus,
  plus,
  positionsRange,
  product,
  scaled,
  select,
  softmaxOf,
  sumOver,
  times,
  unsqueeze,
} from "../graph/operations.ts";
import { mismatch } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";

/** What is added to the score of a pair that must not meet. */
const forbidden = -1e9;

export interface AttentionOptions {
  /** What scores are multiplied by: 1/√(width of a head). */
  readonly scale: number;
  /** Added to the scores: [M, L], [B, 1, L], or [B, 1, 1, L] where there are several heads; undefined: everything meets. */
  readonly mask: Tensor | undefined;
}

/**
 * softmax(query·keyᵀ·scale + mask)·value. query [B, M, w], key [B, L, w], value [B, L, v] → [B, M, v], or each with an axis of heads
 * after B. Across two grids of tokens M and L differ. A query none of whose keys may be met gets some finite mean of the values: give no
 * such token a loss.
 */
export function attention(g: GraphBuilder, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions): Tensor {
  return attentionWithWeights(g, query, key, value, options).attended;
}

/** The same, and how much each query took of each value: `weights` [B, M, L] or [B, heads, M, L], rows that sum to 1. */
export function attentionWithWeights(
  g: GraphBuilder,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { scale: alpha, mask }: AttentionOptions,
): { readonly attended: Tensor; readonly weights: Tensor } {
  const scores = product(g, query, key, { transposeB: true, alpha });
  const masked = mask ? plus(g, scores, mask) : scores;
  if (mask && masked.shape.length !== scores.shape.length) throw mismatch("attention", scores, mask);
  const weights = softmaxOf(g, masked);
  const attended = product(g, weights, value);
  const back = ([d]: readonly (Tensor | undefined)[]) => {
    if (d === undefined) return [];
    // Σ_s weights_ts·(d·valueᵀ)_ts = d_t·y_t: the softmax's way back without a pass over [M, L]
    const own = sumOver(g, times(g, d, attended), [-1], true);
    const dScores = times(g, minus(g, product(g, d, value, { transposeB: true }), own), weights);
    return [
      product(g, dScores, key, { alpha }),
      product(g, dScores, query, { transposeA: true, alpha }),
      product(g, weights, d, { transposeA: true }),
    ];
  };
  g.record([attended], [query, key, value], back, mask ? [mask] : []);
  return { attended, weights };
}

/** Additive [L, L]: 0 where position s ≤ t, −1e9 where it lies in the future of t. */
export function causalMask(g: GraphBuilder, tokens: Tokens = g.tokens): Tensor {
  const range = positionsRange(g, tokens);
  const future = greater(g, unsqueeze(g, range, 0), unsqueeze(g, range, 1));
  return select(g, future, g.constant(forbidden), g.constant(0));
}

/**
 * Additive [B, 1, L], or [B, 1, 1, L] for several heads: 0 where the key's id is there, −1e9 where it is 0. ids [B, L] of the keys'
 * grid: whatever is 0 in padding and nowhere else, such as positions.
 */
export function paddingMask(g: GraphBuilder, ids: Tensor, heads: number): Tensor {
  if (ids.shape.length !== 2) throw mismatch("padding mask", ids, ["B", "L"]);
  const row = unsqueeze(g, scaled(g, cast(g, equal(g, ids, g.constant(0, "int32")), "float"), forbidden), 1);
  return heads === 1 ? row : unsqueeze(g, row, 1);
}
