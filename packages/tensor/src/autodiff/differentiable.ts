/** Elementary differentiable steps: arithmetic and changes of shape. */
import type { GraphBuilder } from "../graph/builder.ts";
import {
  concatenate,
  flattened,
  grouped,
  minus,
  negative,
  onesLike,
  plus,
  product,
  reshape,
  scaled,
  softmaxOf,
  splitLast,
  sumOver,
  times,
  transposed,
} from "../graph/operations.ts";
import { dimension, knownDimension, mismatch } from "../graph/shapes.ts";
import type { Dimension, Tensor } from "../graph/types.ts";

export function add(g: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  const y = plus(g, a, b);
  g.record([y], [a, b], ([d]) => [d, d]);
  return y;
}

export function subtract(g: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  const y = minus(g, a, b);
  g.record([y], [a, b], ([d]) => [d, d && negative(g, d)]);
  return y;
}

export function multiply(g: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  const y = times(g, a, b);
  g.record([y], [a, b], ([d]) => [
    d && g.isTracked(a) ? times(g, d, b) : undefined,
    d && g.isTracked(b) ? times(g, d, a) : undefined,
  ]);
  return y;
}

/** a·factor, factor a number. */
export function scale(g: GraphBuilder, a: Tensor, factor: number): Tensor {
  const y = scaled(g, a, factor);
  if (y !== a) g.record([y], [a], ([d]) => [d && scaled(g, d, factor)]);
  return y;
}

/** alpha · a · b, or a · bᵀ, over the last two axes; neither may be a parameter (that is `linear`). */
export function matmul(g: GraphBuilder, a: Tensor, b: Tensor, transposeB = false, alpha = 1): Tensor {
  const y = product(g, a, b, { transposeB, alpha });
  g.record([y], [a, b], ([d]) => {
    if (d === undefined) return [];
    const forB = transposeB ? ([d, a] as const) : ([a, d] as const);
    return [product(g, d, b, { transposeB: !transposeB, alpha }), product(g, forB[0], forB[1], { transposeA: true, alpha })];
  });
  return y;
}

/** Sum over the last axis, which stays as 1: with `multiply`, the inner products of two tensors' rows. */
export function sumLast(g: GraphBuilder, a: Tensor): Tensor {
  const y = sumOver(g, a, [-1], true);
  g.record([y], [a], ([d]) => [d && times(g, d, onesLike(g, a))]);
  return y;
}

export function softmax(g: GraphBuilder, a: Tensor): Tensor {
  const y = softmaxOf(g, a);
  g.record([y], [a], ([d]) => {
    if (d === undefined) return [];
    const dy = times(g, d, y);
    return [minus(g, dy, times(g, y, sumOver(g, dy, [-1], true)))];
  });
  return y;
}

export function transpose(g: GraphBuilder, a: Tensor, order: readonly number[]): Tensor {
  const y = transposed(g, a, order);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  g.record([y], [a], ([d]) => [d && transposed(g, d, inverse)]);
  return y;
}

/** [B*L, width] → [B, L, width] */
export function groupByCustomer(g: GraphBuilder, a: Tensor): Tensor {
  const y = grouped(g, a);
  g.record([y], [a], ([d]) => [d && flattened(g, d)]);
  return y;
}

/** [B, L, width] → [B*L, width] */
export function flatten(g: GraphBuilder, a: Tensor): Tensor {
  const y = flattened(g, a);
  g.record([y], [a], ([d]) => [d && grouped(g, d)]);
  return y;
}

/** Equal parts of the last axis. */
export function split(g: GraphBuilder, a: Tensor, parts: number): readonly Tensor[] {
  const y = splitLast(g, a, parts);
  g.record(y, [a], (gradients) => {
    const filled = gradients.map((d, part) => d ?? zerosLike(g, y[part] ?? a));
    return [concatenate(g, filled, -1)];
  });
  return y;
}

function zerosLike(g: GraphBuilder, a: Tensor): Tensor {
  return scaled(g, onesLike(g, a), 0);
}

/** [B, L, heads·width] → [B, heads, L, width]; one head is left as it is. */
export function splitHeads(g: GraphBuilder, a: Tensor, heads: number): Tensor {
  if (heads === 1) return a;
  if (a.shape.length !== 3 || knownDimension(a, 2) % heads !== 0) {
    throw mismatch("splitHeads", a, ["B", "L", `a multiple of ${heads}`]);
  }
  const [customers, positions] = [dimension(a, 0), dimension(a, 1)];
  const width = knownDimension(a, 2) / heads;
  const apart = regroup(g, a, [0, 0, heads, width], [customers, positions, heads, width]);
  return transpose(g, apart, [0, 2, 1, 3]);
}

/** [B, heads, L, width] → [B, L, heads·width] */
export function mergeHeads(g: GraphBuilder, a: Tensor): Tensor {
  if (a.shape.length === 3) return a;
  if (a.shape.length !== 4) throw mismatch("mergeHeads", a, ["B", "heads", "L", "width"]);
  const heads = knownDimension(a, 1);
  const width = knownDimension(a, 3);
  const apart = transpose(g, a, [0, 2, 1, 3]);
  return regroup(g, apart, [0, 0, heads * width], [dimension(a, 0), dimension(a, 2), heads * width]);
}

function regroup(g: GraphBuilder, a: Tensor, sizes: readonly number[], shape: readonly Dimension[]): Tensor {
  const y = reshape(g, a, sizes, shape);
  const back = a.shape.map((size, axis) => (axis < 2 ? 0 : Number(size)));
  g.record([y], [a], ([d]) => [d && reshape(g, d, back, a.shape)]);
  return y;
}
