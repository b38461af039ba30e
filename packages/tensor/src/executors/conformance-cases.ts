/**
 * What every executor is asked to compute by the conformance suite: each operator alone, at several sizes, and one whole training
 * graph. The expected numbers are the float64 interpreter's.
 */
import { attention, causalMask } from "../autodiff/attention.ts";
import { backward } from "../autodiff/backward.ts";
import { add, flatten, groupByCustomer, mergeHeads, split, splitHeads } from "../autodiff/differentiable.ts";
import { embedding, gelu, layerNorm, linear, relu, windowOf } from "../autodiff/layers.ts";
import { softmaxLoss, tiedSoftmaxLoss } from "../autodiff/losses.ts";
import { gru, lstm } from "../autodiff/recurrent.ts";
import { clipNormInput, collect } from "../clipping/collect.ts";
import { GraphBuilder } from "../graph/builder.ts";
import * as o from "../graph/operations.ts";
import { scan } from "../graph/scan.ts";
import type { Graph, Tensor } from "../graph/types.ts";
import type { FeedTensor } from "./executor.ts";

/** How many customers and positions a run has. */
export interface Sizes {
  readonly customers: number;
  readonly positions: number;
}

export const edgeSizes: readonly Sizes[] = [
  { customers: 2, positions: 3 },
  { customers: 1, positions: 3 },
  { customers: 3, positions: 1 },
  { customers: 1, positions: 1 },
];

/** Numbers in [−1, 1), the same in every run. */
export function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  });
}

interface Given {
  /** [B*L, 4] */
  readonly x: Tensor;
  /** [4, 4] */
  readonly w: Tensor;
  /** int32 [B, L] below 4, the grid of tokens */
  readonly ids: Tensor;
  /** int32 [B*L, 1] below 4 */
  readonly one: Tensor;
}

type Build = (g: GraphBuilder, given: Given) => Tensor;

const float = (g: GraphBuilder, a: Tensor) => o.cast(g, a, "float");
const unary = (operator: string, shift = 0): Build => {
  return (g, { x }) => g.node(operator, [shift === 0 ? x : o.plus(g, x, g.constant(shift))], x.shape);
};
const heads = (g: GraphBuilder, x: Tensor) => splitHeads(g, o.grouped(g, x), 2);

/** One graph an operator, or a few; broadcasting, negative axes and int64 included. */
export const operatorCases: readonly (readonly [string, Build])[] = [
  ["Add of a column", (g, { x }) => o.plus(g, x, o.slice(g, x, 1, 0, 1, 1))],
  ["Add of a row", (g, { x, w }) => o.plus(g, x, o.slice(g, w, 0, 1, 2, 1))],
  ["Add of a column and a row", (g, { x, w }) => o.plus(g, o.slice(g, x, 1, 0, 1, 1), o.slice(g, w, 0, 1, 2, 1))],
  ["Sub of a scalar", (g, { x }) => o.minus(g, x, g.constant(3))],
  ["Sub in int32", (g, { ids }) => float(g, o.minus(g, ids, g.constant(5, "int32")))],
  ["Mul over three axes", (g, { x }) => o.times(g, o.grouped(g, x), g.constant([1, 2, 3, 4]))],
  ["Mul in int32", (g, { ids }) => float(g, o.times(g, ids, ids))],
  ["Div", (g, { x }) => o.over(g, x, g.constant(3))],
  ["Div by a column", (g, { x }) => o.over(g, x, o.plus(g, o.slice(g, x, 1, 0, 1, 1), g.constant(2)))],
  ["Max and Min", (g, { x }) => o.larger(g, o.smaller(g, x, g.constant(0.5)), g.constant(-0.5))],
  ["Max in int32", (g, { ids }) => float(g, o.larger(g, ids, g.constant(1, "int32")))],
  ["Neg", unary("Neg")],
  ["Sqrt", unary("Sqrt", 2)],
  ["Exp", unary("Exp")],
  ["Log", unary("Log", 2)],
  ["Erf", unary("Erf")],
  ["Gelu", unary("Gelu")],
  ["Gelu far out", (g, { x }) => o.gaussianRectified(g, o.times(g, x, g.constant(12)))],
  ["Relu", unary("Relu")],
  ["Sign", (g, { x }) => o.sign(g, o.rectified(g, x))],
  ["Sigmoid", unary("Sigmoid")],
  ["Tanh", unary("Tanh")],
  ["Sum", (g, { x }) => o.sumOf(g, [x, o.negative(g, x), o.scaled(g, x, 3)])],
  ["MatMul", (g, { x, w }) => o.product(g, x, w)],
  ["MatMul of three axes with a matrix", (g, { x, w }) => o.product(g, o.grouped(g, x), w)],
  ["MatMul over heads", (g, { x }) => o.product(g, o.transposed(g, heads(g, x), [0, 1, 3, 2]), heads(g, x))],
  ["FusedMatMul, right transposed", (g, { x, w }) => o.product(g, x, w, { transposeB: true, alpha: 0.3 })],
  ["FusedMatMul, left transposed", (g, { x }) => o.product(g, x, x, { transposeA: true })],
  ["FusedMatMul, both transposed", (g, { w }) => o.product(g, w, w, { transposeA: true, transposeB: true, alpha: -2 })],
  ["FusedMatMul over customers", (g, { x }) => o.product(g, o.grouped(g, x), o.grouped(g, x), { transposeB: true })],
  [
    "FusedMatMul over customers, left transposed",
    (g, { x }) => o.product(g, o.grouped(g, x), o.grouped(g, x), { transposeA: true, alpha: 2 }),
  ],
  ["FusedMatMul over heads", (g, { x }) => o.product(g, heads(g, x), heads(g, x), { transposeB: true, alpha: 0.7 })],
  ["Gemm", (g, { x, w }) => o.affine(g, x, w, g.constant([1, 2, 3, 4]))],
  ["Gemm, right transposed", (g, { x, w }) => o.affine(g, x, w, g.constant([1, 2, 3, 4]), true)],
  ["ReduceSum over positions", (g, { x }) => o.sumOver(g, o.grouped(g, x), [1])],
  ["ReduceSum over the last axis, kept", (g, { x }) => o.sumOver(g, x, [-1], true)],
  ["ReduceSum over the first axis", (g, { x }) => o.sumOver(g, x, [0])],
  ["ReduceSum over the outer axes", (g, { x }) => o.sumOver(g, o.grouped(g, x), [0, 2], true)],
  ["ReduceSumSquare", (g, { x }) => o.squareSumOver(g, o.grouped(g, x), [1, 2])],
  ["Softmax", (g, { x }) => o.softmaxOf(g, x)],
  [
    "Softmax under a mask",
    (g, { x, w }) => {
      const masked = o.select(g, o.greater(g, w, g.constant(0)), g.constant(-1e9), g.constant(0));
      return o.softmaxOf(g, o.plus(g, o.unsqueeze(g, x, 1), masked));
    },
  ],
  ["Gather of rows", (g, { x, ids, w }) => o.plus(g, o.gatherRows(g, w, ids), o.grouped(g, x))],
  ["Gather from a vector of int32", (g, { ids }) => float(g, o.gatherRows(g, g.constant([7, 8, 9, 6], "int32"), ids))],
  ["Gather from the end", (g, { w }) => o.gatherRows(g, w, g.constant([-1, 0, -4], "int32"))],
  ["GatherElements of the last axis", (g, { x, one }) => o.gatherElements(g, x, one, 1)],
  [
    "GatherElements of the first axis",
    (g, { one, w }) => o.gatherElements(g, w, o.times(g, one, g.constant([1, 1, 0, 1], "int32", [1, 4])), 0),
  ],
  [
    "GatherElements over customers",
    (g, { x, ids }) => {
      const places = g.node("Expand", [o.unsqueeze(g, ids, 2), g.integers(1, 1, 2)], ["B", "L", 2], { type: "int32" });
      return o.gatherElements(g, o.grouped(g, x), places, 2);
    },
  ],
  ["ScatterElements", (g, { x, one }) => o.scatterElements(g, x, one, o.slice(g, x, 1, 3, 4, 1), 1)],
  [
    "ScatterElements, the same value twice",
    (g, { x, one }) => {
      const value = o.slice(g, x, 1, 3, 4, 1);
      return o.scatterElements(g, x, o.concatenate(g, [one, one], 1), o.concatenate(g, [value, value], 1), 1);
    },
  ],
  ["Concat and Split", (g, { x }) => o.concatenate(g, o.splitLast(g, x, 2).toReversed(), -1)],
  ["Concat of rows", (g, { x, w }) => o.concatenate(g, [x, w], 0)],
  ["Concat of int32", (g, { ids }) => float(g, o.concatenate(g, [ids, ids], 1))],
  [
    "Slice to one before the end",
    (g, { x }) => o.slice(g, o.concatenate(g, [o.grouped(g, x), o.grouped(g, x)], 1), 1, 0, -1, "L+L-1"),
  ],
  ["Slice to the end", (g, { x }) => o.slice(g, x, 1, 2, o.toTheEnd, 2)],
  [
    "Reshape and Transpose",
    (g, { x }) => o.transposed(g, o.reshape(g, o.grouped(g, x), [0, 0, 2, 2], ["B", "L", 2, 2]), [3, 0, 2, 1]),
  ],
  ["Pad", (g, { x }) => g.node("Pad", [o.grouped(g, x), g.integers(0, 1, 0, 0, 0, 2)], ["B", "L+1", 6])],
  ["Unsqueeze, twice", (g, { x }) => o.unsqueeze(g, o.unsqueeze(g, x, 0), 2)],
  [
    "Equal and Where",
    (g, { ids }) => o.select(g, o.equal(g, o.unsqueeze(g, ids, 2), o.unsqueeze(g, ids, 1)), g.constant(1), g.constant(-2)),
  ],
  [
    "Where between a column and a row",
    (g, { x, w }) => o.select(g, o.less(g, x, g.constant(0)), o.slice(g, x, 1, 0, 1, 1), o.slice(g, w, 0, 0, 1, 1)),
  ],
  [
    "Greater, Less, Cast",
    (g, { ids }) =>
      o.plus(g, float(g, o.greater(g, ids, g.constant(1, "int32"))), float(g, o.less(g, ids, g.constant(3, "int32")))),
  ],
  [
    "Cast to int32 and to bool",
    (g, { x, ids }) =>
      o.plus(
        g,
        float(g, o.cast(g, o.times(g, o.grouped(g, x), g.constant(5)), "int32")),
        o.unsqueeze(g, float(g, o.cast(g, ids, "bool")), 2),
      ),
  ],
  ["Shape and Range", (g) => float(g, o.positionsRange(g))],
  [
    "Expand",
    (g, { ids }) => float(g, g.node("Expand", [o.unsqueeze(g, ids, 1), g.integers(1, 2, 1)], ["B", 2, "L"], { type: "int32" })),
  ],
];

const [rows, width, classes, longest] = [9, 8, 3, 5];

/** A loop with two states and two stacked outputs, that reads a weight from around it and hands one slice on as it is. */
export function loopGraph(reverse: boolean): Graph {
  const g = new GraphBuilder("loop");
  const [x, w] = [g.input("x", ["L", "B", 4]), g.input("w", [4, 4])];
  const start = o.times(g, o.sumOver(g, x, [0]), g.constant(0.1));
  const { states, outputs } = scan(
    g,
    { name: "step", states: [start, start], slices: [x, o.scaled(g, x, 2)], reverse },
    (body, [h = start, c = start], [now = start, twice = start]) => {
      const next = o.hyperbolicTangent(body, o.plus(body, now, o.product(body, h, w, { transposeB: true })));
      const cell = o.plus(body, o.times(body, c, body.constant(0.5)), o.times(body, twice, next));
      return { states: [next, cell], outputs: [o.plus(body, next, cell), h, now] };
    },
  );
  for (const [place, tensor] of [...states, ...outputs].entries()) g.output(`y${place}`, tensor);
  return g.graph();
}

export function loopFeeds({ customers, positions }: Sizes): Record<string, FeedTensor> {
  return {
    x: { shape: [positions, customers, 4], data: numbers(positions * customers * 4, 8) },
    w: { shape: [4, 4], data: numbers(16, 9) },
  };
}

/** A recurrent model and its reverse pass. */
export function recurrentGraph(layer: "lstm" | "gru"): Graph {
  const g = new GraphBuilder(layer);
  const items = g.input("items", ["B", "L+1"], "int32");
  g.declareTokens(g.input("positions", ["B", "L"], "int32"));
  const weights = g.input("weights", ["B*L", 1]);
  const table = g.parameter("table", [rows, width]);
  const gates = (layer === "lstm" ? 4 : 3) * width;
  const hidden = { lstm, gru }[layer](g, embedding(g, table, windowOf(g, items, 0)), {
    inputWeight: g.parameter("input", [gates, width]),
    hiddenWeight: g.parameter("hidden", [gates, width]),
    inputBias: g.parameter("inputBias", [gates]),
    hiddenBias: g.parameter("hiddenBias", [gates]),
  });
  tiedSoftmaxLoss(g, { hidden, table, targets: windowOf(g, items, 1), weights });
  backward(g);
  collect(g, { clipped: true, length: 1 });
  return g.graph();
}

const layerNormGraph = (g: GraphBuilder, x: Tensor) =>
  g.nodes(
    "LayerNormalization",
    [x, g.constant([1, -2, 3, 0.5])],
    [{ shape: x.shape }, { shape: ["B*L", 1] }, { shape: ["B*L", 1] }],
    { axis: -1, epsilon: { float: 1e-5 } },
  );

/** The graph of one operator; LayerNormalization alone has several outputs. */
export function operatorGraph(build: Build | undefined): Graph {
  const g = new GraphBuilder("operator");
  const ids = g.input("ids", ["B", "L"], "int32");
  g.declareTokens(ids);
  const given = { x: g.input("x", ["B*L", 4]), w: g.input("w", [4, 4]), ids, one: g.input("one", ["B*L", 1], "int32") };
  if (build) g.output("y", build(g, given));
  else for (const [place, output] of layerNormGraph(g, given.x).entries()) g.output(`y${place}`, output);
  return g.graph();
}

export function operatorFeeds({ customers, positions }: Sizes): Record<string, FeedTensor> {
  const tokens = customers * positions;
  const below4 = (count: number, seed: number) => Int32Array.from(numbers(count, seed), (value) => Math.floor(2 * value + 2));
  return {
    x: { shape: [tokens, 4], data: numbers(tokens * 4, 1) },
    w: { shape: [4, 4], data: numbers(16, 2) },
    ids: { shape: [customers, positions], data: below4(tokens, 3) },
    one: { shape: [tokens, 1], data: below4(tokens, 4) },
  };
}

/** A small attention model of every layer, its losses, its reverse pass, norms and clipped sums. */
export function trainingGraph(layout: number): Graph {
  const g = new GraphBuilder("training");
  const positions = g.input("positions", ["B", "L"], "int32");
  g.declareTokens(positions);
  const items = g.input("items", ["B", "L+1"], "int32");
  const weights = g.input("weights", ["B*L", 1]);
  const table = g.parameter("table", [rows, width]);
  const norm = (a: Tensor, name: string) =>
    layerNorm(g, a, g.parameter(`${name}.gain`, [width]), g.parameter(`${name}.bias`, [width]));
  const layer = (a: Tensor, name: string, out: number) =>
    linear(g, a, g.parameter(`${name}.weight`, [Number(a.shape[1]), out]), g.parameter(`${name}.bias`, [out]));
  let x = add(
    g,
    embedding(g, table, windowOf(g, items, 0), { factor: 2 }),
    embedding(g, g.parameter("place", [longest, width]), positions, { distinct: true }),
  );
  const apart = split(g, groupByCustomer(g, layer(norm(x, "first"), "projection", 3 * width)), 3);
  const [query = x, key = x, value = x] = apart.map((part) => splitHeads(g, part, 2));
  x = add(g, x, flatten(g, mergeHeads(g, attention(g, query, key, value, { scale: 0.5, mask: causalMask(g) }))));
  x = add(g, x, relu(g, layer(gelu(g, layer(x, "up", 2 * width)), "down", width)));
  const hidden = norm(x, "last");
  tiedSoftmaxLoss(g, { hidden, table, targets: windowOf(g, items, 1), weights });
  softmaxLoss(g, layer(hidden, "head", classes), g.input("classes", ["B", "L"], "int32"), weights);
  backward(g);
  collect(g, { clipped: true, length: layout });
  return g.graph();
}

export function trainingFeeds(graph: Graph, { customers, positions }: Sizes): Record<string, FeedTensor> {
  const grid = customers * positions;
  const ids = (count: number, most: number, seed: number) =>
    Int32Array.from(numbers(count, seed), (value) => 1 + Math.floor(((value + 1) / 2) * most));
  const feeds: Record<string, FeedTensor> = {
    positions: { shape: [customers, positions], data: Int32Array.from({ length: grid }, (_, i) => 1 + (i % positions)) },
    items: { shape: [customers, positions + 1], data: ids(customers * (positions + 1), rows, 5) },
    classes: { shape: [customers, positions], data: ids(grid, classes, 6) },
    weights: { shape: [grid, 1], data: new Float32Array(grid).fill(1 / positions) },
    [clipNormInput]: { shape: [], data: Float32Array.of(0.8) },
  };
  for (const [index, { name, shape }] of graph.inputs.entries()) {
    if (feeds[name]) continue;
    const sizes = shape.map(Number);
    const values = numbers(
      sizes.reduce((a, b) => a * b, 1),
      1000 + index,
    );
    feeds[name] = { shape: sizes, data: values.map((value) => (name.endsWith("gain") ? 1 + 0.2 * value : 0.6 * value)) };
  }
  return feeds;
}
