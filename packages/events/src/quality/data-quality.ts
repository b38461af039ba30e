/**
 * What a merchant's histories look like, so that mistakes in them are seen before anything is trained: days without events, customers without
 * purchases, a handful of items that everybody sees. For the merchant's own eyes: it is not private in the sense of DESIGN §4, and stays on the node.
 */
import { secondsOfDay } from "../features/customer/events-of-customer.ts";
import { type Action, actions, type Histories } from "../histories.ts";

export interface DataQuality {
  readonly events: number;
  readonly customers: number;
  /** Different items that occur. */
  readonly items: number;
  /** Days (UTC) with events, ascending: `[day, events]`. */
  readonly byDay: readonly (readonly [day: string, events: number])[];
  /** The longest stretches without an event between the first day and the last, longest first. */
  readonly silence: readonly { readonly from: string; readonly to: string; readonly days: number }[];
  /** Of each action that occurs: its events, and the customers who did it at least once. */
  readonly funnel: readonly { readonly action: Action; readonly events: number; readonly customers: number }[];
  /** Customers by the number of their events: at least `least`, fewer than twice as many. */
  readonly lengths: readonly { readonly least: number; readonly customers: number }[];
  readonly lengthQuantiles: Readonly<Record<"p10" | "p50" | "p90" | "p99" | "most", number>>;
  /** Shares of the events with an item that fall on the items most met. */
  readonly concentration: { readonly top1Percent: number; readonly top10Percent: number; readonly gini: number };
  /** Pairs of a customer's consecutive events by the time between them. */
  readonly gaps: readonly { readonly name: string; readonly pairs: number }[];
  /** Sentences on what looks wrong. */
  readonly remarks: readonly string[];
}

const listedSilences = 5;

/** Upper ends, in seconds. */
const gapClasses = [
  ["same second", 1],
  ["under a minute", 60],
  ["under half an hour", 1800],
  ["under a day", secondsOfDay],
  ["under a week", 7 * secondsOfDay],
  ["under a month", 30 * secondsOfDay],
  ["longer", Number.POSITIVE_INFINITY],
] as const;

/** From the typed arrays, in one pass over the events and a sort of the items. */
export function dataQuality(histories: Histories): DataQuality {
  const { customers, offsets, items, times } = histories;
  const events = items.length;
  const days = new Map<number, number>();
  for (const time of times) {
    const day = Math.floor(time / secondsOfDay);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  const ordered = [...days].sort(([a], [b]) => a - b);
  const gaps = gapClasses.map(([name]) => ({ name, pairs: 0 }));
  const lengths = customers.map((_, customer) => (offsets[customer + 1] ?? 0) - (offsets[customer] ?? 0));
  for (let customer = 0; customer < customers.length; customer++) {
    for (let event = (offsets[customer] ?? 0) + 1; event < (offsets[customer + 1] ?? 0); event++) {
      const gap = (times[event] ?? 0) - (times[event - 1] ?? 0);
      const place = gaps[gapClasses.findIndex(([, end]) => gap < end)];
      if (place) place.pairs++;
    }
  }
  const perItem = eventsPerItem(items);
  const quality = {
    events,
    customers: customers.length,
    items: perItem.length,
    byDay: ordered.map(([day, count]) => [dayName(day), count] as const),
    silence: silences(ordered.map(([day]) => day)),
    funnel: funnelOf(histories),
    lengths: lengthClasses(lengths),
    lengthQuantiles: quantilesOf(lengths),
    concentration: concentrationOf(perItem),
    gaps,
  };
  return { ...quality, remarks: remarksOn(quality) };
}

const dayName = (day: number) => new Date(day * secondsOfDay * 1000).toISOString().slice(0, 10);

function silences(days: readonly number[]): DataQuality["silence"] {
  return days
    .slice(1)
    .map((day, place) => ({ before: days[place] ?? 0, day }))
    .filter(({ before, day }) => day - before > 1)
    .map(({ before, day }) => ({ from: dayName(before + 1), to: dayName(day - 1), days: day - before - 1 }))
    .sort((a, b) => b.days - a.days)
    .slice(0, listedSilences);
}

function funnelOf({ customers, offsets, actions: actionOfEvent }: Histories): DataQuality["funnel"] {
  const events = actions.map(() => 0);
  const people = actions.map(() => 0);
  for (let customer = 0; customer < customers.length; customer++) {
    const done = new Set<number>();
    for (let event = offsets[customer] ?? 0; event < (offsets[customer + 1] ?? 0); event++) {
      const action = actionOfEvent[event] ?? 0;
      events[action] = (events[action] ?? 0) + 1;
      done.add(action);
    }
    for (const action of done) people[action] = (people[action] ?? 0) + 1;
  }
  return actions
    .map((action, number) => ({ action, events: events[number] ?? 0, customers: people[number] ?? 0 }))
    .filter((one) => one.events > 0);
}

/** Descending; items that don't occur are left out. */
function eventsPerItem(items: Int32Array): Uint32Array {
  const counts = new Uint32Array(items.reduce((most, item) => Math.max(most, item), 0) + 1);
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts
    .subarray(1)
    .filter((count) => count > 0)
    .sort()
    .reverse();
}

function lengthClasses(lengths: readonly number[]): DataQuality["lengths"] {
  const classes: number[] = [];
  for (const length of lengths) {
    const place = Math.floor(Math.log2(Math.max(1, length)));
    classes[place] = (classes[place] ?? 0) + 1;
  }
  return Array.from(classes, (customers = 0, place) => ({ least: 2 ** place, customers }));
}

function quantilesOf(lengths: readonly number[]): DataQuality["lengthQuantiles"] {
  const sorted = Uint32Array.from(lengths).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1) };
}

/**
 * Gini coefficient of the events over the items that occur: 0 where all are met alike, towards 1 where one is met always.
 * G = (2·Σᵢ i·xᵢ)/(n·Σ x) − (n+1)/n, x ascending, i from 1.
 */
function concentrationOf(descending: Uint32Array): DataQuality["concentration"] {
  const n = descending.length;
  const total = descending.reduce((sum, count) => sum + count, 0);
  if (total === 0) return { top1Percent: 0, top10Percent: 0, gini: 0 };
  const top = (share: number) => descending.subarray(0, Math.ceil(share * n)).reduce((sum, count) => sum + count, 0) / total;
  const weighted = descending.reduce((sum, count, place) => sum + (n - place) * count, 0);
  return { top1Percent: top(0.01), top10Percent: top(0.1), gini: (2 * weighted) / (n * total) - (n + 1) / n };
}

function remarksOn(quality: Omit<DataQuality, "remarks">): string[] {
  const { funnel, silence, gaps, events, customers, lengths } = quality;
  const of = (action: Action) => funnel.find((one) => one.action === action);
  const single = lengths.find(({ least }) => least === 1)?.customers ?? 0;
  const together = gaps[0]?.pairs ?? 0;
  return [
    ...(of("buy") === undefined ? ["There is no purchase: is the action column the right one?"] : []),
    ...(of("view") === undefined ? ["Nobody views anything: only part of the behaviour is in this log."] : []),
    ...silence.filter(({ days }) => days >= 7).map(({ from, to, days }) => `No event for ${days} days, ${from} to ${to}.`),
    ...(single > customers / 2
      ? [`${single} of ${customers} customers have one event: they can't teach what comes next.`]
      : []),
    ...(together > events / 10 ? [`${together} events share their second with the one before: their order is a guess.`] : []),
  ];
}
