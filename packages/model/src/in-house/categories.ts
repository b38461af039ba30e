/** Categories of items as numbers, for whoever counts by them. */
import type { PublicItem } from "../item-content/item-content.ts";

export interface ItemCategories {
  /** [items + 1] by item number: its category, counted from 1; 0 where the catalogue names none. */
  readonly of: Uint32Array;
  readonly count: number;
}

/** @param catalogue all items, in order */
export function itemCategories(catalogue: readonly Pick<PublicItem, "category">[]): ItemCategories {
  const numbers = new Map<string, number>();
  const of = new Uint32Array(catalogue.length + 1);
  for (const [place, { category }] of catalogue.entries()) {
    if (category === undefined) continue;
    const number = numbers.get(category) ?? numbers.size + 1;
    numbers.set(category, number);
    of[place + 1] = number;
  }
  return { of, count: numbers.size };
}
