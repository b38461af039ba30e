/**
 * What is read of a history to tell who leaves. The first two alone are the recency–frequency model of the field; the others are its pace, and what changes before a
 * customer leaves: visits that become rarer and shorter, less that is bought, fewer categories (partial defection: Buckinx & Van den Poel, European Journal of
 * Operational Research 164, 2005).
 *
 * An impression is what the shop did, not the customer (decision 41): it counts as a sign that the customer was there, and nowhere else.
 */
import { actions, type Histories, secondsOfDay, visitGap } from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import type { ItemCategories } from "./categories.ts";
import type { FeatureRow } from "./logistic.ts";

/** Visits that are of late. */
const lateVisits = 3;
const [cart, buy, impression] = [actions.indexOf("cart"), actions.indexOf("buy"), actions.indexOf("impression")];

/** Each with what makes days, counts or shares of it again. */
const features = [
  ["days since the last event", Math.expm1],
  ["events so far", Math.expm1],
  ["events in the last horizon", Math.expm1],
  ["activity of late, against before", Math.exp],
  ["days since the last event, against the usual gap", Math.exp],
  ["days with this shop", Math.expm1],
  ["visits", Math.expm1],
  ["purchases", Math.expm1],
  ["a purchase in the last visit", Number],
  ["different items", Math.expm1],
  ["silence beyond the usual gap, squared", Number],
  ["days between visits", Math.expm1],
  ["late gaps, against those before", Math.exp],
  ["events a visit of late, against before", Math.exp],
  ["carts and purchases of late, against before", Math.exp],
  ["categories of late, for what was looked at", Math.exp],
] as const satisfies readonly (readonly [string, (value: number) => number])[];

export const churnFeatures: readonly string[] = features.map(([name]) => name);

/** A head of the federation's model stands beside the features, as log-odds. */
export const headFeature = "what the federation's model says";

/** Features as one would say them: days and counts instead of their logarithms. */
export function readableFeature(value: number, feature: number): number {
  return (features[feature]?.[1] ?? Number)(value);
}

export type EventColumns = Pick<Histories, "items" | "actions" | "times" | "dwells">;

interface VisitSum {
  readonly from: number;
  to: number;
  events: number;
  /** Carts and purchases. */
  wants: number;
  bought: boolean;
  /** Categories, or items where categories are not known. */
  readonly kinds: Set<number>;
}

/** One row of `churnFeatures` of the events of a stretch. @param horizon seconds */
export function churnRow(
  { items, actions: done, times }: EventColumns,
  { begin, end }: Stretch,
  {
    now,
    horizon,
    categories,
  }: { readonly now: number; readonly horizon: number; readonly categories?: ItemCategories | undefined },
): FeatureRow {
  const distinct = new Set<number>();
  const visits: VisitSum[] = [];
  let [count, recent, before, purchases] = [0, 0, 0, 0];
  for (let event = begin; event < end; event++) {
    const [time, item, action] = [times[event] as number, items[event] as number, done[event] as number];
    let visit = visits.at(-1);
    if (visit === undefined || time - visit.to >= visitGap) {
      visit = { from: time, to: time, events: 0, wants: 0, bought: false, kinds: new Set() };
      visits.push(visit);
    }
    visit.to = time;
    if (action === impression) continue;
    count += 1;
    visit.events += 1;
    const age = now - time;
    if (age <= horizon) recent += 1;
    else if (age <= 2 * horizon) before += 1;
    if (action === buy) [purchases, visit.bought] = [purchases + 1, true];
    if (action === buy || action === cart) visit.wants += 1;
    if (item > 0) {
      distinct.add(item);
      visit.kinds.add(categories?.of[item] ?? item);
    }
  }
  const since = Math.max(0, now - (times[end - 1] as number)) / secondsOfDay;
  const tenure = Math.max(0, now - (times[begin] as number)) / secondsOfDay;
  const gap = ((times[end - 1] as number) - (times[begin] as number)) / secondsOfDay / Math.max(1, visits.length - 1);
  return [
    Math.log1p(since),
    Math.log1p(count),
    Math.log1p(recent),
    Math.log((1 + recent) / (1 + before)),
    Math.log((1 + since) / (1 + gap)),
    Math.log1p(tenure),
    Math.log1p(visits.length),
    Math.log1p(purchases),
    visits.at(-1)?.bought === true ? 1 : 0,
    Math.log1p(distinct.size),
    Math.max(0, Math.log((1 + since) / (1 + gap))) ** 2,
    Math.log1p(visits.length > 1 ? gap : tenure),
    ...lateAgainstBefore(visits),
  ];
}

/** Logarithms of ratios, of the last visits against those before; 0 where there were none before. */
function lateAgainstBefore(visits: readonly VisitSum[]): readonly number[] {
  const [early, late] = [visits.slice(0, -lateVisits), visits.slice(-lateVisits)];
  if (early.length === 0) return [0, 0, 0, 0];
  const sum = (list: readonly VisitSum[], of: (visit: VisitSum) => number) => list.reduce((total, one) => total + of(one), 0);
  const mean = (list: readonly VisitSum[], of: (visit: VisitSum) => number) => sum(list, of) / list.length;
  const pauses = visits.slice(1).map(({ from }, place) => (from - (visits[place]?.to ?? from)) / secondsOfDay);
  const [earlyPauses, latePauses] = [pauses.slice(0, -2), pauses.slice(-2)];
  const meanOf = (list: readonly number[]) => list.reduce((total, one) => total + one, 0) / Math.max(1, list.length);
  const pace = earlyPauses.length === 0 ? 0 : Math.log((0.1 + meanOf(latePauses)) / (0.1 + meanOf(earlyPauses)));
  const wanted = (list: readonly VisitSum[]) => (1 + sum(list, ({ wants }) => wants)) / (8 + sum(list, ({ events }) => events));
  const spread = (list: readonly VisitSum[]) => mean(list, ({ kinds, events }) => kinds.size / Math.sqrt(Math.max(1, events)));
  return [
    pace,
    Math.log((1 + mean(late, ({ events }) => events)) / (1 + mean(early, ({ events }) => events))),
    Math.log(wanted(late) / wanted(early)),
    Math.log((0.1 + spread(late)) / (0.1 + spread(early))),
  ];
}
