/**
 * A node's shell, as `client/src/running` has it, on a disk that survives and a memory that doesn't. Every write of it can be the last
 * thing that a process did: vector's file, state, charge in the database, largest round, each synced by itself and in that order.
 */
import { isTributaryError } from "@tributary/errors";
import {
  confirmLedger,
  countedPeers,
  createNode,
  decodeNodeState,
  encodeNodeState,
  forgottenRound,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  stepNode,
} from "@tributary/federation";
import { lineHash, parseLine, rosterAt } from "@tributary/ledger";
import {
  type IdentityKey,
  type Message,
  type MessageOf,
  type NodeId,
  parseMessage,
  type Sha256,
  signHead,
  toHex,
} from "@tributary/protocol";
import { joinCharges } from "../../client/src/charges.ts";
import { type Corruption, honesty } from "./corrupt-node.ts";
import { type Identity, identityInTurn } from "./crypto.ts";
import { contextOf } from "./federation.ts";
import { finding } from "./honest-speech.ts";
import type { Answer } from "./network.ts";
import {
  appendLine,
  type Backup,
  backupOf,
  emptyDisk,
  recordCharge,
  rememberVote,
  restoreFrom,
  settleCharge,
} from "./node-disk.ts";
import { stream } from "./randomness.ts";
import { death, type NodeParty, type World } from "./world.ts";

/** What ends with the process. */
interface Memory {
  state: NodeState;
  isConfirmed: boolean;
  readonly expiries: Set<number>;
  readonly uploads: Map<number, { ended: boolean }>;
}

/** No node of a world changes its key so often. */
const mostTurns = 20;

/** Refusals after which the client gives up. */
const final: ReadonlySet<string> = new Set([
  "TRB_NODE_STALE_STORE",
  "TRB_NODE_LEDGER_FORKED",
  "TRB_ROUND_LEDGER_FORKED",
  "TRB_ROUND_ENTRY_INVALID",
]);

export function createNodeProcess(world: World, id: NodeId, identity: Identity, corruption: Corruption | undefined): NodeParty {
  const { federation, network, watch, chance, trace } = world;
  const { genesis, plan } = federation;
  const speech = corruption ?? honesty;
  const disk = emptyDisk(id);
  let memory: Memory | undefined;
  let life = 0;
  let draws = 0;
  let gaveUp = false;
  let backup: Backup = backupOf(disk);
  let wasRestored = false;
  /** The largest round that it heard of, whatever it remembers. */
  let lastSeen = 0;

  /** As many keys as the coordinator had it change to, and none of anybody else's. */
  function signAs(key: IdentityKey, message: Uint8Array): Uint8Array {
    for (let turn = 0; turn <= mostTurns; turn++) {
      const own = identityInTurn(federation.crypto, id, turn);
      if (own.key === key) return own.sign(message);
    }
    throw finding("a node is to sign with a key that it never had", id);
  }
  /** Outside of rounds, with the key of the next one. */
  const signer = {
    sign(message: Uint8Array) {
      const { state } = running();
      const place = rosterAt(state, state.settledRound + 1).find(({ node }) => node === id);
      return signAs(place?.key ?? identity.key, message);
    },
  };

  const running = (): Memory => {
    if (memory === undefined) throw death;
    return memory;
  };
  const boundary = (what: string) => {
    if (!world.dies(id, what)) return;
    stop();
    throw death;
  };
  const stop = () => {
    memory = undefined;
    life += 1;
    const mine = life;
    if (gaveUp) return;
    network.after(chance.between(5, 300), `${id} starts again`, () => {
      if (life !== mine || memory !== undefined) return;
      if (chance.happens(world.faults().restore)) restore();
      start();
    });
  };
  const later = (milliseconds: number, what: string, happen: () => void) => {
    const mine = life;
    network.after(milliseconds, what, () => {
      if (life === mine && memory !== undefined) attempt(happen);
    });
  };

  /** Work of the process: what it dies of and what it refuses ends here. */
  function attempt(work: () => void): Answer {
    try {
      work();
      return { fate: "accepted" };
    } catch (error) {
      if (error === death) return { fate: "unreachable" };
      if (!isTributaryError(error)) throw error;
      if (final.has(error.code) || error.code.startsWith("TRB_LEDGER_")) giveUp(error.code);
      return { fate: "refused", code: error.code };
    }
  }

  function giveUp(code: string): void {
    trace(`${id} gives up: ${code}`);
    const deserved = wasRestored || corruption !== undefined || world.scenario.coordinator === "corrupt";
    if (!deserved) throw finding("an honest node gave up under an honest coordinator", `${id}: ${code}`);
    gaveUp = true;
    stop();
  }

  function step(event: NodeEvent): void {
    const own = running();
    const label = `${world.scenario.seed} ${id} ${life} ${draws++}`;
    const context = { ...contextOf(federation, signer, label, network.now()), signAs };
    const before = own.state;
    const next = stepNode(before, event, context);
    own.state = Object.freeze(next.state);
    Object.freeze(next.state.round);
    watch.nodeStepped(next.state, event);
    const trained = event.type === "trained" ? event.vector : before.unpersisted.vector;
    trace(`${id} ◀ ${nameOf(event)}${next.effects.length === 0 ? "" : ` → ${next.effects.map(nameOfEffect).join(", ")}`}`);
    for (const effect of next.effects) carryOut(effect, next.state, trained);
  }

  function carryOut(effect: NodeEffect, state: NodeState, trained: Uint32Array | null): void {
    switch (effect.type) {
      case "persist":
        persist(effect, state, trained);
        return;
      case "startTraining": {
        const { round } = effect;
        const vector = vectorOf(round);
        const failed = chance.happens(world.faults().training);
        const event: NodeEvent = failed
          ? { type: "trainingFailed", round, code: "TRB_NODE_TRAINING_TOO_SLOW" }
          : { type: "trained", round, vector };
        later(chance.between(1, 60), `${id} ${event.type}`, () => step(event));
        return;
      }
      case "send":
        boundary("send");
        if (effect.message.step === "vote") {
          rememberVote(disk, effect.message, corruption === undefined);
          boundary("send vote");
        }
        say(effect.message, state);
        return;
      case "upload":
        if (!disk.vectors.has(effect.message.round))
          throw finding("an upload was promised of a vector that is not on disk", id);
        scheduleUpload(effect.message, state);
        return;
      case "eraseVector":
        boundary("erase vector");
        endUpload(effect.round);
        disk.vectors.delete(effect.round);
        return;
      case "eraseSecrets":
        boundary("erase secrets");
        write(state);
        return;
      case "settle": {
        boundary("settle");
        const recorded = state.charges.find(({ round }) => round === effect.round);
        if (recorded !== undefined) recordCharge(disk, { ...recorded, standing: "open" });
        settle(effect.round, effect.as);
        return;
      }
      case "appendLedger":
        boundary("append to the ledger");
        appendLine(disk, effect.entry.index, effect.line);
        return;
      case "setExpiry":
        expireAfter(effect.round, effect.milliseconds);
        return;
      case "stopTraining":
        return;
    }
  }

  function persist(effect: Extract<NodeEffect, { type: "persist" }>, state: NodeState, trained: Uint32Array | null): void {
    if (effect.vector !== undefined && effect.charge !== undefined) {
      boundary("persist vector");
      disk.vectors.set(effect.charge.round, effect.vector);
      watch.vectorMasked(state, effect.charge.round, hashOfWords(effect.vector), trained ?? new Uint32Array(0));
    }
    boundary("persist state");
    write(state);
    if (effect.charge !== undefined) {
      const recorded = state.charges.find(({ round }) => round === effect.charge?.round);
      if (recorded === undefined) throw finding("a charge is not in the state that is persisted with it", id);
      boundary("persist charge");
      recordCharge(disk, recorded);
    }
    boundary("persist round number");
    disk.lastRound = Math.max(disk.lastRound, state.lastRound);
  }

  function write(state: NodeState): void {
    disk.state = encodeNodeState(state);
    watch.nodePersisted(state);
  }

  function settle(round: number, as: "final" | "refunded"): void {
    settleCharge(disk, round, as);
    watch.chargeSettled(id, round, as);
  }

  // ── saying and uploading ───────────────────────────────────────────────────────────────────────────────────────

  function say(message: Message, state: NodeState): void {
    watch.nodeSays(state, disk.state ?? "", message);
    for (const payload of speech.speak(message, state)) {
      network.post(id, `${id} ▶ ${stepOf(payload)}`, () => {
        const coordinator = world.coordinator();
        return coordinator.isUp() ? coordinator.hear(id, payload) : { fate: "unreachable" };
      });
    }
  }

  function scheduleUpload(message: MessageOf<"masked">, state: NodeState): void {
    const { round } = message;
    const { uploads } = running();
    if (uploads.has(round)) return;
    const upload = { ended: false };
    uploads.set(round, upload);
    const offeredAt = state.round?.number === round ? Date.parse(state.round.offeredAt) - Date.UTC(2026, 0, 1) : 0;
    const wait = offeredAt + plan.deadlines.uploadOffset - network.now() + speech.delay();
    later(wait, `${id} uploads`, () => sendUpload(message, upload));
  }

  function sendUpload(message: MessageOf<"masked">, upload: { ended: boolean }): void {
    const vector = disk.vectors.get(message.round);
    if (upload.ended) return;
    if (vector === undefined) {
      running().uploads.delete(message.round);
      return;
    }
    boundary("upload");
    watch.uploadLeaves(id, message, disk.charges.has(message.round));
    const again = () => later(chance.between(20, 60), `${id} uploads again`, () => sendUpload(message, upload));
    const payload = speech.upload(message, vector);
    const mine = life;
    const reply = (answer: Answer) => {
      network.post(
        id,
        `answer to the upload of ${id}`,
        () => {
          if (life !== mine || memory === undefined) return { fate: "unreachable" };
          return attempt(() => {
            if (answer.fate === "accepted") step({ type: "uploaded", round: message.round });
            else running().uploads.delete(message.round);
          });
        },
        again,
      );
    };
    network.post(
      id,
      `${id} ▶ masked vector`,
      () => {
        const coordinator = world.coordinator();
        if (!coordinator.isUp()) {
          again();
          return { fate: "unreachable" };
        }
        return coordinator.takeUpload(id, payload.message, payload.vector, reply);
      },
      again,
    );
  }

  function endUpload(round: number): void {
    const { uploads } = running();
    const upload = uploads.get(round);
    if (upload !== undefined) upload.ended = true;
    uploads.delete(round);
  }

  function expireAfter(round: number, milliseconds: number): void {
    const { expiries } = running();
    if (expiries.has(round)) return;
    expiries.add(round);
    later(milliseconds, `${id} round ${round} expires`, () => {
      expiries.delete(round);
      step({ type: "expired", round });
    });
  }

  /** Another life would train another vector: if it were ever masked, two would be seen. */
  function vectorOf(round: number): Uint32Array {
    const words = plan.releases[0]?.dimension ?? 0;
    if (speech.bringsNothing) return new Uint32Array(words);
    const octets = new Uint8Array(4 * words);
    stream(`vector ${world.scenario.seed} ${id} ${round} ${life}`).fill(octets);
    return new Uint32Array(octets.buffer);
  }

  const hashOfWords = (words: Uint32Array) =>
    toHex(federation.crypto.sha256(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))) as Sha256;

  // ── starting, and following the ledger ─────────────────────────────────────────────────────────────────────────

  function start(): void {
    if (memory !== undefined || gaveUp) return;
    const loaded = disk.state === undefined ? beginAgain() : decodeNodeState(disk.state);
    const charges = joinCharges(loaded.charges, [...disk.charges.values()]);
    const lastRound = Math.max(loaded.lastRound, disk.lastRound, ...charges.map(({ round }) => round));
    memory = {
      state: { ...loaded, policy: federation.policy, charges, lastRound },
      isConfirmed: false,
      expiries: new Set(),
      uploads: new Map(),
    };
    attempt(() => {
      for (const one of charges) {
        boundary("join charges");
        recordCharge(disk, one);
        if (one.standing !== "open") settle(one.round, one.standing);
      }
      const { state } = running();
      watch.nodeStepped(state);
      const { round } = state;
      const named = round !== null && round.masked !== null && !round.uploaded ? round.number : undefined;
      for (const number of [...disk.vectors.keys()]) if (number !== named) disk.vectors.delete(number);
      boundary("persist what was loaded");
      write(state);
      if (disk.ledger.some(isForgotten)) return giveUp("TRB_NODE_STALE_STORE");
      const ahead = disk.ledger.slice(state.head.entries);
      if (ahead.length > 0) step({ type: "ledger", lines: ahead });
      if (round !== null && round.phase !== "left") {
        const { keys, shares, uploadOffset, masked, consistency, unmask, grace } = plan.deadlines;
        const reveal = plan.graph === undefined ? 0 : keys;
        const end =
          Date.parse(round.offeredAt) -
          Date.UTC(2026, 0, 1) +
          keys +
          reveal +
          shares +
          uploadOffset +
          masked +
          consistency +
          unmask +
          grace;
        expireAfter(round.number, end - network.now());
      }
    });
    if (memory !== undefined) world.connect(id);
  }

  function beginAgain(): NodeState {
    if (disk.ledger.length === 0) disk.ledger.push(genesis.line);
    return createNode({ self: id, genesis: genesis.entry, head: genesis.head, policy: federation.policy });
  }

  function restore(): void {
    trace(`${id} is restored from a backup of round ${backup.lastRound}`);
    watch.nodeRestored(id, Math.max(disk.lastRound, lastSeen));
    wasRestored = true;
    restoreFrom(disk, backup);
  }

  function catchUp(): void {
    const coordinator = world.coordinator();
    if (!network.isUp(id) || !coordinator.isUp()) throw death; // retried for as long as it takes; the message is lost meanwhile
    const own = disk.ledger;
    const theirs = coordinator.ledgerFrom(id, own.length - 1);
    if (theirs[0] !== own.at(-1)) {
      giveUp("TRB_NODE_LEDGER_FORKED");
      return;
    }
    const lines = theirs.slice(1);
    for (const line of lines)
      if (isForgotten(line)) {
        giveUp("TRB_NODE_STALE_STORE");
        return;
      }
    const { state } = running();
    const missing = Math.max(0, state.head.entries - own.length);
    for (const line of lines.slice(0, missing)) appendLine(disk, disk.ledger.length, line);
    const rest = lines.slice(missing);
    if (rest.length > 0) step({ type: "ledger", lines: rest });
    if (disk.ledger.length % 2 === 0) backup = backupOf(disk);
  }

  const member = () => {
    const { rosterChanges, settledRound } = running().state;
    return { self: id, plan, roster: genesis.entry.roster, rosterChanges, settledRound, policy: federation.policy };
  };

  /** The ledger shows it in a round that its store doesn't remember. */
  function isForgotten(line: string): boolean {
    const remembersVote = (round: number, signature: string) => disk.votes.get(round) === signature;
    return (
      forgottenRound(parseLine(line), member(), { lastRound: disk.lastRound, remembersVote }, federation.crypto) !== undefined
    );
  }

  /** Once a life: nothing is paid for before enough peers have confirmed the ledger. */
  function confirm(): void {
    if (running().isConfirmed) return;
    const compare = () => {
      const nonce = hashOfText(`nonce ${id} ${life} ${draws++}`);
      const peers = countedPeers(member(), federation.policy, federation.crypto);
      const heads = world.coordinator().headsFor(id, nonce, peers);
      const hashAfter = (entries: number) => lineHash(federation.crypto, disk.ledger[entries - 1] ?? disk.ledger.at(-1) ?? "");
      confirmLedger({ entries: disk.ledger.length, hashAfter }, { nonce, heads }, member(), federation.crypto);
    };
    try {
      compare();
    } catch (error) {
      if (!isTributaryError(error) || error.code !== "TRB_NODE_LEDGER_WITHHELD") throw error;
      catchUp();
      compare();
    }
    running().isConfirmed = true;
  }

  const hashOfText = (text: string) => toHex(federation.crypto.sha256(new TextEncoder().encode(text)));

  return {
    id,
    isUp: () => memory !== undefined,
    head(nonce) {
      if (memory === undefined) return undefined;
      const last = lineHash(federation.crypto, disk.ledger.at(-1) ?? "");
      const own = { node: id, entries: disk.ledger.length, head: last, round: memory.state.lastRound };
      return signHead(signer, plan.federation, nonce, own);
    },
    standing: () => (memory === undefined ? undefined : { state: memory.state, ledger: disk.ledger }),
    hasGivenUp: () => gaveUp,
    start,
    hear: (payload) => {
      if (memory === undefined) return { fate: "unreachable" };
      const answer = attempt(() => {
        const message = world.scenario.coordinator === "corrupt" ? parseMessage(payload) : (payload as Message);
        lastSeen = Math.max(lastSeen, message.round);
        if (message.step === "offer") confirm();
        try {
          step({ type: "message", message });
        } catch (error) {
          if (!isTributaryError(error) || error.code !== "TRB_ROUND_LEDGER_BEHIND") throw error;
          catchUp();
          step({ type: "message", message });
        }
      });
      const isEarly = answer.fate === "refused" && answer.code === "TRB_ROUND_NOT_IN_ROSTER";
      if (isEarly && world.scenario.coordinator === "honest") throw finding("a round was offered to who is no member yet", id);
      return answer;
    },
    connected() {
      if (memory === undefined) return;
      attempt(() => {
        catchUp();
        step({ type: "connected" });
      });
    },
    expire() {
      if (memory === undefined) return;
      const { round } = memory.state;
      if (round !== null) attempt(() => step({ type: "expired", round: round.number }));
    },
  };
}

function stepOf(payload: unknown): string {
  const named = typeof payload === "object" && payload !== null && "step" in payload && "round" in payload;
  return named ? `${String(payload.step)} ${String(payload.round)}` : "garbage";
}

function nameOf(event: NodeEvent): string {
  return event.type === "message" ? `${event.message.step} ${event.message.round}` : event.type;
}

function nameOfEffect(effect: NodeEffect): string {
  return effect.type === "send" ? `say ${effect.message.step}` : effect.type;
}
