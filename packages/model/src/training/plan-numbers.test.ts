import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { itemRow, scrambled } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { source } from "./family-models.fixture.ts";
import { bucketCount, classOf, customerHash, customersOfRun, lengthClasses } from "./length-classes.ts";
import { drawNegatives, logExpectedCount } from "./negatives.ts";

const spec: ModelSpec = modelSpec({
  items: 50,
  length: 50,
  width: 8,
  blocks: 1,
  heads: 1,
  feedForward: 1,
  activation: "relu",
  positions: "learned",
  actions: 0,
  timeGaps: 0,
  nextItem: { loss: "softmax", negatives: 5, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});

describe("length classes", () => {
  test("are powers of two, then three equal steps to the model's length", () => {
    expect(lengthClasses(50)).toEqual([2, 4, 8, 16, 28, 39, 50]);
    expect(lengthClasses(200)).toEqual([2, 4, 8, 16, 32, 64, 110, 155, 200]);
    expect([1, 2, 3, 6].map(lengthClasses)).toEqual([[1], [2], [2, 3], [2, 4, 5, 6]]);
  });

  test("hold every length, in the smallest class that does", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), (length, inputs) => {
        fc.pre(inputs <= length);
        const classes = lengthClasses(length);
        expect(classes).toEqual([...new Set(classes)].sort((a, b) => a - b));
        expect(classes.at(-1)).toBe(length);
        const found = classOf(classes, inputs);
        expect(classes.filter((size) => size >= inputs)[0]).toBe(found);
        expect(found).toBeLessThanOrEqual(2 * inputs);
      }),
    );
  });
});

describe("buckets", () => {
  test("their number grows with quota and length, and is never 0", () => {
    expect(bucketCount(1, 1)).toBe(1);
    expect(bucketCount(50, 128)).toBe(1);
    expect(bucketCount(50, 1024)).toBe(4); // 51,200 tokens, 8 runs of 1,440 a bucket
  });

  test("a run never has more than 96 customers or 1440 tokens, and fewer tokens where the softmax is wide", () => {
    const wide = (items: number) => ({ ...spec, items, nextItem: { ...spec.nextItem, negatives: 0 } });
    expect(customersOfRun(spec, 1)).toBe(96);
    expect(customersOfRun(spec, 50)).toBe(28);
    expect(customersOfRun(wide(30_000), 50)).toBe(4);
    expect(customersOfRun(wide(9_000_000), 50)).toBe(1);
  });

  test("ids spread evenly over buckets (χ² of 20 buckets, false-alarm rate below 1e-9)", () => {
    const counts = new Array<number>(20).fill(0);
    const ids = 20_000;
    for (let i = 0; i < ids; i++) {
      const bucket = customerHash(String(i)) % 20;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    const expected = ids / 20;
    const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(statistic).toBeLessThan(85); // χ²(19): P[> 85] = 2e-10
  });

  test("the hash is fixed for ever: other values would move customers between buckets of one plan", () => {
    expect([customerHash(""), customerHash("a"), customerHash("kund\u00e9-7")]).toMatchInlineSnapshot(`
      [
        3511763060,
        3799386735,
        1701217705,
      ]
    `);
  });
});

describe("rows of the item table", () => {
  test("are the items' own up to the table's size, and shared by a fixed hash beyond", () => {
    expect([0, 1, 50].map((item) => itemRow(item, spec))).toEqual([0, 1, 50]);
    expect([51, 52, 1_000_000].map((item) => itemRow(item, spec))).toMatchInlineSnapshot(`
      [
        31,
        8,
        36,
      ]
    `);
    for (let item = 51; item < 3000; item++) {
      expect(itemRow(item, spec)).toBeGreaterThanOrEqual(1);
      expect(itemRow(item, spec)).toBeLessThanOrEqual(50);
    }
    expect(new Set(Array.from({ length: 2000 }, (_, i) => itemRow(51 + i, spec))).size).toBe(50);
  });

  test("the mixer is MurmurHash3's: its published fixed point and vectors", () => {
    expect(scrambled(0)).toBe(0);
    expect(scrambled(1)).toBe(0x514e28b7);
  });
});

describe("negatives", () => {
  test("are distinct rows of the table, ascending, with their slots", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { rows, slotOf } = drawNegatives(spec, source(seed * 1000));
      expect([...new Set(rows)]).toEqual([...rows].sort((a, b) => a - b));
      expect(rows).toHaveLength(5);
      expect(Math.min(...rows)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...rows)).toBeLessThanOrEqual(50);
      for (const [slot, row] of rows.entries()) expect(slotOf[row]).toBe(slot);
      expect(slotOf.filter((slot) => slot === 5)).toHaveLength(51 - 5);
    }
  });

  test("take every row equally often (χ² of 50 rows, fixed seed, false-alarm rate below 1e-9)", () => {
    const counts = new Float64Array(51);
    const [draws, shared] = [8000, source(99)];
    for (let draw = 0; draw < draws; draw++)
      for (const row of drawNegatives(spec, shared).rows) counts[row] = (counts[row] ?? 0) + 1;
    const expected = (draws * 5) / 50;
    const statistic = counts.slice(1).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(statistic).toBeLessThan(135); // below χ²(49), since rows exclude each other; P[χ²(49) > 135] = 6e-10
    expect(logExpectedCount(spec)).toBeCloseTo(Math.log(5 / 50), 12);
  });
});
