import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PairQuery, pairVector, stepsOf } from "./pair-query.ts";
import { popularityVector } from "./popularity-query.ts";

const query = (...cells: readonly (readonly [number, number, number])[]): PairQuery => ({
  firsts: Uint32Array.from(cells, ([first]) => first),
  seconds: Uint32Array.from(cells, ([, second]) => second),
  weights: Float32Array.from(cells, ([, , weight]) => weight),
});

/** Slow and readable: every pair of places, the latest first. */
function twin(history: readonly number[], { firsts, seconds, weights }: PairQuery, window: number): Map<number, number> {
  const steps = history.filter((item) => item > 0).filter((item, n, own) => item !== own[n - 1]);
  const cells = new Map<number, number>();
  for (let later = 0; later < steps.length; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      const pair = [steps[earlier] as number, steps[later] as number].sort((a, b) => a - b);
      const cell = [...firsts].findIndex((first, c) => first === pair[0] && seconds[c] === pair[1]);
      if (cell < 0 || later - earlier > window || pair[0] === pair[1]) continue;
      cells.set(cell, (cells.get(cell) ?? 0) + (weights[cell] as number) / (later - earlier));
    }
  }
  const norm = Math.sqrt([...cells.values()].reduce((sum, value) => sum + value * value, 0));
  return new Map([...cells].map(([cell, value]) => [cell, value / norm]));
}

const histories = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 40 });
/** Ascending pairs of items 1 … 7 with weights that `weight` draws. */
const queries = (weight: fc.Arbitrary<number>) =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 2, max: 7 }), weight), {
      selector: ([first, second]) => 10 * first + second,
    })
    .map((cells) => query(...cells.filter(([i, j]) => i < j).sort(([a, b], [c, d]) => a - c || b - d)));

describe("a customer's pairs", () => {
  it("by hand: by distance, both ways alike, repeats in a row and events without an item apart", () => {
    const asked = query([1, 2, 1], [1, 3, 2], [2, 4, 5]);
    // steps 2 1 3: {1,2} at 1, {1,3} at 1, {2,3} is not asked for
    const { coordinates, values } = pairVector([2, 0, 2, 1, 1, 3], asked, { window: 3, maxPairs: 9 });
    expect([...coordinates]).toEqual([0, 1]);
    expect([...values]).toEqual([1 / Math.sqrt(5), 2 / Math.sqrt(5)]);
    expect(pairVector([3, 5, 1], asked, { window: 1, maxPairs: 9 }).values).toHaveLength(0);
    expect([...pairVector([3, 5, 1], asked, { window: 2, maxPairs: 9 }).values]).toEqual([1]);
    expect(stepsOf([0, 4, 4, 0, 4, 1, 4])).toEqual([4, 1, 4]);
  });

  it("are what the slow twin counts (fast-check)", () => {
    const weights = fc.float({ min: Math.fround(0.01), max: 100, noNaN: true });
    fc.assert(
      fc.property(histories, queries(weights), fc.integer({ min: 1, max: 6 }), (history, asked, window) => {
        const { coordinates, values } = pairVector(history, asked, { window, maxPairs: 1000 });
        const expected = twin(history, asked, window);
        expect([...coordinates]).toEqual([...expected.keys()].sort((a, b) => a - b));
        for (const [n, cell] of coordinates.entries()) expect(values[n]).toBeCloseTo(expected.get(cell) as number, 12);
      }),
      { numRuns: 500 },
    );
  });

  it("have norm 1 or are empty, in at most maxPairs cells, whatever the history and whatever the query (fast-check)", () => {
    const anything = queries(fc.float());
    fc.assert(
      fc.property(
        histories,
        anything,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 12 }),
        (history, asked, window, maxPairs) => {
          const { coordinates, values } = pairVector(history, asked, { window, maxPairs });
          expect(coordinates.length).toBeLessThanOrEqual(maxPairs);
          expect([...coordinates]).toEqual([...new Set(coordinates)].sort((a, b) => a - b));
          if (values.length > 0) expect(Math.hypot(...values)).toBeCloseTo(1, 12);
          expect(values.every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("are the latest where there are too many", () => {
    const asked = query([1, 2, 1], [2, 3, 1], [3, 4, 1]);
    expect([...pairVector([1, 2, 3, 4], asked, { window: 1, maxPairs: 2 }).coordinates]).toEqual([1, 2]);
  });

  it("count a popular pair once more, not a customer: a long history weighs as much as a short one", () => {
    const asked = query([1, 2, 1], [3, 4, 1]);
    expect([...pairVector([1, 2, 1, 2, 1], asked, { window: 1, maxPairs: 9 }).values]).toEqual([1]);
  });
});

describe("a customer's items", () => {
  it("weigh alike, 1/√m each, at most maxItems of them, the latest (fast-check)", () => {
    expect(popularityVector([5, 0, 2, 5], { maxItems: 9 })).toEqual({
      coordinates: Uint32Array.of(1, 4),
      values: new Float64Array(2).fill(1 / Math.sqrt(2)),
    });
    expect([...popularityVector([5, 0, 2, 7], { maxItems: 2 }).coordinates]).toEqual([1, 6]);
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 9 }), (history, maxItems) => {
        const { coordinates, values } = popularityVector(history, { maxItems });
        const distinct = new Set(history.filter((item) => item > 0)).size;
        expect(coordinates.length).toBe(Math.min(maxItems, distinct));
        if (distinct > 0) expect(Math.hypot(...values)).toBeCloseTo(1, 12);
      }),
    );
  });
});
