/** Tokens of one grid become tokens of another: values, and the slope of a loss on the new grid. */
import { expect, test } from "vitest";
import { collect } from "../clipping/collect.ts";
import type { FeedTensor } from "../executors/executor.ts";
import { interpret } from "../executors/interpreter/interpreter.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { backward } from "./backward.ts";
import { linear, pickWanted } from "./layers.ts";
import { softmaxLoss } from "./losses.ts";

const wave = (count: number, shift: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + shift));

function graph() {
  const g = new GraphBuilder("wanted");
  const marks = g.input("marks", ["B", "L"], "int32");
  g.declareTokens(marks);
  const wanted = g.input("wanted", ["B", "M"], "int32");
  g.declareTokens(wanted);
  const states = linear(g, g.input("x", ["B*L", 2]), g.parameter("weight", [2, 3]), g.parameter("bias", [3]));
  const picked = pickWanted(g, states, marks, wanted);
  g.output("states", states);
  g.output("picked", picked);
  softmaxLoss(g, picked, g.input("classes", ["B", "M"], "int32"), g.input("weights", ["B*M", 1]));
  backward(g);
  const pieces = collect(g, { clipped: true, length: 3 });
  return { graph: g.graph(), pieces };
}

const int = (columns: number, ...data: readonly number[]): FeedTensor => ({
  shape: [data.length / columns, columns],
  data: Int32Array.from(data),
});
const feeds: Record<string, FeedTensor> = {
  marks: int(3, 1, 2, 3, 2, 3, 0),
  wanted: int(2, 3, 1, 2, 0), // what is wanted of the second customer's padding has no weight
  classes: int(2, 1, 3, 2, 0),
  weights: { shape: [4, 1], data: Float64Array.of(0.5, 0.25, 1, 0) },
  x: { shape: [6, 2], data: wave(12, 0) },
  weight: { shape: [2, 3], data: wave(6, 1) },
  bias: { shape: [3], data: wave(3, 2) },
  clipNorm: { shape: [], data: Float64Array.of(1e6) },
};

test("the states whose marks are wanted stand in the order in which they are wanted, to the bit", () => {
  const { states, picked } = interpret(graph().graph, feeds);
  const row = (data: ArrayLike<number> = [], token: number) => Array.from(data).slice(3 * token, 3 * token + 3);
  expect(picked?.shape).toEqual([4, 3]);
  for (const [token, from] of [2, 0, 3].entries()) expect(row(picked?.data, token)).toEqual(row(states?.data, from));
});

test("gradients go back to where the states came from, customer by customer", () => {
  const built = graph();
  const lossOf = (changed: Record<string, FeedTensor>) => [
    ...(interpret(built.graph, { ...feeds, ...changed })["loss"]?.data ?? []),
  ];
  const outputs = interpret(built.graph, feeds);
  const squares = [0, 0];
  for (const [name, size] of [
    ["weight", 6],
    ["bias", 3],
  ] as const) {
    const piece = built.pieces.find(({ parameter }) => parameter === name);
    const offset = piece?.kind === "dense" ? piece.offset : 0;
    for (let i = 0; i < size; i++) {
      const { shape = [], data = [] } = feeds[name] ?? {};
      const moved = (step: number) =>
        lossOf({ [name]: { shape, data: Float64Array.from(data, (x, j) => (i === j ? x + step : x)) } });
      const [up, down] = [moved(1e-5), moved(-1e-5)];
      const slopes = up.map((loss, b) => (loss - (down[b] ?? 0)) / 2e-5);
      for (const [b, slope] of slopes.entries()) squares[b] = (squares[b] ?? 0) + slope ** 2;
      const gradient = outputs[piece?.output ?? ""]?.data[offset + i] ?? Number.NaN;
      expect(Math.abs(gradient - slopes.reduce((sum, slope) => sum + slope, 0)), `${name} ${i}`).toBeLessThan(1e-9);
    }
  }
  for (const [b, square] of squares.entries()) {
    expect(Math.abs((outputs["norm"]?.data[b] ?? 0) - Math.sqrt(square))).toBeLessThan(1e-8);
  }
});
