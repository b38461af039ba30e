/** What the node's main thread and its training worker say to each other. Arrays are transferred, never copied. */
import type { NodeId, Plan, Sha256 } from "@tributary/protocol";

/** What a worker is started with. */
export interface TrainingSetup {
  readonly home: string;
  readonly node: NodeId;
  readonly plan: Plan;
  /** How many threads train at a time, this one among them. */
  readonly threads: number;
  /** [1] the largest round that is to be given up: read between runs. */
  readonly stopped: Int32Array<SharedArrayBuffer>;
}

export interface TrainingJob {
  readonly type: "train";
  readonly round: number;
  readonly release: number;
  readonly modelHash: Sha256;
  /** The model's file; null when the worker was given this model before. */
  readonly model: Uint8Array<ArrayBuffer> | null;
  /**
   * Unix milliseconds: no run begins after it, so that the vector is ready before the upload is due, however much data there
   * is. If one would have to, the vector is noise alone (docs/decisions/0010).
   */
  readonly stopAt: number;
}

/** Load histories and graphs now, so that the first round's time is for training. Answer: `prepared`, or `failed` with round 0. */
interface TrainingPreparation {
  readonly type: "prepare";
}

/** Finish what has begun, let go of everything, and end: a thread must not be torn down while its graphs run in native code. */
interface TrainingEnd {
  readonly type: "end";
}

export type TrainingOrder = TrainingPreparation | TrainingJob | TrainingEnd;

export interface Failure {
  /** Of a sum query that failed at some customers, who count as zero; the others are in the vector. */
  readonly some?: boolean;
  readonly code: string;
  readonly reason: string;
}

export type TrainingAnswer =
  | { readonly type: "prepared" }
  | {
      readonly type: "trained";
      readonly round: number;
      readonly vector: Uint32Array<ArrayBuffer>;
      /** Time ran out, so the vector is noise alone. For the merchant's eyes only. */
      readonly outOfTime: boolean;
      /** Training failed, so the vector is noise alone: what went wrong, in words that name no data. For the merchant's eyes only. */
      readonly failure: Failure | undefined;
    }
  /** Given up, as asked. */
  | { readonly type: "stopped"; readonly round: number }
  | ({ readonly type: "failed"; readonly round: number } & Failure);
