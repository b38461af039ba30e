/**
 * How likely a customer is to buy later in the visit that it is in, from a merchant's own log: in-house, outside ε. Purchase is asked as the model's own head is
 * (`training/examples/labels.ts`): a `buy` after the latest event, before a pause of half an hour.
 *
 * One case a visit at most: at its first event for every second one, else at its second to ninth, where it has so many, so that both who has just come and who is in the
 * midst of it are learnt from. Which one is fixed before the visit is looked at: a place drawn from how long it became would know how it ended.
 */
import { actions, type Histories, secondsOfDay, visitGap } from "@tributary/events/histories";
import type { FeatureRow } from "./logistic.ts";
import {
  driversOf,
  fitPropensity,
  type JudgedCases,
  logOddsOf,
  type PropensityCase,
  type PropensityModel,
  propensityFigures,
  propensityOf,
} from "./propensity.ts";

const [cart, buy] = [actions.indexOf("cart"), actions.indexOf("buy")];
const [impression, click] = [actions.indexOf("impression"), actions.indexOf("advertClick")];
const smoothing = 4;
/** Events after a visit's first at which it may be asked about. */
const latestAsked = 8;
const mostCases = 24_000;
const leastOfEach = 20;

const purchaseFeatures = [
  "days since the visit before",
  "events so far",
  "days since the last purchase",
  "purchases so far",
  "purchases a visit",
  "carts a look",
  "purchases a cart",
  "events of this visit",
  "something was just put into the cart",
  "something was just bought",
  "an advert was just shown",
  "looked at before",
  "left in the cart before",
  "events a visit",
  "this pause, against the usual one",
  "something was just put into the cart, by one who buys what is in it",
] as const;
const recencyFrequency = [0, 1, 2, 3] as const;

export interface PurchaseModel {
  readonly propensity: PropensityModel;
  readonly rates: PurchaseRates;
  /** On customers who were not learnt from; undefined where all did the same. */
  readonly auc: number | undefined;
  /** Of recency and frequency alone, of events and of purchases. */
  readonly baselineAuc: number | undefined;
  readonly calibrationError: number;
  readonly cases: number;
}

/** Of the whole log; a customer's own are smoothed towards them. */
interface PurchaseRates {
  readonly purchasesPerVisit: number;
  readonly cartsPerLook: number;
  readonly purchasesPerCart: number;
}

/** @returns undefined where the log has too few visits with a purchase, or without */
export function fitPurchase(histories: Histories): PurchaseModel | undefined {
  return judgePurchase(histories)?.model;
}

/** The same, with what was said of each case; `events` are their latest events' places in the log, in the order of what was said. */
export function judgePurchase(
  histories: Histories,
): { readonly model: PurchaseModel; readonly judged: JudgedCases; readonly events: Uint32Array } | undefined {
  const { customers, offsets, actions: done } = histories;
  const rates = ratesOf(histories);
  const ends = histories.times.reduce((latest, time) => Math.max(latest, time), 0);
  const [cases, events]: [PropensityCase[], number[]] = [[], []];
  const visits = customers.reduce((sum, _, customer) => sum + visitsOf(histories, customer).length, 0);
  const every = Math.max(1, Math.ceil(visits / mostCases));
  let number = 0;
  for (let customer = 0; customer < customers.length; customer++) {
    const begin = offsets[customer] as number;
    for (const { from, to } of visitsOf(histories, customer)) {
      const drawn = Math.imul(number++ + 1, 0x9e3779b1) >>> 8;
      if (number % every > 0) continue;
      const event = from + (drawn % 2 === 0 ? 0 : 1 + ((drawn >>> 1) % latestAsked));
      if (event >= to) continue;
      const bought = done.subarray(event + 1, to).includes(buy);
      const goesOn = ends - (histories.times[to - 1] as number) < visitGap;
      if (goesOn && !bought) continue;
      cases.push({ customer, row: purchaseRow(histories, { begin, end: event + 1 }, rates), outcome: bought ? 1 : 0 });
      events.push(event);
    }
  }
  const all = purchaseFeatures.map((_, f) => f);
  const fitted = fitPropensity(cases, { names: purchaseFeatures, sets: [[...recencyFrequency], all], leastOfEach });
  if (fitted === undefined) return undefined;
  const { model: propensity, judged } = fitted;
  const { auc, calibrationError } = propensityFigures(judged.outcomes, judged);
  const { auc: baselineAuc } = propensityFigures(judged.outcomes, judged.baseline);
  return {
    model: { propensity, rates, auc, baselineAuc, calibrationError, cases: cases.length },
    judged,
    events: Uint32Array.from(events),
  };
}

/**
 * P(a purchase later in the visit of the latest event).
 * @param events one customer's, oldest first, at least one
 */
export function purchaseProbability(
  { propensity, rates }: PurchaseModel,
  events: Pick<Histories, "items" | "actions" | "times">,
): { readonly probability: number; readonly drivers: readonly { readonly feature: string; readonly logOdds: number }[] } {
  const row = purchaseRow(events, { begin: 0, end: events.items.length }, rates);
  return {
    probability: propensityOf(propensity, row),
    drivers: driversOf(propensity, row).map(({ name, logOdds }) => ({ feature: name, logOdds })),
  };
}

type EventColumns = Pick<Histories, "items" | "actions" | "times">;

/** Stretches of events with no pause of half an hour in them. */
function visitsOf({ offsets, times }: Pick<Histories, "offsets" | "times">, customer: number) {
  const [begin, end] = [offsets[customer] as number, offsets[customer + 1] as number];
  const visits: { readonly from: number; readonly to: number }[] = [];
  let from = begin;
  for (let event = begin + 1; event <= end; event++) {
    if (event < end && (times[event] as number) - (times[event - 1] as number) < visitGap) continue;
    visits.push({ from, to: event });
    from = event;
  }
  return visits;
}

const isLook = (action: number) => action !== cart && action !== buy && action !== impression && action !== click;

function ratesOf(histories: Histories): PurchaseRates {
  let [looks, carts, buys, visits, bought] = [0, 0, 0, 0, 0];
  for (const action of histories.actions) {
    if (isLook(action)) looks += 1;
    else if (action === cart) carts += 1;
    else if (action === buy) buys += 1;
  }
  for (let customer = 0; customer < histories.customers.length; customer++) {
    for (const { from, to } of visitsOf(histories, customer)) {
      visits += 1;
      if (histories.actions.subarray(from, to).includes(buy)) bought += 1;
    }
  }
  const share = (part: number, whole: number) => Math.min(0.99, (part + 0.01) / (whole + 1));
  return { purchasesPerVisit: share(bought, visits), cartsPerLook: share(carts, looks), purchasesPerCart: share(buys, carts) };
}

/** `purchaseFeatures` of a stretch, of which the last event is the latest. */
function purchaseRow(
  { items, actions: done, times }: EventColumns,
  stretch: { readonly begin: number; readonly end: number },
  rates: PurchaseRates,
): FeatureRow {
  const { begin, end } = stretch;
  const last = end - 1;
  let [looks, carts, buys, visits, boughtVisits, count, visitEvents, lastBuy, visitBegins] = [0, 0, 0, 0, 0, 0, 0, -1, begin];
  let boughtHere = false;
  const [seen, inCart] = [new Set<number>(), new Set<number>()];
  let [seenBefore, cartBefore] = [0, 0];
  for (let event = begin; event < end; event++) {
    const [item, action] = [items[event] as number, done[event] as number];
    if (event > begin && (times[event] as number) - (times[event - 1] as number) >= visitGap) {
      [visits, boughtVisits] = [visits + 1, boughtVisits + (boughtHere ? 1 : 0)];
      [boughtHere, visitEvents, visitBegins] = [false, 0, event];
    }
    if (event === last) [seenBefore, cartBefore] = [seenEarlier(seen, items, stretch), inCart.has(item) ? 1 : 0];
    if (action === impression) continue;
    [count, visitEvents] = [count + 1, visitEvents + 1];
    if (isLook(action)) looks += 1;
    if (action === cart) {
      carts += 1;
      inCart.add(item);
    }
    if (action === buy) {
      [buys, lastBuy, boughtHere] = [buys + 1, event, true];
      inCart.delete(item);
    }
    if (item > 0 && item !== items[event - 1]) seen.add(item);
  }
  const days = (from: number, to: number) => Math.max(0, (times[to] as number) - (times[from] as number)) / secondsOfDay;
  const since = visitBegins === begin ? 0 : days(visitBegins - 1, visitBegins);
  const usual = visits === 0 ? since : days(begin, visitBegins) / visits;
  const perCart = logOddsOf((buys + smoothing * rates.purchasesPerCart) / (carts + smoothing));
  const justCart = done[last] === cart ? 1 : 0;
  return [
    Math.log1p(since),
    Math.log1p(count),
    Math.log1p(days(lastBuy < 0 ? begin : lastBuy, last)),
    Math.log1p(buys),
    logOddsOf((boughtVisits + smoothing * rates.purchasesPerVisit) / (visits + smoothing)),
    Math.log((carts + smoothing * rates.cartsPerLook) / (looks + smoothing)),
    perCart,
    Math.log1p(visitEvents),
    justCart,
    done[last] === buy ? 1 : 0,
    done[last] === impression || done[last] === click ? 1 : 0,
    seenBefore,
    cartBefore,
    Math.log1p((count - visitEvents) / Math.max(1, visits)),
    Math.log((1 + since) / (1 + usual)),
    justCart * perCart,
  ];
}

/** Whether the latest event's item was there before the run of events on it. */
function seenEarlier(
  seen: ReadonlySet<number>,
  items: Int32Array,
  { begin, end }: { readonly begin: number; readonly end: number },
): number {
  const item = items[end - 1] as number;
  if (item === 0 || !seen.has(item)) return 0;
  let first = end - 1;
  while (first > begin && items[first - 1] === item) first -= 1;
  return items.subarray(begin, first).includes(item) ? 1 : 0;
}
