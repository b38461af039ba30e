/**
 * How alike items are by what is publicly known of them: the cosine of their attributes, each with the weight idf²,
 *
 *   cos(i, j) = Σ_{a ∈ i ∩ j} idf_a⁴ / √(Σ_{a ∈ i} idf_a⁴ · Σ_{a ∈ j} idf_a⁴),   idf_a = ln(items / items with a)
 *
 * An attribute that every item has says nothing and weighs 0. Plain idf, the usual choice, ranks worse (docs/utility.md).
 */
import { topicName, topicsOfItem } from "@tributary/events/histories";
import type { PublicItem } from "../item-content/item-content.ts";

/** Sparse unit vectors of items, by item and by attribute. */
export interface ItemSimilarity {
  readonly items: number;
  /** `[items + 1]`: attributes of item i are at `offsets[i − 1]` up to `offsets[i]`. */
  readonly offsets: Uint32Array;
  /** Attribute numbers from 0, ascending within an item: an attribute is a topic of the catalogue, and its number one below the topic's. */
  readonly attributes: Uint32Array;
  /** idf_a² over the item's norm: so cosines are plain products. */
  readonly values: Float64Array;
  /** `[attributes + 1]`: items with attribute a, by the same places. */
  readonly holderOffsets: Uint32Array;
  /** Places in the catalogue: item − 1, ascending within an attribute. */
  readonly holders: Uint32Array;
  readonly holderValues: Float64Array;
}

/** Category, brand and public properties, as topics are called; prices and frozen vectors are left out. */
const attributesOfItem = (item: PublicItem): readonly string[] => topicsOfItem(item).map(topicName);

/** @param catalogue all items, in order */
export function itemSimilarity(catalogue: readonly PublicItem[]): ItemSimilarity {
  const items = catalogue.length;
  const named = catalogue.map(attributesOfItem);
  const counts = new Map<string, number>();
  for (const own of named) for (const name of own) counts.set(name, (counts.get(name) ?? 0) + 1);
  const numbers = new Map([...counts.keys()].sort().map((name, number) => [name, number]));
  const offsets = new Uint32Array(items + 1);
  const attributes: number[] = [];
  const values: number[] = [];
  named.forEach((own, place) => {
    const weighted = own
      .map((name) => ({ number: numbers.get(name) ?? 0, weight: Math.log(items / (counts.get(name) ?? items)) ** 2 }))
      .filter(({ weight }) => weight > 0)
      .sort((a, b) => a.number - b.number);
    const norm = Math.sqrt(weighted.reduce((sum, { weight }) => sum + weight * weight, 0));
    for (const { number, weight } of weighted) {
      attributes.push(number);
      values.push(weight / norm);
    }
    offsets[place + 1] = attributes.length;
  });
  const own = { offsets, attributes: Uint32Array.from(attributes), values: Float64Array.from(values) };
  return { items, ...own, ...byAttribute(own, numbers.size) };
}

/** The cosine of two items, by their numbers from 1. */
export function cosineOf({ offsets, attributes, values }: ItemSimilarity, i: number, j: number): number {
  let a = offsets[i - 1] as number;
  let b = offsets[j - 1] as number;
  const [endA, endB] = [offsets[i] as number, offsets[j] as number];
  let sum = 0;
  while (a < endA && b < endB) {
    const difference = (attributes[a] as number) - (attributes[b] as number);
    if (difference === 0) sum += (values[a++] as number) * (values[b++] as number);
    else if (difference < 0) a++;
    else b++;
  }
  return sum;
}

/**
 * Adds an item's products with all others, times `weight`.
 * @param out [items], item j at place j − 1
 */
export function addProducts(similarity: ItemSimilarity, item: number, weight: number, out: Float64Array): void {
  const { offsets, attributes, values, holderOffsets, holders, holderValues } = similarity;
  for (let n = offsets[item - 1] as number; n < (offsets[item] as number); n++) {
    const attribute = attributes[n] as number;
    const share = weight * (values[n] as number);
    for (let h = holderOffsets[attribute] as number; h < (holderOffsets[attribute + 1] as number); h++) {
      const place = holders[h] as number;
      out[place] = (out[place] as number) + share * (holderValues[h] as number);
    }
  }
}

function byAttribute(
  { offsets, attributes, values }: Pick<ItemSimilarity, "offsets" | "attributes" | "values">,
  count: number,
): Pick<ItemSimilarity, "holderOffsets" | "holders" | "holderValues"> {
  const holderOffsets = new Uint32Array(count + 1);
  for (const attribute of attributes) holderOffsets[attribute + 1] = (holderOffsets[attribute + 1] as number) + 1;
  for (let a = 0; a < count; a++) holderOffsets[a + 1] = (holderOffsets[a + 1] as number) + (holderOffsets[a] as number);
  const next = holderOffsets.slice();
  const holders = new Uint32Array(attributes.length);
  const holderValues = new Float64Array(attributes.length);
  for (let place = 0; place + 1 < offsets.length; place++) {
    for (let n = offsets[place] as number; n < (offsets[place + 1] as number); n++) {
      const attribute = attributes[n] as number;
      const at = next[attribute] as number;
      holders[at] = place;
      holderValues[at] = values[n] as number;
      next[attribute] = at + 1;
    }
  }
  return { holderOffsets, holders, holderValues };
}
