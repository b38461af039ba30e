/**
 * The customers whom this node knows: their histories of the store, and what the shop told since. Live events are in the next answer at once, and in the
 * store's journal soon after (`live-events.ts`). Customers' ids become pseudonyms here, at the door.
 */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";
import { type CustomerEvents, logDays } from "@tributary/model";
import type { Door } from "../home/store/door.ts";

export interface LiveEvent {
  readonly customer: string;
  /** Counted from 1; 0: none. */
  readonly item: number;
  readonly action: number;
  /** What an event without an item is about, counted from 1; 0 or absent: nothing that the catalogue names. */
  readonly topic?: number;
  /** Unix seconds. */
  readonly time: number;
}

export interface Customers {
  /** Oldest first; undefined for one of whom there is no event. */
  find(customer: string): CustomerEvents | undefined;
  /**
   * All or none. An event that is known already is not taken again.
   * @returns those that were new, under their customers' pseudonyms
   * @throws TRB_SERVE_LIVE_FULL
   */
  add(events: readonly LiveEvent[]): readonly LiveEvent[];
  /** The store has them from now on: its next reading holds them, unless somebody was erased from it. */
  stored(events: readonly LiveEvent[]): void;
  /** The store could not take them: they never happened. */
  withdraw(events: readonly LiveEvent[]): void;
  /** The store is being read from now on: what it is told meanwhile may be missing in what `replace` is given, and stays. */
  expect(): void;
  /** What the store holds now, and how customers are called in it; of live events only those stay that it may not have yet. */
  replace(stored: Histories | undefined, named?: Named): void;
  /** Unix seconds at which all that is known ends (`logDays`): a straggler that lies far behind everybody's events moves nobody's present. 0 where there is no event. */
  latest(): number;
  counts(): { readonly stored: number; readonly live: number };
}

/** About 40 bytes each. */
const mostLiveEvents = 2_000_000;

interface Named {
  /** How customers who are asked for are called in the histories; default: by their own ids. */
  readonly door?: Door | undefined;
  /** Names of those of whom nothing is taken. */
  readonly erased?: ReadonlySet<string>;
}

export interface CustomersOptions extends Named {
  /** Live events that a reading of the store has not taken in; default 2,000,000. */
  readonly most?: number;
}

export function openCustomers(stored: Histories | undefined, options: CustomersOptions = {}): Customers {
  const { most = mostLiveEvents } = options;
  let { door = (id: string) => id, erased = new Set<string>() } = options;
  let base = stored;
  let numbers = numbersOf(base);
  let days = logDays(base?.times);
  let live = new Map<string, LiveEvent[]>();
  let liveCount = 0;
  const pending = new Set<LiveEvent>();
  /** Stored since a reading of the store began. */
  let meanwhile = new Set<LiveEvent>();
  let isRead = false;

  const storedEvents = (customer: string): CustomerEvents | undefined => {
    const number = numbers.get(customer);
    return base === undefined || number === undefined ? undefined : eventsOf(base, number);
  };
  const isKnown = (event: LiveEvent) => {
    const same = live
      .get(event.customer)
      ?.some(({ time, item, action }) => time === event.time && item === event.item && action === event.action);
    return same === true || holds(storedEvents(event.customer), event);
  };
  return {
    find(id) {
      const customer = door(id);
      const before = storedEvents(customer);
      const since = live.get(customer);
      return since === undefined ? before : joined(before, since);
    },
    add(events) {
      const fresh: LiveEvent[] = [];
      const seen = new Set<string>();
      for (const told of events) {
        const event = { ...told, customer: door(told.customer) };
        const key = JSON.stringify([event.customer, event.time, event.item, event.action]);
        if (erased.has(event.customer) || seen.has(key) || isKnown(event)) continue;
        seen.add(key);
        fresh.push(event);
      }
      if (liveCount + fresh.length > most) throw fail("TRB_SERVE_LIVE_FULL", { limit: most });
      for (const event of fresh) {
        const list = live.get(event.customer);
        if (list === undefined) live.set(event.customer, [event]);
        else list.push(event);
        days.add(event.time);
      }
      liveCount += fresh.length;
      for (const event of fresh) pending.add(event);
      return fresh;
    },
    stored(events) {
      for (const event of events) if (pending.delete(event) && isRead) meanwhile.add(event);
    },
    withdraw(events) {
      const gone = new Set(events.filter((event) => pending.delete(event)));
      for (const customer of new Set(events.map((event) => event.customer))) {
        const left = live.get(customer)?.filter((event) => !gone.has(event)) ?? [];
        if (left.length > 0) live.set(customer, left);
        else live.delete(customer);
      }
      liveCount -= gone.size;
    },
    expect() {
      isRead = true;
      meanwhile = new Set();
    },
    replace(histories, named = {}) {
      base = histories;
      ({ door = door, erased = erased } = named);
      numbers = numbersOf(base);
      const kept = new Map<string, LiveEvent[]>();
      liveCount = 0;
      days = logDays(base?.times);
      for (const [customer, events] of live) {
        const before = storedEvents(customer);
        if (erased.has(customer)) continue;
        const left = events.filter((event) => (pending.has(event) || meanwhile.has(event)) && !holds(before, event));
        if (left.length > 0) kept.set(customer, left);
        liveCount += left.length;
        for (const { time } of left) days.add(time);
      }
      live = kept;
      isRead = false;
      meanwhile = new Set();
    },
    latest: () => days.end(),
    counts: () => ({ stored: base?.customers.length ?? 0, live: liveCount }),
  };
}

/** One customer's columns, without copying them. */
function eventsOf({ offsets, items, actions, times, dwells, prices, topics }: Histories, number: number): CustomerEvents {
  const [begin, end] = [offsets[number] ?? 0, offsets[number + 1] ?? 0];
  return {
    items: items.subarray(begin, end),
    actions: actions.subarray(begin, end),
    times: times.subarray(begin, end),
    ...(dwells ? { dwells: dwells.subarray(begin, end) } : {}),
    ...(prices ? { prices: prices.subarray(begin, end) } : {}),
    ...(topics ? { topics: topics.subarray(begin, end) } : {}),
  };
}

/** Events in order of time; equal times keep the order in which they came. */
function joined(before: CustomerEvents | undefined, since: readonly LiveEvent[]): CustomerEvents {
  const known = before?.items.length ?? 0;
  const time = (place: number) => (place < known ? before?.times[place] : since[place - known]?.time) ?? 0;
  const order = Array.from({ length: known + since.length }, (_, place) => place);
  if (order.some((place) => place > 0 && time(place) < time(place - 1))) order.sort((a, b) => time(a) - time(b) || a - b);
  const column = (stored: ArrayLike<number> | undefined, own: (event: LiveEvent) => number) =>
    order.map((place) => {
      const event = since[place - known];
      return (place < known || event === undefined ? stored?.[place] : own(event)) ?? 0;
    });
  const unsaid = () => Number.NaN; // live events say neither
  return {
    items: Int32Array.from(column(before?.items, ({ item }) => item)),
    actions: Uint8Array.from(column(before?.actions, ({ action }) => action)),
    times: Float64Array.from(column(before?.times, (event) => event.time)),
    ...(before?.dwells ? { dwells: Float32Array.from(column(before.dwells, unsaid)) } : {}),
    ...(before?.prices ? { prices: Float32Array.from(column(before.prices, unsaid)) } : {}),
    ...(before?.topics || since.some(({ topic = 0 }) => topic > 0)
      ? { topics: Int32Array.from(column(before?.topics, ({ topic = 0 }) => topic)) }
      : {}),
  };
}

function holds(events: CustomerEvents | undefined, { time, item, action }: LiveEvent): boolean {
  if (events === undefined) return false;
  for (let place = events.times.length - 1; place >= 0 && (events.times[place] as number) >= time; place--) {
    if (events.times[place] === time && events.items[place] === item && events.actions[place] === action) return true;
  }
  return false;
}

const numbersOf = (histories: Histories | undefined): ReadonlyMap<string, number> =>
  new Map(histories?.customers.map((customer, number) => [customer, number]));
