import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRational } from "../exact/rational.ts";
import { sumQueryGrid } from "../sum-query/grid.ts";
import { clipL2, normL2 } from "./clip-l2.ts";
import { clipToGrid, isWithin } from "./clip-to-grid.ts";

const entries = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
const squared = (units: Float64Array) => units.reduce((sum, value) => sum + BigInt(value) ** 2n, 0n);

describe("clipL2", () => {
  it("leaves short vectors alone and scales long ones to the norm", () => {
    expect(Array.from(clipped([0.3, 0.4], 1))).toEqual([0.3, 0.4]);
    const long = clipped([3, 4], 1);
    expect(long[0]).toBeCloseTo(0.6, 15);
    expect(long[1]).toBeCloseTo(0.8, 15);
  });

  it("returns the norm of before, without overflow or underflow", () => {
    expect(clipL2(new Float64Array([3e200, 4e200]), 1) / 5e200).toBeCloseTo(1, 14);
    expect(clipL2(new Float64Array([3e-200, 4e-200]), 1) / 5e-200).toBeCloseTo(1, 14);
    expect(normL2(new Float64Array(3))).toBe(0);
  });

  it.each([1, 2, 3, 4, 5, 8, 11])("counts every one of %i entries once, to the same bits in either kind of array", (length) => {
    const vector = Float32Array.from({ length }, (_, i) => i + 1);
    const squares = (length * (length + 1) * (2 * length + 1)) / 6;
    expect(normL2(vector)).toBe(Math.sqrt(squares));
    const uneven = vector.map((value) => value / 3);
    expect(normL2(Float64Array.from(uneven))).toBe(normL2(uneven));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("makes a vector with %d zero", (bad) => {
    const vector = new Float32Array([1, bad, 2]);
    expect(clipL2(vector, 1)).toBeNaN();
    expect(Array.from(vector)).toEqual([0, 0, 0]);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses the norm %d", (clipNorm) => {
    expect(() => clipL2(new Float64Array(1), clipNorm)).toThrow(expect.objectContaining({ code: "TRB_DP_PARAMETER_INVALID" }));
  });

  function clipped(values: number[], clipNorm: number) {
    const vector = new Float64Array(values);
    clipL2(vector, clipNorm);
    return vector;
  }
});

describe("clipToGrid", () => {
  it("never passes (s·2^f·C)², whatever the vector, scale and norm", () => {
    const decimal = fc.integer({ min: 1, max: 10 ** 9 }).map((value) => `${value}e-5`);
    fc.assert(
      fc.property(entries, decimal, decimal, fc.integer({ min: 0, max: 12 }), (values, scale, clipNorm, fractionBits) => {
        const grid = sumQueryGrid({ scale: parseRational(scale), clipNorm: parseRational(clipNorm), fractionBits });
        const units = clipToGrid(new Float64Array(values), grid) ?? new Float64Array();
        expect(units.every(Number.isInteger)).toBe(true);
        expect(squared(units) <= grid.squaredLimit).toBe(true);
      }),
    );
  });

  it("keeps a vector that is short enough, truncating toward zero", () => {
    const grid = sumQueryGrid({ scale: parseRational("10"), clipNorm: parseRational("1"), fractionBits: 2 });
    expect(Array.from(clipToGrid(new Float64Array([0.49, -0.49, -0.01]), grid) ?? [])).toEqual([19, -19, 0]);
  });

  it("rescales when the float clip and the grid's double together land a unit beyond", () => {
    // The grid is made a hair too coarse on purpose: what truncation alone would leave is above the limit.
    const grid = { unitsPerOne: 1000.5, clipNorm: 1, squaredLimit: 1000n ** 2n };
    const units = clipToGrid(new Float64Array([2, 0, 0]), { ...grid, unitsPerOne: 1001 }) ?? new Float64Array();
    expect(squared(units) <= grid.squaredLimit).toBe(true);
    expect(units[0]).toBeGreaterThan(990);
  });

  it("returns null for a vector that is not finite", () => {
    const grid = sumQueryGrid({ scale: parseRational("10"), clipNorm: parseRational("1"), fractionBits: 2 });
    expect(clipToGrid(new Float32Array([1, Number.NaN]), grid)).toBeNull();
  });
});

describe("isWithin", () => {
  it("tells one unit at the limit, where doubles can't", () => {
    const units = new Float64Array([2 ** 40 + 1, 2 ** 40 - 1, 12345]);
    expect(isWithin(units, squared(units))).toBe(true);
    expect(isWithin(units, squared(units) - 1n)).toBe(false);
  });
});
