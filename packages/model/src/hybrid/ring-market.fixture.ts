/** For tests: a shop whose items lie on a ring; what is next to an item is alike by content, and customers walk from item i to item i + 1. */
import { type Histories, seededRandom } from "@tributary/events/histories";
import { type ItemSimilarity, itemSimilarity } from "../statistics/item-similarity.ts";
import { statisticsRecipe } from "../statistics/recipe.ts";
import { pairTable, type ServedStatistics } from "../statistics/rounds.ts";

export const ringItems = 24;
export const ringRecipe = statisticsRecipe(2);

export function historiesOf(customers: readonly (readonly number[])[]): Histories {
  const events = customers.flat();
  const offsets = new Uint32Array(customers.length + 1);
  for (const [c, own] of customers.entries()) offsets[c + 1] = (offsets[c] as number) + own.length;
  return {
    customers: customers.map((_, c) => `c${String(c).padStart(5, "0")}`),
    offsets,
    items: Int32Array.from(events),
    actions: new Uint8Array(events.length),
    times: Float64Array.from(events.keys()),
  };
}

/** Each item shares a property with each of its two neighbours. */
export const ringSimilarity: ItemSimilarity = itemSimilarity(
  Array.from({ length: ringItems }, (_, i) => ({ attributes: [`edge ${i}`, `edge ${(i + 1) % ringItems}`] })),
);

/** Customers of 4 to 7 events; one step in `strayEvery` goes anywhere. */
export function ringWalkers(customers: number, seed: number, strayEvery = 6): Histories {
  const random = seededRandom(seed, "ring");
  return historiesOf(
    Array.from({ length: customers }, () => {
      let item = random.below(ringItems);
      return Array.from({ length: 4 + random.below(4) }, () => {
        const here = item + 1;
        item = random.below(strayEvery) === 0 ? random.below(ringItems) : (item + 1) % ringItems;
        return here;
      });
    }),
  );
}

/** What a federation might have released: uneven popularity, and pairs of neighbours. */
export function ringStatistics(): ServedStatistics {
  const cells = Array.from({ length: ringItems - 1 }, (_, i) => ({ first: i + 1, second: i + 2, value: 1 + (i % 3) }));
  const raw = Array.from({ length: ringItems }, (_, i) => 1 + (i % 4));
  const mean = raw.reduce((sum, value) => sum + value, 0) / ringItems;
  return { popularity: Float32Array.from(raw, (p) => p / mean), pairs: pairTable(ringItems, cells) };
}
