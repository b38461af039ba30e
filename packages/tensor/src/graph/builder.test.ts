import { isTributaryError } from "@tributary/errors";
import { describe, expect, test } from "vitest";
import { embedding, layerNorm, linear } from "../autodiff/layers.ts";
import { GraphBuilder } from "./builder.ts";
import { concatenate, grouped, minus, plus, product, reshape, scatterElements } from "./operations.ts";

function refusal(act: () => unknown) {
  try {
    act();
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
  return undefined;
}

describe("shapes", () => {
  const cases: [string, (g: GraphBuilder) => unknown, string[]][] = [
    [
      "a product over unequal sizes",
      (g) => product(g, g.input("x", ["T", 4]), g.input("w", [5, 2])),
      ["x", "[T, 4]", "w", "[5, 2]"],
    ],
    ["a sum of unequal widths", (g) => plus(g, g.input("a", ["T", 4]), g.input("b", ["T", 3])), ["a", "[T, 4]", "b", "[T, 3]"]],
    [
      "a sum over unequal letters",
      (g) => minus(g, g.input("a", ["B", 4]), g.input("b", ["L", 4])),
      ["a", "[B, 4]", "b", "[L, 4]"],
    ],
    [
      "a bias of another width",
      (g) => linear(g, g.input("x", ["T", 4]), g.parameter("w", [4, 2]), g.parameter("b", [3])),
      ["b", "[3]", "[2]"],
    ],
    [
      "a gain of another width",
      (g) => layerNorm(g, g.input("x", ["T", 4]), g.parameter("gain", [3]), g.parameter("bias", [4])),
      ["gain", "[3]"],
    ],
    ["parts of unequal rank", (g) => concatenate(g, [g.input("a", [2, 4]), g.input("b", [4])], 0), ["a", "[2, 4]", "b", "[4]"]],
    ["another number of elements", (g) => reshape(g, g.input("a", [2, 4]), [3, 3], [3, 3]), ["a", "[2, 4]", "[3, 3]"]],
    [
      "values that are not at their places",
      (g) => scatterElements(g, g.input("a", ["T", 4]), g.input("p", ["T", 1], "int32"), g.input("v", ["T", 2]), 1),
      ["p", "v", "[T, 1]", "[T, 2]"],
    ],
    [
      "a table of rank one",
      (g) => embedding(g, g.parameter("table", [4]), g.input("ids", ["B", "L"], "int32")),
      ["table", "[4]", "ids"],
    ],
  ];
  test.each(cases)("%s is refused, naming both tensors and shapes", (_, act, named) => {
    const error = refusal(() => act(new GraphBuilder("test")));
    expect(error?.code).toBe("TRB_TENSOR_SHAPE_MISMATCH");
    for (const name of named) expect(Object.values(error?.details ?? {})).toContain(name);
  });

  test("tokens that were not declared can't be grouped by customer", () => {
    const g = new GraphBuilder("test");
    expect(refusal(() => grouped(g, g.input("x", ["B*L", 4])))?.code).toBe("TRB_TENSOR_NO_TOKENS");
  });

  test("tokens of another batch can't be grouped", () => {
    const g = new GraphBuilder("test");
    g.declareTokens(g.input("grid", ["B", "L"], "int32"));
    expect(refusal(() => grouped(g, g.input("x", ["B*M", 4])))?.code).toBe("TRB_TENSOR_SHAPE_MISMATCH");
  });
});

test("a name can be taken once", () => {
  const g = new GraphBuilder("test");
  g.input("x", [1]);
  expect(refusal(() => g.parameter("x", [1]))?.code).toBe("TRB_TENSOR_NAME_TAKEN");
});

test("equal nodes and constants are made once, unequal ones are not", () => {
  const g = new GraphBuilder("test");
  const [a, b] = [g.input("a", [2, 2]), g.input("b", [2, 2])];
  expect(plus(g, a, b)).toBe(plus(g, a, b));
  expect(plus(g, a, b)).not.toBe(plus(g, b, a));
  expect(product(g, a, b, { alpha: 2 })).not.toBe(product(g, a, b, { alpha: 3 }));
  expect(g.constant(1)).toBe(g.constant(1));
  expect(g.constant(1)).not.toBe(g.constant([1]));
  expect(g.constant(1)).not.toBe(g.constant(1, "int32"));
});
