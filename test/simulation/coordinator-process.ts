/**
 * An honest coordinator's shell, as `coordinator/src/rounds` has it: state and ledger entry go to disk in one transaction, uploads before
 * they are counted, sums and models in the background. Every write and every single send can be the last thing that its process did.
 */
import { fail, isTributaryError } from "@tributary/errors";
import {
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  checkUpload,
  createCoordinator,
  decodeCoordinatorState,
  dueNote,
  encodeCoordinatorState,
  everybody,
  type Note,
  stepCoordinator,
  sumUploads,
  whatFollows,
} from "@tributary/federation";
import { keysByNode, rosterAt } from "@tributary/ledger";
import {
  type Message,
  type MessageOf,
  type NodeId,
  parseMessage,
  type Sha256,
  signMember,
  signRotation,
  toHex,
} from "@tributary/protocol";
import { identityInTurn } from "./crypto.ts";
import { leftIn } from "./ending.ts";
import { contextOf, quorumOf } from "./federation.ts";
import { finding } from "./honest-speech.ts";
import type { Answer } from "./network.ts";
import { type CoordinatorParty, death, type World } from "./world.ts";

interface Disk {
  state: string;
  readonly ledger: string[];
  /** Of the round under way: `node` → its one vector. */
  readonly uploads: Map<string, { readonly round: number; readonly sha256: Sha256; readonly vector: Uint32Array }>;
  /** Sums by hash. */
  readonly sums: Map<Sha256, Uint32Array>;
}

export interface HonestCoordinator extends CoordinatorParty {
  readonly ledger: readonly string[];
  readonly state: () => CoordinatorState;
  readonly finished: () => boolean;
}

export function createCoordinatorProcess(world: World): HonestCoordinator {
  const { federation, network, watch, chance, trace } = world;
  const { genesis, crypto, plan } = federation;
  const first = encodeCoordinatorState(createCoordinator({ genesis: genesis.entry, head: genesis.head }));
  const disk: Disk = { state: first, ledger: [genesis.line], uploads: new Map(), sums: new Map() };
  let state: CoordinatorState | undefined;
  let life = 0;
  let draws = 0;
  let done = false;
  let underWay = new Set<string>();
  let timers = new Map<string, number>();

  const running = (): CoordinatorState => {
    if (state === undefined) throw death;
    return state;
  };
  const context = () => contextOf(federation, federation.coordinator, `coordinator ${life} ${draws++}`, network.now());
  const boundary = (what: string) => {
    if (!world.dies("coordinator", what)) return;
    stop();
    throw death;
  };
  function stop(): void {
    state = undefined;
    life += 1;
    underWay = new Set();
    timers = new Map();
    network.after(chance.between(5, 200), "coordinator starts again", start);
  }
  const later = (milliseconds: number, what: string, happen: () => void | Promise<void>) => {
    const mine = life;
    network.after(milliseconds, what, () => (life === mine && state !== undefined ? happen() : undefined));
  };

  function attempt(work: () => void): Answer {
    try {
      work();
      return { fate: "accepted" };
    } catch (error) {
      if (error === death) return { fate: "unreachable" };
      if (!isTributaryError(error)) throw error;
      return { fate: "refused", code: error.code };
    }
  }

  /** For events that nobody waits for. */
  const put = (event: CoordinatorEvent) => void attempt(() => step(event));

  function step(event: CoordinatorEvent): void {
    const next = stepCoordinator(running(), event, context());
    state = Object.freeze(next.state);
    Object.freeze(next.state.round);
    const effects = next.effects.map((effect) => (effect.type === "send" ? `say ${effect.message.step}` : effect.type));
    const about = "message" in event ? ` ${event.message.step} of ${event.message.sender}` : "";
    trace(`coordinator ◀ ${event.type}${about}${effects.length === 0 ? "" : ` → ${effects.join(", ")}`}`);
    for (const effect of next.effects) carryOut(effect, next.state);
  }

  function carryOut(effect: CoordinatorEffect, at: CoordinatorState): void {
    switch (effect.type) {
      case "persist":
        boundary("persist");
        disk.state = encodeCoordinatorState(at);
        if (effect.entry === undefined) return;
        watch.entryWritten(disk.ledger, effect.entry.entry);
        disk.ledger.push(effect.entry.line);
        return;
      case "send":
        for (const to of effect.to) {
          boundary("send");
          watch.coordinatorSays(at, disk.state, to, effect.message);
          send(to, effect.message);
        }
        return;
      case "setDeadline":
        setDeadline(effect.round, effect.phase, effect.milliseconds);
        return;
      case "sum":
      case "apply":
        inBackground(effect);
        return;
      case "eraseUploads":
        boundary("erase uploads");
        for (const [node, { round }] of disk.uploads) if (round === effect.round) disk.uploads.delete(node);
        return;
      case "roundEnded":
        timers = new Map();
        consider();
        return;
      case "finished":
        done = true;
    }
  }

  function send(to: NodeId, message: Message): void {
    network.post(to, `coordinator ▶ ${message.step} ${message.round} to ${to}`, () => {
      const node = world.node(to);
      return node === undefined || !node.isUp() ? { fate: "unreachable" } : node.hear(message);
    });
  }

  function setDeadline(round: number, phase: string, milliseconds: number): void {
    const name = `${round} ${phase}`;
    const token = (timers.get(name) ?? 0) + 1;
    timers.set(name, token);
    later(milliseconds, `deadline of ${name}`, () => {
      if (timers.get(name) === token) put({ type: "deadline", round, phase });
    });
  }

  function inBackground(effect: Extract<CoordinatorEffect, { type: "sum" | "apply" }>): void {
    const name = `${effect.round} ${effect.type}`;
    if (underWay.has(name)) return;
    underWay.add(name);
    const mine = life;
    later(chance.between(1, 30), effect.type, async () => {
      const answer = effect.type === "sum" ? await sumOf(effect) : appliedOf(effect);
      if (life !== mine) return;
      underWay.delete(name);
      put(answer);
    });
  }

  async function sumOf(effect: Extract<CoordinatorEffect, { type: "sum" }>): Promise<CoordinatorEvent> {
    const vectors = new Map([...disk.uploads.values()].map(({ sha256, vector }) => [sha256, vector] as const));
    const at = running();
    const sum = await sumUploads(effect, async (sha256) => vectors.get(sha256) ?? new Uint32Array(0), crypto);
    watch.summed(at, effect, sum);
    const sumHash = hashOf(sum);
    disk.sums.set(sumHash, sum);
    return { type: "summed", round: effect.round, sumHash };
  }

  function appliedOf({ round, modelHash, sumHash }: Extract<CoordinatorEffect, { type: "apply" }>): CoordinatorEvent {
    if (!disk.sums.has(sumHash)) throw new Error(`the sum ${sumHash} is not on disk`);
    const text = (words: string) => toHex(crypto.sha256(new TextEncoder().encode(words))) as Sha256;
    return {
      type: "applied",
      round,
      modelHash: text(`model ${modelHash} ${sumHash}`),
      optimiserHash: text(`optimiser ${round}`),
    };
  }

  const hashOf = (words: Uint32Array) =>
    toHex(crypto.sha256(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))) as Sha256;

  /** As `pacing.ts` does: a round as soon as enough are there, after a pause. */
  function consider(): void {
    later(chance.between(10, 60), "the coordinator considers a round", () => {
      const at = running();
      if (at.round !== null || at.closed) return;
      const note = dueNote(at) ?? earlierModel(at) ?? changeOfRoster(at);
      if (note !== undefined) put({ type: "note", note });
      const now = state ?? at;
      const online = leftIn(now).filter((node) => network.isUp(node) && world.node(node)?.isUp());
      if (!("release" in whatFollows(now)) || online.length >= plan.minCohort) put({ type: "start", online });
      if (state !== undefined && state.round === null && !state.closed) consider();
    });
  }

  /** An operator has training go on from a model that was released before, where there is one. */
  function earlierModel({ course, modelHash, plan: { earlyStop } }: CoordinatorState): Note | undefined {
    const earlier = course.models.filter((one) => one !== modelHash);
    if (earlier.length === 0 || earlyStop !== undefined || !chance.happens(world.scenario.rollback)) return undefined;
    const said = { operator: "platform", reason: "a test" };
    return { kind: "rollback", modelHash: chance.pick(earlier), optimiser: "reset", ...said };
  }

  /** Somebody comes, goes, or has another key; never so many go that those who are left, and honest, are no round. */
  function changeOfRoster(at: CoordinatorState): Note | undefined {
    const { rosterChange } = world.scenario;
    if (rosterChange === 0 || !chance.happens(rosterChange)) return undefined;
    const known = new Set(everybody(at));
    const left = leftIn(at);
    const signers = keysByNode(at, Number.POSITIVE_INFINITY);
    const newest = rosterAt(at, Number.POSITIVE_INFINITY);
    const settled = left.filter((node) =>
      newest.some((one) => one.node === node && rosterAt(at, at.lastRound + 1).includes(one)),
    );
    const honestLeft = left.filter((node) => federation.honest.includes(node)).length;
    const needed = Math.max(plan.minCohort, quorumOf(left.length - 1, plan));
    const said = { kind: "roster" as const, revoked: [], operator: "platform", reason: "a test" };
    const possible: Note[] = federation.members
      .filter(({ id }) => !known.has(id))
      .map(({ id, identity: { key, sign } }) => {
        return { ...said, admitted: [signMember({ sign }, plan.federation, { node: id, key, kind: "merchant" })] };
      });
    if (settled.length > 0) {
      const node = chance.pick(settled);
      const turn = signers.get(node)?.length ?? 0;
      const [previous, next] = [identityInTurn(crypto, node, turn - 1), identityInTurn(crypto, node, turn)];
      const rotated = signRotation({ previous, next }, plan.federation, { node, key: next.key, kind: "merchant" });
      possible.push({ ...said, rotated: [rotated] });
    }
    if (plan.graph === undefined && honestLeft - 1 >= needed) possible.push({ ...said, revoked: [chance.pick(left)] });
    return possible.length === 0 ? undefined : chance.pick(possible);
  }

  function start(): void {
    if (state !== undefined) return;
    state = decodeCoordinatorState(disk.state);
    const { round } = state;
    for (const [node, upload] of disk.uploads) if (upload.round !== round?.number) disk.uploads.delete(node);
    put({ type: "restarted" });
    for (const { id } of federation.members) world.connect(id);
    consider();
  }

  /** All that can be refused is refused before an octet is read; the octets take their time, and the round may go on meanwhile. */
  function takeUpload(from: NodeId, payload: unknown, vector: Uint32Array, reply: (answer: Answer) => void): Answer {
    const answer = attempt(() => {
      const message = maskedOf(payload, from);
      checkUpload(running(), message, context());
      later(chance.between(0, 8), `the vector of ${from} has arrived`, () =>
        reply(attempt(() => store(from, message, vector))),
      );
    });
    if (answer.fate === "refused") reply(answer);
    return answer;
  }

  function store(from: NodeId, message: MessageOf<"masked">, vector: Uint32Array): void {
    const { round } = message;
    const { sha256, length } = message.body;
    if (vector.length !== length)
      throw fail("TRB_COORDINATOR_UPLOAD_LENGTH", { expected: 4 * length, actual: 4 * vector.length });
    if (hashOf(vector) !== sha256) throw fail("TRB_COORDINATOR_UPLOAD_HASH");
    const earlier = disk.uploads.get(from);
    if (earlier?.round === round && earlier.sha256 !== sha256) throw fail("TRB_COORDINATOR_UPLOAD_SECOND", { round });
    boundary("store upload");
    disk.uploads.set(from, { round, sha256, vector });
    try {
      step({ type: "uploaded", message });
    } catch (error) {
      if (isTributaryError(error)) disk.uploads.delete(from);
      throw error;
    }
    watch.uploadAcknowledged(disk.state, message);
  }

  return {
    ledger: disk.ledger,
    state: running,
    finished: () => done,
    isUp: () => state !== undefined,
    start,
    hear(from, payload) {
      const answer = attempt(() => {
        const message = parseMessage(payload);
        if (message.sender !== from) throw fail("TRB_COORDINATOR_OTHER_SENDER");
        step({ type: "message", message });
      });
      // whatever keys it has had, it signs with the one that counts in the round
      const isForged = answer.fate === "refused" && answer.code === "TRB_ROUND_SIGNATURE_INVALID";
      if (isForged && federation.honest.includes(from)) throw finding("an honest node signed with another key", from);
      return answer;
    },
    takeUpload,
    ledgerFrom: (_, entry) => disk.ledger.slice(entry),
    headsFor: (_, nonce, peers) => peers.flatMap((id) => (network.isUp(id) ? (world.node(id)?.head(nonce) ?? []) : [])),
    connected: (node) => {
      if (state !== undefined) put({ type: "connected", node });
    },
  };
}

function maskedOf(payload: unknown, from: NodeId): MessageOf<"masked"> {
  const message = parseMessage(payload);
  if (message.step !== "masked")
    throw fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "x-tributary-message", reason: "not `masked`" });
  if (message.sender !== from) throw fail("TRB_COORDINATOR_OTHER_SENDER");
  return message;
}
