/**
 * Means and deviations of features as a sum query: what one customer adds, and what a released sum says.
 *
 *   t = (f(x) − middle)/(half the range) ∈ [−1, 1] of each feature that the customer has
 *   vector = (1, then for each feature 1, t, 2t² − 1; 0, 0, 0 where the customer's events don't say)
 *
 * Every coordinate lies from −1 to 1, so nobody's vector is longer than √(1 + 3·features); the form is `privateMoments`' of `dp`, feature by feature. With
 * n, T and U the sums of a feature: E f = middle + half·T/n, E t² = (U/n + 1)/2, Var f = half²·(E t² − (T/n)²).
 */
import { featuresOfCustomer } from "./customer-features.ts";
import type { EventsOfCustomer } from "./events-of-customer.ts";
import { type FeatureMoments, featureScales, transformed } from "./standardise.ts";

const perFeature = 3;
/** Coordinates of the query. */
export const featureMomentsDimension = 1 + perFeature * featureScales.length;
/** C: √dimension, which no customer's vector passes. */
export const featureMomentsNorm = Math.sqrt(featureMomentsDimension);

/** @returns `[dimension]`; all 0 for a customer without events */
export function featureMomentsVector(events: EventsOfCustomer): Float64Array {
  const vector = new Float64Array(featureMomentsDimension);
  if (events.begin >= events.end) return vector;
  vector[0] = 1;
  for (const [feature, value] of featuresOfCustomer(events).entries()) {
    if (Number.isNaN(value)) continue;
    const { middle, half } = rangeOf(feature);
    const t = Math.min(1, Math.max(-1, (transformed(value, feature) - middle) / half));
    vector.set([1, t, 2 * t * t - 1], 1 + perFeature * feature);
  }
  return vector;
}

export interface ReleasedFeatureMoments extends FeatureMoments {
  /** Customers whose events say something of the feature; noisy. */
  readonly customers: number;
  /** Whether the release says enough of it: else mean and deviation are the public constants. */
  readonly released: boolean;
}

/** A count below so many deviations of its noise is not divided by. */
const leastCounts = 8;
/** Of the public deviation: a released variance that noise has made next to nothing would blow features up. */
const leastDeviation = 0.2;

/**
 * Moments of a noisy sum; what noise drowns keeps its public constants.
 * @param sum `[dimension]`, in customers
 * @param noise standard deviation in each coordinate, in customers
 */
export function featureMomentsOf(sum: ArrayLike<number>, noise: number): readonly ReleasedFeatureMoments[] {
  return featureScales.map((fixed, feature) => {
    const [count = 0, first = 0, second = 0] = [1, 2, 3].map((place) => sum[perFeature * feature + place] as number);
    if (!(count > leastCounts * noise && count >= 1)) {
      return { mean: fixed.mean, deviation: fixed.deviation, customers: Math.max(0, count), released: false };
    }
    const { middle, half } = rangeOf(feature);
    const t = Math.min(1, Math.max(-1, first / count));
    const square = (Math.min(1, Math.max(-1, second / count)) + 1) / 2;
    const deviation = half * Math.sqrt(Math.max(0, square - t * t));
    return {
      mean: middle + half * t,
      deviation: Math.max(leastDeviation * fixed.deviation, deviation),
      customers: count,
      released: true,
    };
  });
}

/** The middle of f's range, and half of its length. */
function rangeOf(feature: number): { readonly middle: number; readonly half: number } {
  const [low, high] = [transformed(Number.NEGATIVE_INFINITY, feature), transformed(Number.POSITIVE_INFINITY, feature)];
  return { middle: (low + high) / 2, half: (high - low) / 2 };
}
