/** Room 4. Sequences in, scores out. */
export { type LocalTraining, type LocalTrainingOptions, trainLocally } from "./baselines/local-training.ts";
export { itemCounts, popularityRanks } from "./baselines/popularity.ts";
export type { AdamW } from "./central/adamw.ts";
export type { Weighting } from "./central/batch-gradient.ts";
export type { NegativeSampling } from "./central/sampled-negatives.ts";
export type { Schedule } from "./central/schedule.ts";
export type { Team, TeamTask } from "./central/team.ts";
export { type CentralOptions, type CentralTraining, type EpochReport, trainCentrally } from "./central/train-centrally.ts";
export { initialParameters } from "./checkpoint/initial-parameters.ts";
export { decodeModel, encodeModel } from "./checkpoint/model-file.ts";
export { decodeOptimiserState, encodeOptimiserState } from "./checkpoint/optimiser-file.ts";
export { type EvaluationOptions, evaluate, evaluateNextAction } from "./evaluation/evaluate.ts";
export {
  evaluatedCustomers,
  joinRanks,
  type Ranks,
  type Repeats,
  type ResultBlock,
  rankHeldOut,
  resultBlock,
} from "./evaluation/result-block.ts";
export { feedsOf, openScorer, type Scorer, type Scores, type Stretch } from "./evaluation/scorer.ts";
export { graphVersion, sinusoids } from "./graphs/encoder.ts";
export { exportOnnx, inferenceGraph, weightsOf } from "./graphs/inference.ts";
export { graphDigestInput, trainingGraphs } from "./graphs/training.ts";
export { type ClassificationMetrics, type ClassMetrics, classificationMetrics } from "./metrics/classification.ts";
export { type RankMetrics, rankMetrics, rankOf } from "./metrics/ranking.ts";
export type { Optimiser, OptimiserState } from "./optimisers/optimiser.ts";
export { serverStep } from "./optimisers/server-step.ts";
export {
  checkParameters,
  type GraphParameter,
  graphParameters,
  hasActionHead,
  type ParameterShape,
  parameterCount,
  parameterShapes,
} from "./parameters.ts";
export { rehearse, type TrainingVector, type TrainingVectorRequest, trainingVector } from "./private-vector/private-vector.ts";
export { itemRow } from "./rows.ts";
export { checkSpec, type ItemSpec, type ModelSpec, modelSpec } from "./spec.ts";
export {
  type BenchConfiguration,
  type BenchStepOptions,
  type BenchStepResult,
  benchConfigurations,
  benchStep,
} from "./training/bench-step.ts";
export { createTrainer, type SumCounts, type SumRequest, type Trainer } from "./training/trainer.ts";
