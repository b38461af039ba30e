/**
 * Customers who search for what they look at next: before a session's first look, and before one in another category, some type the category's name. Searches
 * are laid over a log that is made without them, by a generator of their own, so the looks of the same seed are the same with them.
 */
import { actions, type Histories, seededRandom, topicsOf } from "@tributary/events";
import { visitGap } from "@tributary/events/histories";
import { chance } from "./distributions.ts";
import type { MarketSettings } from "./settings.ts";
import type { Shop } from "./shop.ts";

const search = actions.indexOf("search");
/** Seconds between what is typed and the first look at what it brought, at most. */
const mostSeconds = 10;

/** @param histories of this shop, every event with an item, each later than the one before */
export function withSearches(
  histories: Histories,
  { categoryOf, catalogue }: Pick<Shop, "categoryOf" | "catalogue">,
  { seed, searches = 0 }: Pick<MarketSettings, "seed" | "searches">,
): Histories {
  const topicOf = new Map(
    topicsOf(catalogue.items).flatMap(({ kind, value }, place) => (kind === "category" ? [[value, place + 1] as const] : [])),
  );
  const offsets = new Uint32Array(histories.offsets.length);
  const columns = { items: [] as number[], actions: [] as number[], times: [] as number[], topics: [] as number[] };
  const put = (item: number, action: number, time: number, topic: number) => {
    columns.items.push(item);
    columns.actions.push(action);
    columns.times.push(time);
    columns.topics.push(topic);
  };
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const random = seededRandom(seed, "market", "searches", customer + 1);
    let [timeBefore, categoryBefore] = [Number.NEGATIVE_INFINITY, -1];
    for (let event = histories.offsets[customer] as number; event < (histories.offsets[customer + 1] as number); event++) {
      const [item, time] = [histories.items[event] as number, histories.times[event] as number];
      const category = categoryOf[item] ?? -1;
      const turns = time - timeBefore >= visitGap || category !== categoryBefore;
      const room = Math.min(mostSeconds, time - timeBefore - 1);
      if (turns && chance(searches, random) && room >= 1) {
        const topic = topicOf.get(catalogue.items[item - 1]?.category ?? "") ?? 0;
        put(0, search, time - 1 - random.below(room), topic);
      }
      put(item, histories.actions[event] as number, time, 0);
      [timeBefore, categoryBefore] = [time, category];
    }
    offsets[customer + 1] = columns.items.length;
  }
  return {
    customers: histories.customers,
    offsets,
    items: Int32Array.from(columns.items),
    actions: Uint8Array.from(columns.actions),
    times: Float64Array.from(columns.times),
    topics: Int32Array.from(columns.topics),
  };
}
