import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addCustomer, sumQueryGrid } from "./grid.ts";
import { addSparseCustomer, type SparseVector } from "./sparse-vector.ts";

const grid = sumQueryGrid({
  scale: { numerator: 1000n, denominator: 7n },
  clipNorm: { numerator: 1n, denominator: 1n },
  fractionBits: 4,
});
const dimension = 40;
const touched = 8;

const sparseVector: fc.Arbitrary<SparseVector> = fc
  .uniqueArray(fc.integer({ min: 0, max: dimension - 1 }), { maxLength: 12 })
  .chain((coordinates) =>
    fc
      .array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: coordinates.length, maxLength: coordinates.length })
      .map((values) => ({
        coordinates: Uint32Array.from(coordinates).sort(),
        values: Float64Array.from(values),
      })),
  );

const dense = ({ coordinates, values }: SparseVector): Float64Array => {
  const vector = new Float64Array(dimension);
  coordinates.forEach((place, i) => {
    vector[place] = values[i] as number;
  });
  return vector;
};

const vectorOf = (coordinates: readonly number[], values: readonly number[]): SparseVector => ({
  coordinates: Uint32Array.from(coordinates),
  values: Float64Array.from(values),
});

describe("a sparse customer", () => {
  test("adds the very integers that the dense vector adds, and counts when that counts", () => {
    fc.assert(
      fc.property(fc.array(sparseVector, { minLength: 1, maxLength: 6 }), (customers) => {
        const [sparse, full] = [new Float64Array(dimension), new Float64Array(dimension)];
        for (const customer of customers) {
          const counted = addSparseCustomer(sparse, customer, grid, touched);
          expect(counted).toBe(addCustomer(full, dense(customer), grid, touched));
        }
        expect(sparse).toEqual(full);
      }),
      { seed: 20, numRuns: 300 },
    );
  });

  test("moves the sum by at most s·2^f·C in L2, exactly, and by nothing anywhere else", () => {
    fc.assert(
      fc.property(sparseVector, fc.array(sparseVector, { maxLength: 4 }), (customer, others) => {
        const [without, together] = [new Float64Array(dimension), new Float64Array(dimension)];
        for (const other of others) for (const total of [without, together]) addSparseCustomer(total, other, grid, touched);
        addSparseCustomer(together, customer, grid, touched);
        let squared = 0n;
        for (const [i, value] of together.entries()) {
          const moved = BigInt(value - (without[i] as number));
          squared += moved * moved;
          if (!customer.coordinates.includes(i)) expect(moved).toBe(0n);
        }
        expect(squared <= grid.squaredLimit).toBe(true);
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  test.each([
    ["names a coordinate twice, whose values would add up beyond C", vectorOf([3, 3], [1, 1])],
    ["names coordinates out of order", vectorOf([5, 3], [0.1, 0.1])],
    ["names a coordinate outside the dimension", vectorOf([3, dimension], [0.1, 0.1])],
    ["holds a number that isn't finite", vectorOf([3, 4], [0.1, Number.NaN])],
    ["touches more than it may", vectorOf([0, 1, 2, 3, 4, 5, 6, 7, 8], new Array(9).fill(0.2))],
  ])("counts as zero when it %s", (_, vector) => {
    const total = new Float64Array(dimension);
    expect(addSparseCustomer(total, vector, grid, touched)).toBe(false);
    expect(total).toEqual(new Float64Array(dimension));
  });

  test("is refused when coordinates and values don't belong together", () => {
    expect(() => addSparseCustomer(new Float64Array(dimension), vectorOf([1], []), grid, touched)).toThrowError(
      expect.objectContaining({ code: "TRB_DP_LENGTH_MISMATCH" }),
    );
  });
});
