/** Room 1. Logs in, clean per-customer histories out. */
export { actionAliases, actionNumber } from "./action-names.ts";
export { gtinNamespace, gtinOf, type ItemNaming, isNamespace, sharedIdOf } from "./catalogue/item-naming.ts";
export { type MergedCatalogue, mergeCatalogues } from "./catalogue/merge-catalogues.ts";
export {
  type Catalogue,
  type CatalogueItem,
  catalogueBytes,
  makeCatalogue,
  parseCatalogue,
  type ReadCatalogue,
} from "./catalogue.ts";
export {
  type CatalogueFromLogOptions,
  type CatalogueWithAttributes,
  catalogueFromLog,
  readCatalogue,
  withAttributes,
  writeCatalogue,
} from "./catalogue-file.ts";
export type { ImportReport, ImportResult } from "./clean-log.ts";
export { type DropCounts, type DropReason, dropReasons } from "./cleaning/drop-reasons.ts";
export {
  type CustomerFeatures,
  categoryNumbers,
  customerFeatureNames,
  customerFeatures,
} from "./features/customer/customer-features.ts";
export {
  featureMomentsDimension,
  featureMomentsNorm,
  featureMomentsOf,
  type ReleasedFeatureMoments,
} from "./features/customer/feature-moments.ts";
export { type FeatureMoments, featureScales, standardise } from "./features/customer/standardise.ts";
export { type Features, readFeatures, withFeatures } from "./features/features.ts";
export { type Action, actions, type Histories } from "./histories.ts";
export { describeImport, type ImportOptions, importLog } from "./import-log.ts";
export { type IngestPreset, ingestPresets } from "./ingest/presets.ts";
export { type Encoding, encodings, type LogFormat, logFormats } from "./ingest/source.ts";
export { mergeHistories } from "./merge-histories.ts";
export { ownItems } from "./own-items.ts";
export { type DataQuality, dataQuality } from "./quality/data-quality.ts";
export type { ColumnNames } from "./reading/columns.ts";
export { type LogOptions, type LogPreset, logPresets } from "./reading/log.ts";
export { renameCustomers } from "./rename-customers.ts";
export { type SeededRandom, seededRandom, shuffle } from "./seeded-random.ts";
export { readSequenceFile, type SequenceFile } from "./sequence-file.ts";
export {
  type Fold,
  foldCustomers,
  type HeldOut,
  leaveLastOut,
  sliceHistories,
  splitByTime,
  splitCustomers,
  type TimeSplit,
} from "./splitting.ts";
export { decodeHistories, encodeHistories } from "./store-format.ts";
export { tableEnding, tableEndings } from "./tables/table-endings.ts";
export { timeGapBucket, timeGapBuckets } from "./time-gaps.ts";
export { type TopicIndex, topicIndex } from "./topics/match-topic.ts";
export { topicsOf } from "./topics/topics.ts";
export { dwellBucket, dwellBuckets, priceBucket, priceBuckets } from "./value-buckets.ts";
export { writeCsv } from "./write-csv.ts";
