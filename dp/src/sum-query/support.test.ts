import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normL2 } from "../clipping/clip-l2.ts";
import { addClamped } from "./clamp.ts";
import { addCustomer } from "./grid.ts";
import { sumQueryParameters } from "./parameters.ts";
import { clearSupported, eachStretch, emptySupport, joinSupport, type Support, widenSupport } from "./support.ts";

const ranges = (length: number) =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: length }), fc.integer({ min: 0, max: 150 })), { maxLength: 6 });

const supportOf = (length: number, some: readonly (readonly [number, number])[]): Support => {
  const support = emptySupport(length);
  for (const [from, size] of some) widenSupport(support, from, Math.min(length, from + size));
  return support;
};

const stretches = (support: Support): number[][] => {
  const found: number[][] = [];
  eachStretch(support, (from, to) => void found.push([from, to]));
  return found;
};

describe("a support", () => {
  it("holds every coordinate that it was widened by, as ascending stretches that don't touch, within the vector", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), (length) =>
        fc.assert(
          fc.property(ranges(length), (some) => {
            const found = stretches(supportOf(length, some));
            for (const [from, size] of some) {
              const to = Math.min(length, from + size);
              expect(to <= from || found.some(([a = 0, b = 0]) => a <= from && to <= b)).toBe(true);
            }
            found.forEach(([from = 0, to = 0], place) => {
              expect(from < to && to <= length).toBe(true);
              if (place > 0) expect(from).toBeGreaterThan(found[place - 1]?.[1] ?? 0);
            });
          }),
          { numRuns: 10, seed: 72 },
        ),
      ),
      { numRuns: 20, seed: 71 },
    );
    expect(stretches(supportOf(200, [[70, 1]]))).toEqual([[64, 128]]); // and little more
    expect(stretches(supportOf(200, [[190, 10]]))).toEqual([[128, 200]]);
    expect(stretches(emptySupport(200))).toEqual([]);
  });

  it("of two is both, and clearing leaves zeros and nothing to look at", () => {
    const support = supportOf(300, [[5, 3]]);
    joinSupport(support, supportOf(300, [[290, 10]]));
    expect(stretches(support)).toEqual([
      [0, 64],
      [256, 300],
    ]);
    const vector = new Float64Array(300).fill(7);
    clearSupported(support, vector);
    expect(vector.reduce((sum, value) => sum + value, 0)).toBe(7 * (256 - 64));
    expect(stretches(support)).toEqual([]);
  });

  it("changes no bit of a norm, of a clipped customer or of a clamped sum", () => {
    const length = 517;
    const { grid } = sumQueryParameters({
      ...{ arithmetic: "exact", clipNorm: "0.7", scale: "19.3", fractionBits: 8, dimension: length, touched: length },
      ...{ samplingRate: "0.5", noiseMultiplier: "2", minCohort: 5, maxCorrupt: 2, customerQuota: 4 },
    });
    const entries = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: length, maxLength: length });
    fc.assert(
      fc.property(ranges(length), entries, (some, values) => {
        const support = supportOf(length, some);
        const vector = new Float64Array(length);
        eachStretch(support, (from, to) => vector.set(values.slice(from, to), from));
        for (const one of [vector, Float32Array.from(vector)]) {
          expect(normL2(one, support)).toBe(normL2(one));
          const [all, some64] = [new Float64Array(length).fill(3), new Float64Array(length).fill(3)];
          expect(addCustomer(all, one, grid, length)).toBe(true);
          expect(addCustomer(some64, one, grid, length, support)).toBe(true);
          expect(some64).toEqual(all);
        }
        const [all, clamped] = [new Float64Array(length).fill(3), new Float64Array(length).fill(3)];
        addClamped(all, vector, 0.25);
        addClamped(clamped, vector, 0.25, support);
        expect(clamped).toEqual(all);
      }),
      { numRuns: 60, seed: 73 },
    );
    expect(() => addCustomer(new Float64Array(9), new Float64Array(9), grid, 9, emptySupport(8))).toThrow(
      expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH" }),
    );
  });
});
