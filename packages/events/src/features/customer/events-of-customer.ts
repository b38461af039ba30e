/** What a feature of a customer is made from: a stretch of its events, and the moment at which it is asked. */
import { actions, type Histories } from "../../histories.ts";

/** Seconds without an event after which the next one begins a visit: half an hour, as analytics tools count it. */
export const visitGap = 1800;
export const secondsOfDay = 86_400;

export interface EventsOfCustomer extends Pick<Histories, "items" | "actions" | "times"> {
  readonly dwells?: Float32Array | undefined;
  /** The customer's events: places `begin` up to, not including, `end`, oldest first; at least one. */
  readonly begin: number;
  readonly end: number;
  /** Unix seconds: the moment that is asked about, at or after the last event. */
  readonly now: number;
  /** `[items + 1]`: a number for each item's category, 0 where the catalogue has none; entry 0 stands for no item. */
  readonly categories: Int32Array | Uint32Array;
}

export interface Feature {
  /** As reports and explanations call it, with its unit. */
  readonly name: string;
  /** NaN where the customer's events don't say. */
  readonly of: (events: EventsOfCustomer) => number;
}

export const [cart, buy] = [actions.indexOf("cart"), actions.indexOf("buy")];
const impression = actions.indexOf("impression");

/** The same without what the customer was only shown (docs/decisions/0041): an impression is what the shop did. */
export function ownEvents(events: EventsOfCustomer): EventsOfCustomer {
  const places: number[] = [];
  for (let event = events.begin; event < events.end; event++) if (events.actions[event] !== impression) places.push(event);
  if (places.length === events.end - events.begin) return events;
  const { items, actions: done, times, dwells, now, categories } = events;
  return {
    items: Int32Array.from(places, (event) => items[event] as number),
    actions: Uint8Array.from(places, (event) => done[event] as number),
    times: Float64Array.from(places, (event) => times[event] as number),
    ...(dwells ? { dwells: Float32Array.from(places, (event) => dwells[event] as number) } : {}),
    ...{ begin: 0, end: places.length, now, categories },
  };
}

/** Whether an event begins a visit. */
export const beginsVisit = ({ times, begin }: EventsOfCustomer, event: number): boolean =>
  event === begin || (times[event] as number) - (times[event - 1] as number) >= visitGap;

/** How many events of a stretch hold. */
export function countOf(events: EventsOfCustomer, holds: (event: number) => boolean): number {
  let count = 0;
  for (let event = events.begin; event < events.end; event++) if (holds(event)) count++;
  return count;
}

export const visitsOf = (events: EventsOfCustomer): number => countOf(events, (event) => beginsVisit(events, event));

/** The middle of these numbers, the mean of the two in the middle of an even count; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (place: number) => sorted[place] ?? Number.NaN;
  return Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle));
}
