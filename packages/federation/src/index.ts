/** Room 8. The round: one pure state machine for each side. */

export {
  broughtModel,
  decodeFederationModel,
  encodeFederationModel,
  type FederationModel,
  graphHashOf,
  initialFederationModel,
  initialModel,
  isInitialModelAgreed,
} from "./agreed-model.ts";
export { affordableFrom, chargesInPeriod, leavesPeriodAt, type SettledCharge } from "./budget-period.ts";
export { checkUpload, stepCoordinator } from "./coordinator.ts";
export type { CoordinatorEffect, CoordinatorEvent } from "./coordinator-events.ts";
export {
  type CoordinatorInit,
  type CoordinatorPhase,
  type CoordinatorRound,
  type CoordinatorState,
  createCoordinator,
  decodeCoordinatorState,
  dueNote,
  encodeCoordinatorState,
  everybody,
  nextRelease,
  whatFollows,
} from "./coordinator-state.ts";
export { forkOfLines } from "./forks.ts";
export { stepNode } from "./node.ts";
export type { NodeEffect, NodeEvent } from "./node-events.ts";
export {
  type Charge,
  chargedRounds,
  createNode,
  decodeNodeState,
  encodeNodeState,
  type NodeInit,
  type NodePhase,
  type NodePolicy,
  type NodeRound,
  type NodeState,
} from "./node-state.ts";
export { rotationSource, type VectorRange } from "./packing.ts";
export {
  localUpdatesOf,
  negativesSource,
  nextModel,
  optimiserOf,
  type ReleasedSum,
  type RoundParameters,
  roundParameters,
  type SumEffect,
  sumUploads,
} from "./release.ts";
export {
  type Confirmation,
  confirmLedger,
  countedPeers,
  forgottenRound,
  knownRound,
  type Recovery,
  type RoundMemory,
  recoverCharges,
  type ShownLedger,
} from "./stale-store.ts";
export { countedItems, recipeOf, statisticsCapsOf } from "./statistics.ts";
export type { Context, Purpose, Step } from "./step.ts";
export { genesisEntry } from "./steps/apply.ts";
export type { Note } from "./steps/note.ts";
export { requireAffordable } from "./steps/offer.ts";
export { betweenRounds, settleRestored } from "./steps/restored.ts";
export { type WarmStartSurroundings, warmStarted, warmStartOf } from "./warm-start.ts";
export {
  featuresQuery,
  heldOutRule,
  type OpenQuery,
  openQuery,
  type QuerySurroundings,
  requireShape,
} from "./written-queries.ts";
