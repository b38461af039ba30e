/**
 * Who is about to leave: in-house, from a merchant's own log, so it costs no ε. Churn is asked as the model's own head is (`evaluateChurn`): of the
 * customers with an event in the horizon before a cut, who has none in the horizon after it.
 *
 * The log's last horizon (`log-end.ts`) is the outcome; the one before it, where there is one, gives a second cut to learn from. Recency and frequency alone are tried, with
 * pace and change beside them, and with habits as well (`habits.ts`), each with and without the head (`propensity.ts`). It is judged at the last cut, by customers who were not learnt from.
 */
import { type FeatureMoments, type Histories, secondsOfDay } from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import type { ItemCategories } from "./categories.ts";
import { churnFeatures, churnRow, type EventColumns, headFeature, readableFeature } from "./churn-features.ts";
import { habits, habitsRow, readableHabit } from "./habits.ts";
import { logDays } from "./log-end.ts";
import type { FeatureRow } from "./logistic.ts";
import {
  driversOf,
  fitPropensity,
  type JudgedCases,
  type PropensityModel,
  propensityFigures,
  propensityOf,
} from "./propensity.ts";

export interface ChurnModel {
  readonly horizonDays: number;
  /** Of `churnFeatures`, `habits`, and of the head as the column after them. */
  readonly propensity: PropensityModel;
  readonly usesHead: boolean;
  /** What narrows is counted in these. Absent: in items. */
  readonly categories: ItemCategories | undefined;
  /** What habits are standardised by; absent: public constants. */
  readonly moments: readonly FeatureMoments[] | undefined;
  /** On customers whose answers were neither learnt from nor calibrated by them. */
  readonly validation: ChurnValidation;
}

export interface ChurnValidation {
  readonly customers: number;
  readonly rate: number;
  /** Undefined where all did the same. */
  readonly auc: number | undefined;
  /** Of a recency–frequency regression on the same customers. */
  readonly baselineAuc: number | undefined;
  /** Expected calibration error. */
  readonly calibrationError: number;
}

/** A customer at a cut, and what became of it. */
export interface ChurnCase {
  readonly customer: number;
  readonly stretch: Stretch;
  readonly cut: number;
  /** 1: left. */
  readonly outcome: number;
}

export interface ChurnOptions {
  /** Log-odds of the federated head for the cases, by place; undefined where there is no such head. */
  readonly heads?: readonly (readonly number[])[] | undefined;
  readonly categories?: ItemCategories | undefined;
  /** Of all customer features, as the federation released them. */
  readonly moments?: readonly FeatureMoments[] | undefined;
}

/** Learnt from and judged by, of customers spread over the log: more says little more. */
const mostCases = 60_000;
/** Fewer of either outcome at the last cut tell nothing. */
const leastOfEach = 16;
const recencyFrequency = [0, 1] as const;
/** The column of the head. */
const head = churnFeatures.length + habits.length;

/** Days: as wished, but a third of the log at most, since two horizons are looked at and something has to be before them. */
export function churnHorizon({ times }: Pick<Histories, "times">, wishedDays: number): number {
  const { first, last } = spanOf(times);
  return Math.max(1, Math.min(wishedDays, Math.floor((last - first) / (3 * secondsOfDay))));
}

/** Everybody who can be asked about at the log's last two cuts, the last one first. */
export function churnCases(histories: Histories, horizonDays: number): readonly (readonly ChurnCase[])[] {
  const horizon = horizonDays * secondsOfDay;
  const { first, last } = spanOf(histories.times);
  const cuts = [last - horizon, last - 2 * horizon].filter((cut) => cut - horizon >= first);
  return cuts.map((cut) => casesAt(histories, cut, horizon));
}

function casesAt({ customers, offsets, times }: Histories, cut: number, horizon: number): readonly ChurnCase[] {
  return customers.flatMap((_, customer): readonly ChurnCase[] => {
    const [begin, last] = [offsets[customer] as number, offsets[customer + 1] as number];
    let end = begin;
    while (end < last && (times[end] as number) < cut) end++;
    if (end === begin || (times[end - 1] as number) < cut - horizon) return [];
    const stays = end < last && (times[end] as number) < cut + horizon;
    return [{ customer, cut, stretch: { begin, end }, outcome: stays ? 0 : 1 }];
  });
}

/** @returns undefined where the log holds too little to learn, calibrate and judge by */
export function fitChurn(
  histories: Histories,
  horizonDays: number,
  cases: readonly (readonly ChurnCase[])[],
  options: ChurnOptions = {},
): ChurnModel | undefined {
  return judgeChurn(histories, horizonDays, cases, options)?.model;
}

/** The same, with what was said of each customer at the last cut, and which these are, in the same order. */
export function judgeChurn(
  histories: Histories,
  horizonDays: number,
  cases: readonly (readonly ChurnCase[])[],
  { heads, categories, moments }: ChurnOptions = {},
): { readonly model: ChurnModel; readonly judged: JudgedCases; readonly asked: readonly ChurnCase[] } | undefined {
  const horizon = horizonDays * secondsOfDay;
  const own = churnFeatures.map((_, f) => f);
  const sets = [[...recencyFrequency], own, [...own, ...habits.map((_, f) => own.length + f)]];
  const every = Math.max(1, Math.ceil(cases.reduce((sum, list) => sum + list.length, 0) / mostCases));
  const isAsked = ({ customer }: ChurnCase) => customer % every === 0;
  const whole = cases.flatMap((list, cut) =>
    list.flatMap((one, place) => {
      if (!isAsked(one)) return [];
      const { customer, outcome, stretch, cut: now } = one;
      const row = wholeRow(histories, stretch, { now, horizon, categories, moments });
      return [{ customer, outcome, judged: cut === 0, row: withHead(row, heads?.[cut]?.[place]) }];
    }),
  );
  const fitted = fitPropensity(whole, {
    names: [...churnFeatures, ...habits, headFeature],
    sets: heads === undefined ? sets : [...sets, ...sets.map((set) => [...set, head])],
    leastOfEach,
  });
  if (fitted === undefined) return undefined;
  const { model: propensity, judged } = fitted;
  const { cases: customers, rate, auc, calibrationError } = propensityFigures(judged.outcomes, judged);
  const { auc: baselineAuc } = propensityFigures(judged.outcomes, judged.baseline);
  const validation = { customers, rate, auc, baselineAuc, calibrationError };
  const usesHead = propensity.features.includes(head);
  const asked = (cases[0] ?? []).filter(isAsked);
  return { model: { horizonDays, propensity, usesHead, categories, moments, validation }, judged, asked };
}

/** `churnFeatures`, then `habits`. */
function wholeRow(
  events: EventColumns,
  stretch: Stretch,
  { moments, ...asked }: Pick<ChurnOptions, "categories" | "moments"> & { readonly now: number; readonly horizon: number },
): FeatureRow {
  return [...churnRow(events, stretch, asked), ...habitsRow(events, stretch, asked, moments)];
}

/** A value as one would say it, by its column. */
function readable(value: number, feature: number, { moments }: Pick<ChurnModel, "moments">): number {
  const habit = feature - churnFeatures.length;
  return habit >= 0 && habit < habits.length ? readableHabit(value, habit, moments) : readableFeature(value, feature);
}

const withHead = (row: FeatureRow, said: number | undefined): FeatureRow => (said === undefined ? row : [...row, said]);

export interface ChurnAnswer {
  readonly probability: number;
  /** What moves the log-odds, the strongest first; above 0 it speaks for leaving. */
  readonly drivers: readonly { readonly feature: string; readonly value: number; readonly logOdds: number }[];
}

/**
 * @param events one customer's, oldest first, with at least one of them before `now`
 * @param now Unix seconds: the moment that is asked about
 * @param said log-odds of the federated head, where the model reads it
 */
export function churnOf(churn: ChurnModel, events: EventColumns, now: number, said?: number): ChurnAnswer {
  const { propensity, horizonDays, categories, moments } = churn;
  const asked = { now, horizon: horizonDays * secondsOfDay, categories, moments };
  const row = wholeRow(events, { begin: 0, end: events.times.length }, asked);
  const whole = withHead(row, said ?? (propensity.model.means.at(-1) as number));
  const drivers = driversOf(propensity, whole)
    .map(({ name, feature, value, logOdds }) => ({ feature: name, value: readable(value, feature, churn), logOdds }))
    .sort((a, b) => Math.abs(b.logOdds) - Math.abs(a.logOdds));
  return { probability: propensityOf(propensity, whole), drivers };
}

function spanOf(times: Float64Array): { readonly first: number; readonly last: number } {
  const first = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  return { first, last: logDays(times).end() };
}
