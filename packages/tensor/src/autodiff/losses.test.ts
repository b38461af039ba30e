/** What the losses are, against their formulas written out item by item; that random graphs have their gradients is `random-graphs.test.ts`'s. */
import { isTributaryError } from "@tributary/errors";
import { describe, expect, test } from "vitest";
import type { Executor, FeedTensor } from "../executors/executor.ts";
import { float64Interpreter, interpret } from "../executors/interpreter/interpreter.ts";
import { onnxruntimeExecutor } from "../executors/onnxruntime.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Tensor } from "../graph/types.ts";
import { attentionWithWeights, causalMask, paddingMask } from "./attention.ts";
import { gradientsOf } from "./backward.ts";
import { add, flatten, groupByCustomer, multiply, softmax, sumLast } from "./differentiable.ts";
import { embedding, gelu, layerNorm, linear, pickMarked } from "./layers.ts";
import { softmaxLoss, type TiedTargets, tiedSoftmaxLoss } from "./losses.ts";
import { allVectors, type OutputTable } from "./output-table.ts";
import { gru, lstm } from "./recurrent.ts";
import { gbceLoss, gbcePower, sampledSoftmaxLoss } from "./sampled-losses.ts";

const [items, width] = [6, 4];
const wave = (count: number, of: number, size = 1) =>
  Float64Array.from({ length: count }, (_, i) => size * Math.sin(i * 1.9 + of));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
const rowsOf = (data: Float64Array, columns: number) =>
  Array.from({ length: data.length / columns }, (_, row) => [...data.slice(row * columns, (row + 1) * columns)]);

const targets = [3, 0, 5, 2];
const weights = [0.5, 0, 0.25, 2];
const negatives = [2, 6, 1]; // the last token's target is among them
const correction = [0.3, -1, 0.2];
const rowOf = [1, 2, 0, 2, 1, 0];
const data = {
  hidden: wave(4 * width, 1),
  own: wave(items * width, 2),
  shared: wave(2 * width, 3),
  features: wave(items * 3, 4),
  weight: wave(3 * width, 5),
};

/** Vectors of the composed table, item by item. */
const vectors = rowsOf(data.own, width).map((own, item) =>
  own.map((value, j) => {
    const shared = rowsOf(data.shared, width)[(rowOf[item] ?? 0) - 1]?.[j] ?? 0;
    const projected =
      rowsOf(data.features, 3)[item]?.reduce((sum, feature, n) => sum + feature * (data.weight[n * width + j] ?? 0), 0) ?? 0;
    return value + shared + projected;
  }),
);
const scores = rowsOf(data.hidden, width).map((hidden) => vectors.map((vector) => dot(hidden, vector)));
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const logSigmoid = (x: number) => -Math.log1p(Math.exp(-x));

function feeds(g: GraphBuilder): Record<string, FeedTensor> {
  const given: Record<string, FeedTensor> = {
    grid: { shape: [2, 2], data: Int32Array.of(1, 2, 1, 2) },
    targets: { shape: [2, 2], data: Int32Array.from(targets) },
    targetRows: { shape: [2, 2], data: Int32Array.from(targets, (id) => rowOf[id - 1] ?? 0) },
    weights: { shape: [4, 1], data: Float64Array.from(weights) },
    negatives: { shape: [3], data: Int32Array.from(negatives) },
    correction: { shape: [3], data: Float64Array.from(correction) },
    slotOf: {
      shape: [items + 1],
      data: Int32Array.from({ length: items + 1 }, (_, id) => (negatives.includes(id) ? negatives.indexOf(id) : 3)),
    },
    rowOf: { shape: [items], data: Int32Array.from(rowOf) },
    hidden: { shape: [4, width], data: data.hidden },
    own: { shape: [items, width], data: data.own },
    shared: { shape: [2, width], data: data.shared },
    features: { shape: [items, 3], data: data.features },
    weight: { shape: [3, width], data: data.weight },
  };
  return Object.fromEntries(
    g.graph().inputs.map(({ name }) => [name, given[name] ?? { shape: [], data: new Float64Array(1) }]),
  );
}

function start(): { g: GraphBuilder; tied: TiedTargets; composed: OutputTable; sample: { negatives: Tensor; slotOf: Tensor } } {
  const g = new GraphBuilder("loss");
  g.declareTokens(g.input("grid", ["B", "L"], "int32"));
  const composed: OutputTable = {
    items,
    parts: [
      { kind: "own", table: g.parameter("own", [items, width]) },
      {
        kind: "shared",
        table: g.parameter("shared", [2, width]),
        rowOf: g.input("rowOf", [items], "int32"),
        targets: g.input("targetRows", ["B", "L"], "int32"),
      },
      { kind: "projected", weight: g.parameter("weight", [3, width]), features: g.input("features", [items, 3]) },
    ],
  };
  const hidden = g.input("hidden", ["B*L", width]);
  const tied = {
    hidden,
    table: composed,
    targets: g.input("targets", ["B", "L"], "int32"),
    weights: g.input("weights", ["B*L", 1]),
  };
  const sample = { negatives: g.input("negatives", [3], "int32"), slotOf: g.input("slotOf", [items + 1], "int32") };
  return { g, tied, composed, sample };
}

function expectLosses(g: GraphBuilder, loss: Tensor, expected: (token: number, own: number) => number): void {
  g.output("loss", loss);
  const found = interpret(g.graph(), feeds(g))["loss"]?.data ?? [];
  expect(found).toHaveLength(4);
  targets.forEach((id, token) => {
    const value = id === 0 ? 0 : (weights[token] ?? 0) * expected(token, scores[token]?.[id - 1] ?? Number.NaN);
    expect(Math.abs((found[token] ?? Number.NaN) - value), `token ${token}`).toBeLessThan(1e-12);
  });
}

describe("over a table that is composed of rows, shared rows and projected features", () => {
  test("its vectors are the sums", () => {
    const { g, composed } = start();
    g.output("vectors", allVectors(g, composed));
    const found = rowsOf(Float64Array.from(interpret(g.graph(), feeds(g))["vectors"]?.data ?? []), width);
    found.forEach((vector, item) => {
      for (const [j, value] of vector.entries()) expect(value).toBeCloseTo(vectors[item]?.[j] ?? Number.NaN, 13);
    });
    expect(found).toHaveLength(items);
  });

  test("the softmax is −log of the target's share", () => {
    const { g, tied } = start();
    expectLosses(g, tiedSoftmaxLoss(g, tied), (token, own) => Math.log(total((scores[token] ?? []).map(Math.exp))) - own);
  });

  test("the sampled softmax corrects negatives, and leaves out the one that is the target", () => {
    const { g, tied, sample } = start();
    const loss = sampledSoftmaxLoss(g, tied, { ...sample, correction: g.input("correction", [3]) });
    expectLosses(g, loss, (token, own) => {
      const others = negatives.flatMap((id, place) =>
        id === targets[token] ? [] : [Math.exp((scores[token]?.[id - 1] ?? 0) - (correction[place] ?? 0))],
      );
      return Math.log(Math.exp(own) + total(others)) - own;
    });
  });

  test.each([0, 0.75, 1])("gBCE is the published one (t = %d), and leaves out a negative that is the target", (calibration) => {
    const { g, tied, sample } = start();
    const rate = 3 / (items - 1);
    const power = rate * ((1 - 1 / rate) * calibration + 1 / rate);
    expectLosses(g, gbceLoss(g, tied, { ...sample, calibration }), (token, own) => {
      const others = negatives.filter((id) => id !== targets[token]).map((id) => logSigmoid(-(scores[token]?.[id - 1] ?? 0)));
      return -(power * logSigmoid(own) + total(others)) / 4;
    });
  });
});

test("gSASRec's power is 1 without calibration and the sampling rate with all of it", () => {
  expect(gbcePower(256, 12102, 0)).toBe(1);
  expect(gbcePower(256, 12102, 1)).toBeCloseTo(256 / 12101, 12);
  expect(gbcePower(256, 12102, 0.75)).toBeCloseTo(0.25 + (0.75 * 256) / 12101, 12);
});

const executors: readonly Executor[] = [float64Interpreter(), onnxruntimeExecutor()];

test.each(executors)("gBCE neither overflows nor underflows at scores of ±1000 ($name)", async (executor) => {
  const { g, tied, sample } = start();
  g.output("loss", gbceLoss(g, tied, { ...sample, calibration: 0 }));
  const session = await executor.load(g.graph());
  const far = { ...feeds(g), hidden: { shape: [4, width], data: data.hidden.map((value) => value * 1000) } };
  const { loss } = await session.run(far);
  await session.close();
  targets.forEach((id, token) => {
    const far = (item: number) => 1000 * (scores[token]?.[item - 1] ?? Number.NaN);
    const ramp = (x: number) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
    const others = negatives.filter((other) => other !== id).map((other) => ramp(far(other)));
    const expected = id === 0 ? 0 : ((weights[token] ?? 0) * (ramp(-far(id)) + total(others))) / 4;
    expect(Math.abs((loss?.data[token] ?? Number.NaN) - expected)).toBeLessThan(1e-4 * Math.max(1, expected));
  });
});

describe("a loss is refused", () => {
  type Start = ReturnType<typeof start>;
  const cases: [string, string, (s: Start) => unknown, string[]][] = [
    [
      "whose weights lie on no token",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) => tiedSoftmaxLoss(g, { ...tied, weights: g.input("w", ["B", 1]) }),
      ["hidden", "[B*L, 4]", "w", "[B, 1]"],
    ],
    [
      "whose targets lie on another grid",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) => tiedSoftmaxLoss(g, { ...tied, targets: g.input("t", ["B", "M"], "int32") }),
      ["hidden", "[B*L, 4]", "t", "[B, M]"],
    ],
    [
      "whose table has another width",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) => tiedSoftmaxLoss(g, { ...tied, table: g.parameter("wide", [items, 5]) }),
      ["hidden", "[B*L, 4]", "wide", "[6, 5]"],
    ],
    [
      "whose parts have unequal widths",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) =>
        tiedSoftmaxLoss(g, {
          ...tied,
          table: {
            items,
            parts: [
              { kind: "own", table: g.parameter("a", [items, 4]) },
              { kind: "projected", weight: g.parameter("b", [3, 5]), features: g.input("f", [items, 3]) },
            ],
          },
        }),
      ["b", "[3, 5]", "[3, 4]"],
    ],
    [
      "whose features are another number of items",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) =>
        tiedSoftmaxLoss(g, {
          ...tied,
          table: {
            items,
            parts: [{ kind: "projected", weight: g.parameter("b", [3, 4]), features: g.input("f", [items + 1, 3]) }],
          },
        }),
      ["f", "[7, 3]", "[6, n]"],
    ],
    [
      "whose shared rows are of another number of items",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) =>
        tiedSoftmaxLoss(g, {
          ...tied,
          table: {
            items,
            parts: [
              { kind: "shared", table: g.parameter("b", [3, 4]), rowOf: g.input("r", [5], "int32"), targets: tied.targets },
            ],
          },
        }),
      ["r", "[5]", "[6]"],
    ],
    [
      "whose table has no parts",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) => tiedSoftmaxLoss(g, { ...tied, table: { items, parts: [] } }),
      ["no parts"],
    ],
    [
      "whose slots are of another number of items",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied, sample }) => gbceLoss(g, tied, { ...sample, slotOf: g.input("s", [items], "int32"), calibration: 0 }),
      ["s", "[6]", "[7]"],
    ],
    [
      "whose correction is of other negatives",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied, sample }) => sampledSoftmaxLoss(g, tied, { ...sample, correction: g.input("c", [2]) }),
      ["c", "[2]", "[3]"],
    ],
    [
      "whose negatives are no list",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied, sample }) => gbceLoss(g, tied, { ...sample, negatives: g.input("n", ["B", 3], "int32"), calibration: 0 }),
      ["n", "[B, 3]"],
    ],
    [
      "whose classes' weights are a list",
      "TRB_TENSOR_SHAPE_MISMATCH",
      ({ g, tied }) => softmaxLoss(g, tied.hidden, tied.targets, g.input("w", ["B*L"])),
      ["hidden", "w", "[B*L]"],
    ],
    [
      "whose calibration is more than all of it",
      "TRB_TENSOR_CALIBRATION",
      ({ g, tied, sample }) => gbceLoss(g, tied, { ...sample, calibration: 1.5 }),
      [],
    ],
    [
      "whose calibration is no number",
      "TRB_TENSOR_CALIBRATION",
      ({ g, tied, sample }) => gbceLoss(g, tied, { ...sample, calibration: Number.NaN }),
      [],
    ],
  ];
  test.each(cases)("%s", (_, code, act, named) => {
    let refusal: unknown;
    try {
      act(start());
    } catch (error) {
      refusal = error;
    }
    expect(isTributaryError(refusal) ? refusal.code : refusal).toBe(code);
    expect(Object.values(isTributaryError(refusal) ? refusal.details : {})).toEqual(expect.arrayContaining(named));
  });
});

describe("gradients for explanations", () => {
  /** A score of the last position from event vectors that depend on no parameter; all weights are plain inputs. */
  function scoring(inner: "lstm" | "gru" | "attention") {
    const g = new GraphBuilder("scoring");
    const grid = g.input("grid", ["B", "L"], "int32");
    g.declareTokens(grid);
    const events = g.input("events", ["B*L", width]);
    g.track(events);
    const vector = (name: string, size = width) => g.input(name, [size]);
    const matrix = (name: string, rows: number, columns = width) => g.input(name, [rows, columns]);
    let x = linear(g, layerNorm(g, events, vector("gain"), vector("shift")), matrix("dense", width), vector("bias"));
    if (inner === "attention") {
      const by = groupByCustomer(g, gelu(g, x));
      const { attended, weights: taken } = attentionWithWeights(g, by, by, by, {
        scale: 0.5,
        mask: add(g, causalMask(g), paddingMask(g, grid, 1)),
      });
      g.output("taken", taken);
      x = flatten(g, attended);
    } else {
      const gates = inner === "lstm" ? 4 : 3;
      const recurrent = {
        inputWeight: matrix("w", gates * width),
        hiddenWeight: matrix("u", gates * width),
        inputBias: vector("b", gates * width),
        hiddenBias: vector("c", gates * width),
      };
      x = (inner === "lstm" ? lstm : gru)(g, x, recurrent);
    }
    const state = softmax(g, pickMarked(g, x, grid, 3));
    const score = sumLast(g, multiply(g, state, g.input("item", ["B", width])));
    g.output("score", score);
    const [slopes] = gradientsOf(g, score, [events]);
    if (slopes === undefined) throw new Error("no gradient reaches the events");
    g.output("slopes", slopes);
    return g.graph();
  }

  test.each(["lstm", "gru", "attention"] as const)("are slopes of the score, event by event (%s)", (inner) => {
    const graph = scoring(inner);
    const fed: Record<string, FeedTensor> = { grid: { shape: [2, 3], data: Int32Array.of(1, 2, 3, 2, 3, 0) } };
    for (const [place, { name, shape }] of graph.inputs.entries()) {
      if (name === "grid") continue;
      const sizes = shape.map((size) => (size === "B*L" ? 6 : size === "B" ? 2 : Number(size)));
      fed[name] = {
        shape: sizes,
        data: wave(
          sizes.reduce((a, b) => a * b, 1),
          place,
          0.8,
        ),
      };
    }
    const { slopes, taken } = interpret(graph, fed);
    const events = fed["events"]?.data ?? new Float64Array();
    const scoreAt = (place: number, shift: number) => {
      const moved = Float64Array.from(events);
      moved[place] = (moved[place] ?? 0) + shift;
      return total([...(interpret(graph, { ...fed, events: { shape: [6, width], data: moved } })["score"]?.data ?? [])]);
    };
    expect(slopes?.data).toHaveLength(24);
    for (const [place, slope] of slopes?.data.entries() ?? []) {
      expect(Math.abs(slope - (scoreAt(place, 1e-5) - scoreAt(place, -1e-5)) / 2e-5)).toBeLessThan(1e-8);
    }
    // the second customer's padding moves nothing, everything else does
    expect(slopes?.data.slice(20)).toEqual(new Float64Array(4));
    expect(slopes?.data.slice(0, 20).every((slope) => slope !== 0)).toBe(true);
    for (const row of taken ? rowsOf(Float64Array.from(taken.data), 3) : []) expect(total(row)).toBeCloseTo(1, 12);
  });

  test("leave a training graph's own gradients as they are", () => {
    const build = (explained: boolean) => {
      const g = new GraphBuilder("both");
      g.declareTokens(g.input("grid", ["B", "L"], "int32"));
      const x = embedding(g, g.parameter("table", [5, width]), g.input("ids", ["B", "L"], "int32"));
      const logits = linear(g, x, g.parameter("w", [width, 3]), g.parameter("b", [3]));
      if (explained) expect(gradientsOf(g, logits, [x])[0]?.shape).toEqual(x.shape);
      return [...g.parameters.values()].map(({ uses }) => uses.length);
    };
    expect(build(true)).toEqual(build(false));
  });

  test("are undefined for a tensor that the output does not depend on", () => {
    const g = new GraphBuilder("apart");
    const [a, b] = [g.input("a", [2]), g.input("b", [2])];
    g.track(a);
    g.track(b);
    const y = multiply(g, a, a);
    expect(gradientsOf(g, y, [b])).toEqual([undefined]);
  });
});
