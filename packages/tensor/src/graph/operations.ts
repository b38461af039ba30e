/**
 * ONNX operators as functions that check shapes. None of them is differentiable: `autodiff/` builds that on top, and the
 * reverse pass itself is written with these.
 */

import { fail } from "@tributary/errors";
import type { GraphBuilder, Tokens } from "./builder.ts";
import { broadcast, dimension, mismatch, productShape, sameShape, showShape } from "./shapes.ts";
import type { DataType, Dimension, Shape, Tensor } from "./types.ts";

const elementwise =
  (operator: string) =>
  (g: GraphBuilder, a: Tensor, b: Tensor): Tensor =>
    g.node(operator, [a, b], broadcast(operator, a, b), { type: a.type });

export const plus = elementwise("Add");
export const minus = elementwise("Sub");
export const times = elementwise("Mul");
export const over = elementwise("Div");
export const larger = elementwise("Max");
export const smaller = elementwise("Min");

const comparison =
  (operator: string) =>
  (g: GraphBuilder, a: Tensor, b: Tensor): Tensor =>
    g.node(operator, [a, b], broadcast(operator, a, b), { type: "bool" });

export const equal = comparison("Equal");
export const greater = comparison("Greater");
export const less = comparison("Less");

const unary =
  (operator: string) =>
  (g: GraphBuilder, a: Tensor): Tensor =>
    g.node(operator, [a], a.shape, { type: a.type });

export const negative = unary("Neg");
export const squareRoot = unary("Sqrt");
export const exponential = unary("Exp");
export const logarithm = unary("Log");
export const errorFunction = unary("Erf");
export const sign = unary("Sign");
export const rectified = unary("Relu");
export const gaussianRectified = unary("Gelu");
export const sigmoid = unary("Sigmoid");
export const hyperbolicTangent = unary("Tanh");

/** a·factor */
export function scaled(g: GraphBuilder, a: Tensor, factor: number): Tensor {
  return factor === 1 ? a : times(g, a, g.constant(factor));
}

export function cast(g: GraphBuilder, a: Tensor, type: DataType): Tensor {
  const code = { float: 1, int32: 6, int64: 7, bool: 9 }[type];
  return g.node("Cast", [a], a.shape, { type, attributes: { to: code } });
}

export function select(g: GraphBuilder, condition: Tensor, yes: Tensor, no: Tensor): Tensor {
  const shape = broadcast("Where", { ...yes, shape: broadcast("Where", yes, no) }, condition);
  return g.node("Where", [condition, yes, no], shape, { type: yes.type });
}

/** alpha · a · b over the last two axes, either of them transposed. */
export function product(
  g: GraphBuilder,
  a: Tensor,
  b: Tensor,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean; readonly alpha?: number } = {},
): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  const shape = productShape("MatMul", a, b, transposeA, transposeB);
  if (!transposeA && !transposeB && alpha === 1) return g.node("MatMul", [a, b], shape);
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } };
  return g.node("FusedMatMul", [a, b], shape, { attributes, domain: "com.microsoft" });
}

/** a · b + bias for matrices; `transposeB` reads b as [out, in]. */
export function affine(g: GraphBuilder, a: Tensor, b: Tensor, bias: Tensor, transposeB = false): Tensor {
  const shape = productShape("Gemm", a, b, false, transposeB);
  if (!sameShape(bias.shape, shape.slice(1))) throw mismatch("Gemm", bias, shape.slice(1));
  return g.node("Gemm", [a, b, bias], shape, transposeB ? { attributes: { transB: 1 } } : {});
}

/** @throws TRB_TENSOR_SHAPE_MISMATCH where a tensor has no such axis */
function within(
  operator: string,
  a: Tensor,
  axes: readonly number[],
  least = -a.shape.length,
  most = a.shape.length - 1,
): void {
  for (const axis of axes) {
    if (axis < least || axis > most) throw mismatch(operator, a, [`an axis ${axis}`]);
  }
}

function reduced(shape: Shape, axes: readonly number[], keep: boolean): Shape {
  const dropped = new Set(axes.map((axis) => (axis + shape.length) % shape.length));
  return keep ? shape.map((size, axis) => (dropped.has(axis) ? 1 : size)) : shape.filter((_, axis) => !dropped.has(axis));
}

const reduction =
  (operator: string) =>
  (g: GraphBuilder, a: Tensor, axes: readonly number[], keep = false): Tensor => {
    within(operator, a, axes);
    return g.node(operator, [a, g.integers(...axes)], reduced(a.shape, axes, keep), { attributes: { keepdims: keep ? 1 : 0 } });
  };

export const sumOver = reduction("ReduceSum");
export const squareSumOver = reduction("ReduceSumSquare");

/** The sum of tensors of one shape. */
export function sumOf(g: GraphBuilder, terms: readonly Tensor[]): Tensor {
  const [first, ...rest] = terms;
  if (first === undefined) return g.constant(0);
  for (const term of rest) if (!sameShape(term.shape, first.shape)) throw mismatch("Sum", first, term);
  return rest.length === 0 ? first : g.node("Sum", terms, first.shape);
}

export function softmaxOf(g: GraphBuilder, a: Tensor): Tensor {
  return g.node("Softmax", [a], a.shape, { attributes: { axis: -1 } });
}

/** Rows of a table by place: [rows, width], [...ids] → [...ids, width]; or entries of a vector. */
export function gatherRows(g: GraphBuilder, table: Tensor, places: Tensor): Tensor {
  return g.node("Gather", [table, places], [...places.shape, ...table.shape.slice(1)], { type: table.type });
}

/** Sizes must agree on all axes but one. */
function besides(operator: string, a: Tensor, places: Tensor, axis: number): void {
  within(operator, a, [axis]);
  const along = (axis + a.shape.length) % a.shape.length;
  const fits = a.shape.length === places.shape.length && a.shape.every((size, i) => i === along || size === places.shape[i]);
  if (!fits) throw mismatch(operator, a, places);
}

export function gatherElements(g: GraphBuilder, a: Tensor, places: Tensor, axis: number): Tensor {
  besides("GatherElements", a, places, axis);
  return g.node("GatherElements", [a, places], places.shape, { type: a.type, attributes: { axis } });
}

export function scatterElements(g: GraphBuilder, a: Tensor, places: Tensor, values: Tensor, axis: number): Tensor {
  if (!sameShape(places.shape, values.shape)) throw mismatch("ScatterElements", places, values);
  besides("ScatterElements", a, places, axis);
  return g.node("ScatterElements", [a, places, values], a.shape, { type: a.type, attributes: { axis } });
}

export function concatenate(g: GraphBuilder, parts: readonly Tensor[], axis: number): Tensor {
  const [first, ...rest] = parts;
  if (first === undefined)
    throw fail("TRB_TENSOR_SHAPE_MISMATCH", {
      operator: "Concat",
      left: "nothing",
      leftShape: "[]",
      right: "",
      rightShape: "",
    });
  if (rest.length === 0) return first;
  within("Concat", first, [axis]);
  const place = (axis + first.shape.length) % first.shape.length;
  const sizes = parts.map((part) => part.shape[place] ?? 0);
  for (const part of rest) {
    const fits =
      part.shape.length === first.shape.length && part.shape.every((size, i) => i === place || size === first.shape[i]);
    if (!fits) throw mismatch("Concat", first, part);
  }
  const total: Dimension = sizes.every((size) => typeof size === "number")
    ? sizes.reduce((sum: number, size) => sum + Number(size), 0)
    : sizes.join("+");
  const shape = first.shape.map((size, i) => (i === place ? total : size));
  return g.node("Concat", parts, shape, { type: first.type, attributes: { axis } });
}

/** Equal parts of the last axis. */
export function splitLast(g: GraphBuilder, a: Tensor, parts: number): readonly Tensor[] {
  const width = dimension(a, -1);
  if (typeof width !== "number" || width % parts !== 0) throw mismatch("Split", a, [`a multiple of ${parts}`]);
  const shape = [...a.shape.slice(0, -1), width / parts];
  const outputs = Array.from({ length: parts }, () => ({ shape }));
  return g.nodes("Split", [a], outputs, { axis: -1, num_outputs: parts });
}

/** From `start` up to, not including, `end` of an axis; `size` is what that makes. */
export function slice(g: GraphBuilder, a: Tensor, axis: number, start: number, end: number, size: Dimension): Tensor {
  within("Slice", a, [axis], 0);
  const shape = a.shape.map((old, i) => (i === axis ? size : old));
  return g.node("Slice", [a, g.integers(start), g.integers(end), g.integers(axis)], shape, { type: a.type });
}

/** `end` of a slice that goes to the last element. */
export const toTheEnd = 2 ** 31 - 1;

/** Other axes for the same elements; `sizes` in ONNX's words: −1 the rest, 0 as before. */
export function reshape(g: GraphBuilder, a: Tensor, sizes: readonly number[] | Tensor, shape: Shape): Tensor {
  const known = (list: Shape) => list.every((size) => typeof size === "number");
  const count = (list: Shape) => list.reduce((all: number, size) => all * Number(size), 1);
  if (known(a.shape) && known(shape) && count(a.shape) !== count(shape)) throw mismatch("Reshape", a, shape);
  const target = "name" in sizes ? sizes : g.integers(...sizes);
  return g.node("Reshape", [a, target], shape, { type: a.type });
}

export function transposed(g: GraphBuilder, a: Tensor, order: readonly number[]): Tensor {
  if (order.length !== a.shape.length || order.some((_, axis) => !order.includes(axis))) throw mismatch("Transpose", a, order);
  const shape = order.map((axis) => dimension(a, axis));
  return g.node("Transpose", [a], shape, { type: a.type, attributes: { perm: order } });
}

export function unsqueeze(g: GraphBuilder, a: Tensor, axis: number): Tensor {
  within("Unsqueeze", a, [axis], 0, a.shape.length);
  const shape = [...a.shape.slice(0, axis), 1, ...a.shape.slice(axis)];
  return g.node("Unsqueeze", [a, g.integers(axis)], shape, { type: a.type });
}

/** The first two sizes of a [customers, positions] tensor and −1: how to group tokens by customer. */
function groupedSizes(g: GraphBuilder, { grid }: Tokens): Tensor {
  const sizes = g.node("Shape", [grid], [2], { type: "int64", attributes: { start: 0, end: 2 } });
  return concatenate(g, [sizes, g.integers(-1)], 0);
}

/** [B*L, width] → [B, L, width] */
export function grouped(g: GraphBuilder, a: Tensor): Tensor {
  const tokens = g.tokensOf(a);
  if (tokens === undefined || a.shape.length !== 2 || tokens.flat !== a.shape[0]) {
    throw mismatch("group by customer", a, [g.tokens.flat, "width"]);
  }
  return reshape(g, a, groupedSizes(g, tokens), [tokens.customers, tokens.positions, dimension(a, 1)]);
}

/** [B, L, width] → [B*L, width]; [B, L] → [B*L, 1] */
export function flattened(g: GraphBuilder, a: Tensor): Tensor {
  const tokens = g.tokensOf(a);
  if (tokens === undefined || a.shape[0] === tokens.flat) throw mismatch("flatten", a, ["B", "L", "width"]);
  const { flat } = tokens;
  const width = a.shape[2] ?? 1;
  if (typeof width !== "number")
    throw fail("TRB_TENSOR_SHAPE_MISMATCH", {
      operator: "flatten",
      left: a.name,
      leftShape: showShape(a.shape),
      right: "a known width",
      rightShape: "[]",
    });
  return reshape(g, a, [-1, width], [flat, width]);
}

/** Ones in a tensor's shape. */
export function onesLike(g: GraphBuilder, a: Tensor): Tensor {
  const sizes = g.node("Shape", [a], [a.shape.length], { type: "int64", attributes: { start: 0, end: a.shape.length } });
  return g.node("Expand", [g.constant(1), sizes], a.shape);
}

/** Zeros [B, width], one row a customer. */
export function zeroStates(g: GraphBuilder, { grid, customers }: Tokens, width: number): Tensor {
  const rows = g.node("Shape", [grid], [1], { type: "int64", attributes: { start: 0, end: 1 } });
  return g.node("Expand", [g.constant(0), concatenate(g, [rows, g.integers(width)], 0)], [customers, width]);
}

/** 0, 1, …, L − 1 as int64 [L], L the number of positions. */
export function positionsRange(g: GraphBuilder, { grid, positions }: Tokens = g.tokens): Tensor {
  const length = reshape(g, g.node("Shape", [grid], [1], { type: "int64", attributes: { start: 1, end: 2 } }), [], []);
  return g.node("Range", [g.constant(0, "int64"), length, g.constant(1, "int64")], [positions], { type: "int64" });
}
