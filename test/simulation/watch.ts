/**
 * Looks on, and throws a finding as soon as something happens that must not. It knows what nobody in the world knows: every vector before it
 * was masked, who is corrupt, and everything that was ever said.
 */
import type { CoordinatorState, NodeEvent, NodeState } from "@tributary/federation";
import { decodeCoordinatorState, type SumEffect } from "@tributary/federation";
import type { Entry } from "@tributary/ledger";
import type { Message, MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import { type Federation, leastHonest } from "./federation.ts";
import { documentOf, finding, requireErased, requireProper, requireWithinBudget } from "./honest-speech.ts";
import { type CohortView, createKnowledge } from "./knowledge.ts";

export interface Watch {
  /** A node took an event. */
  readonly nodeStepped: (state: NodeState, event?: NodeEvent) => void;
  /** This is on a node's disk now. */
  readonly nodePersisted: (state: NodeState) => void;
  /** A masked vector is on a node's disk: what it was before. */
  readonly vectorMasked: (state: NodeState, round: number, sha256: Sha256, plain: Uint32Array) => void;
  /** A corrupt node uploads this, which is its masked vector with something added. */
  readonly vectorSpoiled: (node: NodeId, round: number, sha256: Sha256, added: Uint32Array) => void;
  /** A message leaves a node whose disk holds this. */
  readonly nodeSays: (state: NodeState, disk: string, message: Message) => void;
  readonly uploadLeaves: (node: NodeId, message: MessageOf<"masked">, charged: boolean) => void;
  readonly chargeSettled: (node: NodeId, round: number, as: "final" | "refunded") => void;
  /** A node lost its memory of rounds and came back with a backup. */
  readonly nodeRestored: (node: NodeId, lastRound: number) => void;
  /** A message leaves an honest coordinator whose disk holds this. */
  readonly coordinatorSays: (state: CoordinatorState, disk: string, to: NodeId, message: Message) => void;
  readonly uploadAcknowledged: (disk: string, message: MessageOf<"masked">) => void;
  readonly entryWritten: (ledger: readonly string[], entry: Entry) => void;
  readonly summed: (state: CoordinatorState, effect: SumEffect, sum: Uint32Array) => void;
  /** The adversary made these keys itself. */
  readonly adversaryHolds: (keys: { readonly encryption?: readonly [string, string]; readonly mask?: string }) => void;
  readonly figures: () => Figures;
}

/** How far a world got: a search that never gets anywhere finds nothing. */
export interface Figures {
  /** Sums whose masks came off at the coordinator, or could have. */
  readonly sums: number;
  readonly uploads: number;
  readonly refunds: number;
  readonly votes: number;
  /** Entries that put a model forward, and that went back to one. */
  readonly promotions: number;
  readonly rollbacks: number;
  /** Members that came, went, and changed their keys. */
  readonly admitted: number;
  readonly revoked: number;
  readonly rotated: number;
}

export function createWatch(federation: Federation): Watch {
  const { plan, honest, crypto } = federation;
  const isHonest = (node: string) => honest.some((one) => one === node);
  const said = new Map<string, string>();
  const documents = new Set<string>();
  const voters = new Map<string, Set<string>>();
  const vectors = new Map<string, string>();
  const plain = new Map<string, Uint32Array>();
  const spoiled = new Map<string, Uint32Array>();
  const settled = new Map<string, string>();
  const exposed = new Map<string, Set<number>>();
  const states = new Map<string, NodeState>();
  const told = new Map<string, readonly NodeId[]>();
  const graphs = new Map<string, string>();
  const persisted = new Map<string, NodeState>();
  const restored = new Map<string, number>();
  const knowledge = createKnowledge(crypto);
  const learnt = new Set<string>();
  const figures = {
    sums: 0,
    uploads: 0,
    refunds: 0,
    votes: 0,
    promotions: 0,
    rollbacks: 0,
    admitted: 0,
    revoked: 0,
    rotated: 0,
  };

  const record = {
    wasSaid: (message: Message) => documents.has(documentOf(message)),
    survivorsTold: (node: string, round: number) => told.get(`${node}/${round}`) ?? [],
    votersFor: (round: number, h1: string, choice: string) => voters.get(`${round}/${h1}/${choice}`) ?? new Set<string>(),
  };

  const once = (map: Map<string, string>, key: string, value: string, what: string) => {
    const before = map.get(key);
    if (before !== undefined && before !== value) throw finding(what, key);
    map.set(key, value);
  };

  /** On a graph: the neighbours that a node votes for as survivors have masks on for its own U2, and no other. */
  const requireSameMasks = ({ self, round }: NodeState) => {
    if (round === null || round.graphSeed === null || round.vote?.body.choice.for !== "sets") return;
    for (const node of told.get(`${self}/${round.number}`) ?? []) {
      const theirs = states.get(node)?.round;
      const isNeighbour = round.adverts.some(({ sender }) => sender === node && sender !== self);
      if (!isNeighbour || theirs?.number !== round.number || theirs.masked === null) continue;
      if (theirs.sharers.join(" ") !== round.sharers.join(" "))
        throw finding("a vote for a neighbour with masks for another U2", self);
    }
  };

  /** What can be learnt by now of a round is sums of enough honest nodes, and each of them has paid for it. */
  const requireHidden = (round: number) => {
    for (const component of knowledge.learnable(round)) {
      const names = component.join(" ");
      if (component.length < leastHonest(plan)) {
        throw finding("a sum of too few honest nodes can be learnt", `round ${round}: ${names}`);
      }
      if (!learnt.has(`${round} ${names}`)) figures.sums += 1;
      learnt.add(`${round} ${names}`);
      for (const node of component) {
        if (settled.get(`${node}/${round}`) === "refunded")
          throw finding("a sum can be learnt that was refunded", `${node}/${round}`);
        const rounds = exposed.get(node) ?? new Set<number>();
        exposed.set(node, rounds.add(round));
        if (rounds.size > (plan.releases[0]?.rounds ?? 0))
          throw finding("more sums can be learnt than the budget allows", node);
      }
    }
  };

  return {
    nodeStepped(state, event) {
      const { self, round } = state;
      // a vote on a graph names its sets by their hash: these are they
      if (event?.type === "message" && event.message.step === "survivors" && round !== null && round.vote !== null) {
        const key = `${self}/${round.number}`;
        if (!told.has(key)) told.set(key, event.message.body.survivors);
      }
      if (!isHonest(self)) {
        const { secrets, advert } = round ?? { secrets: null, advert: null };
        if (secrets === null || advert === null) return;
        if (secrets.encryptionSecret !== null) knowledge.holdEncryptionKey(advert.body.encryptionKey, secrets.encryptionSecret);
        knowledge.holdMaskKey(advert.body.maskKey);
        return;
      }
      states.set(self, state);
      requireErased(state);
      requireWithinBudget(plan, state);
    },
    nodePersisted(state) {
      const { self } = state;
      const before = persisted.get(self);
      if (!isHonest(self)) return;
      persisted.set(self, state);
      if (before === undefined) return;
      if (state.lastRound < before.lastRound || state.head.entries < before.head.entries) {
        throw finding("a node went back", self);
      }
      for (const charge of before.charges) {
        const now = state.charges.find((one) => one.round === charge.round);
        if (now === undefined) throw finding("a charge was forgotten", `${self}/${charge.round}`);
        if (charge.standing !== "open" && now.standing !== charge.standing) {
          throw finding("a charge was settled twice", `${self}/${charge.round}`);
        }
      }
    },
    vectorMasked(state, round, sha256, vector) {
      plain.set(`${state.self}/${round}`, vector);
      if (isHonest(state.self)) once(vectors, `${state.self}/${round}`, sha256, "two masked vectors for one node and round");
    },
    vectorSpoiled(node, round, sha256, added) {
      const before = plain.get(`${node}/${round}`);
      spoiled.set(
        `${node}/${round}/${sha256}`,
        added.map((word, i) => word + (before?.[i] ?? 0)),
      );
    },
    nodeSays(state, disk, message) {
      const { self } = state;
      if (!isHonest(self)) return;
      if (!disk.includes(JSON.stringify(message))) throw finding(`a node said ${message.step} before it was on disk`, self);
      const document = documentOf(message);
      const isRepeated = documents.has(document);
      documents.add(document);
      // a node that lost its memory may offer keys once more; whether they can do harm is seen later
      const again = message.step === "advert" && message.round <= (restored.get(self) ?? 0);
      if (!again) once(said, `${self}/${message.round}/${message.step}`, document, "two different messages of one step");
      if (isRepeated) return; // the same bytes were looked at when the node still had what it was told
      requireProper(federation, record, state, message);
      const view = viewOf(state);
      if (view === undefined) return;
      if (message.step === "shares" && state.round !== null && state.round.graphSeed !== null) {
        once(graphs, message.body.h1, state.round.graphSeed, "two graphs of one cohort");
      }
      if (message.step === "vote") {
        figures.votes += 1;
        requireSameMasks(state);
        const key = `${message.round}/${message.body.h1}/${documentOf(message.body.choice)}`;
        voters.set(key, (voters.get(key) ?? new Set()).add(self));
      }
      if (message.step === "shares") knowledge.shares(view, message);
      if (message.step === "unmaskShares") knowledge.released(view, message);
      if (message.step === "shares" || message.step === "unmaskShares") requireHidden(message.round);
    },
    uploadLeaves(node, message, charged) {
      const state = states.get(node);
      if (!isHonest(node) || state === undefined) return;
      figures.uploads += 1;
      once(vectors, `${node}/${message.round}`, message.body.sha256, "two masked vectors for one node and round");
      if (!charged) throw finding("a masked vector left before its charge was on disk", `${node}/${message.round}`);
      requireProper(federation, record, state, message);
      const view = viewOf(state);
      if (view !== undefined) knowledge.uploaded(view, state.round?.sharers ?? []);
      requireHidden(message.round);
    },
    chargeSettled(node, round, as) {
      if (!isHonest(node)) return;
      if (as === "refunded") figures.refunds += 1;
      once(settled, `${node}/${round}`, as, "two fates of one charge");
      requireHidden(round);
    },
    nodeRestored(node, lastRound) {
      restored.set(node, Math.max(lastRound, restored.get(node) ?? 0));
      persisted.delete(node);
    },
    coordinatorSays(state, disk, to, message) {
      const kept = decodeCoordinatorState(disk);
      if (kept.round?.number !== state.round?.number || kept.round?.phase !== state.round?.phase) {
        throw finding(`the coordinator said ${message.step} before it was on disk`);
      }
      if (message.step === "result" || message.step === "abort") return; // entries are looked at where they are written
      const each = message.step === "envelopes" || message.step === "survivors";
      const key = `coordinator/${message.round}/${message.step}/${each ? to : ""}`;
      once(said, key, documentOf(message), "two different messages of the coordinator in one step");
    },
    uploadAcknowledged(disk, { round: number, sender }) {
      const { round } = decodeCoordinatorState(disk);
      if (round?.number === number && round.phase === "masked" && !round.uploads.some((one) => one.sender === sender)) {
        throw finding("an upload was acknowledged before it was on disk", sender);
      }
    },
    entryWritten(ledger, entry) {
      if (entry.index !== ledger.length) throw finding("a ledger entry in another's place", String(entry.index));
      if (entry.kind === "promotion") figures.promotions += 1;
      if (entry.kind === "roster") {
        figures.admitted += entry.admitted?.length ?? 0;
        figures.revoked += entry.revoked.length;
        figures.rotated += entry.rotated?.length ?? 0;
      }
      if (entry.kind === "rollback") figures.rollbacks += 1;
      if (entry.kind !== "round" && entry.kind !== "aborted") return;
      once(said, `entry/${entry.round}`, String(entry.index), "two ledger entries for one round");
    },
    summed({ round }, effect, sum) {
      const nodes = effect.uploads.map(({ node }) => node);
      if (round === null || nodes.join(" ") !== round.survivors.join(" ")) {
        throw finding("others were summed than were agreed on", `${nodes.join(" ")} for ${round?.survivors.join(" ")}`);
      }
      const expected = new Uint32Array(effect.length);
      for (const { node, sha256 } of effect.uploads) {
        const vector = spoiled.get(`${node}/${effect.round}/${sha256}`) ?? plain.get(`${node}/${effect.round}`);
        for (let i = 0; i < expected.length; i++) expected[i] = (expected[i] ?? 0) + (vector?.[i] ?? 0);
      }
      if (!expected.every((word, i) => word === sum[i])) {
        throw finding("a sum is not the sum of its survivors' vectors", `round ${effect.round}`);
      }
      // what is watched isn't blind: this sum can be learnt by now, and nothing finer
      const wanted = nodes.filter(isHonest).join(" ");
      if (!knowledge.learnable(effect.round).some((component) => [...component].sort().join(" ") === wanted)) {
        throw finding("a sum was taken off that nobody should have been able to take off", `round ${effect.round}`);
      }
    },
    adversaryHolds({ encryption, mask }) {
      if (encryption !== undefined) knowledge.holdEncryptionKey(...encryption);
      if (mask !== undefined) knowledge.holdMaskKey(mask);
    },
    figures: () => ({ ...figures }),
  };
}

/** U1 as this node was told it; undefined before it was. */
function viewOf({ self, planHash, round }: NodeState): CohortView | undefined {
  if (round === null || round.h1 === null) return undefined;
  const { number, modelHash, h1, cohort, advert } = round;
  const adverts = [...round.adverts.filter(({ sender }) => sender !== self), advert];
  return { node: self, round: number, planHash, modelHash, h1, cohort, adverts };
}
