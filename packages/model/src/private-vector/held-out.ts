/**
 * Customers who are judged by and never learnt from, apart from all others. Who is one of them is decided of each customer alone, so removing a
 * customer changes nobody else's place.
 */
import type { Histories } from "@tributary/events/histories";

export interface HeldOutSplit {
  /** Whom statistics and training may look at. */
  readonly learnt: Histories;
  /** Whom metrics are of. */
  readonly heldOut: Histories;
}

/** @param isHeldOut of a customer's id; undefined where nobody is held out */
export function splitHeldOut(histories: Histories, isHeldOut: ((customer: string) => boolean) | undefined): HeldOutSplit {
  if (isHeldOut === undefined) return { learnt: histories, heldOut: chosen(histories, []) };
  const [learnt, heldOut]: [number[], number[]] = [[], []];
  for (const [place, customer] of histories.customers.entries()) (isHeldOut(customer) ? heldOut : learnt).push(place);
  return { learnt: chosen(histories, learnt), heldOut: chosen(histories, heldOut) };
}

/** These customers' events, one after the other. */
function chosen(histories: Histories, customers: readonly number[]): Histories {
  const offsets = new Uint32Array(customers.length + 1);
  const stretch = (customer: number) =>
    [histories.offsets[customer] as number, histories.offsets[customer + 1] as number] as const;
  for (const [place, customer] of customers.entries()) {
    const [begin, end] = stretch(customer);
    offsets[place + 1] = (offsets[place] as number) + end - begin;
  }
  const events = offsets[customers.length] as number;
  const column = <Column extends Int32Array | Uint8Array | Float32Array | Float64Array>(from: Column, into: Column): Column => {
    for (const [place, customer] of customers.entries()) into.set(from.subarray(...stretch(customer)), offsets[place]);
    return into;
  };
  const { items, actions, times, dwells, prices, topics } = histories;
  return {
    customers: customers.map((customer) => histories.customers[customer] as string),
    offsets,
    items: column(items, new Int32Array(events)),
    actions: column(actions, new Uint8Array(events)),
    times: column(times, new Float64Array(events)),
    ...(dwells === undefined ? {} : { dwells: column(dwells, new Float32Array(events)) }),
    ...(prices === undefined ? {} : { prices: column(prices, new Float32Array(events)) }),
    ...(topics === undefined ? {} : { topics: column(topics, new Int32Array(events)) }),
  };
}
