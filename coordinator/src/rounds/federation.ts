/**
 * A federation's life on this server: joining, genesis, round after round, the closing entry. It owns the engine and decides when
 * events that nobody sends come (start, restarted); what a round does is the reducer's business.
 */

import { fail, isTributaryError } from "@tributary/errors";
import {
  type Context,
  checkUpload,
  createCoordinator,
  decodeCoordinatorState,
  encodeCoordinatorState,
  genesisEntry,
  whatFollows,
} from "@tributary/federation";
import { parseLine } from "@tributary/ledger";
import type { ErasureNote, Message, MessageOf, NodeId, Plan } from "@tributary/protocol";
import type { Logger } from "pino";
import type { Blobs } from "../storage/blobs.ts";
import type { LedgerFile } from "../storage/ledger-file.ts";
import type { Store } from "../storage/store.ts";
import type { Uploads } from "../storage/uploads.ts";
import type { Sockets } from "../transport/sockets.ts";
import type { Traffic } from "../transport/traffic.ts";
import { type Engine, startEngine, withShares } from "./engine.ts";
import type { HeavyWorker } from "./heavy.ts";
import type { WorkFolders } from "./heavy-work.ts";
import { pacing } from "./pacing.ts";
import { countRefusals, type Standstill } from "./refusals.ts";

export interface FederationParts {
  readonly plan: Plan;
  readonly startWhen: number;
  /** Offers in a row that may be refused for one reason; 0: any number. */
  readonly mostRefused: number;
  /** No more rounds are offered. */
  readonly standstill: (why: Standstill) => void;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly ledgerFile: LedgerFile;
  readonly heavy: HeavyWorker;
  readonly folders: WorkFolders;
  readonly context: () => Context;
  readonly sockets: () => Sockets;
  readonly traffic: Traffic;
  readonly finished: () => void;
  readonly broken: (error: unknown) => void;
  readonly log: Logger;
}

export interface RunningFederation {
  /** Loads what an earlier process left and goes on with it. */
  resume(): void;
  connected(node: NodeId): void;
  disconnected(): void;
  /** Nodes of the roster; 0 before the federation has begun. */
  rosterSize(): number;
  message(message: Message): Promise<void>;
  refused(node: NodeId, message: Message, code: string): void;
  checkUpload(message: MessageOf<"masked">): void;
  uploaded(message: MessageOf<"masked">): Promise<void>;
  /** A node's own note, its signature checked: to be written between rounds, unless the ledger says so already. */
  erased(note: ErasureNote): void;
  stop(): void;
}

/** How often the home is looked into for what operators ask, in milliseconds. */
const lookEvery = 1_000;

export function runFederation(parts: FederationParts): RunningFederation {
  const { plan, store, uploads, log, traffic } = parts;
  let engine: Engine | undefined;
  let trafficAtStart = traffic.total();
  const refusals = countRefusals(parts.mostRefused, plan.minCohort);
  let still = false;

  const pace = pacing(
    parts.startWhen,
    () => {
      const state = engine?.state();
      const over = state !== undefined && "closing" in whatFollows(state);
      return {
        online: parts.sockets().online().length,
        joined: store.members().length,
        least: over ? 0 : plan.minCohort,
        begun: state !== undefined,
        busy: still || (state !== undefined && (state.closed || state.round !== null || state.paused)),
      };
    },
    {
      begin,
      startRound: () =>
        writeNotes() && put({ type: "start", online: parts.sockets().online(), version: parts.sockets().version() }),
    },
  );

  /** For events that nobody waits for. The engine itself reports what is not a refusal. */
  function put(event: Parameters<Engine["put"]>[0]): void {
    engine?.put(event).catch((error: unknown) => {
      if (isTributaryError(error)) log.warn({ event: event.type, code: error.code }, "event refused");
    });
  }

  /** What was asked for by operators and nodes, written between rounds. @returns whether a round may follow */
  function writeNotes(): boolean {
    const state = engine?.state();
    if (engine === undefined || state === undefined || state.round !== null || state.closed) return true;
    for (const { id, note } of store.requests()) {
      put({ type: "note", note });
      store.settleRequest(id); // in the ledger by now, or refused
    }
    return !engine.state().paused;
  }

  /** Requests come from commands beside this process, too. */
  const looking = setInterval(() => {
    if (engine === undefined || store.requests().length === 0) return;
    writeNotes();
    pace.consider();
  }, lookEvery).unref();

  function begin(): void {
    try {
      writeGenesis();
    } catch (error) {
      log.fatal({ err: error }, "the genesis entry could not be written");
      parts.broken(error);
      return;
    }
    pace.consider();
  }

  /** Founding roster and plan become the ledger's first entry; with it the round's state exists. */
  function writeGenesis(): void {
    const { entry, line, head } = genesisEntry({ plan, roster: store.members() }, parts.context());
    const state = createCoordinator({ genesis: entry, head });
    store.persist(encodeCoordinatorState(state), { entry, line, hash: head.hash });
    parts.ledgerFile.append(line);
    log.info({ members: entry.roster.length, head: head.hash }, "the federation begins");
    engine = startEngine(state, engineParts);
    parts.sockets().announceLedger(head.entries);
  }

  const engineParts = {
    ...parts,
    send: (to: readonly NodeId[], message: Message) => parts.sockets().send(to, message),
    ledgerGrew: (entries: number) => parts.sockets().announceLedger(entries),
    roundBegan(round: number, nodes: number) {
      store.rounds.begin(round, new Date().toISOString(), nodes);
      refusals.offered(round, nodes);
      trafficAtStart = traffic.total();
      log.info({ round, nodes }, "round");
    },
    roundEnded(round: number, released: boolean) {
      const { bytesIn, bytesOut } = traffic.total();
      store.rounds.end(round, new Date().toISOString(), bytesIn - trafficAtStart.bytesIn, bytesOut - trafficAtStart.bytesOut);
      const figures = store.rounds.one(round);
      log.info({ ...figures }, "round ended");
      pace.roundEnded(released);
      const why = refusals.ended(round, released);
      if (why !== undefined) standStill(why);
      setImmediate(() => pace.consider());
    },
  };

  function standStill(why: Standstill): void {
    still = true;
    store.setStandstill(why);
    log.error({ ...why }, "no more rounds are offered: the nodes refuse them");
    parts.standstill(why);
  }

  /** Who connects anew, or starts the coordinator again, may have changed what was refused. */
  function goOn(): void {
    refusals.forgive();
    if (!still && store.standstill() === undefined) return;
    still = false;
    store.setStandstill(undefined);
  }

  const running = (): Engine => {
    if (!engine) throw fail("TRB_COORDINATOR_NOT_STARTED");
    return engine;
  };

  return {
    resume() {
      goOn();
      const encoded = store.state();
      if (encoded === undefined) return pace.consider();
      const whole = decodeCoordinatorState(encoded);
      const shares = store.shares();
      const state = shares === undefined ? whole : withShares(whole, JSON.parse(shares));
      uploads.eraseAllBut(state.round?.number);
      sweepBlobs(parts, [state.optimiserHash, state.kept?.optimiserHash, state.round?.sumHash]);
      log.info({ round: state.lastRound, completed: state.completed, phase: state.round?.phase ?? "waiting" }, "resumed");
      engine = startEngine(state, engineParts);
      if (state.closed) return parts.finished();
      put({ type: "restarted" });
      pace.consider();
    },
    connected(node) {
      put({ type: "connected", node });
      goOn();
      pace.consider();
    },
    disconnected() {
      pace.lostConnection();
      pace.consider();
    },
    rosterSize: () => engine?.state().roster.length ?? 0,
    message: (message) => running().put({ type: "message", message }),
    refused(node, message, code) {
      if (message.step === "offer") refusals.refused(node, message.round, code);
    },
    checkUpload: (message) => checkUpload(running().state(), message, parts.context()),
    uploaded: (message) => running().put({ type: "uploaded", message }),
    erased({ node, on, signature }) {
      const known = engine?.state().erasures[node];
      if (engine === undefined || (known !== undefined && known >= on)) return;
      store.request({ kind: "erasure", node, on, nodeSignature: signature });
    },
    stop() {
      clearInterval(looking);
      pace.close();
      engine?.stop();
    },
  };
}

/** Blobs that a crash left between being written and being named, or being used and being erased. */
function sweepBlobs({ plan, store, blobs }: FederationParts, others: readonly (string | null | undefined)[]): void {
  const named = new Set<string | null | undefined>([plan.catalogueHash, plan.initialModelHash, ...others]);
  for (const line of store.ledgerLines(1)) {
    const entry = parseLine(line);
    if (entry.kind === "round") named.add(entry.nextModelHash);
  }
  for (const sha256 of blobs.list()) if (!named.has(sha256)) blobs.erase(sha256);
}
