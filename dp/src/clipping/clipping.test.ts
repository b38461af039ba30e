import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRational } from "../exact/rational.ts";
import { sumQueryGrid } from "../sum-query/grid.ts";
import { emptySupport, type Support, widenSupport } from "../sum-query/support.ts";
import { clipL2, normL2 } from "./clip-l2.ts";
import { addWithin, clipToGrid, isWithin } from "./clip-to-grid.ts";

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

  it("scales by quotients where the factor itself vanishes", () => {
    // C/‖v‖ = 2·10⁻⁴⁰¹ is 0 as a double
    const [first = 0, second = 0] = clipped([3e200, -4e200], 1e-200);
    expect(first / 6e-201).toBeCloseTo(1, 14);
    expect(second / -8e-201).toBeCloseTo(1, 14);
  });

  it("finds the norm of what only its support has, where squares vanish or overflow too", () => {
    const vector = new Float64Array(200);
    vector.set([3e-200, 4e-200], 64);
    const support = supportOf(200, [64, 66]);
    expect(normL2(vector, support) / 5e-200).toBeCloseTo(1, 14);
    expect(
      normL2(
        vector.map((value) => value * 1e300 * 1e100),
        support,
      ) / 5e200,
    ).toBeCloseTo(1, 14);
    expect(normL2(vector, emptySupport(200))).toBe(0);
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

describe("addWithin", () => {
  const generous = { unitsPerOne: 1000, clipNorm: 1, squaredLimit: 1001n ** 2n };
  const kinds = [Float32Array, Float64Array] as const;
  const cases = kinds.flatMap((Kind) =>
    [1, 2, 3, 6, 129].flatMap((length) => [0.05, 3].map((size) => ({ Kind, length, size }))),
  );

  it.each(cases)("adds what clipToGrid makes, of $length entries of size $size in a $Kind.name", ({ Kind, length, size }) => {
    const vector = filled(new Kind(length), (i) => (size * Math.cos(i + 1)) / Math.sqrt(length));
    const total = Float64Array.from({ length }, (_, i) => 7 * i - 3);
    const wanted = Float64Array.from(clipToGrid(vector, generous) ?? [], (unit, i) => unit + 7 * i - 3);
    expect(addWithin(total, vector, generous)).toBe(true);
    expect(total).toEqual(wanted);
  });

  it.each(cases)("is sure a little below the limit and not above, $length entries of size $size in a $Kind.name", (one) => {
    const vector = filled(new one.Kind(one.length), (i) => (one.size * Math.sin(i + 1)) / Math.sqrt(one.length));
    const exact = squared(clipToGrid(vector, generous) ?? new Float64Array());
    const start = Float64Array.from({ length: one.length }, (_, i) => 5 - i);
    const total = start.slice();
    // 1 of 10⁶ is 10⁷ times what its floats leave open, and a single square more than that
    expect(addWithin(total, vector, { ...generous, squaredLimit: exact + exact / 1_000_000n + 1n })).toBe(true);
    const added = total.slice();
    expect(added).not.toEqual(start);
    expect(addWithin(total, vector, { ...generous, squaredLimit: exact - 1n })).toBe(false);
    expect(total).toEqual(added);
  });

  it.each(kinds)("adds the stretches of a support and leaves the rest alone: %o", (Kind) => {
    const vector = new Kind(200);
    vector.set([0.25, -0.5, 0.125], 64);
    vector.set([0.375, 0.0625], 198);
    const support = supportOf(200, [64, 67], [192, 200]);
    const [total, whole] = [new Float64Array(200).fill(11), new Float64Array(200).fill(11)];
    expect(addWithin(total, vector, generous, support)).toBe(true);
    expect(addWithin(whole, vector, generous)).toBe(true);
    expect(total).toEqual(whole);
    expect(Array.from(total.subarray(63, 68))).toEqual([11, 261, -489, 136, 11]);
    expect(Array.from(total.subarray(197))).toEqual([11, 386, 73]);
  });

  it.each([
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    // the factor C/‖v‖ is 0 as a double: clipL2 takes quotients there
    [1e300, 1e-300],
  ])("leaves a vector of %d at the norm %d to clipToGrid, and the total as it was", (value, clipNorm) => {
    const total = new Float64Array([1, 2, 3]);
    expect(addWithin(total, new Float64Array([1, value, 1]), { ...generous, clipNorm })).toBe(false);
    expect(Array.from(total)).toEqual([1, 2, 3]);
  });
});

describe("isWithin", () => {
  it("tells one unit at the limit, where doubles can't", () => {
    const units = new Float64Array([2 ** 40 + 1, 2 ** 40 - 1, 12345]);
    expect(isWithin(units, squared(units))).toBe(true);
    expect(isWithin(units, squared(units) - 1n)).toBe(false);
  });

  it("tells it far from the limit as well", () => {
    const units = new Float64Array([3, -4, 12]);
    expect(isWithin(units, 168n)).toBe(false);
    expect(isWithin(units, 169n)).toBe(true);
    expect(isWithin(units, 10n)).toBe(false);
    expect(isWithin(units, 1000n)).toBe(true);
  });
});

function supportOf(length: number, ...stretches: readonly (readonly [from: number, to: number])[]): Support {
  const support = emptySupport(length);
  for (const [from, to] of stretches) widenSupport(support, from, to);
  return support;
}

function filled<V extends Float32Array | Float64Array>(vector: V, at: (place: number) => number): V {
  for (let i = 0; i < vector.length; i++) vector[i] = at(i);
  return vector;
}
