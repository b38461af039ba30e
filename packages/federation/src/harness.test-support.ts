/**
 * A federation in one process for this room's own tests: messages arrive in the order in which they were sent, and a test says which of them
 * get lost and who dies where. Faults and lies by the thousand, from seeds, are `test/simulation`'s.
 */
import { isTributaryError } from "@tributary/errors";
import { emptyHead, headAfter, parseLine } from "@tributary/ledger";
import {
  agreedVersion,
  canonicalBytes,
  fingerprintOf,
  isWritten,
  type Message,
  type NodeId,
  type Plan,
  protocolVersion,
  type Roster,
  releaseOf,
  type Sha256,
  signMember,
  toHex,
} from "@tributary/protocol";
import { checkUpload, stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEffect, CoordinatorEvent } from "./coordinator-events.ts";
import {
  type CoordinatorState,
  createCoordinator,
  decodeCoordinatorState,
  dueNote,
  encodeCoordinatorState,
} from "./coordinator-state.ts";
import { stepNode } from "./node.ts";
import type { NodeEffect, NodeEvent } from "./node-events.ts";
import { createNode, decodeNodeState, encodeNodeState, type NodePolicy, type NodeState } from "./node-state.ts";
import { contextOf, crypto, dimension, hash, type Identity, identity, planOf, seeded, signAs } from "./parties.test-support.ts";
import { sumUploads } from "./release.ts";
import type { Context } from "./step.ts";
import { genesisEntry } from "./steps/apply.ts";
import { hashVector } from "./steps/masked.ts";
import { writtenSum } from "./written-queries.ts";

/** A party's process and disk. */
interface NodeParty {
  readonly id: NodeId;
  readonly identity: Identity;
  state: NodeState;
  disk: string;
  vector: Uint32Array | undefined;
  ledger: string[];
  lives: number;
}

interface CoordinatorParty {
  readonly identity: Identity;
  state: CoordinatorState;
  /** What is on its disk: encoded only when it is read, since a value never changes. */
  persisted: CoordinatorState;
  ledger: string[];
  lives: number;
  deadline: { readonly round: number; readonly phase: string } | undefined;
}

/** What was seen, to tell what must not be. */
interface Journal {
  /** `node/round/step` → what left the node. */
  readonly said: Map<string, string>;
  /** `node/round` → hash of the one masked vector. */
  readonly masked: Map<string, string>;
  /** `node/round` → V of the vector that was masked. */
  readonly plain: Map<string, Uint32Array>;
  /** `round/target` → which kind of share was released. */
  readonly released: Map<string, "ownMask" | "maskKey">;
  /** `node/round` → how a charge ended. */
  readonly settled: Map<string, string>;
  readonly sums: number[];
  readonly refusals: string[];
  crashes: number;
}

type Delivery =
  | { readonly side: "coordinator"; readonly to: string; readonly event: CoordinatorEvent }
  | { readonly side: "node"; readonly to: NodeId; readonly event: NodeEvent };

const toCoordinator = (event: CoordinatorEvent): Delivery => ({ side: "coordinator", to: "coordinator", event });
const toNode = (to: NodeId, event: NodeEvent): Delivery => ({ side: "node", to, event });

/** Asked at every boundary between effects, and for every delivery. */
export interface Faults {
  /** Kill this party before this effect? */
  readonly crash: (party: string, effect: string) => boolean;
  /** Lose this delivery? */
  readonly lose: (to: string, event: string) => boolean;
}

export const noFaults: Faults = {
  crash: () => false,
  lose: () => false,
};

export interface World {
  readonly versions: Readonly<Record<string, string>>;
  readonly plan: Plan;
  readonly roster: Roster;
  readonly coordinator: CoordinatorParty;
  readonly nodes: NodeParty[];
  readonly policy: NodePolicy;
  readonly journal: Journal;
  readonly queue: Delivery[];
  finished: boolean;
  /** How often it was asked to go on: a test that waits for what never comes ends by this. */
  turns: number;
}

export interface WorldOptions {
  readonly nodes?: number;
  /** Rounds of the plan's one release. */
  readonly rounds?: number;
  readonly plan?: Partial<Plan>;
  readonly policy?: Partial<NodePolicy>;
  /** Newest protocol versions that the parties speak, by name; the build's own unless given. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** node-a to node-z, then on with numbers, in ascending order. */
export const nodeName = (i: number) =>
  (i < 26 ? `node-${String.fromCharCode(97 + i)}` : `node-z${String(i).padStart(4, "0")}`) as NodeId;

export function createWorld({
  nodes: count = 5,
  rounds,
  plan: overrides = {},
  policy = {},
  versions = {},
}: WorldOptions = {}): World {
  const owner = identity("coordinator");
  const base = planOf(owner.key, overrides);
  const plan = rounds === undefined ? base : { ...base, releases: base.releases.map((release) => ({ ...release, rounds })) };
  const members = Array.from({ length: count }, (_, i) => ({ id: nodeName(i), identity: identity(nodeName(i)) }));
  const roster = members.map(({ id, identity: { key, sign } }) =>
    signMember({ sign }, plan.federation, { node: id, key, kind: "merchant" }),
  );
  const genesis = genesisEntry({ plan, roster }, contextOf(owner, "genesis"));
  const start = { genesis: genesis.entry, head: genesis.head };
  const full: NodePolicy = {
    maxEpsilon: plan.epsilon,
    delta: plan.delta,
    minCohort: plan.minCohort,
    releases: ["training"],
    trustedPeers: members.map(({ identity: { key } }) => fingerprintOf(crypto, key)),
    ...policy,
  };
  const coordinatorState = createCoordinator(start);
  const online = members.map(({ id }) => id);
  return {
    versions,
    plan,
    roster,
    coordinator: {
      identity: owner,
      state: coordinatorState,
      persisted: coordinatorState,
      ledger: [genesis.line],
      lives: 0,
      deadline: undefined,
    },
    nodes: members.map(({ id }) => processOf(id, createNode({ self: id, ...start, policy: full }), genesis.line)),
    policy: full,
    journal: {
      said: new Map(),
      masked: new Map(),
      plain: new Map(),
      released: new Map(),
      settled: new Map(),
      sums: [],
      refusals: [],
      crashes: 0,
    },
    queue: [toCoordinator(startWith(online, versions))],
    finished: false,
    turns: 0,
  };
}

function processOf(id: NodeId, state: NodeState, line: string): NodeParty {
  return { id, identity: identity(id), state, disk: encodeNodeState(state), vector: undefined, ledger: [line], lives: 0 };
}

/** A process for who comes after the founding: it knows the ledger's first entry, and follows from there. */
export function addNode(world: World, id: NodeId): void {
  const [line = ""] = world.coordinator.ledger;
  const genesis = parseLine(line);
  if (genesis.kind !== "genesis") throw new Error("the ledger has no beginning");
  const head = headAfter(crypto, emptyHead, line);
  world.nodes.push(processOf(id, createNode({ self: id, genesis, head, policy: world.policy }), line));
}

/** Runs until the next round is about to begin, or all is over. */
export async function runToRest(world: World, faults: Faults = noFaults): Promise<void> {
  do await run(world, faults, 1);
  while (!world.finished && !(world.coordinator.state.round === null && world.queue[0]?.event.type === "start"));
}

export function nodeOf(world: World, id: string): NodeParty {
  const party = world.nodes.find((one) => one.id === id);
  if (party === undefined) throw new Error(`no node ${id}`);
  return party;
}

const spokenBy = (party: string, versions: World["versions"]) => {
  const version = versions[party];
  return version === undefined ? {} : { version };
};

export function coordinatorContext({ coordinator, versions }: World): Context {
  return { ...contextOf(coordinator.identity, `coordinator ${coordinator.lives}`), ...spokenBy("coordinator", versions) };
}

export function nodeContext(party: NodeParty): Context {
  return { ...contextOf(party.identity, `${party.id} ${party.lives}`), signAs };
}

/** Runs until the ledger is closed, or so many deliveries have been made. */
export async function run(world: World, faults: Faults = noFaults, most = 4000): Promise<void> {
  const patience = 10_000 + 100 * world.nodes.length ** 2;
  world.turns++;
  for (let deliveries = 0; !world.finished && deliveries < most; deliveries++) {
    world.turns++;
    if (world.turns > patience) break;
    const delivery = world.queue.shift();
    if (delivery === undefined) {
      const { deadline } = world.coordinator;
      if (deadline === undefined) throw new Error(`stalled at ${world.coordinator.state.round?.phase ?? "rest"}`);
      world.coordinator.deadline = undefined;
      world.queue.push(toCoordinator({ type: "deadline", ...deadline }));
      continue;
    }
    if (crossesNetwork(delivery.event) && faults.lose(delivery.to, describe(delivery.event))) continue;
    if (delivery.side === "coordinator") await stepAtCoordinator(world, delivery.event, faults);
    else stepAtNode(world, nodeOf(world, delivery.to), delivery.event, faults);
  }
  if (world.turns > patience) throw new Error(`it doesn't end: round ${world.coordinator.state.lastRound}`);
}

/** What a process tells itself isn't lost unless the process is. */
function crossesNetwork({ type }: CoordinatorEvent | NodeEvent): boolean {
  return type === "message" || type === "uploaded" || type === "connected";
}

function describe(event: CoordinatorEvent | NodeEvent): string {
  return event.type === "message" ? event.message.step : event.type;
}

// ── coordinator's shell ──────────────────────────────────────────────────────────────────────────────────────────

export async function stepAtCoordinator(world: World, event: CoordinatorEvent, faults: Faults): Promise<void> {
  const { coordinator, journal, queue } = world;
  const context = coordinatorContext(world);
  let step: ReturnType<typeof stepCoordinator>;
  try {
    if (event.type === "uploaded") checkUpload(coordinator.state, event.message, context);
    step = stepCoordinator(coordinator.state, event, context);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    journal.refusals.push(`coordinator ${describe(event)} ${error.code}`);
    return;
  }
  coordinator.state = step.state;
  for (const effect of step.effects) {
    if (faults.crash("coordinator", effect.type)) {
      restartCoordinator(world);
      return;
    }
    await carryOutAtCoordinator(world, effect);
  }
  if (event.type === "uploaded") requireAcknowledgeable(coordinator, event.message);
  // the acknowledgement of an upload leaves last
  if (event.type === "uploaded" && !faults.lose("ack", "uploaded")) {
    queue.push(toNode(event.message.sender as NodeId, { type: "uploaded", round: event.message.round }));
  }
}

function restartCoordinator(world: World): void {
  const { coordinator, nodes, queue, journal } = world;
  journal.crashes += 1;
  coordinator.lives += 1;
  coordinator.state = decodeCoordinatorState(encodeCoordinatorState(coordinator.persisted));
  coordinator.deadline = undefined;
  drop(queue, "coordinator");
  queue.push(toCoordinator({ type: "restarted" }));
  for (const { id } of nodes) connect(queue, id);
  if (coordinator.state.round === null && !coordinator.state.closed) queue.push(...nextAt(world));
}

/** Persist, then speak: what the coordinator says about a step must follow from what is on its disk. */
function requirePersisted({ state, persisted: kept }: CoordinatorParty, step: Message["step"]): void {
  if (kept.round?.number !== state.round?.number || kept.round?.phase !== state.round?.phase) {
    throw new Error(`${step} was said before it was persisted`);
  }
}

/** A node forgets its vector once it is acknowledged, so the disk must know of it, or be past that step. */
function requireAcknowledgeable({ persisted: { round } }: CoordinatorParty, { round: number, sender }: Message): void {
  if (round?.number === number && round.phase === "masked" && !round.uploads.some((one) => one.sender === sender)) {
    throw new Error(`the upload of ${sender} was acknowledged before it was persisted`);
  }
}

/** What the plan's rules call for, and the next round. */
function nextAt(world: World): Delivery[] {
  const note = dueNote(world.coordinator.state);
  const first: Delivery[] = note === undefined ? [] : [toCoordinator({ type: "note", note })];
  return [...first, toCoordinator(startOf(world))];
}

const startOf = ({ nodes, versions }: World): CoordinatorEvent =>
  startWith(
    nodes.map(({ id }) => id),
    versions,
  );

/** Those who are named by a version decide which one all of them speak. */
function startWith(online: readonly NodeId[], versions: World["versions"]): CoordinatorEvent {
  const named = online.flatMap((id) => versions[id] ?? []);
  const [first, ...rest] = named.length < online.length ? [protocolVersion, ...named] : named;
  return { type: "start", online, version: rest.reduce(agreedVersion, first ?? protocolVersion) };
}

/** What was on its way to a process that died is gone. */
function drop(queue: Delivery[], party: string): void {
  for (let i = queue.length - 1; i >= 0; i--) if (queue[i]?.to === party) queue.splice(i, 1);
}

function connect(queue: Delivery[], id: NodeId): void {
  queue.push(toCoordinator({ type: "connected", node: id }), toNode(id, { type: "connected" }));
}

async function carryOutAtCoordinator(world: World, effect: CoordinatorEffect): Promise<void> {
  const { coordinator, journal, queue } = world;
  switch (effect.type) {
    case "persist":
      coordinator.persisted = coordinator.state;
      if (effect.entry !== undefined) coordinator.ledger.push(effect.entry.line);
      return;
    case "send":
      requirePersisted(coordinator, effect.message.step);
      for (const to of effect.to) queue.push(toNode(to, { type: "message", message: effect.message }));
      return;
    case "setDeadline":
      coordinator.deadline = { round: effect.round, phase: effect.phase };
      return;
    case "sum": {
      const stored = new Map(world.nodes.flatMap(({ id }) => [...uploadsOf(world, id)]));
      const sum = await sumUploads(effect, async (sha256) => stored.get(sha256) ?? new Uint32Array(0), crypto);
      const expected = new Uint32Array(effect.length);
      for (const { node } of effect.uploads) {
        const plain = journal.plain.get(`${node}/${effect.round}`);
        for (let i = 0; i < expected.length; i++) expected[i] = (expected[i] ?? 0) + (plain?.[i] ?? 0);
      }
      if (toHex(new Uint8Array(sum.buffer)) !== toHex(new Uint8Array(expected.buffer))) {
        throw new Error(`round ${effect.round}: the unmasked sum is not the sum of the survivors' vectors`);
      }
      journal.sums.push(effect.round);
      const sumHash = hashVector(sum, { crypto });
      sums.set(world, { sumHash, sum });
      queue.push(toCoordinator({ type: "summed", round: effect.round, sumHash }));
      return;
    }
    case "apply": {
      const { round, modelHash, optimiserHash } = effect;
      const last = sums.get(world);
      if (isWritten(releaseOf(coordinator.state.plan, effect.release)) && last?.sumHash === effect.sumHash) {
        queue.push(toCoordinator({ type: "applied", round, modelHash, optimiserHash, sum: writtenSum(last.sum) }));
        return;
      }
      queue.push(
        toCoordinator({
          type: "applied",
          round,
          modelHash: hash(`model after ${effect.modelHash} and ${effect.sumHash}`),
          optimiserHash: hash(`optimiser ${effect.round}`),
        }),
      );
      return;
    }
    case "eraseUploads":
      return;
    case "roundEnded":
      coordinator.deadline = undefined;
      queue.push(...nextAt(world));
      return;
    case "finished":
      world.finished = true;
  }
}

/** The sum that the coordinator's disk holds until it is applied. */
const sums = new WeakMap<World, { readonly sumHash: Sha256; readonly sum: Uint32Array }>();
const stores = new WeakMap<World, Map<string, Map<Sha256, Uint32Array>>>();

/** What the coordinator's disk holds of one node. */
function uploadsOf(world: World, id: NodeId): Map<Sha256, Uint32Array> {
  const all = stores.get(world) ?? new Map<string, Map<Sha256, Uint32Array>>();
  stores.set(world, all);
  const own = all.get(id) ?? new Map<Sha256, Uint32Array>();
  all.set(id, own);
  return own;
}

// ── a node's shell ───────────────────────────────────────────────────────────────────────────────────────────────

export function stepAtNode(world: World, party: NodeParty, event: NodeEvent, faults: Faults): void {
  const { journal, queue, coordinator } = world;
  let step: ReturnType<typeof stepNode>;
  const trained = event.type === "trained" ? event.vector : party.state.unpersisted.vector;
  try {
    step = stepNode(party.state, event, { ...nodeContext(party), ...spokenBy(party.id, world.versions) });
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    journal.refusals.push(`${party.id} ${describe(event)} ${error.code}`);
    if (error.code === "TRB_ROUND_LEDGER_BEHIND" && coordinator.ledger.length > party.state.head.entries) {
      const lines = coordinator.ledger.slice(party.state.head.entries);
      queue.unshift(toNode(party.id, { type: "ledger", lines }), toNode(party.id, event));
    }
    return;
  }
  party.state = step.state;
  for (const effect of step.effects) {
    if (faults.crash(party.id, effect.type)) {
      restartNode(world, party);
      return;
    }
    carryOutAtNode(world, party, effect, trained);
  }
}

function restartNode(world: World, party: NodeParty): void {
  world.journal.crashes += 1;
  party.lives += 1;
  party.state = decodeNodeState(party.disk);
  drop(world.queue, party.id);
  connect(world.queue, party.id);
}

function carryOutAtNode(world: World, party: NodeParty, effect: NodeEffect, trained: Uint32Array | null): void {
  const { queue, journal } = world;
  const { id } = party;
  switch (effect.type) {
    case "persist":
      party.disk = encodeNodeState(party.state);
      if (effect.vector !== undefined && effect.charge !== undefined) {
        party.vector = effect.vector;
        once(journal.masked, `${id}/${effect.charge.round}`, hashVector(effect.vector, { crypto }), "two masked vectors");
        if (trained !== null) journal.plain.set(`${id}/${effect.charge.round}`, trained);
      }
      return;
    case "startTraining": {
      // another life would train another vector: if it were ever masked, `once` would see two
      const bytes = new Uint8Array(4 * dimension);
      seeded(`vector ${id} ${effect.round} ${party.lives}`).fill(bytes);
      queue.push(toNode(id, { type: "trained", round: effect.round, vector: new Uint32Array(bytes.buffer) }));
      return;
    }
    case "send":
      requireOnDisk(party, effect.message);
      recordSaid(journal, id, effect.message);
      queue.push(toCoordinator({ type: "message", message: effect.message }));
      return;
    case "upload":
      if (party.vector === undefined) throw new Error(`${id} has nothing to upload`);
      requireOnDisk(party, effect.message);
      once(journal.masked, `${id}/${effect.message.round}`, effect.message.body.sha256, "two masked vectors");
      uploadsOf(world, id).set(effect.message.body.sha256, party.vector);
      queue.push(toCoordinator({ type: "uploaded", message: effect.message }));
      return;
    case "eraseVector":
      party.vector = undefined;
      return;
    case "settle":
      once(journal.settled, `${id}/${effect.round}`, effect.as, "two fates of one charge");
      return;
    case "appendLedger":
      if (effect.entry.index === party.ledger.length) party.ledger.push(effect.line);
      else if (party.ledger[effect.entry.index] !== effect.line) throw new Error(`${id} was told two ledgers`);
      return;
    case "stopTraining":
    case "eraseSecrets":
    case "setExpiry":
      return;
  }
}

/** Persist, then speak: the very bytes are on the node's disk before they leave. */
function requireOnDisk({ id, disk }: NodeParty, message: Message): void {
  if (!disk.includes(JSON.stringify(message))) throw new Error(`${id} said ${message.step} before it was persisted`);
}

/** Whatever a node says in one step of one round, it says once; shares of both kinds for one node never leave. */
function recordSaid(journal: Journal, id: NodeId, message: Message): void {
  once(journal.said, `${id}/${message.round}/${message.step}`, toHex(canonicalBytes(message)), "two different messages");
  if (message.step !== "unmaskShares") return;
  for (const kind of ["ownMask", "maskKey"] as const) {
    for (const { node } of message.body[kind]) once(journal.released, `${message.round}/${node}`, kind, "both kinds of shares");
  }
}

function once<Value>(map: Map<string, Value>, key: string, value: Value, what: string): void {
  const before = map.get(key);
  if (before !== undefined && before !== value) throw new Error(`${what} for ${key}`);
  map.set(key, value);
}
