/** What a customer buys at once, and what lies in its cart. Counts of different items and categories. */
import { beginsVisit, buy, cart, type EventsOfCustomer, type Feature } from "./events-of-customer.ts";

export const basket: readonly Feature[] = [
  { name: "items a basket", of: basketSize },
  { name: "categories in the cart", of: categoriesInCart },
];

/** Different items bought in a visit, on average over the visits with a purchase; NaN where there is none. */
function basketSize(events: EventsOfCustomer): number {
  let [baskets, items] = [0, 0];
  const bought = new Set<number>();
  const close = () => {
    if (bought.size > 0) [baskets, items] = [baskets + 1, items + bought.size];
    bought.clear();
  };
  for (let event = events.begin; event < events.end; event++) {
    if (beginsVisit(events, event)) close();
    if (events.actions[event] === buy) bought.add(events.items[event] as number);
  }
  close();
  return baskets === 0 ? Number.NaN : items / baskets;
}

/** Different categories of the items that were put into the cart and not bought since; an item without a category is in none. */
function categoriesInCart({ begin, end, items, actions, categories }: EventsOfCustomer): number {
  const inCart = new Set<number>();
  for (let event = begin; event < end; event++) {
    const item = items[event] as number;
    if (actions[event] === cart) inCart.add(item);
    else if (actions[event] === buy) inCart.delete(item);
  }
  const found = new Set([...inCart].map((item) => categories[item] ?? 0));
  found.delete(0);
  return found.size;
}
