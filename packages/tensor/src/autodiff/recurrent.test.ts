/**
 * The recurrent layers against PyTorch's own modules: the `lstm` and `gru` cases of `test/vectors/models.json` (its `source` says
 * which PyTorch). There the sequences are padded on the
 * left, with steps that read a vector of their own; the layers take that as it is.
 */
import { readFileSync } from "node:fs";
import { isTributaryError } from "@tributary/errors";
import { describe, expect, test } from "vitest";
import { clipNormInput, collect, type GradientPiece } from "../clipping/collect.ts";
import type { Executor, FeedTensor, Outputs } from "../executors/executor.ts";
import { float64Interpreter } from "../executors/interpreter/interpreter.ts";
import { onnxruntimeExecutor } from "../executors/onnxruntime.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { plus } from "../graph/operations.ts";
import { scan } from "../graph/scan.ts";
import type { Graph } from "../graph/types.ts";
import { backward } from "./backward.ts";
import { add } from "./differentiable.ts";
import { embedding } from "./layers.ts";
import { tiedSoftmaxLoss } from "./losses.ts";
import { gru, lstm, type RecurrentWeights } from "./recurrent.ts";

type Numbers = readonly (number | readonly number[])[];

interface GoldenCase {
  readonly name: string;
  readonly inputs: { readonly items: readonly (readonly number[])[]; readonly targets: readonly (readonly number[])[] };
  readonly parameters: Readonly<Record<string, Numbers>>;
  readonly hidden: readonly (readonly (readonly number[])[])[];
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly clipNorm: number;
  readonly clippedSum: Readonly<Record<string, Numbers>>;
}

const vectors: { readonly cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL("../../../../test/vectors/models.json", import.meta.url), "utf8"),
);
const layers = { lstm: { layer: lstm, gates: 4 }, gru: { layer: gru, gates: 3 } } as const;
const families = ["lstm", "gru"] as const;
const goldenOf = (family: string) => vectors.cases.filter(({ name }) => name === family);

function build(
  family: keyof typeof layers,
  { items, width, laidOut }: { readonly items: number; readonly width: number; readonly laidOut: number },
): { graph: Graph; pieces: readonly GradientPiece[] } {
  const { layer, gates } = layers[family];
  const g = new GraphBuilder(family);
  const ids = g.input("ids", ["B", "L"], "int32");
  g.declareTokens(ids);
  const table = g.parameter("item.weight", [items, width]);
  const weights: RecurrentWeights = {
    inputWeight: g.parameter("recurrent.input.weight", [gates * width, width]),
    hiddenWeight: g.parameter("recurrent.hidden.weight", [gates * width, width]),
    inputBias: g.parameter("recurrent.input.bias", [gates * width]),
    hiddenBias: g.parameter("recurrent.hidden.bias", [gates * width]),
  };
  const padding = embedding(g, g.parameter("padding", [1, width]), g.input("paddings", ["B", "L"], "int32"));
  const hidden = layer(g, add(g, embedding(g, table, ids), padding), weights);
  g.output("hidden", hidden);
  const targets = g.input("targets", ["B", "L"], "int32");
  tiedSoftmaxLoss(g, { hidden, table, targets, weights: g.input("weights", ["B*L", 1]) });
  backward(g);
  const pieces = collect(g, { clipped: true, length: laidOut });
  return { graph: g.graph(), pieces };
}

/** The golden item table has a first row that padding reads and no score is taken of: a table of its own here. */
function tensorsOf(
  parameters: Readonly<Record<string, Numbers>>,
): ReadonlyMap<string, { shape: number[]; data: Float64Array }> {
  const { "item.weight": items = [], ...others } = parameters;
  const all: [string, Numbers][] = [["padding", items.slice(0, 1)], ["item.weight", items.slice(1)], ...Object.entries(others)];
  return new Map(
    all.map(([name, values]) => {
      const [first] = values;
      const shape = typeof first === "number" ? [values.length] : [values.length, first?.length ?? 0];
      return [name, { shape, data: Float64Array.from(values.flat()) }];
    }),
  );
}

function feedsOf({ inputs, parameters, clipNorm }: GoldenCase): Record<string, FeedTensor> {
  const { items, targets } = inputs;
  const shape = [items.length, items[0]?.length ?? 0];
  const weights = targets.flatMap((row) => row.map((id) => (id > 0 ? 1 / row.filter((other) => other > 0).length : 0)));
  const feeds: Record<string, FeedTensor> = {
    ids: { shape, data: Int32Array.from(items.flat()) },
    paddings: { shape, data: Int32Array.from(items.flat(), (id) => (id === 0 ? 1 : 0)) },
    targets: { shape, data: Int32Array.from(targets.flat()) },
    weights: { shape: [weights.length, 1], data: Float64Array.from(weights) },
    [clipNormInput]: { shape: [], data: Float64Array.of(clipNorm) },
  };
  for (const [name, tensor] of tensorsOf(parameters)) feeds[name] = tensor;
  return feeds;
}

async function run(executor: Executor, graph: Graph, feeds: Record<string, FeedTensor>): Promise<Outputs> {
  const session = await executor.load(graph);
  const outputs = await session.run(feeds);
  await session.close();
  return outputs;
}

function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  return Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs((found[i] ?? Number.NaN) - value)), 0);
}

function gradientOf(pieces: readonly GradientPiece[], outputs: Outputs, feeds: Record<string, FeedTensor>, name: string) {
  const [, width = 1] = feeds[name]?.shape ?? [];
  const sum = new Float64Array(feeds[name]?.data.length ?? 0);
  for (const piece of pieces.filter(({ parameter }) => parameter === name)) {
    const values = outputs[piece.output]?.data ?? [];
    if (piece.kind === "dense")
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (values[piece.offset + i] ?? Number.NaN);
    else {
      for (const [place, id] of (feeds[piece.ids]?.data ?? []).entries()) {
        for (let j = 0; id > 0 && j < width; j++)
          sum[(id - 1) * width + j] = (sum[(id - 1) * width + j] ?? 0) + (values[place * width + j] ?? Number.NaN);
      }
    }
  }
  return sum;
}

const executors = [
  { executor: float64Interpreter(), tolerance: 1e-10 },
  { executor: onnxruntimeExecutor(), tolerance: 1e-5 },
];

describe.each(families)("%s", (family) => {
  test.each(executors)("is PyTorch's, to $tolerance on $executor.name", async ({ executor, tolerance }) => {
    for (const golden of goldenOf(family)) {
      const feeds = feedsOf(golden);
      const [items = 0, width = 0] = feeds["item.weight"]?.shape ?? [];
      for (const laidOut of [1, 1000]) {
        const { graph, pieces } = build(family, { items, width, laidOut });
        const outputs = await run(executor, graph, feeds);
        expect(furthest(outputs["hidden"]?.data ?? [], golden.hidden.flat(2))).toBeLessThan(tolerance);
        expect(furthest(outputs["loss"]?.data ?? [], golden.losses)).toBeLessThan(tolerance);
        expect(furthest(outputs["norm"]?.data ?? [], golden.gradientNorms)).toBeLessThan(tolerance);
        for (const [name, { data }] of tensorsOf(golden.clippedSum)) {
          expect(furthest(gradientOf(pieces, outputs, feeds, name), data), name).toBeLessThan(tolerance);
        }
      }
    }
    expect(goldenOf(family)).toHaveLength(1);
  });

  test("what is beside a customer changes no bit of its states and its norm, if somebody is", async () => {
    const width = 8;
    const { graph } = build(family, { items: 9, width, laidOut: 1 });
    const session = await onnxruntimeExecutor().load(graph);
    const [length, most] = [8, 9];
    const wave = (count: number, of: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + of));
    const weights: Record<string, FeedTensor> = { [clipNormInput]: { shape: [], data: Float32Array.of(1) } };
    for (const [place, { name, shape, type }] of graph.inputs.entries()) {
      if (type !== "float" || name === "weights" || name === clipNormInput) continue;
      const sizes = shape.map(Number);
      weights[name] = {
        shape: sizes,
        data: wave(
          sizes.reduce((a, b) => a * b, 1),
          place,
        ),
      };
    }
    const id = (customer: number, t: number) => ((customer * 5 + t * 3) % 9) + 1;
    const runOf = async (customers: readonly number[]) => {
      const grid = (shift: number) =>
        Int32Array.from(customers.flatMap((c) => Array.from({ length }, (_, t) => id(c, t + shift))));
      const shape = [customers.length, length];
      const feeds = {
        ids: { shape, data: grid(0) },
        targets: { shape, data: grid(1) },
        paddings: { shape, data: grid(0).fill(0) },
      };
      return session.run({
        ...weights,
        ...feeds,
        weights: { shape: [customers.length * length, 1], data: wave(customers.length * length, 0).fill(0.2) },
      });
    };
    const whole = await runOf(Array.from({ length: most }, (_, c) => c));
    for (const customers of [
      [0, 1],
      [1, 0],
      [7, 1, 2],
      [3, 4, 5, 6, 1],
    ]) {
      const some = await runOf(customers);
      for (const [place, customer] of customers.entries()) {
        const size = length * width;
        expect(some["hidden"]?.data.slice(place * size, (place + 1) * size)).toEqual(
          whole["hidden"]?.data.slice(customer * size, (customer + 1) * size),
        );
        expect(some["norm"]?.data[place]).toBe(whole["norm"]?.data[customer]);
      }
    }
    await session.close();
  });

  test("weights that do not fit are refused, naming both shapes", () => {
    const { layer, gates } = layers[family];
    const good = { inputWeight: [gates * 4, 3], hiddenWeight: [gates * 4, 4], inputBias: [gates * 4], hiddenBias: [gates * 4] };
    const wrong: [keyof RecurrentWeights, number[], string][] = [
      ["inputWeight", [3, gates * 4], `[${gates * 4}, 3]`],
      ["hiddenWeight", [4, gates * 4], `[${gates * gates * 4}, ${gates * 4}]`],
      ["inputBias", [4], `[${gates * 4}]`],
      ["hiddenBias", [gates * 4, 1], `[${gates * 4}]`],
    ];
    for (const [name, shape, wanted] of wrong) {
      const g = new GraphBuilder("wrong");
      g.declareTokens(g.input("ids", ["B", "L"], "int32"));
      const x = g.input("x", ["B*L", 3]);
      const sizes = { ...good, [name]: shape };
      const parameter = (which: keyof RecurrentWeights) => g.parameter(which, sizes[which]);
      const weights = {
        inputWeight: parameter("inputWeight"),
        hiddenWeight: parameter("hiddenWeight"),
        inputBias: parameter("inputBias"),
        hiddenBias: parameter("hiddenBias"),
      };
      let refusal: unknown;
      try {
        layer(g, x, weights);
      } catch (error) {
        refusal = error;
      }
      expect(isTributaryError(refusal) && refusal.code).toBe("TRB_TENSOR_SHAPE_MISMATCH");
      const details = Object.values(isTributaryError(refusal) ? refusal.details : {});
      expect(details).toEqual(expect.arrayContaining([name, `[${shape.join(", ")}]`, wanted]));
    }
  });
});

describe.each(executors.map(({ executor }) => executor))("Scan on $name", (executor) => {
  const x: FeedTensor = { shape: [3, 2], data: Float32Array.of(1, 2, 10, 20, 100, 200) };

  test("runs forward and in reverse, and its results lie in the order of what it read", async () => {
    const g = new GraphBuilder("loops");
    const [a, add, start] = [g.input("a", ["n", 2]), g.input("add", [2]), g.input("start", [2])];
    for (const reverse of [false, true]) {
      const { states, outputs } = scan(
        g,
        { name: "sums", states: [start], slices: [a], reverse },
        (body, [sum = start], [now = a]) => {
          const next = plus(body, plus(body, sum, now), add); // `add` is captured
          return { states: [next], outputs: [next, now] };
        },
      );
      g.output(`last${reverse}`, states[0] ?? a);
      g.output(`sums${reverse}`, outputs[0] ?? a);
      g.output(`same${reverse}`, outputs[1] ?? a);
    }
    const feeds = {
      a: x,
      add: { shape: [2], data: Float32Array.of(0, 1) },
      start: { shape: [2], data: Float32Array.of(0.5, 0) },
    };
    const outputs = await run(executor, g.graph(), feeds);
    expect([...(outputs["sumsfalse"]?.data ?? [])]).toEqual([1.5, 3, 11.5, 24, 111.5, 225]);
    expect([...(outputs["sumstrue"]?.data ?? [])]).toEqual([111.5, 225, 110.5, 222, 100.5, 201]);
    expect([...(outputs["lastfalse"]?.data ?? [])]).toEqual([111.5, 225]);
    expect([...(outputs["lasttrue"]?.data ?? [])]).toEqual([111.5, 225]);
    expect([...(outputs["sametrue"]?.data ?? [])]).toEqual([...x.data]);
  });

  test("a body with an operator that the executor does not know is refused when it is loaded", async () => {
    const g = new GraphBuilder("unknown");
    const a = g.input("a", ["n", 2]);
    const { outputs } = scan(g, { name: "odd", states: [], slices: [a] }, (body, _, [now = a]) => ({
      states: [],
      outputs: [body.node("NoSuchOperator", [now], now.shape)],
    }));
    g.output("y", outputs[0] ?? a);
    await expect(executor.load(g.graph())).rejects.toMatchObject({ code: "TRB_TENSOR_UNKNOWN_OPERATOR" });
  });
});

test("a loop whose body reads a tensor of another graph, or hands on a state of another shape, is refused when it is built", () => {
  const g = new GraphBuilder("outer");
  const a = g.input("a", ["n", 2]);
  const stranger = new GraphBuilder("other").input("stranger", [2]);
  const start = g.input("start", [2]);
  const dangling = () =>
    scan(g, { name: "l", states: [], slices: [a] }, (body, _, [now = a]) => ({
      states: [],
      outputs: [plus(body, now, stranger)],
    }));
  expect(dangling).toThrow(expect.objectContaining({ code: "TRB_TENSOR_DANGLING" }));
  const grown = () => scan(g, { name: "l", states: [start], slices: [a] }, () => ({ states: [a], outputs: [] }));
  expect(grown).toThrow(expect.objectContaining({ code: "TRB_TENSOR_SHAPE_MISMATCH" }));
  const uneven = () => scan(g, { name: "l", states: [], slices: [a, start] }, () => ({ states: [], outputs: [] }));
  expect(uneven).toThrow(expect.objectContaining({ code: "TRB_TENSOR_SHAPE_MISMATCH" }));
});
