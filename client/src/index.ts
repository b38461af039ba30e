/** Room 9. A merchant's node: local store, training worker, local budget. */
export { type NodeBudget, nodeBudget } from "./budget.ts";
export { checkNode, type NodeCheck } from "./check.ts";
export { type ClockDifference, coordinatorClock } from "./coordinator-clock.ts";
export { type DeclareOptions, declareCatalogue } from "./declare.ts";
export { type AcceptedExtension, acceptExtension } from "./extensions.ts";
export { type FeatureReport, type FeatureSummary, storedFeatures } from "./feature-report.ts";
export { type ForgetOptions, type Forgotten, forgetCustomers } from "./forget.ts";
export { pseudonymised } from "./home/store/opening.ts";
export {
  type ImportEventsOptions,
  type ImportSummary,
  importEvents,
  type PreviewEventsOptions,
  previewEvents,
  storedQuality,
} from "./import.ts";
export { type Joined, joinFederation } from "./join.ts";
export { logTo } from "./log.ts";
export type { NodePage, ServePageOptions } from "./page/page.ts";
export type { Policy } from "./policy-document.ts";
export { type Recovered, recoverNode } from "./recover.ts";
export type { RosterNews } from "./roster-news.ts";
export { type IdentityRotation, rotateIdentity } from "./rotate-identity.ts";
export { type Rotated, type RotateKeyOptions, rotateStoreKey } from "./rotate-key.ts";
export { type Outcome, type RunningNode, type StartNodeOptions, startNode } from "./running/start.ts";
export { type SelectCatalogueOptions, type SelectedCatalogue, selectCatalogue } from "./select-catalogue.ts";
export { benchServing, serveNode, servePage } from "./servers.ts";
export type { BenchServingOptions, Latencies, ServingFigures } from "./serving/bench/bench-serving.ts";
export {
  type PredictionKind,
  type PredictOptions,
  type PredictSummary,
  predictCustomers,
  predictionKinds,
} from "./serving/predict.ts";
export type { ServeNodeOptions, ServingNode } from "./serving/serve.ts";
export type { TrainingPurpose } from "./training/loop.ts";
export { type ServeTrainingOptions, serveTraining } from "./training/serve.ts";
export type { TrainingAnswer, TrainingOrder, TrainingSetup } from "./training/words.ts";
export { connectHttp } from "./transport/http.ts";
export type { CoordinatorClient } from "./transport/requests.ts";
export { type ControlConnection, connectSocket, type SocketHandlers } from "./transport/socket.ts";
export { changePolicy, type PolicyChange, pauseNode, resumeNode, trustPeers } from "./trust.ts";
export { type HoldoutStatus, holdOut } from "./value/holdout.ts";
export { type Personalised, type PersonaliseOptions, personalise } from "./value/personalise.ts";
export type { Timeline, TimelineEvent } from "./value/timelines.ts";
export {
  type ValueBlock,
  type ValueReport,
  type ValueReportOptions,
  type ValueReportWithTimelines,
  valueReport,
} from "./value/value-report.ts";
