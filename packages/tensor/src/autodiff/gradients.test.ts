/**
 * Gradients, per-customer norms and clipped sums against finite differences and single-customer runs, in float64 by the
 * interpreter. The graph below uses every differentiable step of the room at least once.
 */
import { expect, test } from "vitest";
import { clipNormInput, collect, type GradientPiece } from "../clipping/collect.ts";
import type { FeedTensor, Outputs } from "../executors/executor.ts";
import { interpret } from "../executors/interpreter/interpreter.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph, Tensor } from "../graph/types.ts";
import { attention, causalMask } from "./attention.ts";
import { backward } from "./backward.ts";
import {
  add,
  flatten,
  groupByCustomer,
  matmul,
  mergeHeads,
  multiply,
  scale,
  softmax,
  split,
  splitHeads,
  subtract,
} from "./differentiable.ts";
import { embedding, gelu, layerNorm, linear, relu, windowOf } from "./layers.ts";
import { softmaxLoss, tiedSoftmaxLoss } from "./losses.ts";
import { sampledSoftmaxLoss } from "./sampled-losses.ts";

const [rows, width, classes, length] = [7, 8, 3, 4];

interface Variant {
  readonly heads: number;
  readonly negatives: number;
  readonly layout: number;
}

function build({ heads, negatives, layout }: Variant, clipped: boolean): { graph: Graph; pieces: readonly GradientPiece[] } {
  const g = new GraphBuilder("everything");
  const positions = g.input("positions", ["B", "L"], "int32");
  g.declareTokens(positions);
  const items = g.input("items", ["B", "L+1"], "int32");
  const weights = g.input("weights", ["B*L", 1]);
  const table = g.parameter("table", [rows, width]);
  let x = add(
    g,
    embedding(g, table, windowOf(g, items, 0), { factor: 2 }),
    embedding(g, g.parameter("place", [length, width]), positions, { distinct: true }),
  );
  // the item table by a second list of ids
  x = add(g, x, embedding(g, table, g.input("others", ["B", "L"], "int32")));
  // the same small table at ids that repeat within a customer
  x = add(g, x, embedding(g, g.parameter("kind", [2, width]), g.input("kinds", ["B", "L"], "int32")));
  const norm = (a: Tensor, name: string) =>
    layerNorm(g, a, g.parameter(`${name}.gain`, [width]), g.parameter(`${name}.bias`, [width]));
  const layer = (a: Tensor, name: string, out: number) =>
    linear(g, a, g.parameter(`${name}.weight`, [Number(a.shape[1]), out]), g.parameter(`${name}.bias`, [out]));
  const apart = split(g, groupByCustomer(g, layer(norm(x, "first"), "projection", 3 * width)), 3);
  const [query = x, key = x, value = x] = apart.map((part) => splitHeads(g, part, heads));
  const mask = causalMask(g);
  const fused = attention(g, query, key, value, { scale: 0.5, mask });
  const stepwise = matmul(g, softmax(g, add(g, matmul(g, key, query, true, 0.3), mask)), value);
  x = add(g, x, flatten(g, mergeHeads(g, subtract(g, fused, scale(g, stepwise, 0.25)))));
  // one weight and bias used twice: written-out gradients that add up
  const [shared, sharedBias] = [g.parameter("shared.weight", [width, width]), g.parameter("shared.bias", [width])];
  x = add(g, x, relu(g, linear(g, gelu(g, linear(g, x, shared, sharedBias)), shared, sharedBias)));
  x = multiply(g, x, g.parameter("elementwise", [width]));
  const hidden = norm(add(g, x, g.parameter("shift", [width])), "last");
  const tied = { hidden, table, targets: windowOf(g, items, 1), weights };
  if (negatives === 0) tiedSoftmaxLoss(g, tied);
  else {
    const sample = { negatives: g.input("negatives", [negatives], "int32"), correction: g.input("correction", [negatives]) };
    sampledSoftmaxLoss(g, tied, { ...sample, slotOf: g.input("slotOf", [rows + 1], "int32") });
  }
  softmaxLoss(g, layer(hidden, "head", classes), g.input("classes", ["B", "L"], "int32"), weights);
  backward(g);
  const pieces = collect(g, { clipped, length: layout });
  return { graph: g.graph(), pieces };
}

/** Numbers in [−1, 1) that are the same in every run. */
function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  });
}

const customers = [
  { items: [3, 3, 5, 1, 3], count: 4 }, // repeats, and targets among the negatives
  { items: [7, 2, 0, 0, 0], count: 1 },
  { items: [4, 0, 6, 2, 0], count: 3 }, // an event without an item in the middle
];

function feedsOf(graph: Graph, { negatives }: Variant, which: readonly number[]): Record<string, FeedTensor> {
  const chosen = which.map((index) => customers[index] ?? { items: [], count: 0 });
  const grid = (value: (customer: (typeof chosen)[number], t: number) => number) =>
    chosen.flatMap((customer) => Array.from({ length }, (_, t) => (t < customer.count ? value(customer, t) : 0)));
  const sequence = Int32Array.from(chosen.flatMap(({ items }) => items));
  const list = [3, 6, 1].slice(0, negatives);
  const fed: Record<string, FeedTensor> = {
    positions: { shape: [which.length, length], data: Int32Array.from(grid(({ count }, t) => length - count + t + 1)) },
    kinds: { shape: [which.length, length], data: Int32Array.from(grid((_, t) => (t % 3) % 3)) },
    classes: { shape: [which.length, length], data: Int32Array.from(grid((_, t) => 1 + (t % classes))) },
    weights: {
      shape: [which.length * length, 1],
      data: Float64Array.from(grid(({ items, count }, t) => ((items[t + 1] ?? 0) > 0 ? 1 / count : 0))),
    },
    items: { shape: [which.length, length + 1], data: sequence },
    negatives: { shape: [list.length], data: Int32Array.from(list) },
    correction: { shape: [list.length], data: Float64Array.from(list, (_, i) => -0.3 * i) },
    slotOf: {
      shape: [rows + 1],
      data: Int32Array.from({ length: rows + 1 }, (_, id) => (list.includes(id) ? list.indexOf(id) : list.length)),
    },
    others: {
      shape: [which.length, length],
      data: Int32Array.from(grid(({ items }, t) => items[(t + 2) % items.length] ?? 0)),
    },
    [clipNormInput]: { shape: [], data: Float64Array.of(1.3) },
  };
  for (const [index, { name, shape }] of graph.inputs.entries()) {
    if (fed[name]) continue;
    const sizes = shape.map(Number);
    const values = numbers(
      sizes.reduce((a, b) => a * b, 1),
      1000 + index,
    );
    fed[name] = {
      shape: sizes,
      data: name.endsWith("gain") || name === "elementwise" ? values.map((v) => 1 + 0.2 * v) : values.map((v) => 0.6 * v),
    };
  }
  return fed;
}

/** All gradients of a run, each as one flat array. */
function gradientsOf(
  pieces: readonly GradientPiece[],
  outputs: Outputs,
  feeds: Record<string, FeedTensor>,
): Map<string, Float64Array> {
  const found = new Map<string, Float64Array>();
  for (const piece of pieces) {
    const parameter = feeds[piece.parameter];
    const size = parameter?.data.length ?? 0;
    const gradient = found.get(piece.parameter) ?? new Float64Array(size);
    found.set(piece.parameter, gradient);
    const values = outputs[piece.output]?.data ?? [];
    if (piece.kind === "dense")
      for (let i = 0; i < size; i++) gradient[i] = (gradient[i] ?? 0) + (values[piece.offset + i] ?? Number.NaN);
    else {
      const w = parameter?.shape[1] ?? 1;
      for (const [place, id] of (feeds[piece.ids]?.data ?? []).entries()) {
        for (let j = 0; id > 0 && j < w; j++)
          gradient[(id - 1) * w + j] = (gradient[(id - 1) * w + j] ?? 0) + (values[place * w + j] ?? Number.NaN);
      }
    }
  }
  return found;
}

const variants: Variant[] = [
  { heads: 1, negatives: 0, layout: 1 },
  { heads: 2, negatives: 0, layout: 1000 },
  { heads: 1, negatives: 3, layout: 1000 },
  { heads: 2, negatives: 3, layout: 1 },
];
const everyone = [0, 1, 2];
const total = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0);

test.each(variants)("gradients are the loss's finite differences ($heads heads, $negatives negatives)", (variant) => {
  const { graph, pieces } = build(variant, false);
  const feeds = feedsOf(graph, variant, everyone);
  const gradients = gradientsOf(pieces, interpret(graph, feeds), feeds);
  const step = 1e-5;
  for (const [name, gradient] of gradients) {
    const feed = feeds[name];
    const stride = Math.max(1, Math.floor(gradient.length / 5)); // five places of each parameter
    for (let place = gradient.length % stride; place < gradient.length; place += stride) {
      const lossAt = (shift: number) => {
        const data = Float64Array.from(feed?.data ?? []);
        data[place] = (data[place] ?? 0) + shift;
        return total(interpret(graph, { ...feeds, [name]: { shape: feed?.shape ?? [], data } })["loss"]?.data ?? []);
      };
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      expect(Math.abs((gradient[place] ?? 0) - slope), `${name}[${place}]`).toBeLessThan(1e-7);
    }
  }
});

test.each(variants)(
  "norms and the clipped sum are those of customers run alone ($heads heads, $negatives negatives, laid out for $layout)",
  (variant) => {
    const plain = build(variant, false);
    const clipped = build(variant, true);
    const feeds = feedsOf(clipped.graph, variant, everyone);
    const outputs = interpret(clipped.graph, feeds);
    const sums = gradientsOf(clipped.pieces, outputs, feeds);
    const expected = new Map<string, Float64Array>();
    for (const [place, customer] of everyone.entries()) {
      const alone = feedsOf(plain.graph, variant, [customer]);
      const gradients = gradientsOf(plain.pieces, interpret(plain.graph, alone), alone);
      const norm = Math.sqrt(
        [...gradients.values()].reduce((sum, gradient) => sum + gradient.reduce((s, v) => s + v * v, 0), 0),
      );
      expect(Math.abs((outputs["norm"]?.data[place] ?? 0) - norm)).toBeLessThan(1e-10);
      for (const [name, gradient] of gradients) {
        const sum = expected.get(name) ?? new Float64Array(gradient.length);
        expected.set(
          name,
          sum.map((value, i) => value + Math.min(1, 1.3 / norm) * (gradient[i] ?? 0)),
        );
      }
    }
    expect([...sums.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, sum] of expected) {
      for (const [i, value] of sum.entries())
        expect(Math.abs((sums.get(name)?.[i] ?? Number.NaN) - value), name).toBeLessThan(1e-10);
    }
  },
);
