/**
 * Carries out what the reducer asks for, in its order. Whatever must be on disk is on disk, synced, when the call for it returns;
 * sending, training and uploading are only begun here, and never hold up the next event.
 */
import { type ErrorCode, fail, isTributaryError } from "@tributary/errors";
import type { NodeEffect, NodeEvent, NodeState } from "@tributary/federation";
import type { EntryOf } from "@tributary/ledger";
import { type Crypto, fingerprintOf, type MessageOf, type Plan, trainingMilliseconds, vectorOctets } from "@tributary/protocol";
import type { Said } from "../home/outgoing.ts";
import type { Training } from "../training/supervise.ts";
import type { CoordinatorClient } from "../transport/requests.ts";
import type { ControlConnection } from "../transport/socket.ts";
import type { Kept, NodeLog } from "./kept.ts";
import type { LedgerCopy } from "./ledger-chain.ts";

export interface EffectTools {
  readonly crypto: Crypto;
  readonly plan: Plan;
  readonly kept: Kept;
  readonly copy: LedgerCopy;
  readonly client: CoordinatorClient;
  readonly training: Training;
  readonly socket: () => ControlConnection | undefined;
  readonly log: NodeLog;
  /** Something leaves over HTTP. */
  readonly leaves: (said: Said) => void;
  /** Something that an effect began has ended. */
  readonly happened: (event: NodeEvent) => void;
}

export interface Effects {
  carryOut(effect: NodeEffect, state: NodeState): Promise<void>;
  /** Sets a round's expiry again after a restart. */
  resume(state: NodeState): void;
  /** Keeps hold of a trained vector, to wipe it once its masked form is on disk. */
  keepTrained(round: number, vector: Uint32Array): void;
  close(): void;
}

/** The longest that a timer can wait, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

/** A timer is an object in Node, and a number in browsers. */
type Timer = ReturnType<typeof setTimeout>;

export function effects(tools: EffectTools): Effects {
  const { crypto, plan, kept, copy, client, training, socket, log, leaves, happened } = tools;
  const timers = new Set<Timer>();
  const expiries = new Set<number>();
  const uploads = new Map<number, AbortController>();
  const trained = new Map<number, Uint32Array>();

  const later = (milliseconds: number, work: () => void): Timer => {
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
    const octets = await kept.vector(round);
    if (octets === undefined) throw fail("TRB_NODE_VECTOR_MISSING", { round });
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

  const persist = async (effect: Extract<NodeEffect, { type: "persist" }>, state: NodeState): Promise<void> => {
    if (effect.charge === undefined) return kept.save(state);
    const { round } = effect.charge;
    const charge = state.charges.find((one) => one.round === round);
    if (charge === undefined)
      throw fail("TRB_NODE_HOME_UNWRITABLE", { file: "the round's state", reason: "the charge is not in it" });
    await kept.save(state, { charge, ...(effect.vector === undefined ? {} : { octets: vectorOctets(effect.vector) }) });
    if (effect.vector !== undefined) wipeTrained(round);
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
          if (effect.message.step === "vote") await kept.vote(effect.message);
          socket()?.send(effect.message);
          return;
        case "upload":
          return scheduleUpload(effect.message, state);
        case "eraseVector":
          endUpload(effect.round);
          wipeTrained(effect.round);
          return kept.eraseVector(effect.round);
        case "eraseSecrets":
          wipeTrained(effect.round);
          return kept.save(state);
        case "settle": {
          await kept.settle(
            effect.round,
            effect.as,
            state.charges.find(({ round }) => round === effect.round),
          );
          log.info({ round: effect.round, as: effect.as }, "charge settled");
          return;
        }
        case "appendLedger":
          await copy.append(effect.entry.index, effect.line);
          if (effect.entry.kind === "roster") logRosterChange({ log, crypto }, effect.entry, state);
          return;
        case "setExpiry":
          return expire(effect.round, effect.milliseconds);
      }
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
function logRosterChange(
  { log, crypto }: Pick<EffectTools, "log" | "crypto">,
  entry: EntryOf<"roster">,
  { policy }: NodeState,
): void {
  const { revoked, admitted = [], rotated = [], from } = entry;
  const facts = { entry: entry.index, ...(from === undefined ? {} : { from }) };
  for (const { node, key } of admitted) {
    const fingerprint = fingerprintOf(crypto, key);
    log.info({ ...facts, node, fingerprint, trusted: policy.trustedPeers.includes(fingerprint) }, "a node is admitted");
  }
  for (const { node, key } of rotated)
    log.info({ ...facts, node, fingerprint: fingerprintOf(crypto, key) }, "a node has another key");
  for (const node of revoked) log.info({ ...facts, node }, "a node is revoked");
}

/** Logs a coded error by its code; an error without one only by its class, since its text may hold anything. */
export function logRefusal(log: NodeLog, error: unknown, facts: Readonly<Record<string, string | number>>, what: string): void {
  const code: ErrorCode | undefined = isTributaryError(error) ? error.code : undefined;
  const message = isTributaryError(error) ? error.message : undefined;
  log.warn({ ...facts, code, reason: message ?? (error instanceof Error ? error.name : "unknown") }, what);
}
