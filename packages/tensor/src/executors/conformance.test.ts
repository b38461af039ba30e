/**
 * One suite that every executor passes: the float64 interpreter, ONNX Runtime native and in WebAssembly, and TensorFlow.js (native
 * where somebody installed it, else its WebAssembly kernels). What they should compute is what the interpreter computes.
 */
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import * as operations from "../graph/operations.ts";
import type { Graph } from "../graph/types.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import {
  edgeSizes,
  loopFeeds,
  loopGraph,
  numbers,
  operatorCases,
  operatorFeeds,
  operatorGraph,
  recurrentGraph,
  trainingFeeds,
  trainingGraph,
} from "./conformance-cases.ts";
import type { Executor, Feeds, FeedTensor, Outputs } from "./executor.ts";
import { float64Interpreter, interpret } from "./interpreter/interpreter.ts";
import { operators } from "./interpreter/operators.ts";
import { onnxruntimeExecutor } from "./onnxruntime.ts";
import { onnxruntimeWebExecutor } from "./onnxruntime-web.ts";
import { operators as tensorflowOperators } from "./tensorflow/operators.ts";
import { tensorflowExecutor } from "./tensorflow.ts";

const executors: readonly Executor[] = [
  float64Interpreter(),
  onnxruntimeExecutor(),
  onnxruntimeWebExecutor(),
  await tensorflowExecutor(),
];

test("TensorFlow.js and both builds of ONNX Runtime are among the executors", () => {
  expect(executors.map(({ name }) => name)).toEqual([
    "interpreter",
    "onnxruntime",
    "onnxruntime-web",
    expect.stringMatching(/^tensorflow-(node|wasm)$/),
  ]);
});

test("every operator that the interpreter knows is known to TensorFlow.js, and stands in a case below", () => {
  const known = Object.keys(operators).sort();
  expect(Object.keys(tensorflowOperators).sort()).toEqual(known);
  const graphs = [...operatorCases.map(([, build]) => build), undefined].map(operatorGraph);
  const used = [...graphs, loopGraph(false)].flatMap(({ nodes }) => nodes.map(({ operator }) => operator));
  expect([...new Set(used)].sort()).toEqual(known);
});

/** The largest difference of an output, relative to its largest magnitude (and never to less than one). */
function distance(found: Outputs, expected: Outputs): number {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  let furthest = 0;
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(found[name]?.shape, name).toEqual(shape);
    expect(found[name]?.data).toHaveLength(data.length);
    const largest = Array.from(data).reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    data.forEach((value, place) => {
      const error = Math.abs(value - (found[name]?.data[place] ?? Number.NaN)) / largest;
      furthest = Math.max(furthest, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    });
  }
  return furthest;
}

async function runOnce(executor: Executor, graph: Graph, feeds: Feeds): Promise<Outputs> {
  const session = await executor.load(graph);
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

const pair: FeedTensor = { shape: [1, 2], data: Float32Array.of(1, 2) };

/** y = 2·(a + b), a and b [N, 2] */
function doubling(): Graph {
  const g = new GraphBuilder("doubling");
  g.output("y", operations.scaled(g, operations.plus(g, g.input("a", ["N", 2]), g.input("b", ["N", 2])), 2));
  return g.graph();
}

describe.each(executors)("$name", (executor) => {
  const tolerance = executor.precision === "float64" ? 1e-13 : 2e-6;

  test.each([...operatorCases, ["LayerNormalization, its mean and its deviation", undefined] as const])(
    "%s",
    async (_, build) => {
      const graph = operatorGraph(build);
      const session = await executor.load(graph);
      for (const sizes of edgeSizes) {
        const feeds = operatorFeeds(sizes);
        const expected = interpret(graph, feeds);
        expect(Object.values(expected).every(({ data }) => data.length > 0 && data.every(Number.isFinite))).toBe(true);
        expect(distance(await session.run(feeds), expected), JSON.stringify(sizes)).toBeLessThan(tolerance);
      }
      await session.close();
    },
  );

  // 1: Gram matrices throughout; 1000: every matrix written out
  test.each([1, 1000])("a training graph, laid out for length %i", async (layout) => {
    const graph = trainingGraph(layout);
    const session = await executor.load(graph);
    for (const sizes of [...edgeSizes, { customers: 4, positions: 5 }]) {
      const feeds = trainingFeeds(graph, sizes);
      expect(distance(await session.run(feeds), interpret(graph, feeds)), JSON.stringify(sizes)).toBeLessThan(
        executor.precision === "float64" ? 1e-13 : 5e-6,
      );
    }
    await session.close();
  });

  test.each([false, true])("Scan, reversed: %s", async (reverse) => {
    const graph = loopGraph(reverse);
    const session = await executor.load(graph);
    for (const sizes of edgeSizes) {
      const feeds = loopFeeds(sizes);
      expect(distance(await session.run(feeds), interpret(graph, feeds)), JSON.stringify(sizes)).toBeLessThan(tolerance);
    }
    await session.close();
  });

  test.each(["lstm", "gru"] as const)("a training graph with loops: %s", async (layer) => {
    const graph = recurrentGraph(layer);
    const session = await executor.load(graph);
    for (const sizes of edgeSizes) {
      const feeds = trainingFeeds(graph, sizes);
      expect(distance(await session.run(feeds), interpret(graph, feeds)), JSON.stringify(sizes)).toBeLessThan(
        executor.precision === "float64" ? 1e-13 : 5e-6,
      );
    }
    await session.close();
  });

  test("long sums keep their digits: 200 000 squares", async () => {
    const g = new GraphBuilder("long");
    const x = g.input("x", ["B", 200_000]);
    g.output("squares", operations.squareSumOver(g, x, [0, 1]));
    g.output("sum", operations.sumOver(g, x, [1]));
    const feeds = { x: { shape: [1, 200_000], data: numbers(200_000, 7).map((value) => 1 + 0.1 * value) } };
    // the WebAssembly build adds in four lanes and a single pass: 1.6e-5, and the reason why graphs add up in two stages
    expect(distance(await runOnce(executor, g.graph(), feeds), interpret(g.graph(), feeds))).toBeLessThan(
      executor.name === "onnxruntime-web" ? 5e-5 : 1e-5,
    );
  });

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

  test("what a run gave does not change with the next", async () => {
    const session = await executor.load(doubling());
    const first = await session.run({ a: pair, b: pair });
    await session.run({ a: { shape: [1, 2], data: Float32Array.of(8, 9) }, b: pair });
    expect([...(first["y"]?.data ?? [])]).toEqual([4, 8]);
    await session.close();
  });

  test("two sessions live side by side, and runs that were started together don't mix", async () => {
    const [one, other] = [await executor.load(doubling()), await executor.load(trainingGraph(1))];
    const feeds = trainingFeeds(trainingGraph(1), { customers: 2, positions: 3 });
    const alone = await other.run(feeds);
    const b = { shape: [2, 2], data: Float32Array.of(0, 1, 2, 3) };
    const [sum, again, third] = await Promise.all([one.run({ a: b, b }), other.run(feeds), one.run({ a: pair, b: pair })]);
    expect([...(sum["y"]?.data ?? [])]).toEqual([0, 4, 8, 12]);
    expect([...(third["y"]?.data ?? [])]).toEqual([4, 8]);
    expect(again).toEqual(alone);
    await one.close();
    expect(await other.run(feeds)).toEqual(alone);
    await other.close();
  });

  test("a customer whose numbers are not finite keeps them: its norm says so, the others' losses and norms stay", async () => {
    const graph = trainingGraph(1);
    const session = await executor.load(graph);
    const feeds = trainingFeeds(graph, { customers: 2, positions: 3 });
    const weights = Float32Array.from(feeds["weights"]?.data ?? []);
    const clean = await session.run(feeds);
    weights[1] = Number.NaN;
    const { norm, loss } = await session.run({ ...feeds, weights: { shape: [6, 1], data: weights } });
    expect(norm?.data[0]).toBeNaN();
    expect(loss?.data[0]).toBeNaN();
    expect(norm?.data[1]).toBe(clean["norm"]?.data[1]);
    expect(loss?.data[1]).toBe(clean["loss"]?.data[1]);
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
    for (const [feeds, code] of wrong) await expect(session.run(feeds)).rejects.toMatchObject({ code, details: { name: "b" } });
    expect([...((await session.run({ a: pair, b: pair }))["y"]?.data ?? [])]).toEqual([4, 8]);
    await session.close();
  });

  test("sizes that meet only in a run are refused with the tensor's name, and a place outside a table without saying which", async () => {
    const g = new GraphBuilder("late");
    const [a, b] = [g.input("a", ["A", 2]), g.input("b", ["B", 2])];
    g.output("y", g.node("MatMul", [a, b], ["A", 2]));
    const late = runOnce(executor, g.graph(), { a: pair, b: { shape: [3, 2], data: new Float32Array(6) } });
    await expect(late).rejects.toMatchObject({
      code: "TRB_TENSOR_EXECUTOR_FAILED",
      message: expect.stringContaining("MatMul0: MatMul of a"),
      details: { executor: executor.name },
    });
    const h = new GraphBuilder("outside");
    h.output("y", operations.gatherRows(h, h.input("table", [3, 2]), h.input("ids", ["N"], "int32")));
    const feeds = { table: { shape: [3, 2], data: new Float32Array(6) }, ids: { shape: [1], data: Int32Array.of(4711) } };
    const outside = await runOnce(executor, h.graph(), feeds).catch((error: unknown) => error);
    expect(outside).toMatchObject({ code: "TRB_TENSOR_EXECUTOR_FAILED", message: expect.stringContaining("Gather of table") });
    expect(String(outside)).not.toContain("4711");
  });

  test("refuses to run once closed, and may be closed twice", async () => {
    const session = await executor.load(doubling());
    await session.close();
    await session.close();
    await expect(session.run({ a: pair, b: pair })).rejects.toMatchObject({ code: "TRB_TENSOR_SESSION_CLOSED" });
  });

  test("refuses to load a graph with an operator that it does not know, or with a tensor of another graph", async () => {
    const g = new GraphBuilder("unknown");
    g.output("y", g.node("NoSuchOperator", [g.input("x", [1])], [1]));
    await expect(executor.load(g.graph())).rejects.toMatchObject({
      code: "TRB_TENSOR_UNKNOWN_OPERATOR",
      details: { operator: "NoSuchOperator", tensor: "NoSuchOperator0", executor: executor.name },
    });
    const [h, other] = [new GraphBuilder("one"), new GraphBuilder("other")];
    h.output("y", operations.plus(h, h.input("x", [1]), other.input("stranger", [1])));
    await expect(executor.load(h.graph())).rejects.toMatchObject({
      code: "TRB_TENSOR_DANGLING",
      details: { name: "stranger" },
    });
  });
});

describe.each([onnxruntimeExecutor(), onnxruntimeWebExecutor()])("$name reads ONNX files", (executor) => {
  test("runs the bytes of a graph, weights inside, and checks what is fed against what the file declares", async () => {
    const session = await executor.loadOnnx(encodeOnnx(doubling()), "doubling.onnx");
    expect([...((await session.run({ a: pair, b: pair }))["y"]?.data ?? [])]).toEqual([4, 8]);
    const wrong = session.run({ a: pair, b: { shape: [1, 3], data: new Float32Array(3) } });
    await expect(wrong).rejects.toMatchObject({
      code: "TRB_TENSOR_FEED_SHAPE",
      details: { name: "b", expected: "[N,2] float" },
    });
    await session.close();
    await expect(session.run({ a: pair, b: pair })).rejects.toMatchObject({ code: "TRB_TENSOR_SESSION_CLOSED" });
  });

  test("refuses bytes that are no model, a model cut short, one of another operator, and one whose inputs can't be fed", async () => {
    const whole = encodeOnnx(doubling());
    const g = new GraphBuilder("unknown");
    g.output("y", operations.exponential(g, g.input("x", [1])));
    const foreign = Buffer.from(Buffer.from(encodeOnnx(g.graph())).toString("latin1").replaceAll("Exp", "Nil"), "latin1");
    const h = new GraphBuilder("integers");
    h.output("y", operations.cast(h, h.input("wide", ["N"], "int64"), "float"));
    const bad = [Uint8Array.of(1, 2, 3), whole.subarray(0, whole.length / 2), foreign, encodeOnnx(h.graph())];
    for (const bytes of bad) {
      await expect(executor.loadOnnx(bytes, "some.onnx")).rejects.toMatchObject({
        code: "TRB_TENSOR_BYTES_UNREADABLE",
        details: { file: "some.onnx", executor: executor.name },
      });
    }
  });
});
