/**
 * Features of customers: what the models of a node read beside sequences, and what `feature means` are released of. Raw, in the units that their
 * names say; `standardise.ts` makes them comparable. A feature depends on one customer's events and on the public catalogue alone.
 */
import type { Histories } from "../../histories.ts";
import { activity } from "./activity.ts";
import { basket } from "./basket.ts";
import { dwell } from "./dwell.ts";
import { type EventsOfCustomer, ownEvents } from "./events-of-customer.ts";
import { frequency } from "./frequency.ts";
import { intervals } from "./intervals.ts";
import { recency } from "./recency.ts";

const features = [...frequency, ...recency, ...dwell, ...basket, ...activity, ...intervals];

/** Names, in the order of every row of features. Their order is that of the release's coordinates too: what is added comes last. */
export const customerFeatureNames: readonly string[] = features.map(({ name }) => name);

/** What features know of an item. */
export interface CategorisedItem {
  readonly category?: string;
}

export interface CustomerFeatures {
  /** `[features]` */
  readonly names: readonly string[];
  /** `[customers · features]`, a row a customer; NaN where a customer's events don't say, and throughout for one without events before `now`. */
  readonly values: Float64Array;
}

/** `[items + 1]`: each item's category as a number from 1 in order of first appearance, 0 for none; entry 0 stands for no item. */
export function categoryNumbers(items: readonly CategorisedItem[]): Int32Array {
  const numbers = new Map<string, number>();
  const categories = new Int32Array(items.length + 1);
  for (const [place, { category }] of items.entries()) {
    if (category === undefined) continue;
    const number = numbers.get(category) ?? numbers.size + 1;
    numbers.set(category, number);
    categories[place + 1] = number;
  }
  return categories;
}

/** One customer's row, of the events of a stretch; what was only shown is none of them. @returns `[features]` */
export function featuresOfCustomer(given: EventsOfCustomer): Float64Array {
  const events = ownEvents(given);
  return Float64Array.from(features, ({ of }) => (events.begin < events.end ? of(events) : Number.NaN));
}

/**
 * Features of all customers at one moment: events after it are not looked at.
 * @param now Unix seconds
 */
export function customerFeatures(
  histories: Histories,
  { items }: { readonly items: readonly CategorisedItem[] },
  now: number,
): CustomerFeatures {
  const { customers, offsets, times } = histories;
  const categories = categoryNumbers(items);
  const values = new Float64Array(customers.length * features.length);
  for (let customer = 0; customer < customers.length; customer++) {
    const begin = offsets[customer] as number;
    let end = offsets[customer + 1] as number;
    while (end > begin && (times[end - 1] as number) > now) end--;
    values.set(featuresOfCustomer({ ...histories, begin, end, now, categories }), customer * features.length);
  }
  return { names: customerFeatureNames, values };
}
