/** What a browser's page and its training worker say to each other, beside what every training thread is told. */
import type { Histories } from "@tributary/events/histories";
import type { NodeId, Plan } from "@tributary/protocol";
import type { TrainingOrder } from "../../src/training/words.ts";

/** First of all, once. */
export interface WorkerSetup {
  readonly type: "begin";
  readonly plan: Plan;
  readonly node: NodeId;
  readonly catalogue: Uint8Array;
  readonly histories: Histories;
}

export type WorkerOrder = WorkerSetup | TrainingOrder;
