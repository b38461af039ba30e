/**
 * Logistic regression on a handful of features, for what a merchant predicts of its own customers from its own log: in-house, outside ε.
 *
 *   P(y = 1 | x) = σ(b + Σ_f w_f·(x_f − mean_f)/deviation_f),   min Σ −ln P(y | x) + (ridge/2)·Σ w²
 *
 * by Newton's method (iteratively reweighted least squares; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, §4.4.1), whose
 * steps are halved until the loss falls, so that separable data end at the ridge's optimum instead of at infinity.
 */
import { fail } from "@tributary/errors";

export interface LogisticModel {
  readonly names: readonly string[];
  /** Of the training rows, by feature; a feature that is the same everywhere has deviation 1. */
  readonly means: readonly number[];
  readonly deviations: readonly number[];
  readonly weights: readonly number[];
  readonly bias: number;
}

/** Values in the order of the model's names. */
export type FeatureRow = readonly number[];

const mostSteps = 50;
const mostHalvings = 30;

/**
 * @param outcomes 1 where it happened, 0 where not
 * @param ridge per weight, not on the bias
 * @throws TRB_MODEL_EVALUATION_INVALID where only one of the two occurs, or a feature is no number
 */
export function fitLogistic(
  rows: readonly FeatureRow[],
  outcomes: ArrayLike<number>,
  names: readonly string[],
  ridge = 1,
): LogisticModel {
  const positives = Array.from(outcomes).reduce((sum, outcome) => sum + outcome, 0);
  if (positives === 0 || positives === rows.length) throw invalid("outcomes", "all alike", "some of both");
  if (rows.some((row) => row.length !== names.length || !row.every(Number.isFinite)))
    throw invalid("a feature", "no number", "a finite number in every row");
  const means = names.map((_, f) => rows.reduce((sum, row) => sum + (row[f] as number), 0) / rows.length);
  const deviations = names.map((_, f) => {
    const variance = rows.reduce((sum, row) => sum + ((row[f] as number) - (means[f] as number)) ** 2, 0) / rows.length;
    return variance > 1e-18 ? Math.sqrt(variance) : 1;
  });
  const size = names.length + 1;
  const scaled = rows.map((row) => [1, ...row.map((x, f) => (x - (means[f] as number)) / (deviations[f] as number))]);
  const penalty = (place: number) => (place === 0 ? 1e-9 : ridge);
  const loss = (theta: readonly number[]) =>
    scaled.reduce((sum, row, n) => {
      const z = dot(theta, row);
      return sum + softplus(z) - (outcomes[n] as number) * z;
    }, 0) + theta.reduce((sum, w, place) => sum + (penalty(place) / 2) * w * w, 0);

  let theta: readonly number[] = [Math.log(positives / (rows.length - positives)), ...names.map(() => 0)];
  let value = loss(theta);
  for (let step = 0; step < mostSteps; step++) {
    const gradient = theta.map((w, place) => penalty(place) * w);
    const hessian = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (__, j) => (i === j ? penalty(i) : 0)));
    scaled.forEach((row, n) => {
      const p = sigmoid(dot(theta, row));
      const weight = p * (1 - p);
      for (let i = 0; i < size; i++) {
        const xi = row[i] as number;
        gradient[i] = (gradient[i] as number) + (p - (outcomes[n] as number)) * xi;
        const line = hessian[i] as number[];
        for (let j = 0; j <= i; j++) line[j] = (line[j] as number) + weight * xi * (row[j] as number);
      }
    });
    const direction = solve(hessian, gradient);
    let [scale, next, lower] = [1, theta, value];
    for (let halving = 0; halving < mostHalvings; halving++, scale /= 2) {
      const candidate = theta.map((w, place) => w - scale * (direction[place] as number));
      const reached = loss(candidate);
      if (reached < lower) {
        [next, lower] = [candidate, reached];
        break;
      }
    }
    const gain = value - lower;
    [theta, value] = [next, lower];
    if (gain <= 1e-10 * (1 + Math.abs(value))) break;
  }
  return { names, means, deviations, weights: theta.slice(1), bias: theta[0] as number };
}

/** b + Σ contributions. */
export function logitOf(model: LogisticModel, row: FeatureRow): number {
  return model.bias + contributionsOf(model, row).reduce((sum, part) => sum + part, 0);
}

/** By how much each feature moves the log-odds from those of a customer who is average in everything. [features] */
export function contributionsOf({ means, deviations, weights }: LogisticModel, row: FeatureRow): readonly number[] {
  return weights.map((w, f) => (w * ((row[f] as number) - (means[f] as number))) / (deviations[f] as number));
}

export const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

/** ln(1 + eᶻ) without overflow. */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** x with A·x = b, A symmetric and positive definite, of which the lower triangle is read: Cholesky's A = L·Lᵀ. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): readonly number[] {
  const size = b.length;
  const at = (rows: readonly (readonly number[])[], i: number, j: number) => rows[i]?.[j] as number;
  const lower: number[][] = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (let i = 0; i < size; i++) {
    const line = lower[i] as number[];
    for (let j = 0; j <= i; j++) {
      let sum = at(a, i, j);
      for (let k = 0; k < j; k++) sum -= at(lower, i, k) * at(lower, j, k);
      line[j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(lower, j, j);
    }
  }
  const forward: number[] = [];
  for (let i = 0; i < size; i++) {
    let sum = b[i] as number;
    for (let k = 0; k < i; k++) sum -= at(lower, i, k) * (forward[k] as number);
    forward.push(sum / at(lower, i, i));
  }
  const x = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    let sum = forward[i] as number;
    for (let k = i + 1; k < size; k++) sum -= at(lower, k, i) * (x[k] as number);
    x[i] = sum / at(lower, i, i);
  }
  return x;
}

function invalid(what: string, value: string, expected: string) {
  return fail("TRB_MODEL_EVALUATION_INVALID", { what, value, expected });
}
