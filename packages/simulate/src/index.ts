/** Room 11. A federation in one process, and a made-up market to run it on. */
export { attackSecrets, type ExtractionReport } from "./audit/attacks/extraction.ts";
export { attackMembership, type MembershipReport } from "./audit/attacks/membership.ts";
export { type AuditReport, auditRun } from "./audit/audit-run.ts";
export {
  type PartyRandom,
  type SimulatedNode,
  type SimulatedRound,
  type SimulationOptions,
  type SimulationResult,
  simulateFederation,
} from "./in-process/federation.ts";
export { type JudgeOptions, judge, judgeAlone, judgePopularity, type MerchantPart, merchantParts } from "./judging.ts";
export {
  type AttentionTraining,
  type HybridJudgeOptions,
  judgeHybridInHouse,
  judgeReleasedHybrid,
  releasedModel,
  studentOfStatistics,
} from "./judging-hybrid.ts";
export {
  judgeContent,
  judgeInHouse,
  judgeStatistics,
  type StatisticsJudgeOptions,
} from "./judging-statistics.ts";
export { type LifeSettings, lifeDefaults } from "./market/life-settings.ts";
export { type LivingMarket, leavingChance, livingMarket, type MarketTruth, writeLivingMarket } from "./market/living-market.ts";
export { type MarketSettings, marketDefaults } from "./market/settings.ts";
export { type Market, syntheticMarket, writeMarket } from "./market/synthetic-market.ts";
export { type PlanIdentity, planDocument } from "./plan-document.ts";
export { choosePlan, type PlanChoice, type PlannedNumbers } from "./planner/choose-plan.ts";
export { type Evidence, type MarketEvidence, storedEvidence } from "./planner/evidence.ts";
export { type EvidenceCells, evidenceCells, type MeasureOptions, measureEvidence } from "./planner/measure-evidence.ts";
export { chooseModel, type ModelWishes } from "./planner/model-size.ts";
export type { PlanRequest, StatisticsWishes } from "./planner/plan-request.ts";
export { type Candidate, type PlanSearch, type SearchRequest, searchPlans, trainingWarnings } from "./planner/search-plans.ts";
export { type RateCourse, type Stage, withStages } from "./planner/stages.ts";
export { type FederationReport, joiningSentence, type MerchantReport, type RoundReport } from "./report.ts";
export { type RememberingCrypto, rememberingCrypto } from "./round/remembering-crypto.ts";
export { type RoundPlanRequest, roundPlan } from "./round/round-plan.ts";
export {
  type SimulatedPhase,
  type SimulatedRoundRequest,
  type SimulatedRounds,
  simulateRounds,
} from "./round/simulated-round.ts";
export { compareRuns, type RunComparison } from "./runs/compare-runs.ts";
export { beginFederationRun } from "./runs/federation-run.ts";
export { listRuns, type RunState } from "./runs/run-folder.ts";
export { type FinishedRun, runScale, type ScaleRunResult, type ScaleRunSettings } from "./runs/scale-run.ts";
export { benchScale, type ScaleBenchmark, type ScaleTimes } from "./scale/bench.ts";
export { adversaryKinds } from "./scale/conditions.ts";
export { type ScalePlanRequest, scalePlan } from "./scale/scale-plan.ts";
export { openShareWorker, type ShareWorker } from "./scale/share-worker-team.ts";
export type { AttemptRecord } from "./scale/simulate-scale.ts";
export { logQuality, type PropensityQuality, type ServedQuality, servedQuality } from "./served-quality/served-quality.ts";
export { identityLine, readJournal, type TuningIdentity, trialLine } from "./tuning/journal.ts";
export {
  type PrivatelyTuned,
  type PrivateTuneOptions,
  planSelection,
  type SelectionCost,
  selectionCost,
  tunePrivately,
} from "./tuning/private-tune.ts";
export { drawRecipes } from "./tuning/space.ts";
export { openTrials, type TuningData, tuningCohort } from "./tuning/trial.ts";
export { type Trial, type TunedRecipe, type Tuning, type TuningMethod, tune, tuningMethods } from "./tuning/tune.ts";
export { type UtilityAccountant, utilityAccountants } from "./utility/budget.ts";
export {
  type DisjointMarket,
  type DisjointMarketOptions,
  disjointMarket,
  type Sharing,
  sharings,
} from "./utility/disjoint/disjoint-market.ts";
export {
  type DisjointJoining,
  type DisjointOptions,
  type DisjointVerdict,
  measureDisjoint,
} from "./utility/disjoint/joining-disjoint.ts";
export { usualDisjointMarket, usualDisjointTraining } from "./utility/disjoint/usual.ts";
export {
  type Alone,
  type Joining,
  type MerchantOptions,
  measureAlone,
  measureJoining,
  rankerNames,
} from "./utility/joining.ts";
export { type MillionRun, measureMillion, millionRankers } from "./utility/market-million/market-million.ts";
export {
  type MillionTraining,
  millionCustomers,
  millionSettings,
  millionTrainings,
} from "./utility/market-million/settings.ts";
export { measureFloor, measureUtility, type UtilityCell, type UtilityCellOptions } from "./utility/measure.ts";
export { type PublicLog, readPublicLog, type UtilityDataset, utilityDatasets } from "./utility/public-logs.ts";
export type { Cohort } from "./utility/release-statistics.ts";
export { choosePlanToRead, type WrittenWishes } from "./written-releases.ts";
