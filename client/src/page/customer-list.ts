/** All customers of the store, to be looked through: by pseudonym, by how much there is of them, by who was there last. */
import type { Histories } from "@tributary/events";
import type { PageCustomers } from "@tributary/protocol";

type Row = PageCustomers["customers"][number];
type Order = "events" | "latest" | "name";

export interface CustomerList {
  readonly size: number;
  /** @param prefix of the pseudonym */
  some(
    prefix: string,
    order: Order,
    page: { readonly from: number; readonly limit: number },
  ): Pick<PageCustomers, "found" | "customers">;
  row(customer: string): Row | undefined;
}

export function listCustomers(histories: Histories | undefined): CustomerList {
  const { customers, offsets, times } = histories ?? { customers: [], offsets: new Uint32Array(1), times: new Float64Array(0) };
  const places = new Map(customers.map((customer, place) => [customer, place]));
  const begin = (place: number) => offsets[place] ?? 0;
  const end = (place: number) => offsets[place + 1] ?? 0;
  const last = (place: number) => times[end(place) - 1] ?? 0;
  const rowAt = (place: number): Row => ({
    ...{ customer: customers[place] ?? "", events: end(place) - begin(place) },
    ...{ first: times[begin(place)] ?? 0, last: last(place) },
  });
  /** Sorting a million takes a second: once for each order. */
  const sorted = new Map<Order, Uint32Array>();
  const compare: Readonly<Record<Order, (a: number, b: number) => number>> = {
    events: (a, b) => end(b) - begin(b) - (end(a) - begin(a)) || a - b,
    latest: (a, b) => last(b) - last(a) || a - b,
    name: (a, b) => ((customers[a] ?? "") < (customers[b] ?? "") ? -1 : 1),
  };
  const inOrder = (order: Order): Uint32Array => {
    const known = sorted.get(order) ?? Uint32Array.from(customers, (_, place) => place).sort(compare[order]);
    sorted.set(order, known);
    return known;
  };
  return {
    size: customers.length,
    some(prefix, order, { from, limit }) {
      const all = inOrder(order);
      if (prefix === "") return { found: all.length, customers: Array.from(all.subarray(from, from + limit), rowAt) };
      const found = all.filter((place) => (customers[place] ?? "").startsWith(prefix));
      return { found: found.length, customers: Array.from(found.subarray(from, from + limit), rowAt) };
    },
    row(customer) {
      const place = places.get(customer);
      return place === undefined ? undefined : rowAt(place);
    },
  };
}
