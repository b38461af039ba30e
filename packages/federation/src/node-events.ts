/** What can happen to a node's side of the round, and what it can ask of its shell. */
import type { Entry } from "@tributary/ledger";
import type { Message, MessageOf, Sha256 } from "@tributary/protocol";
import type { NodePolicy } from "./node-state.ts";

export type NodeEvent =
  /** From the coordinator, already parsed by `messageSchema`; the reducer checks signature and binding. */
  | { readonly type: "message"; readonly message: Message }
  /** Training is done: quantised, noisy, not yet masked. [dimension] */
  | { readonly type: "trained"; readonly round: number; readonly vector: Uint32Array }
  /** Training could not be done at all; the node drops out of the round. */
  | { readonly type: "trainingFailed"; readonly round: number; readonly code: string }
  /** The coordinator has the masked vector on disk. */
  | { readonly type: "uploaded"; readonly round: number }
  /** The last deadline plus grace has passed. After a restart the shell counts again from `state.round.offeredAt`. */
  | { readonly type: "expired"; readonly round: number }
  /** Entries that the node lacks, from the coordinator's ledger, one canonical line each: verified, then appended. */
  | { readonly type: "ledger"; readonly lines: readonly string[] }
  /** The connection is up (again), or the process restarted: say again, byte for byte, what is still unanswered. */
  | { readonly type: "connected" }
  /** `policy.json` as it is now: at each start, and whenever the merchant changes it. */
  | { readonly type: "policy"; readonly policy: NodePolicy };

export type NodeEffect =
  /**
   * Write and sync the state (without `unpersisted`), together with the round's charge and masked vector when they are given.
   * Nothing after this in the list may begin before it is on disk.
   */
  | {
      readonly type: "persist";
      readonly charge?: { readonly round: number; readonly release: number };
      readonly vector?: Uint32Array;
    }
  /** Build the vector in a worker: fetch the model by hash, sample, train, clip, quantise, add noise. Answer: `trained`. */
  | {
      readonly type: "startTraining";
      readonly round: number;
      readonly release: number;
      readonly modelHash: Sha256;
      readonly offeredAt: string;
    }
  | { readonly type: "stopTraining"; readonly round: number }
  | { readonly type: "send"; readonly message: Message }
  /** Send the persisted masked vector over HTTP, `uploadOffset` after the offer and not before. Answer: `uploaded`. */
  | { readonly type: "upload"; readonly message: MessageOf<"masked"> }
  /** The round's masked vector may go. */
  | { readonly type: "eraseVector"; readonly round: number }
  /** The round's secrets may go. */
  | { readonly type: "eraseSecrets"; readonly round: number }
  /** What becomes of a charge. */
  | { readonly type: "settle"; readonly round: number; readonly as: "final" | "refunded" }
  /** A verified entry (line without `\n`) for the node's own copy of the ledger. */
  | { readonly type: "appendLedger"; readonly line: string; readonly entry: Entry }
  /** Wake up with `expired` after so many milliseconds. */
  | { readonly type: "setExpiry"; readonly round: number; readonly milliseconds: number };
