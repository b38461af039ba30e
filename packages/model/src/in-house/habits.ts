/**
 * Habits of a customer, for models of who leaves: those of `customerFeatures` that recency, frequency and pace leave out, standardised by what is public
 * (`standardise` of `@tributary/events`): by what the federation released of its features, else by constants. What a customer's events don't say is 0, which
 * is everybody's mean and not the merchant's own.
 */
import {
  customerFeatureNames,
  type FeatureMoments,
  featureScales,
  featuresOfCustomer,
  standardise,
} from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import type { ItemCategories } from "./categories.ts";
import type { EventColumns } from "./churn-features.ts";
import type { FeatureRow } from "./logistic.ts";

const chosen = [
  "events a visit",
  "days since the last purchase",
  "seconds an event",
  "items a basket",
  "categories in the cart",
  "hour of activity, sine",
  "hour of activity, cosine",
  "share of events at weekends",
  "days with an event",
  "days between visits, median",
  "days between visits, variation",
] as const;
const places = chosen.map((name) => customerFeatureNames.indexOf(name));

export const habits: readonly string[] = chosen;

/** @param moments `[features]` of all customer features; the public constants unless given */
export function habitsRow(
  events: EventColumns,
  { begin, end }: Stretch,
  { now, categories }: { readonly now: number; readonly categories?: ItemCategories | undefined },
  moments: readonly FeatureMoments[] = featureScales,
): FeatureRow {
  const asked = { ...events, begin, end, now, categories: categories?.of ?? new Uint32Array(0) };
  const row = standardise(featuresOfCustomer(asked), moments);
  return places.map((place) => row[place] as number);
}

/** A habit as one would say it, in its own unit. */
export function readableHabit(value: number, habit: number, moments: readonly FeatureMoments[] = featureScales): number {
  const place = places[habit] as number;
  const { mean, deviation } = moments[place] as FeatureMoments;
  const said = mean + deviation * value;
  return featureScales[place]?.transform === "logarithm" ? Math.expm1(said) : said;
}
