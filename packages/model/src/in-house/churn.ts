/**
 * Who is about to leave: in-house, from a merchant's own log, so it costs no ε. Churn is asked as the model's own head is (`evaluateChurn`): of the
 * customers with an event in the horizon before a cut, who has none in the horizon after it.
 *
 * The log's last horizon is the outcome; the one before it, where there is one, gives a second cut to learn from. A quarter of the customers is not
 * learnt from: half of them calibrate what was learnt (Platt scaling: a logistic regression of the outcome on the log-odds), on the other half it is judged.
 */
import { actions, type Histories } from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import { calibration, rocAuc } from "../metrics/probabilities.ts";
import { contributionsOf, type FeatureRow, fitLogistic, type LogisticModel, logitOf, sigmoid } from "./logistic.ts";

const secondsOfDay = 86_400;
const buy = actions.indexOf("buy");

/** What is read of a history. The first two alone are the recency–frequency model of the field (Buckinx & Van den Poel 2005). */
export const churnFeatures = [
  "days since the last event",
  "events so far",
  "events in the last horizon",
  "activity of late, against before",
  "days since the last event, against the usual gap",
  "days with this shop",
  "active days",
  "purchases",
  "different items",
] as const;
const recencyFrequency = [0, 1] as const;

/** A head of the federation's model stands beside the features, as log-odds. */
export const headFeature = "what the federation's model says";

export interface ChurnModel {
  readonly horizonDays: number;
  readonly model: LogisticModel;
  /** Of log-odds, on customers who were not learnt from. */
  readonly calibration: LogisticModel;
  readonly usesHead: boolean;
  /** On customers who neither taught nor calibrated. */
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

/** Fewer of either outcome, in any of the three parts, tell nothing. */
const leastOfEach = 8;

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
  // by a number that has nothing to do with the id's order: ids may be given out over time
  const part = (customer: number) => (Math.imul(customer + 1, 0x9e3779b1) >>> 16) % 8;
  const learnt = whole.filter(({ customer }) => part(customer) > 1);
  const [calibrating, judging] = [0, 1].map((which) =>
    whole.filter(({ customer, latest }) => latest && part(customer) === which),
  );
  if (calibrating === undefined || judging === undefined) return undefined;
  const enough = [learnt, calibrating, judging].every((list) => {
    const left = list.reduce((sum, { outcome }) => sum + outcome, 0);
    return left >= leastOfEach && list.length - left >= leastOfEach;
  });
  if (!enough) return undefined;
  const names = heads === undefined ? churnFeatures : [...churnFeatures, headFeature];
  const outcomes = (list: typeof whole) => list.map(({ outcome }) => outcome);
  const model = fitLogistic(
    learnt.map(({ row }) => row),
    outcomes(learnt),
    names,
  );
  const scaling = fitLogistic(
    calibrating.map(({ row }) => [logitOf(model, row)]),
    outcomes(calibrating),
    ["log-odds"],
    1e-3,
  );
  const simple = (row: FeatureRow) => recencyFrequency.map((f) => row[f] as number);
  const baseline = fitLogistic(
    learnt.map(({ row }) => simple(row)),
    outcomes(learnt),
    recencyFrequency.map((f) => churnFeatures[f]),
  );
  const said = judging.map(({ row }) => sigmoid(logitOf(scaling, [logitOf(model, row)])));
  const happened = outcomes(judging);
  return {
    horizonDays,
    model,
    calibration: scaling,
    usesHead: heads !== undefined,
    validation: {
      customers: judging.length,
      rate: happened.reduce((sum, outcome) => sum + outcome, 0) / happened.length,
      auc: rocAuc(said, happened),
      baselineAuc: rocAuc(
        judging.map(({ row }) => logitOf(baseline, simple(row))),
        happened,
      ),
      calibrationError: calibration(said, happened).error,
    },
  };
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
  const { model, calibration: scaling, horizonDays } = churn;
  const row = featuresOf(events, { begin: 0, end: events.times.length }, now, horizonDays * secondsOfDay);
  const whole = churn.usesHead ? [...row, head ?? (model.means.at(-1) as number)] : row;
  const slope = (scaling.weights[0] as number) / (scaling.deviations[0] as number);
  const drivers = contributionsOf(model, whole)
    .map((part, f) => ({ feature: model.names[f] as string, value: readable(whole, f), logOdds: slope * part }))
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
  const days = new Set<number>();
  const distinct = new Set<number>();
  let [recent, before, purchases] = [0, 0, 0];
  for (let event = begin; event < end; event++) {
    const age = now - (times[event] as number);
    days.add(Math.floor((times[event] as number) / secondsOfDay));
    if (age <= horizon) recent += 1;
    else if (age <= 2 * horizon) before += 1;
    if (done[event] === buy) purchases += 1;
    if ((items[event] as number) > 0) distinct.add(items[event] as number);
  }
  const since = Math.max(0, now - (times[end - 1] as number)) / secondsOfDay;
  const tenure = Math.max(0, now - (times[begin] as number)) / secondsOfDay;
  const gap = ((times[end - 1] as number) - (times[begin] as number)) / secondsOfDay / Math.max(1, days.size - 1);
  return [
    Math.log1p(since),
    Math.log1p(end - begin),
    Math.log1p(recent),
    Math.log((1 + recent) / (1 + before)),
    Math.log((1 + since) / (1 + gap)),
    Math.log1p(tenure),
    Math.log1p(days.size),
    Math.log1p(purchases),
    Math.log1p(distinct.size),
  ];
}

/** Features as one would say them: days and counts instead of their logarithms. */
function readable(row: FeatureRow, feature: number): number {
  const value = row[feature] as number;
  if (feature >= churnFeatures.length) return value;
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
