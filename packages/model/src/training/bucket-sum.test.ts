/** A bucket's way to the grid: straight, or added up first, it ends at the same integers; nothing that is not finite gets in. */
import type { FeedTensor, GradientPiece, Outputs } from "@tributary/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GraphParameter } from "../parameters.ts";
import { BucketSum } from "./bucket-sum.ts";

/** A table [5, 3], a matrix of two parts [2, 2 + 1] and two vectors that share an output. */
const parameters: readonly GraphParameter[] = [
  { name: "table", shape: [5, 3], parts: [{ offset: 0, width: 3 }] },
  {
    name: "matrix",
    shape: [2, 3],
    parts: [
      { offset: 15, width: 2 },
      { offset: 20, width: 1 },
    ],
  },
  { name: "bias", shape: [1], parts: [{ offset: 19, width: 1 }] },
  { name: "gain", shape: [2], parts: [{ offset: 22, width: 2 }] },
];
const dimension = 24;
const grid = { unitsPerOne: 1000 };

const common: readonly GradientPiece[] = [
  { kind: "rows", parameter: "table", output: "rows", ids: "ids" },
  { kind: "dense", parameter: "matrix", output: "matrix", offset: 0 },
  { kind: "dense", parameter: "bias", output: "vectors", offset: 0 },
  { kind: "dense", parameter: "gain", output: "vectors", offset: 1 },
];
const layouts: readonly (readonly [string, readonly GradientPiece[]])[] = [
  ["a table in rows only", common],
  ["a table in rows and columns", [...common, { kind: "columns", parameter: "table", output: "chosen", ids: "chosenIds" }]],
  ["a table in rows and whole", [...common, { kind: "dense", parameter: "table", output: "whole", offset: 0 }]],
  [
    "a table whole twice",
    [
      ...common,
      { kind: "dense", parameter: "table", output: "whole", offset: 0 },
      { kind: "dense", parameter: "table", output: "again", offset: 0 },
    ],
  ],
];

const sizes = { rows: 12, matrix: 6, vectors: 3, chosen: 9, whole: 15, again: 15 };
const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -9, max: 9 });
const runs = fc.record({
  values: fc.record(
    Object.fromEntries(
      Object.entries(sizes).map(([name, size]) => [name, fc.array(value, { minLength: size, maxLength: size })]),
    ),
  ),
  ids: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 4, maxLength: 4 }),
  chosenIds: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 2 }),
});

function outputsOf(values: Readonly<Record<string, readonly number[]>>): Outputs {
  return Object.fromEntries(
    Object.entries(values).map(([name, list]) => [name, { shape: [list.length], data: Float32Array.from(list) }]),
  );
}

const feedsOf = (ids: readonly number[], chosenIds: readonly number[]): Record<string, FeedTensor> => ({
  ids: { shape: [ids.length], data: Int32Array.from(ids) },
  chosenIds: { shape: [chosenIds.length], data: Int32Array.from(chosenIds) },
});

/** Added up by the book: one number after the other, truncated once. */
function byTheBook(
  pieces: readonly GradientPiece[],
  outputs: Outputs,
  feeds: Readonly<Record<string, FeedTensor>>,
): Float64Array {
  const sum = new Float64Array(dimension);
  for (const piece of pieces) {
    const { shape, parts } = parameters.find(({ name }) => name === piece.parameter) ?? { shape: [], parts: [] };
    const width = shape.at(-1) ?? 0;
    const places = parts.flatMap((part) => Array.from({ length: part.width }, (_, j) => [part.offset + j, part.width]));
    const data = outputs[piece.output]?.data ?? [];
    const named = piece.kind === "dense" ? undefined : feeds[piece.ids]?.data;
    const height = shape.length > 1 ? (shape[0] ?? 0) : 1;
    const rows = named ? [...named].map((id) => id - 1) : Array.from({ length: height }, (_, row) => row);
    rows.forEach((row, place) => {
      if (row < 0) return;
      places.forEach(([offset = 0, stride = 0], column) => {
        const from = (piece.kind === "dense" ? piece.offset : 0) + place * width + column;
        sum[offset + row * stride] = (sum[offset + row * stride] ?? 0) + (data[from] ?? Number.NaN);
      });
    });
  }
  return sum.map((units) => Math.trunc(units * grid.unitsPerOne) + 0);
}

describe.each(layouts)("%s", (_, pieces) => {
  test("straight to the grid or added up first: the same integers as by the book, run after run", () => {
    const [straight, stepwise] = [new BucketSum(parameters, pieces, dimension), new BucketSum(parameters, pieces, dimension)];
    fc.assert(
      fc.property(runs, ({ values, ids, chosenIds }) => {
        const [outputs, feeds] = [outputsOf(values), feedsOf(ids, chosenIds)];
        const [a, b] = [new Float64Array(dimension), new Float64Array(dimension)];
        expect(straight.addWhole(a, grid, pieces, outputs, feeds)).toBe(true);
        expect(stepwise.add(pieces, outputs, feeds)).toBe(true);
        stepwise.flush(b, grid);
        expect(a.map((units) => units + 0)).toEqual(byTheBook(pieces, outputs, feeds));
        expect(b.map((units) => units + 0)).toEqual(byTheBook(pieces, outputs, feeds));
      }),
    );
  });

  test("a run that is not finite is refused and leaves nothing behind", () => {
    const sum = new BucketSum(parameters, pieces, dimension);
    const good = outputsOf(Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, Array(size).fill(1)])));
    const feeds = feedsOf([1, 2, 0, 1], [2, 5]);
    const expected = byTheBook(pieces, good, feeds);
    for (const { output } of pieces) {
      const data = Float32Array.from(good[output]?.data ?? []);
      data[data.length - 1] = Number.NaN;
      const bad = { ...good, [output]: { shape: [data.length], data } };
      const total = new Float64Array(dimension);
      expect(sum.addWhole(total, grid, pieces, bad, feeds)).toBe(false);
      expect(sum.add(pieces, bad, feeds)).toBe(false);
      expect(total).toEqual(new Float64Array(dimension));
      expect(sum.addWhole(total, grid, pieces, good, feeds)).toBe(true);
      expect(total.map((units) => units + 0)).toEqual(expected);
    }
  });
});

test("runs that are added up are truncated once", () => {
  const pieces: readonly GradientPiece[] = [{ kind: "dense", parameter: "bias", output: "vectors", offset: 0 }];
  const sum = new BucketSum(parameters, pieces, dimension);
  const half = outputsOf({ vectors: [0.0005, 0, 0] });
  const total = new Float64Array(dimension);
  for (let run = 0; run < 4; run++) expect(sum.add(pieces, half, {})).toBe(true);
  sum.flush(total, grid);
  expect(total[19]).toBe(2); // four halves of a unit, not four zeros
  sum.flush(total, grid);
  expect(total[19]).toBe(2);
});
