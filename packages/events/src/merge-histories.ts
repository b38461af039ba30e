/**
 * Histories that speak of the same customers, made one: what a log says, what a later one adds, and what the shop told live.
 *
 * Of equal events (customer, time, item or topic, action) the first stays, with its own dwell time and price, as in the cleaning of one log: merging the parts of
 * a log gives what the log as a whole gives.
 */
import { compareCodeUnits } from "./cleaning/order-events.ts";
import { assembled, type Column, columnOf, columnsOf, emptyLike } from "./event-columns.ts";
import type { Histories } from "./histories.ts";

/**
 * @param parts in order of arrival; a customer may be in several of them
 * @param from Unix seconds: earlier events are left out, and so are customers of whom nothing is left
 */
export function mergeHistories(parts: readonly Histories[], from = Number.NEGATIVE_INFINITY): Histories {
  const [only] = parts;
  if (only !== undefined && parts.length === 1 && from === Number.NEGATIVE_INFINITY) return only;
  const columns = emptyColumns(parts);
  const stretches = stretchesOf(parts);
  const customers: string[] = [];
  const offsets = new Uint32Array(stretches.length + 1);
  let count = 0;
  for (let place = 0; place < stretches.length; ) {
    const first = stretches[place] as Stretch;
    const mine = [first];
    for (place++; stretches[place]?.id === first.id; place++) mine.push(stretches[place] as Stretch);
    const added = mine.length === 1 ? copyStretch(columns, first, from, count) : copyMerged(columns, mine, from, count);
    if (added === 0) continue;
    count += added;
    customers.push(first.id);
    offsets[customers.length] = count;
  }
  const whole = columns.map(({ name, into }) => [name, count === into.length ? into : into.slice(0, count)] as const);
  return assembled(customers, offsets.slice(0, customers.length + 1), whole);
}

/** One customer's events in one part. */
interface Stretch {
  readonly id: string;
  readonly part: Histories;
  readonly begin: number;
  readonly end: number;
}

interface JoinedColumn {
  /** What a part lacks of it is NaN, and 0 where the column has no NaN. */
  readonly name: string;
  readonly into: Column;
}

function emptyColumns(parts: readonly Histories[]): JoinedColumn[] {
  const events = parts.reduce((sum, { items }) => sum + items.length, 0);
  const kinds = new Map<string, Column>();
  for (const part of parts) for (const [name, column] of columnsOf(part)) kinds.set(name, column);
  if (kinds.size === 0) for (const [name, column] of columnsOf(nothing)) kinds.set(name, column);
  return [...kinds].map(([name, kind]) => ({ name, into: emptyLike(kind, events) }));
}

const nothing: Histories = {
  customers: [],
  offsets: new Uint32Array(1),
  items: new Int32Array(0),
  actions: new Uint8Array(0),
  times: new Float64Array(0),
};

/** Ascending by id; those of one customer in the order of parts. */
function stretchesOf(parts: readonly Histories[]): Stretch[] {
  const all = parts.flatMap((part) =>
    part.customers.map(
      (id, customer): Stretch => ({
        id,
        part,
        begin: part.offsets[customer] as number,
        end: part.offsets[customer + 1] as number,
      }),
    ),
  );
  return all.sort((a, b) => compareCodeUnits(a.id, b.id)); // stable, and quick where each part is in order already
}

function copyStretch(columns: readonly JoinedColumn[], stretch: Stretch, from: number, at: number): number {
  const { part, end } = stretch;
  let { begin } = stretch;
  while (begin < end && (part.times[begin] as number) < from) begin++;
  for (const { name, into } of columns) {
    const own = columnOf(part, name);
    if (own === undefined) into.fill(Number.NaN, at, at + end - begin);
    else into.set(own.subarray(begin, end), at);
  }
  return end - begin;
}

/** Events of several parts by time, equal times in order of arrival, each event once. */
function copyMerged(columns: readonly JoinedColumn[], stretches: readonly Stretch[], from: number, at: number): number {
  const rows: { readonly part: Histories; readonly event: number; readonly time: number }[] = [];
  for (const { part, begin, end } of stretches) {
    for (let event = begin; event < end; event++) {
      const time = part.times[event] as number;
      if (time >= from) rows.push({ part, event, time });
    }
  }
  rows.sort((a, b) => a.time - b.time);
  const seen = new Set<number>();
  let now = Number.NaN;
  let count = 0;
  for (const { part, event, time } of rows) {
    if (time !== now) seen.clear();
    now = time;
    const topic = part.topics?.[event] ?? 0; // of an event without an item
    const key = (topic > 0 ? -topic : (part.items[event] as number)) * 256 + (part.actions[event] as number);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const { name, into } of columns) into[at + count] = columnOf(part, name)?.[event] ?? Number.NaN;
    count++;
  }
  return count;
}
