/**
 * Carries out what the reducer asks for, in its order. Whatever must be on disk is on disk, synced, when the call for it returns;
 * sending, training and uploading are only begun here, and never hold up the next event.
 */
import { existsSync, readFileSync } from "node:fs";
import { type ErrorCode, fail, isTributaryError } from "@tributary/errors";
import type { NodeEffect, NodeEvent, NodeState } from "@tributary/federation";
import type { EntryOf } from "@tributary/ledger";
import { fingerprintOf, type MessageOf, type Plan, trainingMilliseconds, vectorOctets } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Logger } from "pino";
import { removeFile, replaceFile } from "../home/durable.ts";
import type { LedgerCopy } from "../home/ledger-copy.ts";
import type { Home } from "../home/open.ts";
import type { Said } from "../home/outgoing.ts";
import type { BudgetShare } from "../shared-budget/share.ts";
import type { Training } from "../training/supervise.ts";
import type { CoordinatorClient } from "../transport/http.ts";
import type { ControlConnection } from "../transport/socket.ts";
import { saveState } from "./state-file.ts";

export interface EffectTools {
  readonly home: Home;
  readonly copy: LedgerCopy;
  readonly client: CoordinatorClient;
  readonly training: Training;
  readonly share: BudgetShare;
  readonly socket: () => ControlConnection | undefined;
  readonly log: Logger;
  /** Something leaves over HTTP. */
  readonly leaves: (said: Said) => void;
  /** Something that an effect began has ended. */
  readonly happened: (event: NodeEvent) => void;
}

export interface Effects {
  carryOut(effect: NodeEffect, state: NodeState): Promise<void>;
  /** Once everything is carried out: gives back what a round reserved that this node has left without paying. */
  afterStep(before: NodeState["round"], state: NodeState): void;
  /** Sets a round's expiry again after a restart. */
  resume(state: NodeState): void;
  /** Keeps hold of a trained vector, to wipe it once its masked form is on disk. */
  keepTrained(round: number, vector: Uint32Array): void;
  close(): void;
}

/** The longest that a Node.js timer can wait, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

export function effects({ home, copy, client, training, share, socket, log, leaves, happened }: EffectTools): Effects {
  const { layout, database, plan } = home;
  const timers = new Set<NodeJS.Timeout>();
  const expiries = new Set<number>();
  const uploads = new Map<number, AbortController>();
  const trained = new Map<number, Uint32Array>();

  const later = (milliseconds: number, work: () => void): NodeJS.Timeout => {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        work();
      },
      Math.min(longestTimer, Math.max(0, milliseconds)),
    );
    timers.add(timer);
    return timer;
  };

  /** Every reconnection asks for it again; the first time stands. */
  const expire = (round: number, milliseconds: number): void => {
    if (expiries.has(round)) return;
    expiries.add(round);
    later(milliseconds, () => {
      expiries.delete(round);
      happened({ type: "expired", round });
    });
  };

  const wipeTrained = (round: number): void => {
    trained.get(round)?.fill(0);
    trained.delete(round);
  };

  const upload = async (message: MessageOf<"masked">, signal: AbortSignal): Promise<void> => {
    const { round } = message;
    const path = layout.vector(round);
    if (!existsSync(path)) throw fail("TRB_NODE_VECTOR_MISSING", { round });
    const octets = readFileSync(path);
    leaves({ kind: "vector", round, content: octets, sha256: message.body.sha256 });
    leaves({ kind: "masked", round, content: JSON.stringify(message) }); // goes along, in a header
    await client.upload(message, octets, { retries: Number.POSITIVE_INFINITY, signal });
    log.info({ round }, "masked vector uploaded");
    happened({ type: "uploaded", round });
  };

  const scheduleUpload = (message: MessageOf<"masked">, state: NodeState): void => {
    const { round } = message;
    if (uploads.has(round)) return; // under way, or waiting for its time
    const control = new AbortController();
    uploads.set(round, control);
    const offeredAt = state.round?.number === round ? state.round.offeredAt : undefined;
    later(uploadTime(plan, offeredAt) - Date.now(), () => {
      if (control.signal.aborted) return;
      upload(message, control.signal).catch((error: unknown) => {
        uploads.delete(round);
        if (!control.signal.aborted) logRefusal(log, error, { round }, "the upload was refused");
      });
    });
  };

  const endUpload = (round: number): void => {
    uploads.get(round)?.abort();
    uploads.delete(round);
  };

  /** What makes a shared budget smaller can wait: it counts too much until the next offer, where all of it is entered again. */
  const broughtUp = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!isTributaryError(error) || error.code !== "TRB_NODE_BUDGET_UNREADABLE") throw error;
      logRefusal(log, error, {}, "the shared budget counts too much until the next offer");
    }
  };

  const persist = async (effect: Extract<NodeEffect, { type: "persist" }>, state: NodeState): Promise<void> => {
    const { charge, vector } = effect;
    if (vector !== undefined && charge !== undefined) await replaceFile(layout.vector(charge.round), vectorOctets(vector));
    await saveState(layout, state);
    if (charge !== undefined) {
      const recorded = state.charges.find(({ round }) => round === charge.round);
      if (recorded === undefined)
        throw fail("TRB_NODE_HOME_UNWRITABLE", { file: layout.database, reason: "the charge is not in the state" });
      database.charge(recorded);
      share.record(recorded);
      if (vector !== undefined) wipeTrained(charge.round);
    }
    database.reachRound(state.lastRound);
  };

  return {
    async carryOut(effect, state) {
      switch (effect.type) {
        case "persist":
          return persist(effect, state);
        case "startTraining": {
          const { round, release, modelHash, offeredAt } = effect;
          log.info({ round }, "round accepted");
          training.start({
            round,
            release,
            modelHash,
            stopAt: Date.parse(offeredAt) + trainingMilliseconds(plan, release),
          });
          return;
        }
        case "stopTraining":
          training.stop(effect.round);
          wipeTrained(effect.round);
          return;
        case "send":
          if (effect.message.step === "vote") database.vote(effect.message);
          socket()?.send(effect.message);
          return;
        case "upload":
          return scheduleUpload(effect.message, state);
        case "eraseVector":
          endUpload(effect.round);
          wipeTrained(effect.round);
          removeFile(layout.vector(effect.round));
          return;
        case "eraseSecrets":
          wipeTrained(effect.round);
          await saveState(layout, state);
          return;
        case "settle": {
          // a round that the ledger counts against this node, although it doesn't remember paying, counts all the same
          const recorded = state.charges.find(({ round }) => round === effect.round);
          if (recorded !== undefined) database.charge({ ...recorded, standing: "open" });
          database.settle(effect.round, effect.as, recorded?.settledAt);
          if (recorded !== undefined) broughtUp(() => share.record(recorded));
          log.info({ round: effect.round, as: effect.as }, "charge settled");
          return;
        }
        case "appendLedger":
          copy.append(effect.entry.index, effect.line);
          if (effect.entry.kind === "roster") logRosterChange(log, effect.entry, state);
          return;
        case "setExpiry":
          return expire(effect.round, effect.milliseconds);
      }
    },
    afterStep(before, state) {
      const { round } = state;
      if (before === null || (round?.number === before.number && round.phase !== "left")) return;
      broughtUp(() => share.releaseUnpaid(state));
    },
    resume({ round }) {
      if (round === null || round.phase === "left") return;
      expire(round.number, Date.parse(round.offeredAt) + roundDuration(plan) - Date.now());
    },
    keepTrained(round, vector) {
      trained.set(round, vector);
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
      for (const round of [...uploads.keys()]) endUpload(round);
      for (const round of [...trained.keys()]) wipeTrained(round);
    },
  };
}

/** Unix milliseconds before which a masked vector must not leave; now, if the round's offer is forgotten. */
function uploadTime(plan: Plan, offeredAt: string | undefined): number {
  return offeredAt === undefined ? 0 : Date.parse(offeredAt) + plan.deadlines.uploadOffset;
}

/** From the offer to the moment when nothing of a round is needed any more, in milliseconds. */
function roundDuration({ deadlines }: Plan): number {
  const { keys, shares, uploadOffset, masked, consistency, unmask, grace } = deadlines;
  return keys + shares + uploadOffset + masked + consistency + unmask + grace;
}

/** Who came, went, or has another key: the merchant may want to compare fingerprints. */
function logRosterChange(log: Logger, entry: EntryOf<"roster">, { policy }: NodeState): void {
  const { revoked, admitted = [], rotated = [], from } = entry;
  const facts = { entry: entry.index, ...(from === undefined ? {} : { from }) };
  const crypto = nodeCrypto();
  for (const { node, key } of admitted) {
    const fingerprint = fingerprintOf(crypto, key);
    log.info({ ...facts, node, fingerprint, trusted: policy.trustedPeers.includes(fingerprint) }, "a node is admitted");
  }
  for (const { node, key } of rotated)
    log.info({ ...facts, node, fingerprint: fingerprintOf(crypto, key) }, "a node has another key");
  for (const node of revoked) log.info({ ...facts, node }, "a node is revoked");
}

/** Logs a coded error by its code; an error without one only by its class, since its text may hold anything. */
export function logRefusal(log: Logger, error: unknown, facts: Readonly<Record<string, string | number>>, what: string): void {
  const code: ErrorCode | undefined = isTributaryError(error) ? error.code : undefined;
  const message = isTributaryError(error) ? error.message : undefined;
  log.warn({ ...facts, code, reason: message ?? (error instanceof Error ? error.name : "unknown") }, what);
}
