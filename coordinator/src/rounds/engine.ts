/**
 * The shell around `stepCoordinator`: one event after another, each step's effects carried out in their order.
 *
 *   event ─▶ queue ─▶ stepCoordinator ─▶ persist (synced) ─▶ send, deadlines, sums … ─▶ the next event
 *
 * A coded error of the reducer refuses one event and changes nothing. Anything else that goes wrong in a step or an effect
 * stops the engine: its state in memory may be ahead of the disk, and a restart from the disk is the safe way on.
 */

import { fail, isTributaryError } from "@tributary/errors";
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorRound,
  type CoordinatorState,
  encodeCoordinatorState,
  stepCoordinator,
} from "@tributary/federation";
import { lineHash } from "@tributary/ledger";
import type { Message, NodeId } from "@tributary/protocol";
import type { Logger } from "pino";
import type { Blobs } from "../storage/blobs.ts";
import type { LedgerFile } from "../storage/ledger-file.ts";
import type { Store } from "../storage/store.ts";
import type { Uploads } from "../storage/uploads.ts";
import type { Traffic } from "../transport/traffic.ts";
import type { HeavyWorker } from "./heavy.ts";
import type { ApplyEffect, HeavyResult, SumEffect, WorkFolders } from "./heavy-work.ts";

export interface EngineParts {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly ledgerFile: LedgerFile;
  readonly heavy: HeavyWorker;
  readonly folders: WorkFolders;
  readonly context: () => Context;
  readonly send: (to: readonly NodeId[], message: Message) => void;
  readonly traffic: Traffic;
  /** After a step that appended to the ledger, once its messages are on their way. */
  readonly ledgerGrew: (entries: number) => void;
  readonly roundBegan: (round: number, nodes: number) => void;
  readonly roundEnded: (round: number, released: boolean) => void;
  readonly finished: () => void;
  /** The engine has stopped. */
  readonly broken: (error: unknown) => void;
  readonly log: Logger;
}

export interface Engine {
  /** Settles once the event's effects are carried out; rejects with the reducer's coded error. */
  put(event: CoordinatorEvent): Promise<void>;
  state(): CoordinatorState;
  stop(): void;
}

interface Waiting {
  readonly event: CoordinatorEvent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function startEngine(initial: CoordinatorState, parts: EngineParts): Engine {
  const { store, blobs, uploads, ledgerFile, context, log } = parts;
  let state = initial;
  /** As they are on disk, after the first write. */
  let keptShares: CoordinatorRound["shares"] | undefined;
  let stopped = false;
  let draining = false;
  const queue: Waiting[] = [];
  const timers = new Map<string, NodeJS.Timeout>();
  const underWay = new Set<string>();

  const put = (event: CoordinatorEvent) =>
    new Promise<void>((resolve, reject) => {
      queue.push({ event, resolve, reject });
      drain();
    });

  /** Events that nobody waits for: a refusal of them (too late, say) is worth a log line and no more. */
  const putOwn = (event: CoordinatorEvent) => {
    put(event).catch((error: unknown) => {
      if (isTributaryError(error)) log.info({ event: event.type, code: error.code }, "event refused");
      else halt(error);
    });
  };

  function drain(): void {
    if (draining) return;
    draining = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) handle(next);
    } finally {
      draining = false;
    }
  }

  function handle({ event, resolve, reject }: Waiting): void {
    try {
      if (stopped) throw fail("TRB_COORDINATOR_STOPPING");
      const before = state;
      const step = stepCoordinator(state, event, context());
      state = step.state;
      carryOutAll(step.effects, before);
      resolve();
    } catch (error) {
      reject(error);
    }
  }

  /** A failure here is never a refusal: the state has moved on, and the disk may not have. */
  function carryOutAll(effects: readonly CoordinatorEffect[], before: CoordinatorState): void {
    try {
      for (const effect of effects) carryOut(effect);
    } catch (error) {
      halt(error);
      throw error;
    }
    if (state.head.entries !== before.head.entries) parts.ledgerGrew(state.head.entries);
    if (state.round?.phase !== before.round?.phase) {
      const phase = state.round?.phase ?? "waiting";
      log.info({ round: state.lastRound, phase, ...parts.traffic.total() }, "phase");
    }
  }

  function carryOut(effect: CoordinatorEffect): void {
    switch (effect.type) {
      case "persist":
        persist(effect);
        break;
      case "send":
        if (effect.message.step === "offer") parts.roundBegan(effect.message.round, effect.to.length);
        parts.send(effect.to, effect.message);
        break;
      case "setDeadline":
        setDeadline(effect.round, effect.phase, effect.milliseconds);
        break;
      case "sum":
      case "apply":
        inBackground(effect);
        break;
      case "eraseUploads":
        uploads.eraseRound(effect.round);
        break;
      case "roundEnded":
        clearDeadlines();
        parts.roundEnded(effect.round, effect.released);
        break;
      case "finished":
        clearDeadlines();
        parts.finished();
        break;
    }
  }

  function persist({ entry }: Extract<CoordinatorEffect, { type: "persist" }>): void {
    const hash = entry && lineHash(context().crypto, entry.line);
    const shares = state.round?.shares ?? [];
    const changed = shares === keptShares ? undefined : JSON.stringify(shares);
    store.persist(encodeCoordinatorState(withShares(state, [])), entry && hash ? { ...entry, hash } : undefined, changed);
    keptShares = shares;
    if (!entry) return;
    ledgerFile.append(entry.line);
    store.rounds.settle(entry.entry);
    log.info({ entry: entry.entry.index, kind: entry.entry.kind, head: hash }, "ledger entry");
  }

  function setDeadline(round: number, phase: string, milliseconds: number): void {
    const name = `${round} ${phase}`;
    clearTimeout(timers.get(name));
    timers.set(
      name,
      setTimeout(() => {
        timers.delete(name);
        putOwn({ type: "deadline", round, phase });
      }, milliseconds),
    );
  }

  function clearDeadlines(): void {
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
  }

  function inBackground(effect: SumEffect | ApplyEffect): void {
    const name = `${effect.round} ${effect.type}`;
    if (underWay.has(name)) return;
    underWay.add(name);
    const { folders } = parts;
    const task = effect.type === "sum" ? { folders, effect } : { folders, effect, plan: state.plan };
    const answer = (result: HeavyResult) => {
      underWay.delete(name);
      if (stopped) return;
      putOwn({ ...result, round: effect.round });
      if (effect.type === "apply" && state.round?.number !== effect.round) forgetIntermediate(effect);
    };
    parts.heavy.run(task).then(answer, halt);
  }

  /** The ledger names the sum by its hash; models stay, sums and earlier optimiser states go once the next model is in the ledger. */
  function forgetIntermediate(effect: ApplyEffect): void {
    blobs.erase(effect.sumHash);
    const { optimiserHash: before } = effect;
    const needed = [state.optimiserHash, state.kept?.optimiserHash];
    if (before !== null && !needed.includes(before)) blobs.erase(before);
  }

  function halt(error: unknown): void {
    if (stopped) return;
    stop();
    log.fatal({ err: error }, "the engine stopped");
    parts.broken(error);
  }

  function stop(): void {
    stopped = true;
    clearDeadlines();
    for (const { reject } of queue.splice(0)) reject(fail("TRB_COORDINATOR_STOPPING"));
  }

  return { put, state: () => state, stop };
}

/** The state with other shares in its round: they are stored apart, because they are most of it and change once. */
export function withShares(state: CoordinatorState, shares: CoordinatorRound["shares"]): CoordinatorState {
  return state.round === null ? state : { ...state, round: { ...state.round, shares } };
}
