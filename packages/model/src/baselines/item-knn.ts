/**
 * Item-based nearest neighbours, the strongest simple competitor: who has this item also has that one.
 *
 *   sim(i, j) = |Cᵢ ∩ Cⱼ| / (√(|Cᵢ|·|Cⱼ|) + shrinkage),   Cᵢ: the customers who have item i
 *
 * (cosine of the items' columns in the customer × item matrix of zeros and ones: Sarwar, Karypis, Konstan, Riedl, WWW 2001). Each item
 * keeps its k most similar ones; item j's score for a history is Σ sim(i, j) over the history's items i that keep j (the top-N form of
 * Deshpande & Karypis, TOIS 2004).
 */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import type { ItemScorer } from "../evaluation/item-scorer.ts";

export interface ItemKnnOptions {
  /** k: how many neighbours an item keeps; default 100. */
  readonly neighbours?: number;
  /** Pulls similarities of rare items down; default 0. */
  readonly shrinkage?: number;
}

/** Each item's most similar items, the most similar first; level ones by item number. */
export interface ItemNeighbours {
  /** `[items + 1]`: neighbours of item i are `offsets[i − 1]` up to, not including, `offsets[i]`. */
  readonly offsets: Uint32Array;
  /** Places in the catalogue: item − 1. */
  readonly places: Int32Array;
  /** Above 0. */
  readonly similarities: Float64Array;
}

/**
 * One item at a time through the customers who have it: the cost is Σ (items of a customer)², memory items and neighbours.
 * @param histories training part only
 * @param items how many items the catalogue has
 * @throws TRB_MODEL_TARGET_OUTSIDE, TRB_MODEL_EVALUATION_INVALID
 */
export function itemNeighbours(histories: Histories, items: number, options: ItemKnnOptions = {}): ItemNeighbours {
  const { neighbours = 100, shrinkage = 0 } = options;
  const invalid = (what: string, value: number, expected: string) =>
    fail("TRB_MODEL_EVALUATION_INVALID", { what, value, expected });
  if (!Number.isInteger(neighbours) || neighbours < 1) throw invalid("neighbours", neighbours, "a whole number, 1 or more");
  if (!(shrinkage >= 0)) throw invalid("shrinkage", shrinkage, "0 or more");
  const owned = baskets(histories, items);
  const owners = transposed(owned, items);
  const offsets = new Uint32Array(items + 1);
  const places: Int32Array[] = [];
  const similarities: Float64Array[] = [];
  const common = new Uint32Array(items);
  const size = (item: number) => (owners.offsets[item + 1] as number) - (owners.offsets[item] as number);
  for (let i = 0; i < items; i++) {
    const met: number[] = [];
    for (let o = owners.offsets[i] as number; o < (owners.offsets[i + 1] as number); o++) {
      const customer = owners.values[o] as number;
      for (let b = owned.offsets[customer] as number; b < (owned.offsets[customer + 1] as number); b++) {
        const j = owned.values[b] as number;
        if (common[j] === 0) met.push(j);
        common[j] = (common[j] as number) + 1;
      }
    }
    const similar = met
      .filter((j) => j !== i)
      .map((place) => ({ place, similarity: (common[place] as number) / (Math.sqrt(size(i) * size(place)) + shrinkage) }))
      .sort((a, b) => b.similarity - a.similarity || a.place - b.place)
      .slice(0, neighbours);
    for (const j of met) common[j] = 0;
    offsets[i + 1] = (offsets[i] as number) + similar.length;
    places.push(Int32Array.from(similar, ({ place }) => place));
    similarities.push(Float64Array.from(similar, ({ similarity }) => similarity));
  }
  const total = offsets[items] as number;
  const joined = { offsets, places: new Int32Array(total), similarities: new Float64Array(total) };
  for (let i = 0; i < items; i++) {
    joined.places.set(places[i] as Int32Array, offsets[i]);
    joined.similarities.set(similarities[i] as Float64Array, offsets[i]);
  }
  return joined;
}

/** For `rankCustomers`: every item of a history counts once, however often it was met. */
export function itemKnnScorer({ offsets, places, similarities }: ItemNeighbours): ItemScorer {
  const items = offsets.length - 1;
  return (histories, stretches) => {
    const scores = new Float64Array(stretches.length * items);
    stretches.forEach(({ begin, end }, row) => {
      const first = row * items;
      for (const item of new Set(histories.items.subarray(begin, end))) {
        if (item < 1 || item > items) continue;
        for (let n = offsets[item - 1] as number; n < (offsets[item] as number); n++) {
          const at = first + (places[n] as number);
          scores[at] = (scores[at] as number) + (similarities[n] as number);
        }
      }
    });
    return scores;
  };
}

/** Lists one after the other: values of list l are `offsets[l]` up to `offsets[l + 1]`. */
interface Lists {
  readonly offsets: Uint32Array;
  readonly values: Int32Array;
}

/** [customers] places of each customer's items, each once. */
function baskets(histories: Histories, items: number): Lists {
  const customers = histories.customers.length;
  const offsets = new Uint32Array(customers + 1);
  const values = new Int32Array(histories.items.length);
  const seenBy = new Int32Array(items).fill(-1);
  let at = 0;
  for (let customer = 0; customer < customers; customer++) {
    for (let event = histories.offsets[customer] as number; event < (histories.offsets[customer + 1] as number); event++) {
      const item = histories.items[event] as number;
      if (item > items) throw fail("TRB_MODEL_TARGET_OUTSIDE", { item, items });
      if (item < 1 || seenBy[item - 1] === customer) continue;
      seenBy[item - 1] = customer;
      values[at++] = item - 1;
    }
    offsets[customer + 1] = at;
  }
  return { offsets, values: values.slice(0, at) };
}

/** From lists of values below `size` to, for each value, the lists that it is in. */
function transposed({ offsets, values }: Lists, size: number): Lists {
  const starts = new Uint32Array(size + 1);
  for (const value of values) starts[value + 1] = (starts[value + 1] as number) + 1;
  for (let v = 0; v < size; v++) starts[v + 1] = (starts[v + 1] as number) + (starts[v] as number);
  const next = starts.slice();
  const lists = new Int32Array(values.length);
  for (let list = 0; list + 1 < offsets.length; list++) {
    for (let at = offsets[list] as number; at < (offsets[list + 1] as number); at++) {
      const value = values[at] as number;
      const place = next[value] as number;
      lists[place] = list;
      next[value] = place + 1;
    }
  }
  return { offsets: starts, values: lists };
}
