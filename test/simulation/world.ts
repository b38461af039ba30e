/** What the parties of one simulated world have in common, and how each is reached. */
import type { NodeState } from "@tributary/federation";
import type { HeadStatement, NodeId } from "@tributary/protocol";
import type { Federation } from "./federation.ts";
import type { Answer, Network } from "./network.ts";
import type { Chance } from "./randomness.ts";
import type { FaultRates, Scenario } from "./scenario.ts";
import type { Watch } from "./watch.ts";

export interface World {
  readonly scenario: Scenario;
  readonly federation: Federation;
  readonly chance: Chance;
  readonly network: Network;
  readonly watch: Watch;
  /** As the scenario says; nothing any more once it is calm. */
  readonly faults: () => FaultRates;
  readonly trace: (line: string) => void;
  /** Whether a party's process dies here, before what `boundary` names. Counted. */
  readonly dies: (party: string, boundary: string) => boolean;
  readonly coordinator: () => CoordinatorParty;
  readonly node: (id: string) => NodeParty | undefined;
  /** Both sides of a link hear that it is up (again), a little later. */
  readonly connect: (node: NodeId) => void;
}

/** A coordinator, as nodes reach it. */
export interface CoordinatorParty {
  readonly isUp: () => boolean;
  readonly start: () => void;
  /** Over the control connection of this node. */
  readonly hear: (from: NodeId, message: unknown) => Answer;
  /** A masked vector over HTTP; what becomes of it is answered over the network. */
  readonly takeUpload: (from: NodeId, message: unknown, vector: Uint32Array, reply: (answer: Answer) => void) => Answer;
  /** The lines of its ledger from this entry on, as it tells this node. */
  readonly ledgerFrom: (node: NodeId, entry: number) => readonly string[];
  /** What these peers answer to a nonce, as it passes that on. */
  readonly headsFor: (node: NodeId, nonce: string, peers: readonly NodeId[]) => readonly HeadStatement[];
  readonly connected: (node: NodeId) => void;
}

/** A node, as its coordinator reaches it. */
export interface NodeParty {
  readonly id: NodeId;
  readonly isUp: () => boolean;
  readonly start: () => void;
  readonly hear: (message: unknown) => Answer;
  readonly connected: () => void;
  /** Its own ledger, stated to a peer that asks; nothing while nobody is there. */
  readonly head: (nonce: string) => HeadStatement | undefined;
  /** What it has come to; undefined while its process isn't running. */
  readonly standing: () => { readonly state: NodeState; readonly ledger: readonly string[] } | undefined;
  /** Whether it found that it must not go on: it stays down. */
  readonly hasGivenUp: () => boolean;
  /** Its last deadline passes, although it may not have. */
  readonly expire: () => void;
}

/** Thrown where a process dies. */
export const death = Symbol("death");
