/** The synthetic market's log in flat arrays that grow, without a string for each customer: for a million of them. */

import type { Catalogue } from "@tributary/events";
import type { MarketSettings } from "../market/settings.ts";
import { marketSettings } from "../market/settings.ts";
import { openShop } from "../market/shop.ts";
import { visitsOf } from "../market/visits.ts";
import type { Log } from "./split.ts";

/** @throws TRB_SIMULATE_MARKET_OPTION */
export function marketLog(
  options: Partial<MarketSettings>,
  onProgress?: (customers: number, of: number) => void,
): Log & { readonly catalogue: Catalogue } {
  const settings = marketSettings(options);
  const shop = openShop(settings);
  const offsets = new Uint32Array(settings.customers + 1);
  let room = 16 * settings.customers;
  let [items, actions, times] = [new Int32Array(room), new Uint8Array(room), new Float64Array(room)];
  let events = 0;
  for (let customer = 1; customer <= settings.customers; customer++) {
    const visits = visitsOf(customer, shop, settings);
    if (events + visits.length > room) {
      room = Math.ceil(1.25 * room) + visits.length;
      [items, actions, times] = [
        grown(items, Int32Array, room),
        grown(actions, Uint8Array, room),
        grown(times, Float64Array, room),
      ];
    }
    for (const visit of visits) {
      items[events] = visit.item;
      actions[events] = visit.action;
      times[events++] = visit.time;
    }
    offsets[customer] = events;
    if (customer % 10_000 === 0) onProgress?.(customer, settings.customers);
  }
  return {
    columns: { offsets, items, actions, times },
    items: settings.items,
    categoryOf: shop.categoryOf,
    catalogue: shop.catalogue,
  };
}

function grown<Column extends Int32Array | Uint8Array | Float64Array>(
  column: Column,
  kind: new (length: number) => Column,
  length: number,
): Column {
  const longer = new kind(length);
  longer.set(column as never);
  return longer;
}
