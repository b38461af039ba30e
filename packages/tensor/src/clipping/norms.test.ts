/** Norms in float32 against the float64 twin, where sums are long and where few terms matter. */
import { expect, test } from "vitest";
import { backward } from "../autodiff/backward.ts";
import { embedding, linear } from "../autodiff/layers.ts";
import { softmaxLoss } from "../autodiff/losses.ts";
import type { Feeds } from "../executors/executor.ts";
import { float64Interpreter } from "../executors/interpreter/interpreter.ts";
import { onnxruntimeExecutor } from "../executors/onnxruntime.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { clipNormInput, collect } from "./collect.ts";

/** A table, a wide matrix and a bias under a softmax; norms laid out for `length` positions. */
function wideModel(rows: number, columns: number, length: number) {
  const g = new GraphBuilder("wide");
  const ids = g.input("ids", ["B", "L"], "int32");
  g.declareTokens(ids);
  const x = embedding(g, g.parameter("table", [3, rows]), ids);
  const logits = linear(g, x, g.parameter("weight", [rows, columns]), g.parameter("bias", [columns]));
  softmaxLoss(g, logits, g.input("classes", ["B", "L"], "int32"), g.input("weights", ["B*L", 1]));
  backward(g);
  collect(g, { clipped: true, length });
  return g.graph();
}

/** Uneven numbers, the same in every run. */
const numbers = (count: number, factor: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + 0.3) ** 3 * factor);

function feedsOf(rows: number, columns: number): Feeds {
  return {
    ids: { shape: [2, 2], data: Int32Array.of(1, 2, 3, 1) },
    table: { shape: [3, rows], data: numbers(3 * rows, 1) },
    weight: { shape: [rows, columns], data: numbers(rows * columns, 0.05) },
    bias: { shape: [columns], data: numbers(columns, 0.1) },
    classes: { shape: [2, 2], data: Int32Array.of(1, 5, 7, 2) },
    weights: { shape: [4, 1], data: Float32Array.of(0.5, 0.5, 0.5, 0.5) },
    [clipNormInput]: { shape: [], data: Float32Array.of(1) },
  };
}

test.each([
  ["two hundred thousand entries, written out", 512, 400, 1000],
  ["the same by Gram matrices", 512, 400, 1],
  ["a size without small divisors, written out", 127, 61, 1000],
])("%s: the norm is the float64 twin's to 1e-6", async (_, rows, columns, length) => {
  const graph = wideModel(rows, columns, length);
  const [native, twin] = [await onnxruntimeExecutor().load(graph), await float64Interpreter().load(graph)];
  const [fast, exact] = [await native.run(feedsOf(rows, columns)), await twin.run(feedsOf(rows, columns))];
  await native.close();
  const norms = exact["norm"]?.data ?? [];
  expect(norms).toHaveLength(2);
  for (const [customer, norm] of norms.entries()) {
    expect(norm).toBeGreaterThan(0.1);
    expect(Math.abs((fast["norm"]?.data[customer] ?? Number.NaN) / norm - 1)).toBeLessThan(1e-6);
  }
});

test("without clipping no node is left over from the norms", () => {
  const g = new GraphBuilder("plain");
  const ids = g.input("ids", ["B", "L"], "int32");
  g.declareTokens(ids);
  const logits = linear(g, embedding(g, g.parameter("table", [3, 4]), ids), g.parameter("w", [4, 4]), g.parameter("b", [4]));
  softmaxLoss(g, logits, g.input("classes", ["B", "L"], "int32"), g.input("weights", ["B*L", 1]));
  backward(g);
  collect(g, { clipped: false, length: 3 });
  const { nodes, outputs } = g.graph();
  const read = new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ name }) => name)]);
  expect(nodes.filter((node) => !node.outputs.some((name) => read.has(name)))).toEqual([]);
});
