/** Leave-one-out of a whole population, in the memory that it stands in: each customer's last item event, and what comes after it, is held out. */
import type { HeldOut } from "@tributary/events";
import { customersOf, type Population, shared } from "./population.ts";

export interface HeldOutPopulation {
  readonly population: Population;
  /** `[customers]`: 0 for who has fewer than two item events, and keeps all. */
  readonly targets: Int32Array;
}

/** The arrays of the population given are used again: it is worth nothing afterwards. */
export function holdOutLast(whole: Population): HeldOutPopulation {
  const { offsets, items, actions, times } = whole;
  const customers = customersOf(whole);
  const targets = new Int32Array(customers);
  const kept = shared(Uint32Array, customers + 1);
  let at = 0;
  for (let customer = 0; customer < customers; customer++) {
    const [begin, end] = [offsets[customer] as number, offsets[customer + 1] as number];
    const last = lastItem(items, begin, end);
    const judged = last >= 0 && lastItem(items, begin, last) >= 0;
    if (judged) targets[customer] = items[last] as number;
    const until = judged ? last : end;
    for (const column of [items, actions, times]) column.copyWithin(at, begin, until);
    at += until - begin;
    kept[customer + 1] = at;
  }
  const columns = { items: items.subarray(0, at), actions: actions.subarray(0, at), times: times.subarray(0, at) } as Pick<
    Population,
    "items" | "actions" | "times"
  >;
  return { targets, population: { nodes: whole.nodes, nodeOffsets: whole.nodeOffsets, offsets: kept, ...columns } };
}

/** The place of the last event with an item in [begin, end), or −1. */
function lastItem(items: Int32Array, begin: number, end: number): number {
  for (let event = end - 1; event >= begin; event--) if ((items[event] as number) > 0) return event;
  return -1;
}

/** Customers with a held-out event, evenly from the whole population, as `evaluate` takes them. */
export function heldOutSample({ population, targets }: HeldOutPopulation, most: number): HeldOut {
  const judged = Array.from(targets.keys()).filter((customer) => targets[customer] !== 0);
  const step = Math.max(1, judged.length / Math.max(1, most));
  const chosen = Array.from({ length: Math.min(most, judged.length) }, (_, place) => judged[Math.floor(place * step)] ?? 0);
  const { offsets, items, actions, times } = population;
  const lengths = chosen.map((customer) => (offsets[customer + 1] as number) - (offsets[customer] as number));
  const events = lengths.reduce((sum, length) => sum + length, 0);
  const train = {
    ...{ customers: chosen.map((customer) => `c${customer}`), offsets: new Uint32Array(chosen.length + 1) },
    ...{ items: new Int32Array(events), actions: new Uint8Array(events), times: new Float64Array(events) },
  };
  chosen.forEach((customer, place) => {
    const [from, to, at] = [offsets[customer] as number, offsets[customer + 1] as number, train.offsets[place] as number];
    train.items.set(items.subarray(from, to), at);
    train.actions.set(actions.subarray(from, to), at);
    train.times.set(times.subarray(from, to), at);
    train.offsets[place + 1] = at + to - from;
  });
  return { train, targets: Int32Array.from(chosen, (customer) => targets[customer] as number) };
}
