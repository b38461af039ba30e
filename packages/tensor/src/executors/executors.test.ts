/** What every executor must do, run on each of them; and that ONNX Runtime agrees with the interpreter operator by operator. */
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import * as operations from "../graph/operations.ts";
import type { Tensor } from "../graph/types.ts";
import type { Executor, FeedTensor } from "./executor.ts";
import { float64Interpreter } from "./interpreter/interpreter.ts";
import { onnxruntimeExecutor } from "./onnxruntime.ts";

const executors: readonly Executor[] = [float64Interpreter(), onnxruntimeExecutor()];

function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  });
}

const x: FeedTensor = { shape: [6, 4], data: numbers(24, 1) };
const w: FeedTensor = { shape: [4, 4], data: numbers(16, 2) };
const ids: FeedTensor = { shape: [2, 3], data: Int32Array.of(1, 2, 0, 4, 4, 3) };
const one: FeedTensor = { shape: [6, 1], data: Int32Array.of(0, 3, 1, 1, 2, 0) };

type Build = (g: GraphBuilder, at: { x: Tensor; w: Tensor; ids: Tensor; one: Tensor }) => Tensor;

const o = operations;
const float = (g: GraphBuilder, a: Tensor) => o.cast(g, a, "float");
const operators: readonly [string, Build][] = [
  ["Add", (g, t) => o.plus(g, t.x, o.slice(g, t.x, 1, 0, 1, 1))],
  ["Sub", (g, t) => o.minus(g, t.x, g.constant(3))],
  ["Mul", (g, t) => o.times(g, o.grouped(g, t.x), g.constant([1, 2, 3, 4]))],
  ["Div", (g, t) => o.over(g, t.x, g.constant(3))],
  ["Max and Min", (g, t) => o.larger(g, o.smaller(g, t.x, g.constant(0.5)), g.constant(-0.5))],
  ["Neg and Sqrt", (g, t) => o.squareRoot(g, o.plus(g, o.negative(g, t.x), g.constant(2)))],
  ["Exp and Log", (g, t) => o.logarithm(g, o.plus(g, o.exponential(g, t.x), g.constant(1)))],
  ["Erf", (g, t) => o.errorFunction(g, t.x)],
  ["Gelu", (g, t) => o.gaussianRectified(g, t.x)],
  ["Relu and Sign", (g, t) => o.plus(g, o.rectified(g, t.x), o.sign(g, t.x))],
  ["Sum", (g, t) => o.sumOf(g, [t.x, o.negative(g, t.x), o.scaled(g, t.x, 3)])],
  ["MatMul", (g, t) => o.product(g, t.x, t.w)],
  ["FusedMatMul, right transposed", (g, t) => o.product(g, t.x, t.w, { transposeB: true, alpha: 0.3 })],
  ["FusedMatMul, left transposed", (g, t) => o.product(g, t.x, t.x, { transposeA: true })],
  ["FusedMatMul over a batch", (g, t) => o.product(g, o.grouped(g, t.x), o.grouped(g, t.x), { transposeB: true })],
  [
    "FusedMatMul over a batch, left transposed",
    (g, t) => o.product(g, o.grouped(g, t.x), o.grouped(g, t.x), { transposeA: true, alpha: 2 }),
  ],
  ["Gemm", (g, t) => o.affine(g, t.x, t.w, g.constant([1, 2, 3, 4]))],
  ["Gemm, right transposed", (g, t) => o.affine(g, t.x, t.w, g.constant([1, 2, 3, 4]), true)],
  ["ReduceSum", (g, t) => o.sumOver(g, o.grouped(g, t.x), [1])],
  ["ReduceSum, axis kept", (g, t) => o.sumOver(g, t.x, [-1], true)],
  ["ReduceSumSquare", (g, t) => o.squareSumOver(g, o.grouped(g, t.x), [1, 2])],
  ["Softmax", (g, t) => o.softmaxOf(g, t.x)],
  [
    "LayerNormalization",
    (g, t) =>
      g.nodes(
        "LayerNormalization",
        [t.x, g.constant([1, 2, 3, 4])],
        [{ shape: t.x.shape }, { shape: ["B*L", 1] }, { shape: ["B*L", 1] }],
        { axis: -1, epsilon: { float: 1e-5 } },
      )[2] ?? t.x,
  ],
  ["Gather", (g, t) => o.gatherRows(g, t.x, t.ids)],
  ["GatherElements", (g, t) => o.gatherElements(g, t.x, t.one, 1)],
  ["ScatterElements", (g, t) => o.scatterElements(g, t.x, t.one, o.slice(g, t.x, 1, 3, 4, 1), 1)],
  ["Concat and Split", (g, t) => o.concatenate(g, o.splitLast(g, t.x, 2).toReversed(), -1)],
  ["Concat of rows", (g, t) => o.concatenate(g, [t.x, t.w], 0)],
  ["Slice from the end", (g, t) => o.slice(g, o.grouped(g, t.x), 1, 0, -1, 2)],
  [
    "Reshape and Transpose",
    (g, t) => o.transposed(g, o.reshape(g, o.grouped(g, t.x), [0, 0, 2, 2], ["B", "L", 2, 2]), [0, 2, 1, 3]),
  ],
  ["Pad", (g, t) => g.node("Pad", [o.grouped(g, t.x), g.integers(0, 1, 0, 0, 0, 0)], ["B", 4, 4])],
  [
    "Unsqueeze, Equal, Where",
    (g, t) => o.select(g, o.equal(g, o.unsqueeze(g, t.ids, 2), o.unsqueeze(g, t.ids, 1)), g.constant(1), g.constant(-2)),
  ],
  [
    "Greater, Less, Cast",
    (g, t) =>
      o.plus(g, float(g, o.greater(g, t.ids, g.constant(1, "int32"))), float(g, o.less(g, t.ids, g.constant(4, "int32")))),
  ],
  ["Shape and Range", (g) => float(g, o.positionsRange(g))],
  [
    "Expand",
    (g, t) => float(g, g.node("Expand", [o.unsqueeze(g, t.ids, 1), g.integers(1, 2, 1)], ["B", 2, "L"], { type: "int32" })),
  ],
];

test.each(operators)("%s gives the same in ONNX Runtime and in the interpreter", async (_, build) => {
  const g = new GraphBuilder("operator");
  const grid = g.input("ids", ["B", "L"], "int32");
  g.declareTokens(grid);
  const inputs = { x: g.input("x", ["B*L", 4]), w: g.input("w", [4, 4]), ids: grid, one: g.input("one", ["B*L", 1], "int32") };
  g.output("y", build(g, inputs));
  const [twin, native] = await Promise.all(
    executors.map(async (executor) => {
      const session = await executor.load(g.graph());
      const { y } = await session.run({ x, w, ids, one });
      await session.close();
      return y;
    }),
  );
  expect(native?.shape).toEqual(twin?.shape);
  expect(twin?.data.length).toBeGreaterThan(0);
  twin?.data.forEach((value, place) => {
    expect(Math.abs(value - (native?.data[place] ?? Number.NaN))).toBeLessThan(2e-6);
  });
});

describe.each(executors)("$name", (executor) => {
  const doubling = () => {
    const g = new GraphBuilder("doubling");
    g.output("y", operations.scaled(g, operations.plus(g, g.input("a", ["N", 2]), g.input("b", ["N", 2])), 2));
    return g.graph();
  };
  const pair: FeedTensor = { shape: [1, 2], data: Float32Array.of(1, 2) };

  test("takes floats in either precision and sees data that changed", async () => {
    const session = await executor.load(doubling());
    for (const make of [Float32Array, Float64Array]) {
      const a = { shape: [1, 2], data: make.of(1, 2) };
      expect([...((await session.run({ a, b: pair }))["y"]?.data ?? [])]).toEqual([4, 8]);
      a.data[0] = 5;
      expect([...((await session.run({ a, b: pair }))["y"]?.data ?? [])]).toEqual([12, 8]);
    }
    await session.close();
  });

  test("refuses feeds that are missing, of another shape, type or size", async () => {
    const session = await executor.load(doubling());
    const wrong: [Record<string, FeedTensor>, string][] = [
      [{ a: pair }, "TRB_TENSOR_FEED_MISSING"],
      [{ a: pair, b: { shape: [2], data: Float32Array.of(1, 2) } }, "TRB_TENSOR_FEED_SHAPE"],
      [{ a: pair, b: { shape: [1, 2], data: Int32Array.of(1, 2) } }, "TRB_TENSOR_FEED_SHAPE"],
      [{ a: pair, b: { shape: [1, 2], data: Float32Array.of(1) } }, "TRB_TENSOR_FEED_SHAPE"],
      [{ a: pair, b: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }, "TRB_TENSOR_FEED_SHAPE"], // N is 1 and 2
    ];
    for (const [feeds, code] of wrong) await expect(session.run(feeds)).rejects.toMatchObject({ code });
    await session.close();
  });

  test("refuses to run once closed, and may be closed twice", async () => {
    const session = await executor.load(doubling());
    await session.close();
    await session.close();
    await expect(session.run({ a: pair, b: pair })).rejects.toMatchObject({ code: "TRB_TENSOR_SESSION_CLOSED" });
  });

  test("refuses an operator that it does not know", async () => {
    const g = new GraphBuilder("unknown");
    g.output("y", g.node("NoSuchOperator", [g.input("x", [1])], [1]));
    const attempt = executor.load(g.graph()).then((session) => session.run({ x: { shape: [1], data: Float32Array.of(1) } }));
    await expect(attempt).rejects.toMatchObject({
      code: expect.stringMatching(/^TRB_TENSOR_(UNKNOWN_OPERATOR|EXECUTOR_FAILED)$/),
    });
  });
});

/**
 * What the bucketed arithmetic leans on: a row's result does not depend, to the bit, on how many rows there are or where it lies,
 * for the products and activations that the graphs use. (It does for single rows and single columns, which they never use.)
 */
test.each([
  [
    "Gemm",
    (g: GraphBuilder, a: Tensor, b: Tensor) => operations.affine(g, a, b, g.constant(Array.from({ length: 16 }, () => 0.1))),
  ],
  ["MatMul", (g: GraphBuilder, a: Tensor, b: Tensor) => operations.product(g, a, b)],
  ["FusedMatMul", (g: GraphBuilder, a: Tensor, b: Tensor) => operations.product(g, a, b, { transposeB: true })],
  [
    "a product with two columns",
    (g: GraphBuilder, a: Tensor, b: Tensor) => operations.product(g, a, operations.slice(g, b, 1, 0, 2, 2)),
  ],
  ["Softmax", (g: GraphBuilder, a: Tensor) => operations.softmaxOf(g, a)],
  ["Gelu", (g: GraphBuilder, a: Tensor) => operations.gaussianRectified(g, a)],
  ["row sums", (g: GraphBuilder, a: Tensor) => operations.sumOver(g, a, [-1], true)],
])("%s: a row does not depend on the rows beside it", async (_, build) => {
  const g = new GraphBuilder("rows");
  const [a, b] = [g.input("a", ["M", 16]), g.input("b", [16, 16])];
  g.output("y", build(g, a, b));
  const session = await onnxruntimeExecutor().load(g.graph());
  const all = numbers(64 * 16, 3);
  const square = { shape: [16, 16], data: numbers(256, 4) };
  const run = async (start: number, rows: number) =>
    (await session.run({ a: { shape: [rows, 16], data: all.slice(start * 16, (start + rows) * 16) }, b: square }))["y"]?.data ??
    new Float32Array();
  const whole = await run(0, 64);
  const width = whole.length / 64;
  for (let rows = 2; rows <= 30; rows++) {
    for (const start of [0, 1, 7]) expect(await run(start, rows)).toEqual(whole.slice(start * width, (start + rows) * width));
  }
  await session.close();
});
