/** Histories taken apart: some customers, disjoint parts for merchants, and the last event held out for evaluation. */
import { fail } from "@tributary/errors";
import type { Histories } from "./histories.ts";
import { seededRandom, shuffle } from "./seeded-random.ts";

/**
 * The histories of some customers.
 * @param customerIndices places in `histories.customers`, strictly ascending
 * @throws TRB_EVENTS_SELECTION_INVALID
 */
export function sliceHistories(histories: Histories, customerIndices: ArrayLike<number>): Histories {
  const { customers, offsets } = histories;
  const chosen = Array.from(customerIndices);
  const counts = chosen.map((customer, position) => {
    const previous = position === 0 ? -1 : (chosen[position - 1] ?? -1);
    if (!Number.isInteger(customer) || customer <= previous || customer >= customers.length) {
      throw fail("TRB_EVENTS_SELECTION_INVALID", { customers: customers.length, position });
    }
    return eventsOf(offsets, customer);
  });
  return copyEvents(histories, chosen, counts);
}

/**
 * Disjoint parts, equal in customers up to one: a seeded shuffle, dealt out in turn.
 * @param seed not secret and not private: whoever has it and the list of customers knows who is where
 * @param leastCustomers each part has at least so many, or there is no split
 * @throws TRB_EVENTS_SPLIT_INVALID, TRB_EVENTS_TOO_FEW_CUSTOMERS
 */
export function splitCustomers(histories: Histories, parts: number, seed: number, leastCustomers = 2): readonly Histories[] {
  const customers = histories.customers.length;
  if (!Number.isInteger(parts) || parts < 1) throw fail("TRB_EVENTS_SPLIT_INVALID", { parts });
  if (customers < parts * leastCustomers)
    throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers, least: parts * leastCustomers });
  const order = shuffle(Uint32Array.from(histories.customers.keys()), seededRandom(seed, "split customers"));
  return Array.from({ length: parts }, (_, part) =>
    sliceHistories(histories, order.filter((_customer, place) => place % parts === part).sort()),
  );
}

export interface HeldOut {
  /** The same customers; of those with a target, only the events before it. */
  readonly train: Histories;
  /** `[customers]`: the item of the customer's last item event; 0 for a customer with fewer than 2 item events, who is not evaluated. */
  readonly targets: Int32Array;
}

/** Leave-one-out: holds out each customer's last item event and everything after it. Customers who aren't evaluated keep all events. */
export function leaveLastOut(histories: Histories): HeldOut {
  const { customers, offsets, items } = histories;
  const targets = new Int32Array(customers.length);
  const counts = customers.map((_id, customer) => {
    const start = offsets[customer] ?? 0;
    const end = offsets[customer + 1] ?? start;
    const last = lastItemEvent(items, start, end);
    if (last < 0 || lastItemEvent(items, start, last) < 0) return end - start;
    targets[customer] = items[last] ?? 0;
    return last - start;
  });
  return { train: copyEvents(histories, [...customers.keys()], counts), targets };
}

/** The place of the last event with an item in [start, end), or −1. */
function lastItemEvent(items: Int32Array, start: number, end: number): number {
  for (let event = end - 1; event >= start; event--) if ((items[event] ?? 0) > 0) return event;
  return -1;
}

const eventsOf = (offsets: Uint32Array, customer: number) => (offsets[customer + 1] ?? 0) - (offsets[customer] ?? 0);

/** Copies the first `counts[i]` events of customer `chosen[i]`. */
function copyEvents(from: Histories, chosen: readonly number[], counts: readonly number[]): Histories {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const offsets = new Uint32Array(chosen.length + 1);
  const items = new Int32Array(total);
  const actions = new Uint8Array(total);
  const times = new Float64Array(total);
  let at = 0;
  chosen.forEach((customer, place) => {
    const start = from.offsets[customer] ?? 0;
    const end = start + (counts[place] ?? 0);
    items.set(from.items.subarray(start, end), at);
    actions.set(from.actions.subarray(start, end), at);
    times.set(from.times.subarray(start, end), at);
    at += end - start;
    offsets[place + 1] = at;
  });
  return { customers: chosen.map((customer) => from.customers[customer] ?? ""), offsets, items, actions, times };
}
