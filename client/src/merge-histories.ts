/** Two logs of one merchant → one: each customer's events together in order of time, an event that both hold kept once. */
import type { Histories } from "@tributary/events";

export interface Merged {
  readonly histories: Histories;
  readonly duplicates: number;
}

/** Where an event stands: in which of the two, and at which place. */
interface Place {
  readonly from: Histories;
  readonly at: number;
}

export function mergeHistories(first: Histories, second: Histories): Merged {
  const customers = [...new Set([...first.customers, ...second.customers])].sort(byCodeUnit);
  const size = first.items.length + second.items.length;
  const offsets = new Uint32Array(customers.length + 1);
  const items = new Int32Array(size);
  const actions = new Uint8Array(size);
  const times = new Float64Array(size);
  const dwells = first.dwells || second.dwells ? new Float32Array(size).fill(Number.NaN) : undefined;
  const prices = first.prices || second.prices ? new Float32Array(size).fill(Number.NaN) : undefined;
  const [inFirst, inSecond] = [numbersOf(first), numbersOf(second)];
  let written = 0;
  customers.forEach((customer, number) => {
    const places = [...placesOf(first, inFirst.get(customer)), ...placesOf(second, inSecond.get(customer))];
    places.sort((a, b) => timeOf(a) - timeOf(b)); // stable: equal times keep the order of the files
    const seen = new Set<string>();
    for (const { from, at } of places) {
      const key = `${from.times[at]} ${from.items[at]} ${from.actions[at]}`;
      if (seen.has(key)) continue;
      seen.add(key);
      items[written] = from.items[at] ?? 0;
      actions[written] = from.actions[at] ?? 0;
      times[written] = from.times[at] ?? 0;
      if (dwells) dwells[written] = from.dwells?.[at] ?? Number.NaN;
      if (prices) prices[written] = from.prices?.[at] ?? Number.NaN;
      written += 1;
    }
    offsets[number + 1] = written;
  });
  return {
    histories: {
      customers,
      offsets,
      items: items.slice(0, written),
      actions: actions.slice(0, written),
      times: times.slice(0, written),
      ...(dwells ? { dwells: dwells.slice(0, written) } : {}),
      ...(prices ? { prices: prices.slice(0, written) } : {}),
    },
    duplicates: size - written,
  };
}

const timeOf = ({ from, at }: Place) => from.times[at] ?? 0;

function numbersOf({ customers }: Histories): ReadonlyMap<string, number> {
  return new Map(customers.map((customer, number) => [customer, number]));
}

function placesOf(from: Histories, number: number | undefined): Place[] {
  if (number === undefined) return [];
  const [start, end] = [from.offsets[number] ?? 0, from.offsets[number + 1] ?? 0];
  return Array.from({ length: end - start }, (_, i) => ({ from, at: start + i }));
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
