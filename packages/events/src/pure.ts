/**
 * `@tributary/events/histories`: what rooms that must run in a browser read of this one. Nothing reachable from here imports
 * from `node:` or a package (`pure.test.ts`); files, logs and the catalogue are entered by `index.ts`.
 */
export {
  type CategorisedItem,
  type CustomerFeatures,
  categoryNumbers,
  customerFeatureNames,
  customerFeatures,
  featuresOfCustomer,
} from "./features/customer/customer-features.ts";
export { secondsOfDay, visitGap } from "./features/customer/events-of-customer.ts";
export {
  featureMomentsDimension,
  featureMomentsNorm,
  featureMomentsOf,
  featureMomentsVector,
  type ReleasedFeatureMoments,
} from "./features/customer/feature-moments.ts";
export { type FeatureMoments, featureScales, standardise } from "./features/customer/standardise.ts";
export { type Action, actions, type Histories } from "./histories.ts";
export { ownItem, ownItems, withOwnItems } from "./own-items.ts";
export { type SeededRandom, seededRandom, shuffle } from "./seeded-random.ts";
export { foldCustomers, type HeldOut, leaveLastOut, splitByTime, type TimeSplit } from "./splitting.ts";
export { timeGapBucket, timeGapBuckets } from "./time-gaps.ts";
export { type TopicalItem, topicName, topicsOf, topicsOfItem } from "./topics/topics.ts";
export { dwellBucket, dwellBuckets, priceBucket, priceBuckets } from "./value-buckets.ts";
