/**
 * What a merchant's own log says of how likely something is: whether a customer leaves, buys, clicks. In-house, outside ε. One case is a moment of a customer
 * (`row`) and what became of it (`outcome`).
 *
 * Customers fall into five parts: what is said of each part is learnt from the other four (`logistic.ts`), and calibrates what is learnt from all (Platt scaling: a
 * logistic regression of the outcome on the log-odds). Several sets of features are tried; the one that says least wrongly of the others' customers is taken, so that a
 * small log gets a small model.
 *
 * It is judged as nobody is served better: by what the other parts say, calibrated for each half of the customers by the other half, with the threshold of F1 and recall
 * chosen on that other half too.
 */
import { brierScore, calibration, rocAuc } from "../metrics/probabilities.ts";
import { bestThreshold, thresholdScores } from "../metrics/thresholds.ts";
import { contributionsOf, type FeatureRow, fitLogistic, type LogisticModel, logitOf, sigmoid } from "./logistic.ts";

export interface PropensityCase {
  /** Place in the histories. */
  readonly customer: number;
  readonly row: FeatureRow;
  /** 1: it happened. */
  readonly outcome: number;
  /** False: learnt from, but not judged by. Default true. */
  readonly judged?: boolean;
}

export interface PropensityOptions {
  /** Of the rows' columns. */
  readonly names: readonly string[];
  /** Columns that are tried together; the first are the baseline's. */
  readonly sets: readonly (readonly number[])[];
  /** Fewer judged cases of either outcome tell nothing. */
  readonly leastOfEach: number;
}

export interface PropensityModel {
  /** Columns that the model reads. */
  readonly features: readonly number[];
  readonly model: LogisticModel;
  /** Of log-odds of customers who were not learnt from. */
  readonly calibration: LogisticModel;
}

/** What was said of customers who were neither learnt from nor calibrated by, and what happened. By judged case, in their order. */
export interface JudgedCases {
  readonly customers: Uint32Array;
  readonly outcomes: Uint8Array;
  readonly probabilities: Float64Array;
  /** 1 where the probability is above the threshold of the other half. */
  readonly called: Uint8Array;
  readonly baseline: { readonly probabilities: Float64Array; readonly called: Uint8Array };
}

export interface PropensityFigures {
  readonly cases: number;
  /** How often it happened. */
  readonly rate: number;
  /** Undefined where all did the same. */
  readonly auc: number | undefined;
  readonly f1: number;
  readonly recall: number;
  readonly brier: number;
  /** Expected calibration error. */
  readonly calibrationError: number;
}

export const folds = 5;

/** ln(p/(1 − p)), with p kept from 0 and 1. */
export function logOddsOf(share: number): number {
  const bounded = Math.min(1 - 1e-6, Math.max(1e-6, share));
  return Math.log(bounded / (1 - bounded));
}

/** @returns undefined where the cases are too few to learn, calibrate and judge by */
export function fitPropensity(
  cases: readonly PropensityCase[],
  { names, sets, leastOfEach }: PropensityOptions,
): { readonly model: PropensityModel; readonly judged: JudgedCases } | undefined {
  const asked = cases.filter(({ judged = true }) => judged);
  const happened = asked.reduce((sum, { outcome }) => sum + outcome, 0);
  if (happened < leastOfEach || asked.length - happened < leastOfEach) return undefined;
  const halves = [0, 1].map((half) => asked.flatMap(({ customer }, n) => (partOf(customer, 2) === half ? [n] : [])));
  if (halves.some((half) => !isMixed(half.map((n) => asked[n] as PropensityCase)))) return undefined;

  const tried = sets.map((features) => {
    const said = outOfFold(asked, cases, { features, names });
    return { features, said, loss: logLoss(said, asked) };
  });
  const [baseline] = tried;
  if (baseline === undefined) return undefined;
  const best = tried.reduce((least, one) => (one.loss < least.loss ? one : least), baseline);
  return {
    model: {
      features: best.features,
      model: learn(cases, { features: best.features, names }),
      calibration: scale(asked, best.said),
    },
    judged: {
      customers: Uint32Array.from(asked, ({ customer }) => customer),
      outcomes: Uint8Array.from(asked, ({ outcome }) => outcome),
      ...byHalves(asked, best.said, halves),
      baseline: byHalves(asked, baseline.said, halves),
    },
  };
}

/** Of the model or of its baseline. */
export function propensityFigures(
  outcomes: Uint8Array,
  { probabilities, called }: { readonly probabilities: Float64Array; readonly called: Uint8Array },
): PropensityFigures {
  return {
    cases: outcomes.length,
    rate: outcomes.reduce((sum, outcome) => sum + outcome, 0) / Math.max(1, outcomes.length),
    auc: rocAuc(probabilities, outcomes),
    ...thresholdScores(called, outcomes),
    brier: brierScore(probabilities, outcomes),
    calibrationError: calibration(probabilities, outcomes).error,
  };
}

/** @param row whole, as the cases' */
export function propensityOf({ features, model, calibration: scaling }: PropensityModel, row: FeatureRow): number {
  return sigmoid(logitOf(scaling, [logitOf(model, chosen(row, features))]));
}

/** What moves the calibrated log-odds from those of an average customer: by the model's features, in their order. */
export function driversOf(
  { features, model, calibration: scaling }: PropensityModel,
  row: FeatureRow,
): readonly { readonly name: string; readonly feature: number; readonly value: number; readonly logOdds: number }[] {
  const slope = (scaling.weights[0] as number) / (scaling.deviations[0] as number);
  const own = chosen(row, features);
  return contributionsOf(model, own).map((part, f) => ({
    name: model.names[f] as string,
    feature: features[f] as number,
    value: own[f] as number,
    logOdds: slope * part,
  }));
}

const isMixed = (list: readonly PropensityCase[]) => new Set(list.map(({ outcome }) => outcome)).size === 2;

/** By a number that has nothing to do with the order of ids, which may have been given out over time. */
export const partOf = (customer: number, parts: number): number =>
  (Math.imul(customer + 1, 0x9e3779b1) >>> (parts === 2 ? 9 : 16)) % parts;

interface Columns {
  readonly features: readonly number[];
  readonly names: readonly string[];
}

function learn(list: readonly PropensityCase[], { features, names }: Columns): LogisticModel {
  return fitLogistic(
    list.map(({ row }) => chosen(row, features)),
    list.map(({ outcome }) => outcome),
    features.map((f) => names[f] as string),
  );
}

const chosen = (row: FeatureRow, features: readonly number[]): FeatureRow => features.map((f) => row[f] as number);

/** Mean −ln of what was said of what happened, in nats. */
function logLoss(logits: readonly number[], cases: readonly PropensityCase[]): number {
  const loss = (logit: number, outcome: number) => -Math.log(Math.max(1e-12, sigmoid(outcome === 1 ? logit : -logit)));
  return cases.reduce((sum, { outcome }, n) => sum + loss(logits[n] as number, outcome), 0) / cases.length;
}

/** Log-odds of each, learnt from the other customers' parts; 0 where those did all the same. */
function outOfFold(asked: readonly PropensityCase[], whole: readonly PropensityCase[], columns: Columns): readonly number[] {
  const models = Array.from({ length: folds }, (_, fold) => {
    const others = whole.filter(({ customer }) => partOf(customer, folds) !== fold);
    return isMixed(others) ? learn(others, columns) : undefined;
  });
  return asked.map(({ customer, row }) => {
    const model = models[partOf(customer, folds)];
    return model === undefined ? 0 : logitOf(model, chosen(row, columns.features));
  });
}

/** Platt scaling. */
function scale(cases: readonly PropensityCase[], logits: readonly number[]): LogisticModel {
  return fitLogistic(
    logits.map((logit) => [logit]),
    cases.map(({ outcome }) => outcome),
    ["log-odds"],
    1e-3,
  );
}

/** Each half's probabilities and calls, by what the other half calibrates and chooses. */
function byHalves(
  asked: readonly PropensityCase[],
  said: readonly number[],
  halves: readonly (readonly number[])[],
): { readonly probabilities: Float64Array; readonly called: Uint8Array } {
  const [probabilities, called] = [new Float64Array(asked.length), new Uint8Array(asked.length)];
  for (const [half, own] of halves.entries()) {
    const other = halves[1 - half] ?? [];
    const scaling = scale(
      other.map((n) => asked[n] as PropensityCase),
      other.map((n) => said[n] as number),
    );
    const probability = (n: number) => sigmoid(logitOf(scaling, [said[n] as number]));
    const threshold = bestThreshold(
      other.map(probability),
      other.map((n) => (asked[n] as PropensityCase).outcome),
    );
    for (const n of own) {
      probabilities[n] = probability(n);
      called[n] = (probabilities[n] as number) >= threshold ? 1 : 0;
    }
  }
  return { probabilities, called };
}
