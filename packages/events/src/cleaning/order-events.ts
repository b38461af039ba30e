/** Rows in order of arrival → histories: customers ascending, each one's events by time, exact duplicates dropped. */
import type { Histories } from "../histories.ts";
import type { RowColumns } from "./growing-columns.ts";

export interface OrderedEvents {
  readonly histories: Histories;
  /** Rows that were dropped because an earlier one of the same item, topic, action and time came before; it keeps its own dwell time and price. */
  readonly duplicates: number;
}

/**
 * Equal times keep their order of arrival. Of equal rows the first is kept.
 * @param customers ids by the numbers in `rows.customers`, each once
 */
export function orderEvents(rows: RowColumns, customers: readonly string[]): OrderedEvents {
  const byId = [...customers.keys()].sort((a, b) => compareCodeUnits(customers[a] ?? "", customers[b] ?? ""));
  const rank = new Uint32Array(customers.length);
  byId.forEach((number, place) => {
    rank[number] = place;
  });
  const { order, starts } = groupByCustomer(rows.customers, rank);

  const total = order.length;
  const items = new Int32Array(total);
  const actions = new Uint8Array(total);
  const times = new Float64Array(total);
  const kept = new Uint32Array(total);
  const offsets = new Uint32Array(customers.length + 1);
  let count = 0;
  for (let customer = 0; customer < customers.length; customer++) {
    const group = order.subarray(starts[customer], starts[customer + 1]);
    sortByTime(group, rows.times);
    for (const row of withoutDuplicates(group, rows)) {
      items[count] = rows.items[row] ?? 0;
      actions[count] = rows.actions[row] ?? 0;
      times[count] = rows.times[row] ?? 0;
      kept[count] = row;
      count++;
    }
    offsets[customer + 1] = count;
  }
  const { topics } = rows;
  const chosen = (values: Float32Array) => Float32Array.from(kept.subarray(0, count), (row) => values[row] ?? Number.NaN);
  const histories: Histories = {
    customers: byId.map((number) => customers[number] ?? ""),
    offsets,
    items: items.slice(0, count),
    actions: actions.slice(0, count),
    times: times.slice(0, count),
    ...(rows.dwells ? { dwells: chosen(rows.dwells) } : {}),
    ...(rows.prices ? { prices: chosen(rows.prices) } : {}),
    ...(topics ? { topics: Int32Array.from(kept.subarray(0, count), (row) => topics[row] ?? 0) } : {}),
  };
  return { histories, duplicates: total - count };
}

/** Order of strings by UTF-16 code unit, the same everywhere, unlike `localeCompare`. */
export const compareCodeUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Counting sort, stable: `order[starts[c] … starts[c + 1])` are customer c's rows as they arrived. */
function groupByCustomer(customerOfRow: Uint32Array, rank: Uint32Array): { order: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(rank.length + 1);
  const add = (place: number, amount: number) => {
    starts[place] = (starts[place] ?? 0) + amount;
  };
  for (const customer of customerOfRow) add((rank[customer] ?? 0) + 1, 1);
  for (let place = 1; place <= rank.length; place++) add(place, starts[place - 1] ?? 0);
  const next = starts.slice();
  const order = new Uint32Array(customerOfRow.length);
  customerOfRow.forEach((customer, row) => {
    const place = rank[customer] ?? 0;
    const at = next[place] ?? 0;
    order[at] = row;
    next[place] = at + 1;
  });
  return { order, starts };
}

function sortByTime(rowsOfCustomer: Uint32Array, times: Float64Array): void {
  const time = (row: number | undefined) => times[row ?? 0] ?? 0;
  for (let i = 1; i < rowsOfCustomer.length; i++) {
    if (time(rowsOfCustomer[i]) >= time(rowsOfCustomer[i - 1])) continue;
    rowsOfCustomer.sort((a, b) => time(a) - time(b) || a - b);
    return; // most logs are in order already and never come here
  }
}

/** Yields a time-ordered group's rows, leaving out those whose item, topic, action and time have been. */
function* withoutDuplicates(group: Uint32Array, { items, actions, times, topics }: RowColumns): Generator<number> {
  const seenNow = new Set<number>(); // item and action of the rows at the current time
  let now = Number.NaN;
  let first = 0; // the first row's key at the current time; most times have one row, and need no set
  for (const row of group) {
    const topic = topics?.[row] ?? 0; // of events without an item: below 0, where no item's key is
    const key = (topic > 0 ? -topic : (items[row] ?? 0)) * 256 + (actions[row] ?? 0);
    const time = times[row] ?? 0;
    if (time !== now) {
      now = time;
      first = key;
      if (seenNow.size > 0) seenNow.clear();
    } else {
      if (key === first || seenNow.has(key)) continue;
      seenNow.add(key);
    }
    yield row;
  }
}
