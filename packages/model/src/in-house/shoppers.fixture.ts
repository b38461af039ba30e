/** For tests: shoppers with a pace of their own, of whom some leave at a moment of their own, and who click on what is like what they looked at. */
import { actions, type Histories, seededRandom } from "@tributary/events/histories";

const day = 86_400;
export const shopDays = 120;
const number = (name: (typeof actions)[number]) => actions.indexOf(name);

/**
 * Visits every 2 to 16 days, each with a view, perhaps a cart, perhaps a purchase; every second customer leaves somewhere within the log. Items of even
 * and odd number are two kinds; a customer likes one. Adverts are shown at visits and clicked with probability 0.4 where the kind is the customer's, else 0.05.
 * @param items even
 */
export function shoppers(customers: number, items: number, seed: number): Histories {
  const random = seededRandom(seed, "shoppers");
  const columns = { items: [] as number[], actions: [] as number[], times: [] as number[] };
  const offsets = new Uint32Array(customers + 1);
  for (let customer = 0; customer < customers; customer++) {
    const pace = 2 + 14 * random.fraction();
    const leaves = customer % 2 === 0 ? 10 + (shopDays - 10) * random.fraction() : shopDays;
    const kind = random.below(2);
    const pick = (of: number) => 1 + of + 2 * random.below(items / 2);
    const add = (item: number, action: (typeof actions)[number], time: number) => {
      columns.items.push(item);
      columns.actions.push(number(action));
      columns.times.push(time);
    };
    for (let at = pace * random.fraction(); at < leaves; at += pace * (0.6 + 0.8 * random.fraction())) {
      const time = Math.floor(at * day);
      const item = pick(kind);
      add(item, "view", time);
      if (random.below(3) === 0) add(item, "cart", time + 30);
      if (random.below(6) === 0) add(item, "buy", time + 60);
      const shown = pick(random.below(2));
      add(shown, "impression", time + 90);
      if (random.fraction() < ((shown - 1) % 2 === kind ? 0.4 : 0.05)) add(shown, "advertClick", time + 100);
    }
    offsets[customer + 1] = columns.items.length;
  }
  return {
    customers: Array.from({ length: customers }, (_, c) => `c${String(c).padStart(5, "0")}`),
    offsets,
    items: Int32Array.from(columns.items),
    actions: Uint8Array.from(columns.actions),
    times: Float64Array.from(columns.times),
  };
}
