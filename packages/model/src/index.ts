/** Room 4. Sequences in, scores out. */

export { type ItemKnnOptions, type ItemNeighbours, itemKnnScorer, itemNeighbours } from "./baselines/item-knn.ts";
export { type Judged, judgeInHouse, tunedLocalOnly } from "./baselines/local-only.ts";
export { type LocalTraining, type LocalTrainingOptions, trainLocally } from "./baselines/local-training.ts";
export { itemCounts, popularityRanks, popularityScorer } from "./baselines/popularity.ts";
export {
  type BenchConfiguration,
  benchConfigurations,
  benchSpec,
  manyCustomers,
  shortConfigurations,
} from "./bench/configurations.ts";
export { type BenchPredictOptions, benchPredict, type PredictTimes } from "./bench/predict.ts";
export { benchFirstStep, benchPadding, benchStep, benchThreads, type PaddingTimes, type StepTimes } from "./bench/step.ts";
export type { AdamW } from "./central/adamw.ts";
export type { Weighting } from "./central/batch-gradient.ts";
export { qualityRecipe, type Recipe } from "./central/recipes.ts";
export type { NegativeSampling } from "./central/sampled-negatives.ts";
export type { Schedule } from "./central/schedule.ts";
export type { Team, TeamTask } from "./central/team.ts";
export { type CentralOptions, type CentralTraining, type EpochReport, trainCentrally } from "./central/train-centrally.ts";
export {
  type Checkpoint,
  type CheckpointFiles,
  describeFile,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoint/checkpoint-files.ts";
export { type HybridFiles, inHouseLimit, type OpenedHybrid, readHybrid, writeHybrid } from "./checkpoint/hybrid-files.ts";
export type { Scope } from "./checkpoint/hybrid-tensors.ts";
export { initialParameters } from "./checkpoint/initial-parameters.ts";
export { federatedProvenance, intendedUse, knownLimits, type ModelCard } from "./checkpoint/model-card.ts";
export { decodeModel, decodeStatistics, encodeModel } from "./checkpoint/model-file.ts";
export { decodeOptimiserState, encodeOptimiserState } from "./checkpoint/optimiser-file.ts";
export { type ConformanceResult, conformance, conformanceTolerance } from "./conformance/conformance.ts";
export type { GoldenCase } from "./conformance/golden-case.ts";
export type { Sequence } from "./decoding/beam-search.ts";
export { type DecodeOptions, type Decoder, decode, openDecoder } from "./decoding/decode.ts";
export {
  type BlockIntervals,
  type BootstrapOptions,
  bootstrapBlock,
  bootstrapDifference,
  type Interval,
  type PairedDifference,
} from "./evaluation/bootstrap.ts";
export { type EvaluationOptions, evaluate, evaluateNextAction, type NextActionMetrics } from "./evaluation/evaluate.ts";
export { type ItemScorer, modelScorer } from "./evaluation/item-scorer.ts";
export {
  fewestJudged,
  type JoiningOptions,
  type JoiningRanks,
  type JoiningVerdict,
  joiningVerdict,
} from "./evaluation/joining-verdict.ts";
export { evaluateChurn, evaluatePurchase, type OutlookMetrics, type OutlookOptions } from "./evaluation/outlook.ts";
export { type Difference, pairedAuc, pairedMean } from "./evaluation/paired-by-customer.ts";
export { type CustomerRanks, type RankingOptions, rankCustomers } from "./evaluation/rank-customers.ts";
export {
  evaluatedCustomers,
  joinRanks,
  type Ranks,
  type Repeats,
  type ResultBlock,
  rankHeldOut,
  resultBlock,
} from "./evaluation/result-block.ts";
export type { SampledNegatives } from "./evaluation/sampled-negatives.ts";
export { feedsOf, openScorer, type Scorer, type Scores, type Stretch } from "./evaluation/scorer.ts";
export {
  type AttributionKind,
  type DeletionCurve,
  type DeletionTest,
  deletionCurve,
  deletionTest,
} from "./explanations/deletion.ts";
export { type EventAttribution, type Explainer, type Explanation, openExplainer } from "./explanations/explainer.ts";
export { explanationStrip, inWords, type StripEvent, type StripOptions } from "./explanations/strip.ts";
export {
  type Extension,
  type ExtensionModel,
  type ExtensionOptimiser,
  type ExtensionQuery,
  extensionQuery,
  isExtensionRegistered,
  type Operators,
  type QueryContext,
  registerExtension,
} from "./extensions/extension.ts";
export { exportOnnx, inferenceGraph } from "./graphs/inference.ts";
export { graphDigestInput, trainingGraphs } from "./graphs/training.ts";
export { graphVersion, sinusoids, weightsOf } from "./graphs/weights.ts";
export { type ContentInHouseOptions, contentInHouse } from "./hybrid/content-in-house.ts";
export { type Hybrid, type HybridWeights, hybridScorer, servingRecipe, sourcesOf } from "./hybrid/hybrid.ts";
export {
  type HybridOptions,
  hybridInHouse,
  type ReleasedModel,
  releasedOnlyHybrid,
  type ServePolicy,
  type TunedHybrid,
} from "./hybrid/in-house.ts";
export type { ItemVectors } from "./hybrid/item-vectors.ts";
export { type PlannedStudentOptions, plannedStudent } from "./hybrid/planned-student.ts";
export { type ReleasedStudentOptions, releasedStudent } from "./hybrid/released-student.ts";
export {
  biasPlaces,
  type Student,
  type StudentStart,
  type StudentTraining,
  startStudent,
  studentSpec,
  trainStudent,
} from "./hybrid/student.ts";
export { type PartName, type TunedWeights, tuneHybrid } from "./hybrid/tune.ts";
export { sampleWalks, type WalkOptions } from "./hybrid/walks.ts";
export { frozenBut, type TrainedPart, withBodyOf } from "./hybrid/warm-start.ts";
export { type ActionChain, actionChain, nextActionOf } from "./in-house/action-chain.ts";
export { type ItemCategories, itemCategories } from "./in-house/categories.ts";
export {
  type ChurnAnswer,
  type ChurnModel,
  type ChurnValidation,
  churnCases,
  churnHorizon,
  churnOf,
  fitChurn,
  judgeChurn,
} from "./in-house/churn.ts";
export { type ClickModel, clickProbability, fitClicks, judgeClicks } from "./in-house/clicks.ts";
export { type LogDays, logDays } from "./in-house/log-end.ts";
export { type InHouse, type InHouseOptions, releasedScorer, releasedWeights, tuneInHouse } from "./in-house/mixture.ts";
export type { MixtureWeights } from "./in-house/mixture-cases.ts";
export {
  blendedNextAction,
  chooseNextAction,
  type NextActionBlend,
  nextActionCases,
  softened,
} from "./in-house/next-action.ts";
export { defaultMinSupport, type OwnStatistics, ownStatistics } from "./in-house/own-statistics.ts";
export { personalGroups, personalLayers, usualPersonalLayers } from "./in-house/personal-layers.ts";
export { type PersonalTraining, type PersonalTrainingOptions, trainPersonally } from "./in-house/personal-training.ts";
export { type JudgedCases, type PropensityFigures, propensityFigures } from "./in-house/propensity.ts";
export { fitPurchase, judgePurchase, type PurchaseModel, purchaseProbability } from "./in-house/purchase.ts";
export {
  attributesOf,
  type FeatureVectors,
  featureWidthOf,
  type ItemContent,
  itemContent,
  type PublicItem,
  readsContent,
} from "./item-content/item-content.ts";
export { type ClassificationMetrics, type ClassMetrics, classificationMetrics } from "./metrics/classification.ts";
export { type ListMetrics, listMetrics, type RankedCustomers } from "./metrics/lists.ts";
export { type Calibration, type CalibrationBin, calibration, rocAuc } from "./metrics/probabilities.ts";
export { type RankMetrics, rankMetrics, rankOf } from "./metrics/ranking.ts";
export type { Optimiser, OptimiserState } from "./optimisers/optimiser.ts";
export { fewestGroups, type RobustRule, robustSum } from "./optimisers/robust-sum.ts";
export { type StepRoom, serverStep } from "./optimisers/server-step.ts";
export {
  checkParameters,
  type GraphParameter,
  graphParameters,
  hasActionHead,
  type ParameterShape,
  parameterCount,
  parameterShapes,
} from "./parameters.ts";
export { type HeldOutSplit, splitHeldOut } from "./private-vector/held-out.ts";
export { type MetricsQueryOptions, metricsQuery, metricsVectorNames } from "./private-vector/metrics-query.ts";
export {
  rehearse,
  type TrainingVector,
  type TrainingVectorRequest,
  trainingSum,
  trainingVector,
} from "./private-vector/private-vector.ts";
export { fittingQuery } from "./private-vector/query-size.ts";
export {
  type StatisticsCaps,
  type StatisticsVector,
  type StatisticsVectorRequest,
  statisticsSum,
  statisticsVector,
} from "./private-vector/statistics-vector.ts";
export {
  eventsOf,
  type QueriedEvents,
  type QueryVector,
  type QueryVectorRequest,
  querySum,
  queryVector,
  type SumQuery,
} from "./private-vector/sum-query.ts";
export { itemRow } from "./rows.ts";
export { bestOf } from "./serving/best.ts";
export { diversify } from "./serving/diversify.ts";
export { openHybridRecommender } from "./serving/hybrid-recommender.ts";
export { type ItemScores, openRanker, type Ranker, type RankerTables, type ScoreParts, sharesOf } from "./serving/ranker.ts";
export { type CustomerEvents, openRecommender, type Recommendations, type Recommender } from "./serving/recommender.ts";
export { checkSpec, type ItemSpec, type ModelSpec, modelSpec } from "./spec.ts";
export { type ItemSimilarity, itemSimilarity } from "./statistics/item-similarity.ts";
export { type PairQuery, pairVector, stepsOf } from "./statistics/pair-query.ts";
export { popularityVector } from "./statistics/popularity-query.ts";
export {
  type StatisticsRecipe,
  type StatisticsRelease,
  statisticsRecipe,
  statisticsReleases,
  transferredRecipe,
} from "./statistics/recipe.ts";
export {
  afterPairs,
  afterPopularity,
  finishStatistics,
  type PairEvidence,
  type PairTable,
  type ReleasedStatistics,
  type ServedStatistics,
  startStatistics,
} from "./statistics/rounds.ts";
export {
  contentPopularityScorer,
  contentScorer,
  type ServingRecipe,
  scoreNext,
  statisticsScorer,
} from "./statistics/scoring.ts";
export { type StatisticsTensor, statisticsOf, statisticsTensors } from "./statistics/statistics-tensors.ts";
export {
  putTrained,
  type Trained,
  type TrainedGroup,
  takeTrained,
  trainedCount,
  trainedGroups,
  trainedNames,
  trainedTensors,
} from "./trained-tensors.ts";
export { type LocalUpdates, openTrainer } from "./training/local-updates.ts";
export { bytesOf } from "./training/seeded-bytes.ts";
export { createTrainer, type SumCounts, type SumRequest, type Trainer } from "./training/trainer.ts";
