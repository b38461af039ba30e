/**
 * Moments of customers' features as a sum query: how many customers have each feature, and its first two moments, on a public scale. What a node
 * computes is `feature-moments.ts` of `@tributary/events`; a test in `federation` holds names and coordinates of the two together.
 */
import { z } from "zod";

export const featuresSchema = z.strictObject({
  /** Unix seconds: the moment at which features are asked, since a query has no clock. Later events are not looked at. */
  now: z.int().min(0),
});

export type PlanFeatures = z.infer<typeof featuresSchema>;

/** In the order of the vector: a customer's 1, then for each of these 1, t and 2t² − 1 with t from −1 to 1. */
export const featureNames = [
  "events",
  "visits",
  "events a visit",
  "purchases",
  "days since the last event",
  "days since the last purchase",
  "seconds an event",
  "items a basket",
  "categories in the cart",
  "hour of activity, sine",
  "hour of activity, cosine",
  "share of events at weekends",
  "days with this shop",
  "days with an event",
  "days between visits, mean",
  "days between visits, median",
  "days between visits, variation",
] as const;

export const featureCoordinates = 1 + 3 * featureNames.length;
