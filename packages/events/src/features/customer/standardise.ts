/**
 * Features made comparable: z = (f(x) − mean)/deviation, from −4 to 4, and 0 for what a customer's events don't say; f(x) is ln(1 + x) for counts
 * and durations, which are skewed, and x for the others.
 *
 * Mean and deviation are public: either the constants below, or what a federation released of its features (`feature-moments.ts`). No merchant's own
 * log decides them, or a model trained on what they standardise would have released them.
 */
import { customerFeatureNames } from "./customer-features.ts";

/** What is publicly known of a feature. Bounds are in the feature's own unit; what lies beyond counts as the bound. */
export interface FeatureScale {
  readonly transform: "logarithm" | "linear";
  readonly lower: number;
  readonly upper: number;
  /** Of f(x). */
  readonly mean: number;
  readonly deviation: number;
}

export type FeatureMoments = Pick<FeatureScale, "mean" | "deviation">;

/**
 * Means and deviations: of the public RetailRocket subset of the SSLRec benchmark (2,174 customers who all bought, 97,381 events, asked at its last
 * event), to one or two digits; its items have no categories, so "categories in the cart" is an assumption. Bounds: a year or two of days, a visit of half an
 * hour, and counts that one customer in a thousand passes.
 */
const scales: Readonly<Record<string, FeatureScale>> = {
  events: { transform: "logarithm", lower: 0, upper: 1000, mean: 2.5, deviation: 1.2 },
  visits: { transform: "logarithm", lower: 0, upper: 300, mean: 1.4, deviation: 0.85 },
  "events a visit": { transform: "logarithm", lower: 0, upper: 100, mean: 1.7, deviation: 0.6 },
  purchases: { transform: "logarithm", lower: 0, upper: 100, mean: 1.1, deviation: 0.7 },
  "days since the last event": { transform: "logarithm", lower: 0, upper: 365, mean: 3.7, deviation: 1.1 },
  "days since the last purchase": { transform: "logarithm", lower: 0, upper: 365, mean: 4, deviation: 0.9 },
  "seconds an event": { transform: "logarithm", lower: 0, upper: 1800, mean: 4.8, deviation: 1 },
  "items a basket": { transform: "logarithm", lower: 0, upper: 50, mean: 0.93, deviation: 0.38 },
  "categories in the cart": { transform: "logarithm", lower: 0, upper: 20, mean: 0.3, deviation: 0.5 },
  "hour of activity, sine": { transform: "linear", lower: -1, upper: 1, mean: -0.27, deviation: 0.63 },
  "hour of activity, cosine": { transform: "linear", lower: -1, upper: 1, mean: 0.3, deviation: 0.47 },
  "share of events at weekends": { transform: "linear", lower: 0, upper: 1, mean: 0.19, deviation: 0.34 },
  "days with this shop": { transform: "logarithm", lower: 0, upper: 730, mean: 4.1, deviation: 0.8 },
  "days with an event": { transform: "logarithm", lower: 0, upper: 365, mean: 1.2, deviation: 0.67 },
  "days between visits, mean": { transform: "logarithm", lower: 0, upper: 365, mean: 1.3, deviation: 1.1 },
  "days between visits, median": { transform: "logarithm", lower: 0, upper: 365, mean: 1, deviation: 1.1 },
  "days between visits, variation": { transform: "linear", lower: 0, upper: 5, mean: 1.2, deviation: 0.64 },
};

/** `[features]`, in the order of `customerFeatureNames`. */
export const featureScales: readonly FeatureScale[] = customerFeatureNames.map((name) => scales[name] as FeatureScale);

/** Standardised features are at most so many deviations from the mean. */
export const mostDeviations = 4;

/** f(x) of feature number `feature`, the value brought within its bounds first; NaN stays NaN. */
export function transformed(value: number, feature: number): number {
  const { transform, lower, upper } = featureScales[feature] as FeatureScale;
  const within = Math.min(upper, Math.max(lower, value));
  return transform === "logarithm" ? Math.log1p(within) : within;
}

/**
 * @param values `[customers · features]`, as `customerFeatures` has them
 * @param moments `[features]`; the public constants unless given
 * @returns the same shape, each from −4 to 4
 */
export function standardise(values: Float64Array, moments: readonly FeatureMoments[] = featureScales): Float64Array {
  return values.map((value, place) => {
    const feature = place % featureScales.length;
    const { mean, deviation } = moments[feature] as FeatureMoments;
    const z = (transformed(value, feature) - mean) / deviation;
    return Number.isNaN(z) ? 0 : Math.min(mostDeviations, Math.max(-mostDeviations, z));
  });
}
