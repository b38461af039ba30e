import type { Histories } from "@tributary/events/histories";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rankOf } from "../metrics/ranking.ts";
import { itemSimilarity } from "../statistics/item-similarity.ts";
import { statisticsRecipe } from "../statistics/recipe.ts";
import { pairTable } from "../statistics/rounds.ts";
import { scoreNext } from "../statistics/scoring.ts";
import { releasedScorer, tuneInHouse } from "./mixture.ts";
import { type MixtureParts, mixtureCase, rankUnder } from "./mixture-cases.ts";
import { defaultMinSupport, ownStatistics } from "./own-statistics.ts";

function historiesOf(customers: readonly (readonly number[])[]): Histories {
  const events = customers.flat();
  return {
    customers: customers.map((_, i) => `c${String(i).padStart(4, "0")}`),
    offsets: Uint32Array.of(0, ...customers.map((_, i) => customers.slice(0, i + 1).flat().length)),
    items: Int32Array.from(events),
    actions: new Uint8Array(events.length),
    times: Float64Array.from(events.keys()),
  };
}

describe("a merchant's own statistics", () => {
  test("are exact counts by distance, and popularity alike for every customer", () => {
    const { pairs, popularity } = ownStatistics(
      historiesOf([
        [1, 2, 3],
        [2, 1],
      ]),
      4,
      { window: 2, minSupport: 1 },
    );
    const row = (item: number) =>
      Object.fromEntries(
        Array.from({ length: (pairs.offsets[item] ?? 0) - (pairs.offsets[item - 1] ?? 0) }, (_, n) => {
          const at = (pairs.offsets[item - 1] ?? 0) + n;
          return [(pairs.places[at] ?? 0) + 1, pairs.values[at]];
        }),
      );
    expect(row(1)).toEqual({ 2: 2, 3: 0.5 });
    expect(row(2)).toEqual({ 1: 2, 3: 1 });
    expect(row(4)).toEqual({});
    const raw = [1 / Math.sqrt(3) + 1 / Math.sqrt(2), 1 / Math.sqrt(3) + 1 / Math.sqrt(2), 1 / Math.sqrt(3), 0].map(
      (x) => x + 0.1,
    );
    const mean = raw.reduce((sum, x) => sum + x, 0) / 4;
    for (const [i, value] of raw.entries()) expect(popularity[i]).toBeCloseTo(value / mean, 5);
  });

  test("serve a pair only if enough distinct customers had it, however often one of them did", () => {
    const often = new Array(9).fill([1, 2, 1, 2]).flat() as number[];
    const [few, enough] = [defaultMinSupport - 1, defaultMinSupport].map((n) =>
      ownStatistics(historiesOf([often, ...new Array(n - 1).fill([1, 2])]), 2, { window: 1 }),
    );
    expect(few?.pairs.values).toHaveLength(0);
    expect(enough?.pairs.values).toHaveLength(2);
  });
});

describe("a mixture's rank", () => {
  const items = 20;
  const sparse = fc.array(fc.constantFrom(0, 0, 0, 0.5, 1, 2.25), { minLength: items, maxLength: items });
  const dense = fc.array(fc.constantFrom(0.125, 0.25, 0.5, 0.75), { minLength: items, maxLength: items });

  test("is that of the scores written out, ties and masks as well", () => {
    fc.assert(
      fc.property(
        dense,
        fc.tuple(sparse, sparse, sparse),
        fc.nat(items - 1),
        fc.uniqueArray(fc.nat(items - 1), { maxLength: 6 }),
        fc.tuple(...[1, 1, 1].map(() => fc.constantFrom(0, 0.5, 1, 4))),
        fc.constantFrom(2, 4, 12),
        fc.option(fc.tuple(sparse, fc.constantFrom(0, 1, 8)), { nil: undefined }),
        (content, [released, own, history], target, masked, [a = 0, b = 0, h = 0], k, about) => {
          const parts: MixtureParts = {
            content: Float64Array.from(content),
            released: Float64Array.from(released),
            own: Float64Array.from(own),
            history: Float64Array.from(history),
            ...(about === undefined ? {} : { topics: Float64Array.from(about[0]) }),
          };
          const weights = { content: k, released: a, own: b, history: h, ...(about === undefined ? {} : { topics: about[1] }) };
          const sums = content.map((c, j) => k * c + a * (released[j] ?? 0) + b * (own[j] ?? 0) + h * (history[j] ?? 0));
          const scores = sums.map((sum, j) => sum * (1 + (about?.[1] ?? 0) * (about?.[0][j] ?? 0)));
          const hidden = new Set(masked);
          expect(rankUnder(mixtureCase(parts, target, hidden), weights)).toBe(rankOf(scores, target, hidden));
        },
      ),
      { seed: 9, numRuns: 500 },
    );
  });
});

describe("what a merchant makes of it", () => {
  // item 1 is always followed by 2, 3 by 4, 5 by 6; content says nothing of that
  const similarity = itemSimilarity(Array.from({ length: 8 }, (_, i) => ({ category: i % 2 === 0 ? "odd" : "even" })));
  const recipe = { ...statisticsRecipe(8), window: 2 };
  const followed = historiesOf(
    Array.from({ length: 120 }, (_, c) =>
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ].flatMap((pair, i) => (c % 3 === i ? [7, ...pair] : [])),
    ),
  );
  const popularity = new Float32Array(8).fill(1);
  const released = pairTable(8, [
    { first: 1, second: 2, value: 30 },
    { first: 3, second: 4, value: 30 },
    { first: 5, second: 6, value: 30 },
  ]);

  test("alone is tuned on its own customers, and finds what they do next only with enough of them", () => {
    const options = { similarity, recipe, repeats: "mask" } as const;
    // the last item is held out, so nothing tells what follows it but other customers' earlier events
    const longer = historiesOf(
      Array.from({ length: 120 }, (_, c) => [1 + 2 * (c % 3), 2 + 2 * (c % 3), 7, 1 + 2 * (c % 3), 2 + 2 * (c % 3)]),
    );
    const { validation, weights } = tuneInHouse(longer, { ...options, repeats: "keep" });
    expect(validation).toBeGreaterThan(0.9);
    expect(weights.released).toBe(0);
    const few = historiesOf(
      Array.from({ length: 3 * (defaultMinSupport - 1) }, (_, c) => [1 + 2 * (c % 3), 2 + 2 * (c % 3), 7, 8]),
    );
    const { score } = tuneInHouse(few, { ...options, validationCustomers: 4 });
    const rows = score(historiesOf([[1]]), [{ begin: 0, end: 1 }]) as Float64Array;
    expect(rows[1]).toBe(rows[3]); // 2 after 1 is no likelier than 4: too few had it
  });

  test("with a federation is never less on its own validation than what was released, as it is", () => {
    const served = { popularity, pairs: released };
    const plain = releasedScorer(served, similarity, recipe);
    const { validation, weights } = tuneInHouse(followed, { similarity, recipe, repeats: "mask", served });
    expect(weights.released).toBeGreaterThan(0);
    expect(validation).toBeGreaterThan(0.9);
    const rows = plain(historiesOf([[1]]), [{ begin: 0, end: 1 }]) as Float64Array;
    const [best] = [...rows.keys()].filter((j) => j > 0).sort((a, b) => (rows[b] ?? 0) - (rows[a] ?? 0));
    expect(best).toBe(1); // item 2
    const without = scoreNext(served, similarity, [1], recipe);
    for (let j = 1; j < 8; j++) expect(rows[j]).toBeCloseTo(without[j] ?? Number.NaN, 9); // own history moves its own items alone
    expect(rows[0]).toBeGreaterThan(without[0] ?? Number.NaN);
  });

  test("gives a customer's own history more weight where more was counted, so that counts don't drown it", () => {
    const historyOf = (value: number) => {
      const served = { popularity, pairs: pairTable(8, [{ first: 1, second: 2, value }]) };
      const rows = releasedScorer(served, similarity, recipe)(historiesOf([[3]]), [{ begin: 0, end: 1 }]) as Float64Array;
      return (rows[2] ?? Number.NaN) - (scoreNext(served, similarity, [3], recipe)[2] ?? Number.NaN);
    };
    expect(historyOf(1)).toBeCloseTo(32, 6);
    expect(historyOf(50)).toBeCloseTo(8 * 50, 4);
  });
});
