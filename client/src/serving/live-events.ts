/** What the shop told, on its way into the store. */
import { type Histories, renameCustomers } from "@tributary/events";
import type { LiveEvent } from "./customers.ts";

/** Where told events are kept. Rejects when they could not be. */
export type KeepEvents = (events: readonly LiveEvent[]) => Promise<void>;

/** As the store's rooms know events: customers ascending, each one's events in order of time and, at equal times, as they came. */
export function historiesOfLive(events: readonly LiveEvent[]): Histories {
  const byCustomer = new Map<string, LiveEvent[]>();
  for (const event of events) {
    const own = byCustomer.get(event.customer);
    if (own === undefined) byCustomer.set(event.customer, [event]);
    else own.push(event);
  }
  const customers = [...byCustomer.keys()];
  const lists = customers.map((customer) => (byCustomer.get(customer) ?? []).sort((a, b) => a.time - b.time));
  const rows = lists.flat();
  let end = 0;
  const unordered: Histories = {
    customers,
    offsets: Uint32Array.from([0, ...lists.map((list) => (end += list.length))]),
    items: Int32Array.from(rows, ({ item }) => item),
    actions: Uint8Array.from(rows, ({ action }) => action),
    times: Float64Array.from(rows, ({ time }) => time),
    ...(rows.some(({ topic = 0 }) => topic > 0) ? { topics: Int32Array.from(rows, ({ topic = 0 }) => topic) } : {}),
  };
  return renameCustomers(unordered, customers); // brings them in order
}
