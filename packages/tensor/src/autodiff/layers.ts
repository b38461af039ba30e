/**
 * The layers of a Transformer as single differentiable steps. Each has its own way back, shorter than what composing
 * elementary steps would give, and says how its parameters' per-customer gradients arise.
 */
import type { GraphBuilder } from "../graph/builder.ts";
import {
  affine,
  cast,
  concatenate,
  equal,
  errorFunction,
  exponential,
  flattened,
  gatherRows,
  gaussianRectified,
  greater,
  grouped,
  larger,
  minus,
  plus,
  product,
  rectified,
  reshape,
  scaled,
  sign,
  slice,
  sumOver,
  times,
  toTheEnd,
  unsqueeze,
} from "../graph/operations.ts";
import { knownDimension, mismatch, oneMore, sameShape } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { noWayBack } from "./backward.ts";

/** x · weight + bias. x [T, in], weight [in, out], bias [out] */
export function linear(g: GraphBuilder, x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const y = affine(g, x, weight, bias);
  const [weightParameter, biasParameter] = [g.parameterOf(weight), g.parameterOf(bias)];
  g.record([y], [x, weight, bias], ([d]) => {
    if (d === undefined) return [];
    weightParameter?.uses.push({ kind: "product", rows: x, values: d });
    biasParameter?.uses.push({ kind: "sum", values: d });
    return [
      g.isTracked(x) ? product(g, d, weight, { transposeB: true }) : undefined,
      weightParameter || !g.isTracked(weight) ? undefined : product(g, x, d, { transposeA: true }),
      biasParameter || !g.isTracked(bias) ? undefined : d,
    ];
  });
  return y;
}

/** x · weight, without a bias. x [T, in], weight [in, out] */
export function project(g: GraphBuilder, x: Tensor, weight: Tensor): Tensor {
  if (x.shape.length !== 2 || weight.shape.length !== 2) throw mismatch("project", x, weight);
  const y = product(g, x, weight);
  const parameter = g.parameterOf(weight);
  g.record([y], [x, weight], ([d]) => {
    if (d === undefined) return [];
    parameter?.uses.push({ kind: "product", rows: x, values: d });
    return [
      g.isTracked(x) ? product(g, d, weight, { transposeB: true }) : undefined,
      parameter || !g.isTracked(weight) ? undefined : product(g, x, d, { transposeA: true }),
    ];
  });
  return y;
}

/** (x − mean)/√(variance + epsilon) · gain + bias over the last axis. x [T, width] */
export function layerNorm(g: GraphBuilder, x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  const width = knownDimension(x, -1);
  for (const vector of [gain, bias]) if (!sameShape(vector.shape, [width])) throw mismatch("layerNorm", vector, [width]);
  const column = [...x.shape.slice(0, -1), 1];
  const ones = g.constant(Array.from({ length: width }, () => 1));
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  const normed = g.nodes(
    "LayerNormalization",
    [x, ones],
    [{ shape: x.shape }, { shape: column }, { shape: column }],
    attributes,
  );
  const [standard = x, , inverseDeviation = x] = normed;
  const y = plus(g, times(g, standard, gain), bias);
  const [gainParameter, biasParameter] = [g.parameterOf(gain), g.parameterOf(bias)];
  g.record([y], [x, gain, bias], ([d]) => {
    if (d === undefined) return [];
    const dTimesStandard = times(g, d, standard);
    gainParameter?.uses.push({ kind: "sum", values: dTimesStandard });
    biasParameter?.uses.push({ kind: "sum", values: d });
    // mean(d·gain) and mean(d·gain·standard) as products with the column gain/width. The column stands there twice: BLAS sums
    // single columns in an order that depends on how many rows there are, and no customer may depend on its batch.
    const share = reshape(g, scaled(g, gain, 1 / width), [-1, 1], [width, 1]);
    const shares = concatenate(g, [share, share], 1);
    const weighed = (tokens: Tensor) => slice(g, product(g, tokens, shares), 1, 0, 1, 1);
    const centred = minus(g, times(g, d, gain), weighed(d));
    const dx = times(g, minus(g, centred, times(g, standard, weighed(dTimesStandard))), inverseDeviation);
    return [
      dx,
      gainParameter || !g.isTracked(gain) ? undefined : dTimesStandard,
      biasParameter || !g.isTracked(bias) ? undefined : d,
    ];
  });
  return y;
}

export function relu(g: GraphBuilder, x: Tensor): Tensor {
  const y = rectified(g, x);
  g.record([y], [x], ([d]) => [d && times(g, d, sign(g, y))]);
  return y;
}

/** x·Φ(x), Φ exact (by erf). */
export function gelu(g: GraphBuilder, x: Tensor): Tensor {
  const y = gaussianRectified(g, x);
  g.record([y], [x], ([d]) => {
    if (d === undefined) return [];
    const half = g.constant(0.5);
    const cumulative = plus(g, times(g, errorFunction(g, scaled(g, x, Math.SQRT1_2)), half), half);
    const density = scaled(g, exponential(g, scaled(g, times(g, x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [times(g, d, plus(g, cumulative, times(g, x, density)))];
  });
  return y;
}

/** Ids count from 1; 0 is "nothing here". Their places in a table, 0 standing in for nothing. */
export function placesOf(g: GraphBuilder, ids: Tensor): Tensor {
  const one = g.constant(1, ids.type === "int64" ? "int64" : "int32");
  return minus(g, larger(g, ids, one), one);
}

/** `factor` where there is an id, 0 where there is none; [...ids] */
export function presence(g: GraphBuilder, ids: Tensor, factor: number): Tensor {
  return scaled(g, cast(g, greater(g, ids, g.constant(0, "int32")), "float"), factor);
}

/**
 * factor · table row of each id; zero where the id is 0. table [rows, width], ids [B, L] → [T, width].
 * `distinct`: the caller promises that no id but 0 occurs twice in a customer (positions).
 */
export function embedding(
  g: GraphBuilder,
  table: Tensor,
  ids: Tensor,
  options: { readonly factor?: number; readonly distinct?: boolean } = {},
): Tensor {
  if (table.shape.length !== 2 || ids.shape.length !== 2) throw mismatch("embedding", table, ids);
  const found = flattened(g, gatherRows(g, table, placesOf(g, ids)));
  const present = flattened(g, presence(g, ids, options.factor ?? 1));
  const y = times(g, found, present);
  const parameter = g.parameterOf(table);
  g.record(
    [y],
    [table],
    ([d]) => {
      if (parameter === undefined) throw noWayBack("embedding", table);
      if (d) parameter.uses.push({ kind: "rows", ids, values: times(g, d, present), distinct: options.distinct ?? false });
      return [];
    },
    [ids],
  );
  return y;
}

/** The first L (`offset` 0) or the last L (`offset` 1) of L + 1 events: inputs and targets of a next-event model. */
export function windowOf(g: GraphBuilder, sequence: Tensor, offset: 0 | 1): Tensor {
  const { customers, positions } = g.tokens;
  if (sequence.shape[0] !== customers || sequence.shape[1] !== oneMore(positions)) {
    throw mismatch("window", sequence, [customers, oneMore(positions)]);
  }
  const ids = offset === 0 ? slice(g, sequence, 1, 0, -1, positions) : slice(g, sequence, 1, 1, toTheEnd, positions);
  g.windows.set(ids.name, { sequence, offset });
  return ids;
}

/**
 * x · mask, for a fed mask of x's shape that holds 0 where a number is dropped and 1/(1 − p) where it is kept: the graph stays a pure
 * function, and whoever feeds it decides what is dropped. The mask gets no gradient.
 */
export function dropout(g: GraphBuilder, x: Tensor, mask: Tensor): Tensor {
  if (!sameShape(x.shape, mask.shape)) throw mismatch("dropout", x, mask);
  const y = times(g, x, mask);
  g.record([y], [x], ([d]) => [d && times(g, d, mask)], [mask]);
  return y;
}

/** Rows of public vectors by id, zero where the id is 0: features [rows, n], ids [B, L] → [T, n]. No gradient. */
export function publicRows(g: GraphBuilder, features: Tensor, ids: Tensor): Tensor {
  if (features.shape.length !== 2 || ids.shape.length !== 2) throw mismatch("public rows", features, ids);
  return times(g, flattened(g, gatherRows(g, features, placesOf(g, ids))), flattened(g, presence(g, ids, 1)));
}

/** Hidden states [B, width] of the places where `marks` [B, L] holds `mark`: at most one a customer. hidden [T, width] */
export function pickMarked(g: GraphBuilder, hidden: Tensor, marks: Tensor, mark: number): Tensor {
  const marked = unsqueeze(g, cast(g, equal(g, marks, g.constant(mark, "int32")), "float"), 2);
  const y = sumOver(g, times(g, grouped(g, hidden), marked), [1]);
  g.record([y], [hidden], ([d]) => [d && flattened(g, times(g, unsqueeze(g, d, 1), marked))]);
  return y;
}

/**
 * Hidden states [B·M, width] of the places whose mark is wanted: `wanted` [B, M] is a grid of tokens of its own, marks [B, L] are distinct
 * where they are wanted. hidden [T, width]
 */
export function pickWanted(g: GraphBuilder, hidden: Tensor, marks: Tensor, wanted: Tensor): Tensor {
  const chosen = cast(g, equal(g, unsqueeze(g, wanted, 2), unsqueeze(g, marks, 1)), "float");
  const y = flattened(g, product(g, chosen, grouped(g, hidden)));
  g.record([y], [hidden], ([d]) => [d && flattened(g, product(g, chosen, grouped(g, d), { transposeA: true }))]);
  return y;
}
