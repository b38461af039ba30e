/** What can happen to the coordinator's side of the round, and what it can ask of its shell. */
import type { Entry } from "@tributary/ledger";
import type { Message, MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import type { Unmasking } from "@tributary/secagg";
import type { Note } from "./steps/note.ts";

export type CoordinatorEvent =
  /** Begin the next round with the nodes that are connected; when the plan's rounds are used up, close the ledger instead. */
  | {
      readonly type: "start";
      readonly online: readonly NodeId[];
      /** The newest version of the protocol that all of them speak; the coordinator's own unless given. */
      readonly version?: string;
    }
  /** From a node, already parsed; the reducer checks signature and binding. */
  | { readonly type: "message"; readonly message: Message }
  /** A masked vector is on disk and synced, and hashes to what the message says. */
  | { readonly type: "uploaded"; readonly message: MessageOf<"masked"> }
  | { readonly type: "deadline"; readonly round: number; readonly phase: string }
  /** A node is connected (again): tell it once more what it is waiting for. */
  | { readonly type: "connected"; readonly node: NodeId }
  /** The process restarted: set deadlines again, ask again for what was under way. */
  | { readonly type: "restarted" }
  /** Answer to the effect `sum`: the unmasked sum is stored as a blob. */
  | { readonly type: "summed"; readonly round: number; readonly sumHash: Sha256 }
  /** Answer to the effect `sum`: an upload that was acknowledged is gone for good, and nobody has another copy; the round is given up. */
  | { readonly type: "uploadLost"; readonly round: number; readonly code: "TRB_COORDINATOR_UPLOAD_LOST" }
  /** Answer to the effect `apply`: the next model and optimiser state are stored as blobs; statistics need no optimiser. */
  | {
      readonly type: "applied";
      readonly round: number;
      readonly modelHash: Sha256;
      readonly optimiserHash: Sha256 | null;
      /** Of a release that is read: what the ledger has of it. [dimension] integer units. */
      readonly sum?: readonly number[];
    }
  /** Write an entry that is no round's; refused while a round is under way. */
  | { readonly type: "note"; readonly note: Note }
  /** Write the closing entry; no round after it. */
  | { readonly type: "close"; readonly reason: string };

export type CoordinatorEffect =
  /** Write and sync the state, with the ledger entry when there is one, in one transaction. */
  | { readonly type: "persist"; readonly entry?: { readonly line: string; readonly entry: Entry } }
  | { readonly type: "send"; readonly to: readonly NodeId[]; readonly message: Message }
  /** Wake up with `deadline` after so many milliseconds. */
  | { readonly type: "setDeadline"; readonly round: number; readonly phase: string; readonly milliseconds: number }
  /** Add up the uploads and take the masks off (`sumUploads`). Answer: `summed`, or `uploadLost`. */
  | {
      readonly type: "sum";
      readonly round: number;
      /** Coordinates of the sum. */
      readonly length: number;
      /** In so many each is uploaded; 32 unless given. */
      readonly bits?: number;
      readonly uploads: readonly { readonly node: NodeId; readonly sha256: Sha256 }[];
      readonly unmasking: Unmasking;
    }
  /** Dequantise, and take the server optimiser's step or take in the statistics (`applySum`). Answer: `applied`. */
  | {
      readonly type: "apply";
      readonly round: number;
      readonly release: number;
      readonly modelHash: Sha256;
      readonly optimiserHash: Sha256 | null;
      readonly sumHash: Sha256;
      /** How many nodes' vectors the sum holds. */
      readonly survivors: number;
      /** Rounds of this release that were released before. */
      readonly releasedBefore: number;
    }
  /** The round's uploads may go. */
  | { readonly type: "eraseUploads"; readonly round: number }
  /** The round is over (released or given up): the shell answers with `start`, which closes the ledger after the last round. */
  | { readonly type: "roundEnded"; readonly round: number; readonly released: boolean }
  /** The plan's rounds are done and the ledger is closed. */
  | { readonly type: "finished" };
