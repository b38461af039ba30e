/** What the layers refuse when a graph is written: shapes that don't fit, by both names, and gradients that would be lost. */
import { isTributaryError } from "@tributary/errors";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import * as operations from "../graph/operations.ts";
import type { Tensor } from "../graph/types.ts";
import * as tensorRoom from "../index.ts";
import { attention, attentionWithWeights, paddingMask } from "./attention.ts";
import { backward, gradientsOf } from "./backward.ts";
import * as steps from "./differentiable.ts";
import {
  dropout,
  embedding,
  layerNorm,
  linear,
  pickMarked,
  pickWanted,
  presence,
  project,
  publicRows,
  windowOf,
} from "./layers.ts";
import { softmaxLoss, tiedSoftmaxLoss } from "./losses.ts";

function refusal(act: () => unknown) {
  try {
    act();
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
  return undefined;
}

function grid(): GraphBuilder {
  const g = new GraphBuilder("test");
  g.declareTokens(g.input("grid", ["B", "L"], "int32"));
  return g;
}

type Case = readonly [step: string, act: (g: GraphBuilder) => unknown, named: readonly string[]];

const x = (g: GraphBuilder, width = 4) => g.input("x", ["B*L", width]);
const cube = (g: GraphBuilder, name: string, width = 4, positions = "L") => g.input(name, ["B", positions, width]);

/** Every step that the room exports and that reads more than one tensor, or one of a certain shape. */
const layers: readonly Case[] = [
  ["add", (g) => steps.add(g, x(g), g.input("y", ["B*L", 3])), ["x", "[B*L, 4]", "y", "[B*L, 3]"]],
  ["subtract", (g) => steps.subtract(g, x(g), g.input("y", ["B*M", 4])), ["x", "[B*L, 4]", "y", "[B*M, 4]"]],
  ["multiply", (g) => steps.multiply(g, x(g), g.input("y", [3])), ["x", "[B*L, 4]", "y", "[3]"]],
  ["matmul", (g) => steps.matmul(g, cube(g, "a"), cube(g, "b", 3), true), ["a", "[B, L, 4]", "b", "[B, L, 3]"]],
  ["transpose", (g) => steps.transpose(g, cube(g, "a"), [0, 1]), ["a", "[B, L, 4]"]],
  ["groupByCustomer", (g) => steps.groupByCustomer(g, g.input("y", ["B*M", 4])), ["y", "[B*M, 4]"]],
  ["flatten", (g) => steps.flatten(g, cube(g, "a", 4, "M")), ["a", "[B, M, 4]"]],
  ["split", (g) => steps.split(g, x(g), 3), ["x", "[B*L, 4]"]],
  ["splitHeads", (g) => steps.splitHeads(g, cube(g, "a"), 3), ["a", "[B, L, 4]", "[B, L, a multiple of 3]"]],
  ["mergeHeads", (g) => steps.mergeHeads(g, x(g)), ["x", "[B*L, 4]"]],
  ["linear", (g) => linear(g, x(g), g.parameter("w", [5, 2]), g.parameter("b", [2])), ["x", "[B*L, 4]", "w", "[5, 2]"]],
  ["linear", (g) => linear(g, x(g), g.parameter("w", [4, 2]), g.parameter("b", [1])), ["b", "[1]", "[2]"]],
  ["project", (g) => project(g, x(g), g.parameter("w", [3, 2])), ["x", "[B*L, 4]", "w", "[3, 2]"]],
  ["project", (g) => project(g, x(g), g.parameter("w", [4])), ["x", "[B*L, 4]", "w", "[4]"]],
  ["layerNorm", (g) => layerNorm(g, x(g), g.parameter("gain", [1]), g.parameter("shift", [4])), ["gain", "[1]", "[4]"]],
  ["layerNorm", (g) => layerNorm(g, x(g), g.parameter("gain", [4]), g.parameter("shift", [4, 1])), ["shift", "[4, 1]", "[4]"]],
  [
    "embedding",
    (g) => embedding(g, g.parameter("table", [4]), g.input("ids", ["B", "L"], "int32")),
    ["table", "[4]", "ids", "[B, L]"],
  ],
  [
    "embedding",
    (g) => embedding(g, g.parameter("table", [4, 4]), g.input("ids", ["B*L"], "int32")),
    ["table", "[4, 4]", "ids", "[B*L]"],
  ],
  ["embedding", (g) => embedding(g, g.parameter("table", [4, 4]), g.input("ids", ["B", "M"], "int32")), ["[B, M, 4]"]],
  [
    "publicRows",
    (g) => publicRows(g, g.input("features", [4]), g.input("ids", ["B", "L"], "int32")),
    ["features", "[4]", "ids", "[B, L]"],
  ],
  ["windowOf", (g) => windowOf(g, g.input("ids", ["B", "L"], "int32"), 0), ["ids", "[B, L]", "[B, L+1]"]],
  ["dropout", (g) => dropout(g, x(g), g.input("mask", ["B*L", 1])), ["x", "[B*L, 4]", "mask", "[B*L, 1]"]],
  ["pickMarked", (g) => pickMarked(g, x(g), g.input("marks", ["B", "M"], "int32"), 1), ["[B, L, 4]", "[B, M, 1]"]],
  [
    "pickWanted",
    (g) => pickWanted(g, x(g), g.input("marks", ["C", "L"], "int32"), g.input("wanted", ["B", "M"], "int32")),
    ["[B, M, 1]", "[C, 1, L]"],
  ],
  ["paddingMask", (g) => paddingMask(g, g.input("ids", ["B", "L", 1], "int32"), 1), ["ids", "[B, L, 1]"]],
  [
    "attention",
    (g) => attention(g, cube(g, "q"), cube(g, "k", 3), cube(g, "v"), { scale: 1, mask: undefined }),
    ["q", "[B, L, 4]", "k", "[B, L, 3]"],
  ],
  [
    "attention",
    (g) => attention(g, cube(g, "q", 4, "M"), cube(g, "k"), cube(g, "v", 4, "M"), { scale: 1, mask: undefined }),
    ["[B, M, L]", "v", "[B, M, 4]"],
  ],
  [
    "attention",
    (g) =>
      attention(g, cube(g, "q"), cube(g, "k"), cube(g, "v"), {
        scale: 1,
        mask: paddingMask(g, g.input("ids", ["B", "L"], "int32"), 2),
      }),
    ["[B, L, L]", "[B, 1, 1, L]"],
  ],
  [
    "attentionWithWeights",
    (g) => attentionWithWeights(g, cube(g, "q"), cube(g, "k"), cube(g, "v"), { scale: 1, mask: g.input("mask", ["M", "L"]) }),
    ["[B, L, L]", "mask", "[M, L]"],
  ],
];

test.each(layers)("%s refuses shapes that don't fit, naming them", (_, act, named) => {
  const error = refusal(() => act(grid()));
  expect(error?.code).toBe("TRB_TENSOR_SHAPE_MISMATCH");
  expect(Object.values(error?.details ?? {})).toEqual(expect.arrayContaining([...named]));
});

test("no exported step is left out", () => {
  const elsewhere = ["gru", "lstm", "softmaxLoss", "tiedSoftmaxLoss", "sampledSoftmaxLoss", "gbceLoss", "allVectors"]; // by their own tests
  const anyShape = ["scale", "softmax", "sumLast", "relu", "gelu", "causalMask", "presence"];
  const noSteps = [
    "backward",
    "gradientsOf",
    "collect",
    "encodeOnnx",
    "float64Interpreter",
    "GraphBuilder",
    "clipNormInput",
    "withoutDeadNodes",
  ];
  const tested = new Set([...layers.map(([step]) => step), ...elsewhere, ...anyShape, ...noSteps]);
  const others = ["product", "valuesOfIds", "valuesOfItems"]; // operators
  expect(Object.keys(tensorRoom).filter((name) => !tested.has(name) && !others.includes(name))).toEqual([]);
});

const o = operations;
const matrix = (g: GraphBuilder, name = "a") => g.input(name, [2, 3]);
const operators: readonly Case[] = [
  ["a sum over an axis that is not there", (g) => o.sumOver(g, matrix(g), [2]), ["a", "[2, 3]", "[an axis 2]"]],
  ["a sum of unequal shapes", (g) => o.sumOf(g, [matrix(g), g.input("b", [3])]), ["a", "[2, 3]", "b", "[3]"]],
  ["a slice along an axis that is not there", (g) => o.slice(g, matrix(g), 2, 0, 1, 1), ["a", "[an axis 2]"]],
  ["an axis put in too far out", (g) => o.unsqueeze(g, matrix(g), 3), ["a", "[an axis 3]"]],
  ["parts put together along no axis", (g) => o.concatenate(g, [matrix(g), matrix(g, "b")], 2), ["a", "[an axis 2]"]],
  ["axes named twice", (g) => o.transposed(g, matrix(g), [0, 0]), ["a", "[0, 0]"]],
  [
    "places in other rows",
    (g) => o.gatherElements(g, matrix(g), g.input("p", [4, 1], "int32"), 1),
    ["a", "[2, 3]", "p", "[4, 1]"],
  ],
  [
    "places of another rank",
    (g) => o.scatterElements(g, matrix(g), g.input("p", [2], "int32"), g.input("v", [2]), 1),
    ["a", "[2, 3]", "p", "[2]"],
  ],
  ["a condition of another size", (g) => o.select(g, g.input("c", [4, 3], "bool"), matrix(g), matrix(g, "b")), ["c", "[4, 3]"]],
  ["a product of a list", (g) => o.product(g, g.input("a", [3]), g.input("b", [3, 2])), ["a", "[3]", "b", "[3, 2]"]],
  ["a comparison of unequal sizes", (g) => o.less(g, matrix(g), g.input("b", [2, 2])), ["a", "[2, 3]", "b", "[2, 2]"]],
];

test.each(operators)("%s is refused", (_, act, named) => {
  const error = refusal(() => act(new GraphBuilder("test")));
  expect(error?.code).toBe("TRB_TENSOR_SHAPE_MISMATCH");
  expect(Object.values(error?.details ?? {})).toEqual(expect.arrayContaining([...named]));
});

describe("a gradient that would be lost or has no customers is refused", () => {
  /** Event vectors, and a loss of logits that stand for all that is made of them. */
  function training(make: (g: GraphBuilder, events: Tensor) => Tensor, weights?: (g: GraphBuilder, events: Tensor) => Tensor) {
    const g = grid();
    const ids = g.input("ids", ["B", "L"], "int32");
    const events = embedding(g, g.parameter("table", [5, 4]), ids);
    const classes = g.input("classes", ["B", "L"], "int32");
    softmaxLoss(g, make(g, events), classes, weights ? weights(g, events) : g.input("weights", ["B*L", 1]));
    backward(g);
  }
  const cases: readonly [string, () => void, string][] = [
    ["one of two ways back is missing", () => training((g, e) => steps.add(g, e, operations.times(g, e, e))), "table"],
    ["a mask depends on a parameter", () => training((g, e) => dropout(g, e, e)), "table"],
    [
      "an attention mask depends on a parameter",
      () =>
        training((g, e) => {
          const by = steps.groupByCustomer(g, e);
          return steps.flatten(g, attention(g, by, by, by, { scale: 1, mask: steps.matmul(g, by, by, true) }));
        }),
      "table",
    ],
    [
      "a loss's weights depend on a parameter",
      () =>
        training(
          (_, e) => e,
          (g, e) => steps.sumLast(g, e),
        ),
      "table",
    ],
    [
      "a table is computed from a parameter",
      () =>
        training((g, e) =>
          steps.add(g, e, embedding(g, steps.scale(g, g.parameter("raw", [5, 4]), 2), g.input("others", ["B", "L"], "int32"))),
        ),
      "Mul",
    ],
    [
      "a weight is turned round",
      () => training((g, e) => project(g, e, steps.transpose(g, g.parameter("w", [4, 4]), [1, 0]))),
      "w",
    ],
    ["a parameter has one number for all", () => training((g, e) => steps.multiply(g, e, g.parameter("one", [1]))), "one"],
    ["a parameter is multiplied as a matrix", () => training((g, e) => steps.matmul(g, e, g.parameter("w", [4, 4]))), "w"],
    [
      "a scored table is computed from a parameter",
      () => {
        const g = grid();
        const hidden = embedding(g, g.parameter("table", [5, 4]), g.input("ids", ["B", "L"], "int32"));
        const table = steps.scale(g, g.parameter("raw", [5, 4]), 2);
        tiedSoftmaxLoss(g, { hidden, table, targets: g.input("t", ["B", "L"], "int32"), weights: g.input("w", ["B*L", 1]) });
        backward(g);
      },
      "Mul",
    ],
  ];
  test.each(cases)("%s", (_, act, name) => {
    const error = refusal(act);
    expect(error?.code).toBe("TRB_TENSOR_UNSUPPORTED_USE");
    expect(String(error?.details["parameter"])).toMatch(new RegExp(`^${name}\\d*$`));
  });

  test("what no parameter stands behind is not", () => {
    expect(
      refusal(() => training((g, e) => steps.multiply(g, e, presence(g, g.input("kept", ["B*L", 1], "int32"), 2)))),
    ).toBeUndefined();
    expect(refusal(() => training((g, e) => steps.add(g, e, operations.times(g, x(g), x2(g)))))).toBeUndefined();
    const g = grid();
    const events = embedding(g, g.parameter("table", [5, 4]), g.input("ids", ["B", "L"], "int32"));
    expect(gradientsOf(g, operations.times(g, events, events), [events])).toEqual([undefined]);
  });
});

function x2(g: GraphBuilder): Tensor {
  return g.input("x2", ["B*L", 4]);
}
