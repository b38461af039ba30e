/**
 * The shell around `stepCoordinator`: events wait in a queue, and all that wait are carried out together.
 *
 *   events ─▶ queue ─▶ stepCoordinator, one after another ─▶ one persist (synced) ─▶ sends, deadlines, sums … in order ─▶ answers
 *                 ▲                                                                                                        │
 *                 └── what arrives meanwhile ◀─────────────────────────────────────────────────────────────────────────────┘
 *
 * One transaction for many events (group commit): it holds the last state and every ledger entry, so nothing is said before what it depends on is
 * durable. A coded error of the reducer refuses one event and changes nothing. Anything that goes wrong after the steps stops the engine: its state in
 * memory may be ahead of the disk, and a restart from the disk is the safe way on.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
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
import type { RoundWatch } from "../observe/round-watch.ts";
import type { Blobs } from "../storage/blobs.ts";
import type { LedgerFile } from "../storage/ledger-file.ts";
import type { Store } from "../storage/store.ts";
import type { Uploads } from "../storage/uploads.ts";
import type { Traffic } from "../transport/traffic.ts";
import { type ApplyEffect, mayPass, type SumEffect, type WorkQueue, type WorkResult } from "../work/work-queue.ts";
import { partedWork } from "./turns.ts";

export interface EngineParts {
  readonly store: Pick<Store, "persist">;
  /** The leadership under which everything is written. */
  readonly fence: number;
  readonly blobs: Pick<Blobs, "erase">;
  readonly uploads: Pick<Uploads, "eraseRound">;
  readonly ledgerFile: Pick<LedgerFile, "append">;
  readonly work: Pick<WorkQueue, "run">;
  readonly context: () => Context;
  readonly send: (to: readonly NodeId[], message: Message) => void;
  readonly traffic: Traffic;
  /** After a step that appended to the ledger, once its messages are on their way. */
  readonly ledgerGrew: (entries: number) => void;
  /** A phase that waits for nodes begins. @returns how long to wait, of what the plan allows, in milliseconds */
  readonly deadline?: (round: number, phase: string, most: number) => number;
  readonly roundBegan: (round: number, nodes: number) => Promise<void>;
  readonly roundEnded: (round: number, released: boolean) => Promise<void>;
  readonly finished: () => void;
  readonly watch?: Pick<RoundWatch, "queue" | "stepped" | "waits"> | undefined;
  /** The engine has stopped: somebody else leads. */
  readonly fenced: () => void;
  /** The engine has stopped. */
  readonly broken: (error: unknown) => void;
  readonly log: Logger;
}

export interface Engine {
  /**
   * Settles once the event's effects are carried out.
   * @param settles the request whose note this is: written and settled at once
   * @throws the reducer's coded error; TRB_COORDINATOR_STOPPING when the engine stopped before, and it may or may not be durable
   */
  put(event: CoordinatorEvent, settles?: number): Promise<void>;
  /** As it is on disk. */
  state(): CoordinatorState;
  /** Takes no more events; settles when those under way are carried out. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly event: CoordinatorEvent;
  readonly settles: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What became of one event; a refused one has no effects. */
interface Stepped {
  readonly waiting: Waiting;
  readonly before: CoordinatorState;
  readonly after: CoordinatorState;
  readonly effects: readonly CoordinatorEffect[];
  readonly refusal?: unknown;
}

/** Steps that are written together: whoever waits for the first should not wait for hundreds. */
const mostTogether = 64;

export function startEngine(initial: CoordinatorState, parts: EngineParts): Engine {
  const { store, blobs, uploads, ledgerFile, context, log } = parts;
  let state = initial;
  /** As they are on disk, after the first write. */
  let keptShares: CoordinatorRound["shares"] | undefined;
  let stopped = false;
  let running: Promise<void> | undefined;
  let forgetting: Promise<void> = Promise.resolve();
  const pause = partedWork();
  const queue: Waiting[] = [];
  const timers = new Map<string, NodeJS.Timeout>();
  parts.watch?.queue(() => queue.length);
  const underWay = new Set<string>();

  const put = (event: CoordinatorEvent, settles?: number) =>
    new Promise<void>((resolve, reject) => {
      if (stopped) return reject(fail("TRB_COORDINATOR_STOPPING"));
      queue.push({ event, settles, resolve, reject });
      running ??= run();
    });

  /** Events that nobody waits for: a refusal of them (too late, say) is worth a log line and no more. */
  const putOwn = (event: CoordinatorEvent): Promise<void> =>
    put(event).catch((error: unknown) => {
      if (isTributaryError(error)) log.info({ event: event.type, code: error.code }, "event refused");
      else halt(error);
    });

  async function run(): Promise<void> {
    while (queue.length > 0) {
      await nextTurn(); // what arrives in one turn of the event loop goes together
      await carryOutTogether(queue.splice(0, mostTogether));
    }
    running = undefined;
  }

  async function carryOutTogether(events: readonly Waiting[]): Promise<void> {
    const steps = await stepAll(events);
    try {
      await persist(steps);
      for (const step of steps) await carryOutStep(step);
    } catch (error) {
      halt(error);
      for (const { reject } of events) reject(fail("TRB_COORDINATOR_STOPPING", {}, error));
      return;
    }
    for (const { waiting, refusal } of steps) {
      if (refusal === undefined) waiting.resolve();
      else waiting.reject(refusal);
    }
  }

  async function stepAll(events: readonly Waiting[]): Promise<readonly Stepped[]> {
    let before = state;
    const steps: Stepped[] = [];
    for (const waiting of events) {
      await pause(); // each checks a signature
      try {
        const { state: after, effects } = stepCoordinator(before, waiting.event, context());
        steps.push({ waiting, before, after, effects });
        before = after;
      } catch (refusal) {
        if (!isTributaryError(refusal)) log.error({ err: refusal, event: waiting.event.type }, "a step failed");
        steps.push({ waiting, before, after: before, effects: [], refusal });
      }
    }
    return steps;
  }

  /** From here on a failure is never a refusal: the states have moved on, and the disk may not have. */
  async function persist(steps: readonly Stepped[]): Promise<void> {
    const next = steps.at(-1)?.after ?? state;
    const writes = steps.flatMap(({ effects }) => effects.filter((effect) => effect.type === "persist"));
    if (writes.length > 0) {
      const { crypto } = context();
      const entries = writes.flatMap(({ entry }) => (entry ? [{ ...entry, hash: lineHash(crypto, entry.line) }] : []));
      const shares = next.round?.shares ?? [];
      await store.persist({
        ...{ state: encodeCoordinatorState(withShares(next, [])), entries, fence: parts.fence },
        settled: steps.flatMap(({ refusal, waiting: { settles } }) =>
          refusal !== undefined || settles === undefined ? [] : [settles],
        ),
        ...(shares === keptShares ? {} : { shares: JSON.stringify(shares) }),
      });
      keptShares = shares;
      for (const { entry, line, hash } of entries) {
        ledgerFile.append(line);
        log.info({ entry: entry.index, kind: entry.kind, head: hash }, "ledger entry");
      }
    }
    state = next;
  }

  async function carryOutStep({ before, after, effects }: Stepped): Promise<void> {
    for (const effect of effects) {
      await pause(); // each may be a message of its own for every node
      await carryOut(effect);
    }
    parts.watch?.stepped(before, after);
    if (after.head.entries !== before.head.entries) parts.ledgerGrew(after.head.entries);
    if (after.round?.phase !== before.round?.phase) {
      const phase = after.round?.phase ?? "waiting";
      log.info({ round: after.lastRound, phase, ...parts.traffic.total() }, "phase");
    }
  }

  async function carryOut(effect: CoordinatorEffect): Promise<void> {
    switch (effect.type) {
      case "persist": // with those of the other steps, before
        break;
      case "send":
        if (effect.message.step === "offer") await parts.roundBegan(effect.message.round, effect.to.length);
        parts.send(effect.to, effect.message);
        break;
      case "setDeadline":
        waitFor(effect, parts.deadline?.(effect.round, effect.phase, effect.milliseconds) ?? effect.milliseconds);
        break;
      case "sum":
      case "apply":
        void inBackground(effect);
        break;
      case "eraseUploads":
        await eraseUploads(effect.round);
        break;
      case "roundEnded":
        clearDeadlines();
        await parts.roundEnded(effect.round, effect.released);
        break;
      case "finished":
        clearDeadlines();
        parts.finished();
        break;
    }
  }

  function waitFor({ round, phase }: { readonly round: number; readonly phase: string }, milliseconds: number): void {
    if (stopped) return;
    parts.watch?.waits(round, phase, milliseconds);
    const name = `${round} ${phase}`;
    clearTimeout(timers.get(name));
    timers.set(
      name,
      setTimeout(() => {
        timers.delete(name);
        void putOwn({ type: "deadline", round, phase });
      }, milliseconds),
    );
  }

  function clearDeadlines(): void {
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
  }

  async function inBackground(effect: SumEffect | ApplyEffect): Promise<void> {
    const name = `${effect.round} ${effect.type}`;
    if (stopped || underWay.has(name)) return;
    underWay.add(name);
    let result: WorkResult;
    try {
      result = await parts.work.run(effect.type === "sum" ? { effect } : { effect, plan: state.plan }, parts.fence);
    } catch (error) {
      if (!isTributaryError(error) || error.code !== "TRB_COORDINATOR_UPLOAD_LOST") return halt(error);
      log.error({ round: effect.round, err: error }, "an upload is lost, and with it the round");
      underWay.delete(name);
      return await putOwn({ type: "uploadLost", round: effect.round, code: error.code });
    }
    if (stopped) return;
    await putOwn({ ...result, round: effect.round });
    underWay.delete(name);
    if (effect.type === "apply" && state.round?.number !== effect.round) forgetting = forgetIntermediate(effect);
  }

  /** What stays goes with a later round's. */
  async function eraseUploads(round: number): Promise<void> {
    try {
      await uploads.eraseRound(round);
    } catch (error) {
      if (!mayPass(error)) throw error;
      log.warn({ round, err: error }, "uploads that nobody needs stay until the next round ends");
    }
  }

  /** The ledger names the sum by its hash; models stay, sums and earlier optimiser states go once the next model is in the ledger. */
  async function forgetIntermediate({ sumHash, optimiserHash }: ApplyEffect): Promise<void> {
    const needed = [state.optimiserHash, state.kept?.optimiserHash];
    try {
      await blobs.erase(sumHash);
      if (optimiserHash !== null && !needed.includes(optimiserHash)) await blobs.erase(optimiserHash);
    } catch (error) {
      log.warn({ err: error }, "blobs that nobody needs stay until the next start");
    }
  }

  function halt(error: unknown): void {
    if (stopped) return;
    void stop();
    if (isTributaryError(error) && error.code === "TRB_COORDINATOR_FENCED") {
      log.warn({ code: error.code }, "another replica leads");
      parts.fenced();
    } else {
      log.fatal({ err: error }, "the engine stopped");
      parts.broken(error);
    }
  }

  async function stop(): Promise<void> {
    stopped = true;
    clearDeadlines();
    for (const { reject } of queue.splice(0)) reject(fail("TRB_COORDINATOR_STOPPING"));
    await running;
    await forgetting;
  }

  return { put, state: () => state, stop };
}

/** The state with other shares in its round: they are stored apart, because they are most of it and change once. */
export function withShares(state: CoordinatorState, shares: CoordinatorRound["shares"]): CoordinatorState {
  return state.round === null ? state : { ...state, round: { ...state.round, shares } };
}
