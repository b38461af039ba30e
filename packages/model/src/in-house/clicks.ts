/**
 * How likely a customer is to click on an advert, from a merchant's own impressions and clicks: in-house, outside ε.
 *
 * One case an impression of an item; it was clicked if the same customer's `advertClick` on the same item follows within half an hour. A customer's rate counts what was
 * before the impression only; an item's is of other parts' customers (`propensity.ts`), so that no case is told its own outcome, and is looked at where `minSupport`
 * distinct customers were shown it. Rates are smoothed towards the log's own, (clicks + m·rate)/(impressions + m).
 */
import { actions, type Histories, secondsOfDay } from "@tributary/events/histories";
import { cosineOf, type ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ItemCategories } from "./categories.ts";
import type { FeatureRow } from "./logistic.ts";
import { defaultMinSupport } from "./own-statistics.ts";
import {
  driversOf,
  fitPropensity,
  folds,
  type JudgedCases,
  logOddsOf,
  type PropensityCase,
  type PropensityModel,
  partOf,
  propensityFigures,
  propensityOf,
} from "./propensity.ts";

const [impression, click] = [actions.indexOf("impression"), actions.indexOf("advertClick")];
/** Seconds. */
const clickWindow = 1800;
/** Latest looks that the two profiles read. */
const [shortProfile, longProfile] = [10, 60];
const smoothing = 5;
/** Looks that everybody's taste weighs as much as. */
const tasteSmoothing = 4;
const mostCases = 24_000;
const leastOfEach = 20;

const clickFeatures = [
  "how often this customer clicks",
  "how often this item is clicked",
  "likeness to what the customer looked at",
  "the customer looked at this item",
  "days since the last event",
  "events so far",
  "days since the last click",
  "clicks so far",
  "likeness to the latest look",
  "likeness to all looks",
  "adverts shown just before",
  "it is of the category that is looked at",
  "taste for its category, against everybody's",
] as const;
const recencyFrequency = [4, 5, 6, 7] as const;
/** Columns of likeness, which have no value where the customer looked at nothing yet. */
const columnsOfLikeness: readonly number[] = [2, 8, 9];

export interface ClickModel {
  readonly propensity: PropensityModel;
  /** Of the log: clicks over impressions. */
  readonly rate: number;
  /** [items] log-odds of an item's smoothed rate. */
  readonly itemLogOdds: Float64Array;
  /** Mean likenesses, by `columnsOfLikeness`: of a customer who looked at nothing yet. */
  readonly typical: readonly number[];
  readonly categories: ItemCategories | undefined;
  /** [categories + 1] what share of all looks is at each. */
  readonly categoryShares: Float64Array;
  /** On customers who were not learnt from; undefined where all did the same. */
  readonly auc: number | undefined;
  /** Of recency and frequency alone, of events and of clicks. */
  readonly baselineAuc: number | undefined;
  readonly calibrationError: number;
  readonly cases: number;
}

export interface ClickOptions {
  readonly minSupport?: number;
  readonly categories?: ItemCategories | undefined;
}

/** @returns undefined where the log has too few impressions, or too few were clicked */
export function fitClicks(
  histories: Histories,
  similarity: ItemSimilarity,
  options: ClickOptions = {},
): ClickModel | undefined {
  return judgeClicks(histories, similarity, options)?.model;
}

/** The same, with what was said of each impression; `events` are the impressions' places in the log, in the order of what was said. */
export function judgeClicks(
  histories: Histories,
  similarity: ItemSimilarity,
  { minSupport = defaultMinSupport, categories }: ClickOptions = {},
): { readonly model: ClickModel; readonly judged: JudgedCases; readonly events: Uint32Array } | undefined {
  const shown = histories.actions.reduce((sum, action) => sum + (action === impression ? 1 : 0), 0);
  if (shown < 2 * leastOfEach) return undefined;
  const { rate, itemLogOdds, byFold } = clickCounts(histories, similarity.items, minSupport);
  if (!(rate > 0 && rate < 1)) return undefined;
  const taste = { categories, categoryShares: sharesOfCategories(histories, categories) };
  const every = Math.max(1, Math.ceil(shown / mostCases));
  const [raw, events]: [PropensityCase[], number[]] = [[], []];
  let number = 0;
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const [begin, end] = [histories.offsets[customer] as number, histories.offsets[customer + 1] as number];
    const known = byFold[partOf(customer, folds)] ?? itemLogOdds;
    for (let event = begin; event < end; event++) {
      if (histories.actions[event] !== impression || histories.items[event] === 0 || number++ % every > 0) continue;
      const [item, now] = [histories.items[event] as number, histories.times[event] as number];
      const row = featuresOf(histories, { begin, end: event }, { item, now, similarity, rate, itemLogOdds: known, ...taste });
      raw.push({ customer, row, outcome: clicked(histories, event, end) ? 1 : 0 });
      events.push(event);
    }
  }
  const typical = columnsOfLikeness.map((column) => {
    const known = raw.flatMap(({ row }) => (Number.isNaN(row[column]) ? [] : [row[column] as number]));
    return known.reduce((sum, likeness) => sum + likeness, 0) / Math.max(1, known.length);
  });
  const cases = raw.map((one) => ({ ...one, row: withTypical(one.row, typical) }));
  const all = clickFeatures.map((_, f) => f);
  const fitted = fitPropensity(cases, { names: clickFeatures, sets: [[...recencyFrequency], all], leastOfEach });
  if (fitted === undefined) return undefined;
  const { model: propensity, judged } = fitted;
  const { auc, calibrationError } = propensityFigures(judged.outcomes, judged);
  const { auc: baselineAuc } = propensityFigures(judged.outcomes, judged.baseline);
  return {
    model: { propensity, rate, itemLogOdds, typical, ...taste, auc, baselineAuc, calibrationError, cases: cases.length },
    judged,
    events: Uint32Array.from(events),
  };
}

/**
 * P(click) of one customer who is shown an item, first of all adverts.
 * @param events oldest first; may be none
 */
export function clickProbability(
  { propensity, typical, ...known }: ClickModel,
  events: Pick<Histories, "items" | "actions" | "times">,
  { item, now, similarity }: { readonly item: number; readonly now: number; readonly similarity: ItemSimilarity },
): { readonly probability: number; readonly drivers: readonly { readonly feature: string; readonly logOdds: number }[] } {
  const stretch = { begin: 0, end: events.items.length };
  const row = withTypical(featuresOf(events, stretch, { item, now, similarity, ...known, slot: 0 }), typical);
  const drivers = driversOf(propensity, row).map(({ name, logOdds }) => ({ feature: name, logOdds }));
  return { probability: propensityOf(propensity, row), drivers };
}

const withTypical = (row: FeatureRow, typical: readonly number[]): FeatureRow =>
  row.map((value, f) => (Number.isNaN(value) ? (typical[columnsOfLikeness.indexOf(f)] ?? 0) : value));

interface Asked extends Pick<ClickModel, "rate" | "itemLogOdds" | "categories" | "categoryShares"> {
  readonly item: number;
  readonly now: number;
  readonly similarity: ItemSimilarity;
  /** Adverts above this one; default: as the events say. */
  readonly slot?: number;
}

/** `clickFeatures`; likenesses are NaN where nothing was looked at. */
function featuresOf(
  { items, actions: done, times }: Pick<Histories, "items" | "actions" | "times">,
  { begin, end }: { readonly begin: number; readonly end: number },
  { item, now, similarity, rate, itemLogOdds, slot, categories, categoryShares }: Asked,
): FeatureRow {
  const own = categories?.of[item] ?? 0;
  let [shown, clicks, seen, count, lastClick, above] = [0, 0, 0, 0, -1, 0];
  let [looks, ofCategory, near] = [0, 0, 0];
  for (let event = begin; event < end; event++) {
    if (done[event] === impression) {
      [shown, above] = [shown + 1, above + 1];
      continue;
    }
    count += 1;
    if (done[event] === click) [clicks, lastClick] = [clicks + 1, event];
    else {
      above = 0;
      const other = items[event] as number;
      if (other === item) seen = 1;
      if (other === 0 || own === 0) continue;
      near = categories?.of[other] === own ? 1 : 0;
      [looks, ofCategory] = [looks + 1, ofCategory + near];
    }
  }
  let [latest, short, long, looked] = [0, 0, 0, 0];
  for (let event = end - 1; event >= begin && looked < longProfile; event--) {
    const other = items[event] as number;
    if (other === 0 || done[event] === impression) continue;
    const likeness = cosineOf(similarity, other, item);
    if (looked === 0) latest = likeness;
    if (looked < shortProfile) short += likeness;
    long += likeness;
    looked += 1;
  }
  const share = categoryShares[own] as number;
  const days = (event: number) => Math.max(0, now - (times[event] as number)) / secondsOfDay;
  return [
    logOddsOf((clicks + smoothing * rate) / (Math.max(shown, clicks) + smoothing)),
    itemLogOdds[item - 1] as number,
    looked === 0 ? Number.NaN : short / Math.min(looked, shortProfile),
    seen,
    Math.log1p(end === begin ? 0 : days(end - 1)),
    Math.log1p(count),
    Math.log1p(end === begin ? 0 : days(lastClick < 0 ? begin : lastClick)),
    Math.log1p(clicks),
    looked === 0 ? Number.NaN : latest,
    looked === 0 ? Number.NaN : long / looked,
    slot ?? above,
    near,
    own === 0 ? 0 : Math.log((ofCategory / share + tasteSmoothing) / (looks + tasteSmoothing)),
  ];
}

/** Of looks: of events with an item that are no adverts. Nothing is taken to be rarer than a look. */
function sharesOfCategories({ items, actions: done }: Histories, categories: ItemCategories | undefined): Float64Array {
  const counts = new Float64Array((categories?.count ?? 0) + 1).fill(1);
  for (let event = 0; event < items.length; event++) {
    const item = items[event] as number;
    if (item === 0 || done[event] === impression || done[event] === click) continue;
    const own = categories?.of[item] ?? 0;
    counts[own] = (counts[own] as number) + 1;
  }
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / all);
}

interface ClickCounts {
  readonly rate: number;
  readonly itemLogOdds: Float64Array;
  /** `[folds]`: of the customers of the other parts. */
  readonly byFold: readonly Float64Array[];
}

function clickCounts(histories: Histories, items: number, minSupport: number): ClickCounts {
  const { customers, offsets, items: events, actions: done } = histories;
  const zeros = () => Array.from({ length: folds }, () => new Float64Array(items));
  const [shown, clicks, support] = [zeros(), zeros(), zeros()];
  const last = new Int32Array(items).fill(-1);
  const add = (counts: readonly Float64Array[], fold: number, place: number, count: number) => {
    const own = counts[fold];
    if (own !== undefined) own[place] = (own[place] as number) + count;
  };
  let [all, allClicked] = [0, 0];
  for (let customer = 0; customer < customers.length; customer++) {
    const [fold, end] = [partOf(customer, folds), offsets[customer + 1] as number];
    for (let event = offsets[customer] as number; event < end; event++) {
      const place = (events[event] as number) - 1;
      if (done[event] !== impression || place < 0 || place >= items) continue;
      const hit = clicked(histories, event, end) ? 1 : 0;
      [all, allClicked] = [all + 1, allClicked + hit];
      add(shown, fold, place, 1);
      add(clicks, fold, place, hit);
      if (last[place] !== customer) add(support, fold, place, 1);
      last[place] = customer;
    }
  }
  const rate = all === 0 ? 0 : allClicked / all;
  const without = (fold: number) => {
    const sum = (counts: readonly Float64Array[], place: number) =>
      counts.reduce((total, own, other) => total + (other === fold ? 0 : (own[place] as number)), 0);
    return Float64Array.from({ length: items }, (_, place) => {
      if (sum(support, place) < minSupport) return logOddsOf(rate);
      return logOddsOf((sum(clicks, place) + smoothing * rate) / (sum(shown, place) + smoothing));
    });
  };
  return { rate, itemLogOdds: without(-1), byFold: Array.from({ length: folds }, (_, fold) => without(fold)) };
}

function clicked({ items, actions: done, times }: Pick<Histories, "items" | "actions" | "times">, event: number, end: number) {
  for (let later = event + 1; later < end; later++) {
    if ((times[later] as number) - (times[event] as number) > clickWindow) return false;
    if (done[later] === click && items[later] === items[event]) return true;
  }
  return false;
}
