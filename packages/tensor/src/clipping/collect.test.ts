import { isTributaryError } from "@tributary/errors";
import { expect, test } from "vitest";
import { backward } from "../autodiff/backward.ts";
import { add } from "../autodiff/differentiable.ts";
import { embedding, layerNorm, linear, windowOf } from "../autodiff/layers.ts";
import { softmaxLoss, tiedSoftmaxLoss } from "../autodiff/losses.ts";
import { interpret } from "../executors/interpreter/interpreter.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { larger, product, times } from "../graph/operations.ts";
import type { Tensor } from "../graph/types.ts";
import { clipNormInput, collect } from "./collect.ts";

interface Start {
  readonly g: GraphBuilder;
  readonly items: Tensor;
  readonly weights: Tensor;
  readonly table: Tensor;
}

function start(): Start {
  const g = new GraphBuilder("test");
  g.declareTokens(g.input("positions", ["B", "L"], "int32"));
  const [items, weights] = [g.input("items", ["B", "L+1"], "int32"), g.input("weights", ["B*L", 1])];
  return { g, items, weights, table: g.parameter("table", [5, 4]) };
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return isTributaryError(error) ? error.code : String(error);
  }
  return undefined;
}

function end({ g, weights }: Start, logits: Tensor): void {
  softmaxLoss(g, logits, g.input("classes", ["B", "L"], "int32"), weights);
  backward(g);
  collect(g, { clipped: true, length: 3 });
}

const refused: [string, string, (s: Start) => void][] = [
  [
    "a table that is a weight matrix as well",
    "TRB_TENSOR_MIXED_USES",
    (s) => {
      const looked = embedding(s.g, s.table, windowOf(s.g, s.items, 0));
      end(s, add(s.g, looked, linear(s.g, s.g.input("features", ["B*L", 5]), s.table, s.g.parameter("bias", [4]))));
    },
  ],
  [
    "a table under two tied softmaxes",
    "TRB_TENSOR_MIXED_USES",
    (s) => {
      const hidden = embedding(s.g, s.table, windowOf(s.g, s.items, 0));
      tiedSoftmaxLoss(s.g, { hidden, table: s.table, targets: windowOf(s.g, s.items, 1), weights: s.weights });
      tiedSoftmaxLoss(s.g, {
        hidden,
        table: s.table,
        targets: windowOf(s.g, s.items, 1),
        weights: s.g.input("others", ["B*L", 1]),
      });
      backward(s.g);
      collect(s.g, { clipped: true, length: 3 });
    },
  ],
  [
    "a matrix multiplied elementwise",
    "TRB_TENSOR_UNSUPPORTED_USE",
    (s) => {
      const x = embedding(s.g, s.table, windowOf(s.g, s.items, 0));
      const y = times(s.g, x, s.g.parameter("odd", [1, 4]));
      s.g.record([y], [x, s.g.parameters.get("odd")?.tensor ?? x], ([d]) => [d, d]);
      end(s, y);
    },
  ],
  [
    "a parameter that no loss reaches",
    "TRB_TENSOR_UNUSED_PARAMETER",
    (s) => {
      s.g.parameter("idle", [4]);
      end(s, embedding(s.g, s.table, windowOf(s.g, s.items, 0)));
    },
  ],
];

test.each(refused)("%s is refused, never left out", (_, code, act) => {
  expect(codeOf(() => act(start()))).toBe(code);
});

test("a table may be looked up by ids that were computed: they come out beside the rows", () => {
  const s = start();
  const { g } = s;
  const computed = larger(g, windowOf(g, s.items, 0), g.constant(2, "int32"));
  softmaxLoss(g, embedding(g, s.table, computed), g.input("classes", ["B", "L"], "int32"), s.weights);
  backward(g);
  const [piece] = collect(g, { clipped: false, length: 3 });
  const outputs = interpret(g.graph(), {
    positions: { shape: [1, 2], data: Int32Array.of(1, 2) },
    items: { shape: [1, 3], data: Int32Array.of(1, 4, 1) },
    classes: { shape: [1, 2], data: Int32Array.of(1, 2) },
    weights: { shape: [2, 1], data: Float64Array.of(1, 1) },
    table: { shape: [5, 4], data: new Float64Array(20) },
  });
  expect(piece).toMatchObject({ kind: "rows", ids: "ids:table" });
  expect([...(outputs["ids:table"]?.data ?? [])]).toEqual([2, 4]);
  expect([...(outputs["rows:table"]?.data ?? [])]).toEqual([-0.75, 0.25, 0.25, 0.25, 0.25, -0.75, 0.25, 0.25]);
});

test("where terms cancel, the magnitude decides: no contribution is longer than C", () => {
  // Two tokens whose gradients are opposite up to 1e-7: in float32 their norm could not be told from zero.
  const s = start();
  const { g } = s;
  const hidden = layerNorm(
    g,
    embedding(g, s.table, windowOf(g, s.items, 0)),
    g.parameter("gain", [4]),
    g.parameter("bias", [4]),
  );
  tiedSoftmaxLoss(g, { hidden, table: s.table, targets: windowOf(s.g, s.items, 1), weights: s.weights });
  backward(g);
  const pieces = collect(g, { clipped: true, length: 3 });
  const graph = g.graph();
  const table = Float64Array.from([3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 1, 1, 1, 1]);
  const clipNorm = 1e-3;
  const outputs = interpret(graph, {
    positions: { shape: [1, 2], data: Int32Array.of(1, 2) },
    items: { shape: [1, 3], data: Int32Array.of(1, 1, 1) },
    weights: { shape: [2, 1], data: Float64Array.of(0.5, 0.5) },
    table: { shape: [5, 4], data: table },
    gain: { shape: [4], data: Float64Array.of(1, 1, 1, 1) },
    bias: { shape: [4], data: Float64Array.of(6, 0, 0, 0) }, // softmax all but certain of item 1: p − onehot cancels
    [clipNormInput]: { shape: [], data: Float64Array.of(clipNorm) },
  });
  const norm = outputs["norm"]?.data[0] ?? 0;
  expect(norm).toBeGreaterThan(0);
  const dense = outputs["columns:table"]?.data ?? [];
  const factor = Math.hypot(...Array.from(outputs["rows:table"]?.data ?? [])) + Math.hypot(...Array.from(dense));
  expect(pieces.map(({ kind }) => kind)).toContain("rows");
  // the two halves of the table's gradient are each about |hidden| long, the norm is far below: each half stays within 4·C
  expect(factor).toBeLessThan(8.1 * clipNorm);
  expect(norm).toBeLessThan(1e-3 * Math.hypot(6, 1));
});

test("a step without a way back leaves its parameters without a gradient, and that is refused", () => {
  const s = start();
  const blind = product(s.g, embedding(s.g, s.table, windowOf(s.g, s.items, 0)), s.g.input("w", [4, 4]));
  expect(codeOf(() => end(s, blind))).toBe("TRB_TENSOR_UNUSED_PARAMETER");
});
