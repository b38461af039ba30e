/**
 * Nodes' state machines, as far as they take part in the round that is under way: the ones of `packages/federation`, with messages passed in
 * memory. A thread seats some of the cohort at the round's start and hands their states back at its end; between rounds a state is what a
 * node would have on its disk, without what all nodes have in common.
 */
import { fail } from "@tributary/errors";
import {
  type Context,
  createNode,
  type NodeEffect,
  type NodeEvent,
  type NodePolicy,
  type NodeState,
  type SumEffect,
  stepNode,
  sumUploads,
} from "@tributary/federation";
import type { EntryOf, LedgerHead } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import type { Crypto, Message, MessageOf, NodeId } from "@tributary/protocol";
import { randomSourceFromSeed } from "@tributary/protocol";
import { nodeName, type WorkSetup } from "./node-work.ts";

/** What every node's copy of the ledger says, once it has followed it to its end. */
export type LedgerView = Pick<NodeState, "head" | "modelHash" | "ledgerCharged" | "settledRound" | "closed">;
/** What is a node's own. */
export type OwnState = Pick<NodeState, "lastRound" | "charges">;

export interface SeatSetup {
  readonly genesis: EntryOf<"genesis">;
  readonly head: LedgerHead;
}

interface Seated {
  readonly node: number;
  /** Undefined for a node that has never taken part. */
  readonly own: OwnState | undefined;
  /** Whether it cheats. */
  readonly cheats: boolean;
}

export type SeatWord =
  | {
      readonly type: "seat";
      readonly nodes: readonly Seated[];
      readonly view: LedgerView | undefined;
      readonly policy: NodePolicy;
    }
  | { readonly type: "deliver"; readonly events: readonly { readonly node: number; readonly event: NodeEvent }[] }
  /** This thread's part of the sum: uploads that it holds, and masks that it is to take off. */
  | ({ readonly type: "sum" } & Pick<SumEffect, "round" | "length" | "bits" | "uploads" | "unmasking">)
  | { readonly type: "rise" };

export interface SeatResult {
  readonly messages?: readonly Message[];
  readonly uploads?: readonly MessageOf<"masked">[];
  readonly sum?: Uint32Array;
  readonly states?: readonly { readonly node: number; readonly own: OwnState }[];
  readonly view?: LedgerView;
}

export interface Seats {
  obey(word: SeatWord): Promise<SeatResult>;
}

interface Party {
  readonly node: number;
  readonly context: Context;
  readonly cheats: boolean;
  state: NodeState;
  training: { readonly round: number; readonly release: number } | undefined;
  vector: Uint32Array | undefined;
}

/** The Ed25519 secret of a simulated party. */
export function identitySecret(crypto: Crypto, seed: Uint8Array, role: "coordinator" | "node", id: string): Uint8Array {
  const secret = new Uint8Array(32);
  randomSourceFromSeed(crypto, seed, role, id, 0, "identity").fill(secret);
  return secret;
}

/** @param vectorOf what the node uploads, before masks */
export function openSeats(
  { seed, population }: Pick<WorkSetup, "seed"> & { readonly population: Pick<WorkSetup["population"], "nodes"> },
  { genesis, head }: SeatSetup,
  crypto: Crypto,
  vectorOf: (node: number, round: number, release: number, cheats: boolean) => Promise<Uint32Array>,
): Seats {
  const parties = new Map<number, Party>();
  let uploads = new Map<string, Uint32Array>();

  function seat({ node, own, cheats }: Seated, view: LedgerView | undefined, policy: NodePolicy): void {
    const id = nodeName(node, population.nodes) as NodeId;
    const secret = identitySecret(crypto, seed, "node", id);
    const context: Context = {
      crypto,
      random: (round, purpose) => randomSourceFromSeed(crypto, seed, "node", id, round, purpose),
      sign: (message) => crypto.sign(message, secret),
      now: "2000-01-01T00:00:00.000Z", // simulated time stands still
      software: softwareHash(import.meta.url),
    };
    const state = { ...createNode({ self: id, genesis, head, policy }), ...view, ...own };
    parties.set(node, { node, context, cheats, state, training: undefined, vector: undefined });
  }

  async function deliver(node: number, event: NodeEvent, said: Message[], sent: MessageOf<"masked">[]): Promise<void> {
    const party = parties.get(node);
    if (party === undefined) throw fail("TRB_SIMULATE_STALLED", { round: 0 });
    const step = stepNode(party.state, event, party.context);
    party.state = step.state;
    for (const effect of step.effects) await carryOut(party, effect, said, sent);
    // the vector is asked for when its masks are known, so that who falls silent before has not trained in vain
    const { training } = party;
    if (training !== undefined && party.state.round?.phase === "masking") {
      party.training = undefined;
      const vector = await vectorOf(node, training.round, training.release, party.cheats);
      await deliver(node, { type: "trained", round: training.round, vector }, said, sent);
    }
  }

  async function carryOut(party: Party, effect: NodeEffect, said: Message[], sent: MessageOf<"masked">[]): Promise<void> {
    switch (effect.type) {
      case "persist":
        if (effect.vector) party.vector = effect.vector;
        return;
      case "startTraining":
        party.training = { round: effect.round, release: effect.release };
        return;
      case "send":
        said.push(effect.message);
        return;
      case "upload":
        if (party.vector === undefined) throw fail("TRB_SIMULATE_STALLED", { round: effect.message.round });
        uploads.set(effect.message.body.sha256, party.vector);
        sent.push(effect.message);
        return;
      case "eraseVector":
        party.vector = undefined;
        return;
      case "stopTraining":
        party.training = undefined;
        return;
      case "eraseSecrets": // nothing was written
      case "settle":
      case "appendLedger":
      case "setExpiry":
    }
  }

  return {
    async obey(word) {
      switch (word.type) {
        case "seat":
          for (const one of word.nodes) seat(one, word.view, word.policy);
          return {};
        case "deliver": {
          const [messages, masked]: [Message[], MessageOf<"masked">[]] = [[], []];
          for (const { node, event } of word.events) await deliver(node, event, messages, masked);
          return { messages, uploads: masked };
        }
        case "sum": {
          const read = async (sha256: string) => {
            const vector = uploads.get(sha256);
            if (vector === undefined) throw fail("TRB_SIMULATE_STALLED", { round: word.round });
            return vector;
          };
          const held = word.uploads.filter(({ sha256 }) => uploads.has(sha256));
          return { sum: await sumUploads({ ...word, uploads: held }, read, crypto) };
        }
        case "rise": {
          const states = [...parties.values()].map(({ node, state }) => ({
            node,
            own: { lastRound: state.lastRound, charges: state.charges },
          }));
          const [any] = parties.values();
          parties.clear();
          uploads = new Map();
          if (any === undefined) return { states };
          const { head: last, modelHash, ledgerCharged, settledRound, closed } = any.state;
          return { states, view: { head: last, modelHash, ledgerCharged, settledRound, closed } };
        }
      }
    },
  };
}
