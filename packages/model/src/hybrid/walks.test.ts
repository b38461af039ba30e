import { seededRandom } from "@tributary/events/histories";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PairTable, pairTable } from "../statistics/rounds.ts";
import { scoreNext } from "../statistics/scoring.ts";
import { contentDraw } from "./content-draw.ts";
import { historiesOf, ringItems, ringRecipe, ringSimilarity, ringStatistics } from "./ring-market.fixture.ts";
import { emptyPairs, joinSequences, sampleWalks, type WalkOptions, weightedSum } from "./walks.ts";

const tables = ringStatistics();
const options: WalkOptions = {
  ...{ walks: 4000, length: 10, contentWeight: 0, repeats: "keep", seed: 11 },
  profile: { ...ringRecipe, latest: 5 },
};

/**
 * Whether a count of n draws of probability p is one in a thousand million at most: Bernstein's bound on either side,
 * |count − np| ≤ √(2np(1 − p)·ln(2/α)) + ln(2/α)/3, with α the test's 1e-9 divided by how many counts are looked at.
 */
function isLikely(count: number, n: number, p: number, looks: number): boolean {
  const nats = Math.log((2 * looks) / 1e-9);
  return Math.abs(count - n * p) <= Math.sqrt(2 * n * p * (1 - p) * nats) + nats / 3;
}

describe("walks", () => {
  test("go from item to item as the table says: every transition's count is likely (false alarms below 1e-9, seed 11)", () => {
    const { offsets, items } = sampleWalks(tables, ringSimilarity, options);
    const counts = new Map<string, number>();
    const from = new Float64Array(ringItems + 1);
    for (let walk = 0; walk < options.walks; walk++) {
      for (let e = (offsets[walk] as number) + 1; e < (offsets[walk + 1] as number); e++) {
        const [a, b] = [items[e - 1] as number, items[e] as number];
        from[a] = (from[a] as number) + 1;
        counts.set(`${a} ${b}`, (counts.get(`${a} ${b}`) ?? 0) + 1);
      }
    }
    const { pairs } = tables;
    for (let item = 1; item <= ringItems; item++) {
      const [begin, end] = [pairs.offsets[item - 1] as number, pairs.offsets[item] as number];
      const mass = pairs.values.subarray(begin, end).reduce((sum, value) => sum + value, 0);
      for (let n = begin; n < end; n++) {
        const key = `${item} ${(pairs.places[n] as number) + 1}`;
        const p = (pairs.values[n] as number) / mass;
        expect(isLikely(counts.get(key) ?? 0, from[item] as number, p, 2 * ringItems), key).toBe(true);
        counts.delete(key);
      }
    }
    expect([...counts]).toEqual([]); // nobody went where there is nothing
    // 4000 walks of 10: a table off by a tenth would show
    expect(isLikely(0.6 * 3000, 3000, 0.5, 2 * ringItems)).toBe(false);
  });

  test("begin by popularity, and go by content as often as κ says (false alarms below 1e-9, seed 12)", () => {
    const walks = 20000;
    const walked = sampleWalks(tables, ringSimilarity, { ...options, walks, length: 2, contentWeight: 2, seed: 12 });
    const starts = new Float64Array(ringItems);
    const seconds = new Float64Array(ringItems);
    const [begin, end] = [tables.pairs.offsets[4] as number, tables.pairs.offsets[5] as number]; // item 5
    const mass = tables.pairs.values.subarray(begin, end).reduce((sum, value) => sum + value, 0);
    for (let walk = 0; walk < walks; walk++) {
      const [first, second] = [walked.items[2 * walk] as number, walked.items[2 * walk + 1] as number];
      starts[first - 1] = (starts[first - 1] as number) + 1;
      if (first === 5) seconds[second - 1] = (seconds[second - 1] as number) + 1;
    }
    const content = scoreNext({ ...tables, pairs: emptyPairs(ringItems) }, ringSimilarity, [5], {
      ...options.profile,
      contentWeight: 1,
    });
    for (let j = 0; j < ringItems; j++) {
      expect(isLikely(starts[j] as number, walks, (tables.popularity[j] as number) / ringItems, 2 * ringItems)).toBe(true);
      const place = tables.pairs.places.subarray(begin, end).indexOf(j);
      const follows = place < 0 ? 0 : (tables.pairs.values[begin + place] as number);
      const p = (follows + 2 * (content[j] as number)) / (mass + 2);
      expect(isLikely(seconds[j] as number, starts[4] as number, p, 2 * ringItems)).toBe(true);
    }
  });

  test("by content are draws from the softmax itself, also of what is unlike and without what was visited (below 1e-9, seed 13)", () => {
    const recipe = { contentSharpness: 1.5, decay: 0.7, latest: 3 };
    const { draw } = contentDraw(tables.popularity, ringSimilarity, recipe);
    const [steps, draws] = [[20, 4, 9, 5], 60000];
    for (const visited of [new Set<number>(), new Set(steps), new Set([1, 2, 3, 15])]) {
      const softmax = scoreNext({ ...tables, pairs: emptyPairs(ringItems) }, ringSimilarity, steps, {
        ...recipe,
        contentWeight: 1,
      });
      for (const item of visited) softmax[item - 1] = 0;
      const sum = softmax.reduce((total, value) => total + value, 0);
      const random = seededRandom(13, "content");
      const counts = new Float64Array(ringItems);
      for (let n = 0; n < draws; n++) {
        const item = draw(steps, visited, random);
        counts[item - 1] = (counts[item - 1] as number) + 1;
      }
      for (let j = 0; j < ringItems; j++) {
        expect(isLikely(counts[j] as number, draws, (softmax[j] as number) / sum, 3 * ringItems)).toBe(true);
      }
      // what has nothing in common is drawn often enough for its share to show
      expect(counts.filter((count) => count > 0)).toHaveLength(ringItems - visited.size);
    }
  });

  test("with repeats masked hold no item twice, and end where nothing is left", () => {
    const { offsets, items } = sampleWalks(tables, ringSimilarity, {
      ...options,
      ...{ repeats: "mask", contentWeight: 1, walks: 200, length: ringItems + 3 },
    });
    for (let walk = 0; walk < 200; walk++) {
      const own = items.subarray(offsets[walk], offsets[walk + 1]);
      expect(new Set(own).size).toBe(own.length);
      expect(own).toHaveLength(ringItems);
    }
  });

  test("are the same for the same seed, others for another, and a longer list begins with the shorter one", () => {
    const few = sampleWalks(tables, ringSimilarity, { ...options, walks: 50, contentWeight: 3 });
    expect(sampleWalks(tables, ringSimilarity, { ...options, walks: 50, contentWeight: 3 })).toEqual(few);
    const more = sampleWalks(tables, ringSimilarity, { ...options, walks: 60, contentWeight: 3 });
    expect(more.items.subarray(0, few.items.length)).toEqual(few.items);
    expect(sampleWalks(tables, ringSimilarity, { ...options, walks: 50, seed: 99 }).items).not.toEqual(few.items);
  });
});

const rowsOf = ({ offsets, places, values }: PairTable) =>
  Array.from({ length: offsets.length - 1 }, (_, i) =>
    Array.from({ length: (offsets[i + 1] as number) - (offsets[i] as number) }, (_cell, n) => {
      const at = (offsets[i] as number) + n;
      return [places[at], values[at]];
    }),
  );

test("a weighted sum of tables is the sum cell by cell, without cells of no weight", () => {
  const cell = fc.record({
    first: fc.integer({ min: 1, max: 5 }),
    second: fc.integer({ min: 6, max: 9 }),
    value: fc.integer({ min: 1, max: 9 }),
  });
  const cells = fc
    .uniqueArray(cell, { selector: ({ first, second }) => 10 * first + second, maxLength: 12 })
    .map((list) => list.sort((a, b) => a.first - b.first || a.second - b.second));
  fc.assert(
    fc.property(cells, cells, fc.integer({ min: 0, max: 3 }), (some, others, weight) => {
      const sum = weightedSum(9, [
        { table: pairTable(9, some), weight: 2 },
        { table: pairTable(9, others), weight },
      ]);
      const dense = (first: number, second: number) =>
        2 * (some.find((one) => one.first === first && one.second === second)?.value ?? 0) +
        weight * (others.find((one) => one.first === first && one.second === second)?.value ?? 0);
      const expected: { first: number; second: number; value: number }[] = [];
      for (let first = 1; first <= 5; first++) {
        for (let second = 6; second <= 9; second++) {
          if (dense(first, second) > 0) expected.push({ first, second, value: dense(first, second) });
        }
      }
      expect(rowsOf(sum)).toEqual(rowsOf(pairTable(9, expected)));
    }),
  );
});

test("sequences of several sources stand one after the other, under names of their own", () => {
  const joined = joinSequences([historiesOf([[1, 2], [3]]), historiesOf([[4, 5, 6]])]);
  expect([...joined.offsets]).toEqual([0, 2, 3, 6]);
  expect([...joined.items]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(new Set(joined.customers).size).toBe(3);
});
