import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PublicItem } from "../item-content/item-content.ts";
import { candidateCells } from "./candidates.ts";
import { addProducts, cosineOf, itemSimilarity } from "./item-similarity.ts";

const items = fc.array(
  fc.record({
    attributes: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 4 }),
    category: fc.constantFrom("x", "y"),
  }),
  { minLength: 2, maxLength: 12 },
);

/** Slow and readable: sets of names. */
function twin(catalogue: readonly PublicItem[], i: number, j: number): number {
  const names = ({ category, attributes = [] }: PublicItem) => [...attributes, `in ${category}`];
  const weight = (name: string) =>
    Math.log(catalogue.length / catalogue.filter((item) => names(item).includes(name)).length) ** 2;
  const [a, b] = [names(catalogue[i - 1] as PublicItem), names(catalogue[j - 1] as PublicItem)];
  const product = (of: readonly string[]) => of.reduce((sum, name) => sum + weight(name) ** 2, 0);
  const shared = product(a.filter((name) => b.includes(name)));
  return shared === 0 ? 0 : shared / Math.sqrt(product(a) * product(b));
}

describe("how alike items are", () => {
  it("is the cosine of their attributes weighted by idf², as the slow twin computes it (fast-check)", () => {
    fc.assert(
      fc.property(items, (catalogue) => {
        const similarity = itemSimilarity(catalogue);
        for (let i = 1; i <= catalogue.length; i++) {
          const row = new Float64Array(catalogue.length);
          addProducts(similarity, i, 2, row);
          for (let j = 1; j <= catalogue.length; j++) {
            expect(cosineOf(similarity, i, j)).toBeCloseTo(twin(catalogue, i, j), 12);
            expect((row[j - 1] as number) / 2).toBeCloseTo(twin(catalogue, i, j), 12);
          }
        }
      }),
    );
  });

  it("does not depend on the order in which attributes are listed", () => {
    const [one, other] = [
      ["p", "q", "r"],
      ["r", "p", "q"],
    ].map((attributes) => itemSimilarity([{ attributes }, { attributes: ["q"] }, {}]));
    expect(one).toEqual(other);
  });
});

describe("cells of the first pair round", () => {
  it("are the likeliest by the prior, in order, never more than allowed (fast-check)", () => {
    const log = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        items,
        fc.array(log, { minLength: 12, maxLength: 12 }),
        fc.integer({ min: 1, max: 70 }),
        (catalogue, logs, firstCells) => {
          const similarity = itemSimilarity(catalogue);
          const popularity = Float32Array.from(catalogue, (_, i) => Math.exp(logs[i] as number));
          const recipe = { priorPopularity: 1.3, roundContent: 6, firstCells };
          const { firsts, seconds } = candidateCells(popularity, similarity, recipe);
          const score = (i: number, j: number) =>
            1.3 * Math.log((popularity[i - 1] as number) * (popularity[j - 1] as number)) + 6 * cosineOf(similarity, i, j);
          const all: [number, number][] = [];
          for (let i = 1; i < catalogue.length; i++) for (let j = i + 1; j <= catalogue.length; j++) all.push([i, j]);
          const taken = [...firsts].map((first, c): [number, number] => [first, seconds[c] as number]);
          expect(taken.length).toBeLessThanOrEqual(firstCells);
          if (all.length <= firstCells) expect(taken).toEqual(all);
          const isTaken = new Set(taken.map(String));
          expect(all.filter((pair) => isTaken.has(String(pair)))).toEqual(taken);
          const worst = Math.min(...taken.map(([i, j]) => score(i, j)));
          const bin = 30 / 65_535;
          for (const [i, j] of all) if (!isTaken.has(`${i},${j}`)) expect(score(i, j)).toBeLessThan(worst + bin);
        },
      ),
      { numRuns: 300 },
    );
  });
});
