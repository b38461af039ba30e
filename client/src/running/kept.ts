/** What a node keeps of its rounds, and what its shell needs of whoever keeps it: a home folder in Node (`home-rounds.ts`), a database in a browser. */
import type { Charge, NodeState } from "@tributary/federation";
import type { MessageOf } from "@tributary/protocol";
import type { Logger } from "pino";

/** Each call's work is durable once the call has returned, or its promise has resolved: nothing that rests on it is said before. */
export interface Kept {
  /**
   * Writes the state; what the reducer calls unpersisted stays in memory. After a crash at any moment there is either no trace of `paid`, or the
   * state with the charge and y.
   */
  save(state: NodeState, paid?: Paid): Promise<void>;
  /** Before it leaves: this node's one vote in a round. */
  vote(message: MessageOf<"vote">): void | Promise<void>;
  /** y of a round, in octets; undefined where it isn't kept. */
  vector(round: number): Promise<Uint8Array | undefined>;
  eraseVector(round: number): void | Promise<void>;
  /** @param charge as the state has it; undefined where the state doesn't know of it */
  settle(round: number, as: "final" | "refunded", charge: Charge | undefined): void | Promise<void>;
}

/** A charge, and y where there is one to upload. */
export interface Paid {
  readonly charge: Charge;
  readonly octets?: Uint8Array;
}

/** What is logged, wherever it goes. */
export type NodeLog = Pick<Logger, "debug" | "info" | "warn" | "error">;
