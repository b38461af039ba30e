/**
 * Who is about to leave: in-house, from a merchant's own log, so it costs no ε. Churn is asked as the model's own head is (`evaluateChurn`): of the
 * customers with an event in the horizon before a cut, who has none in the horizon after it.
 *
 * The log's last horizon is the outcome; the one before it, where there is one, gives a second cut to learn from. Customers fall into five parts: what is said
 * of each part is learnt from the other four, and calibrates what is learnt from all (Platt scaling: a logistic regression of the outcome on the log-odds).
 * Recency and frequency alone are tried as well as all features, with and without the head; what says least wrongly of the others' customers is taken.
 * It is judged at the last cut, calibrated for each half of the customers by the other half: nobody is judged by what was learnt from them.
 */
import { actions, type Histories } from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import { calibration, rocAuc } from "../metrics/probabilities.ts";
import { contributionsOf, type FeatureRow, fitLogistic, type LogisticModel, logitOf, sigmoid } from "./logistic.ts";

const secondsOfDay = 86_400;
/** Seconds without an event after which the next one begins a visit, as in the model's own labels. */
const sessionGap = 1800;
const buy = actions.indexOf("buy");

/** What is read of a history. The first two alone are the recency–frequency model of the field (Buckinx & Van den Poel 2005). */
export const churnFeatures = [
  "days since the last event",
  "events so far",
  "events in the last horizon",
  "activity of late, against before",
  "days since the last event, against the usual gap",
  "days with this shop",
  "visits",
  "purchases",
  "a purchase in the last visit",
  "different items",
] as const;
const boughtFeature = 8;
const recencyFrequency = [0, 1] as const;

/** A head of the federation's model stands beside the features, as log-odds. */
export const headFeature = "what the federation's model says";

export interface ChurnModel {
  readonly horizonDays: number;
  /** What the model reads: places in `churnFeatures`, and the one after them for the head. */
  readonly features: readonly number[];
  readonly model: LogisticModel;
  /** Of log-odds of customers who were not learnt from. */
  readonly calibration: LogisticModel;
  readonly usesHead: boolean;
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

/** Fewer of either outcome at the last cut tell nothing. */
const leastOfEach = 16;
const folds = 5;

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

/**
 * @param heads log-odds of the federated head for these cases, by place; undefined where there is no such head
 * @returns undefined where the log holds too little to learn, calibrate and judge by
 */
export function fitChurn(
  histories: Histories,
  horizonDays: number,
  cases: readonly (readonly ChurnCase[])[],
  heads?: readonly (readonly number[])[],
): ChurnModel | undefined {
  const whole = cases.flatMap((list, cut) =>
    list.map((one, place) => ({ ...one, latest: cut === 0, row: rowOf(histories, one, horizonDays, heads?.[cut]?.[place]) })),
  );
  const latest = whole.filter((one) => one.latest);
  const left = latest.reduce((sum, { outcome }) => sum + outcome, 0);
  if (left < leastOfEach || latest.length - left < leastOfEach) return undefined;

  const own = churnFeatures.map((_, f) => f);
  const sets = [
    [...recencyFrequency],
    own,
    ...(heads === undefined
      ? []
      : [
          [...recencyFrequency, own.length],
          [...own, own.length],
        ]),
  ];
  const tried = sets.map((features) => {
    const said = outOfFold(latest, whole, features);
    return { features, said, loss: logLoss(said, latest) };
  });
  const [baseline] = tried;
  if (baseline === undefined) return undefined;
  const { features, said } = tried.reduce((best, one) => (one.loss < best.loss ? one : best), baseline);
  const model = learn(whole, features);
  const scaling = scale(latest, said);
  const halves = [0, 1].map((half) => latest.flatMap(({ customer }, n) => (partOf(customer, 2) === half ? [n] : [])));
  const probabilities = new Float64Array(latest.length);
  for (const [half, own] of halves.entries()) {
    const other = halves[1 - half] ?? [];
    const calibrating = other.map((n) => latest[n] as Learnt);
    if (!isMixed(calibrating)) return undefined;
    const halfScaling = scale(
      calibrating,
      other.map((n) => said[n] as number),
    );
    for (const n of own) probabilities[n] = sigmoid(logitOf(halfScaling, [said[n] as number]));
  }
  const happened = latest.map(({ outcome }) => outcome);
  return {
    ...{ horizonDays, features, model, calibration: scaling, usesHead: features.includes(own.length) },
    validation: {
      customers: latest.length,
      rate: left / latest.length,
      auc: rocAuc(said, happened),
      baselineAuc: rocAuc(baseline.said, happened),
      calibrationError: calibration(probabilities, happened).error,
    },
  };
}

interface Learnt {
  readonly customer: number;
  readonly outcome: number;
  readonly row: FeatureRow;
}

const isMixed = (list: readonly Learnt[]) => new Set(list.map(({ outcome }) => outcome)).size === 2;

/** By a number that has nothing to do with the order of ids, which may have been given out over time. */
const partOf = (customer: number, parts: number) => (Math.imul(customer + 1, 0x9e3779b1) >>> (parts === 2 ? 9 : 16)) % parts;

function learn(from: readonly Learnt[], features: readonly number[]): LogisticModel {
  return fitLogistic(
    from.map(({ row }) => chosen(row, features)),
    from.map(({ outcome }) => outcome),
    features.map((f) => churnFeatures[f] ?? headFeature),
  );
}

const chosen = (row: FeatureRow, features: readonly number[]): FeatureRow => features.map((f) => row[f] as number);

/** Mean −ln of what was said of what happened, in nats. */
function logLoss(logits: readonly number[], cases: readonly Learnt[]): number {
  const loss = (logit: number, outcome: number) => -Math.log(Math.max(1e-12, sigmoid(outcome === 1 ? logit : -logit)));
  return cases.reduce((sum, { outcome }, n) => sum + loss(logits[n] as number, outcome), 0) / cases.length;
}

/** Log-odds of each, learnt from the other customers' parts; 0 where those did all the same. */
function outOfFold(asked: readonly Learnt[], whole: readonly Learnt[], features: readonly number[]): readonly number[] {
  const models = Array.from({ length: folds }, (_, fold) => {
    const others = whole.filter(({ customer }) => partOf(customer, folds) !== fold);
    return isMixed(others) ? learn(others, features) : undefined;
  });
  return asked.map(({ customer, row }) => {
    const model = models[partOf(customer, folds)];
    return model === undefined ? 0 : logitOf(model, chosen(row, features));
  });
}

/** Platt scaling. */
function scale(cases: readonly Learnt[], logits: readonly number[]): LogisticModel {
  return fitLogistic(
    logits.map((logit) => [logit]),
    cases.map(({ outcome }) => outcome),
    ["log-odds"],
    1e-3,
  );
}

export interface ChurnAnswer {
  readonly probability: number;
  /** What moves the log-odds, the strongest first; above 0 it speaks for leaving. */
  readonly drivers: readonly { readonly feature: string; readonly value: number; readonly logOdds: number }[];
}

/**
 * @param events one customer's, oldest first, with at least one of them before `now`
 * @param now Unix seconds: the moment that is asked about
 * @param head log-odds of the federated head, where the model reads it
 */
export function churnOf(churn: ChurnModel, events: EventColumns, now: number, head?: number): ChurnAnswer {
  const { model, calibration: scaling, horizonDays, features } = churn;
  const row = featuresOf(events, { begin: 0, end: events.times.length }, now, horizonDays * secondsOfDay);
  const whole = chosen([...row, head ?? (model.means.at(-1) as number)], features);
  const slope = (scaling.weights[0] as number) / (scaling.deviations[0] as number);
  const drivers = contributionsOf(model, whole)
    .map((part, f) => ({
      feature: model.names[f] as string,
      value: readable(whole[f] as number, features[f] as number),
      logOdds: slope * part,
    }))
    .sort((a, b) => Math.abs(b.logOdds) - Math.abs(a.logOdds));
  return { probability: sigmoid(logitOf(scaling, [logitOf(model, whole)])), drivers };
}

type EventColumns = Pick<Histories, "items" | "actions" | "times">;

function rowOf(histories: Histories, { stretch, cut }: ChurnCase, horizonDays: number, head: number | undefined): FeatureRow {
  const row = featuresOf(histories, stretch, cut, horizonDays * secondsOfDay);
  return head === undefined ? row : [...row, head];
}

/** `churnFeatures` of the events of a stretch, all of them counts and durations under ln(1 + x), but for two ratios. */
function featuresOf({ items, actions: done, times }: EventColumns, stretch: Stretch, now: number, horizon: number): FeatureRow {
  const { begin, end } = stretch;
  const distinct = new Set<number>();
  let [recent, before, purchases, visits, boughtLast] = [0, 0, 0, 0, 0];
  for (let event = begin; event < end; event++) {
    const age = now - (times[event] as number);
    if (event === begin || (times[event] as number) - (times[event - 1] as number) >= sessionGap)
      [visits, boughtLast] = [visits + 1, 0];
    if (age <= horizon) recent += 1;
    else if (age <= 2 * horizon) before += 1;
    if (done[event] === buy) [purchases, boughtLast] = [purchases + 1, 1];
    if ((items[event] as number) > 0) distinct.add(items[event] as number);
  }
  const since = Math.max(0, now - (times[end - 1] as number)) / secondsOfDay;
  const tenure = Math.max(0, now - (times[begin] as number)) / secondsOfDay;
  const gap = ((times[end - 1] as number) - (times[begin] as number)) / secondsOfDay / Math.max(1, visits - 1);
  return [
    Math.log1p(since),
    Math.log1p(end - begin),
    Math.log1p(recent),
    Math.log((1 + recent) / (1 + before)),
    Math.log((1 + since) / (1 + gap)),
    Math.log1p(tenure),
    Math.log1p(visits),
    Math.log1p(purchases),
    boughtLast,
    Math.log1p(distinct.size),
  ];
}

/** Features as one would say them: days and counts instead of their logarithms. */
function readable(value: number, feature: number): number {
  if (feature >= churnFeatures.length || feature === boughtFeature) return value;
  return feature === 3 || feature === 4 ? Math.exp(value) : Math.expm1(value);
}

function spanOf(times: Float64Array): { readonly first: number; readonly last: number } {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const time of times) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  return { first, last };
}
