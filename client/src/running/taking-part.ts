/**
 * Taking part in rounds until the ledger is closed: what a node does whoever keeps its state and whatever carries its words. `start.ts` is this in a home
 * folder, `client/web` in a browser. The round itself is the reducer's (`@tributary/federation`); here it is fed events one at a time.
 *
 *   connect ─▶ hello ─▶ compare ledgers ─▶ { message → stepNode → effects } … ─▶ closing entry
 */
import type { RandomSource } from "@tributary/dp";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import type { Charge } from "@tributary/federation";
import {
  type Context,
  everybody,
  type NodeEvent,
  type NodePolicy,
  type NodeRound,
  type NodeState,
  type Purpose,
  stepNode,
} from "@tributary/federation";
import {
  fingerprintOf,
  type NodeId,
  type Plan,
  parseMessage,
  protocolVersion,
  type Sha256,
  type Signer,
} from "@tributary/protocol";
import type { Keyring } from "../home/keyring.ts";
import type { Said } from "../home/outgoing.ts";
import type { Training, TrainingEvents } from "../training/supervise.ts";
import type { CoordinatorClient } from "../transport/requests.ts";
import type { ControlConnection, SocketHandlers } from "../transport/socket.ts";
import { beginState, type Party } from "./begin-state.ts";
import { fetchNewLines, type RoundsRemembered, requireRemembered } from "./catch-up.ts";
import { confirmWithPeers, ownHead } from "./confirm.ts";
import { effects, logRefusal } from "./effects.ts";
import type { Kept, NodeLog } from "./kept.ts";
import { followChain, type LedgerCopy } from "./ledger-chain.ts";
import { isNextInForce, requireOwnKey, speakingKey } from "./own-key.ts";
import { serialQueue } from "./queue.ts";

/** How taking part ended. */
export type Ending = "ledgerClosed" | "stopped";

/** Who takes part, and all that it does so with. */
export interface Seat extends Party, RoundsRemembered {
  readonly plan: Plan;
  readonly keyring: Keyring;
  readonly copy: LedgerCopy;
  /** As it was kept; undefined before the ledger has begun. */
  readonly state: NodeState | undefined;
  readonly kept: Kept;
  readonly client: CoordinatorClient;
  readonly admission: {
    /** What is permitted, as it was when it was last asked. */
    policy(): NodePolicy;
    /**
     * Asked before an offer reaches the reducer.
     * @returns the policy, if it is another one than before
     * @throws why the offer is declined
     */
    ask(charges: readonly Charge[], now: Date): NodePolicy | undefined;
    /** Whether an offer of this release would be answered now. Nothing is reserved. */
    wouldAnswer(state: NodeState, release: number, now: Date): boolean;
    /** An offer of this round is about to be accepted, at this time (ISO 8601). */
    reserve(round: NodeRound, at: string): void;
    /** A round that may have reserved something is over for this node. */
    release(state: NodeState): void;
  };
  /** Why an offer was declined may pass by itself. */
  readonly isDeclined: (error: unknown) => error is TributaryError;
  readonly random: (round: number, purpose: Purpose) => RandomSource;
  /** What this node runs. */
  readonly software: Sha256;
  readonly openTraining: (events: TrainingEvents) => Training;
  readonly connectSocket: (signer: Signer, handlers: SocketHandlers) => ControlConnection;
  readonly log: NodeLog;
  readonly leaves: (said: Said) => void;
  /** Said at each connection until the ledger has it. */
  readonly tell: (socket: ControlConnection, signer: Signer, state: NodeState | undefined) => void;
  /** The ledger is closed: what is still fetched before this node ends. */
  readonly closed: (signal: AbortSignal) => Promise<void>;
  /** After each event, with what it made of the state. */
  readonly changed?: (state: NodeState) => void;
  /** How often a node that has declined an offer looks whether it still would, in milliseconds. */
  readonly lookAgainEvery: number;
}

export interface TakingPart {
  state(): NodeState | undefined;
  /** Rejects with what makes going on impossible. */
  readonly finished: Promise<Ending>;
  /** Ends connection and training; a round under way is resumed the next time. */
  close(): Promise<void>;
}

/** Refusals after which a node must not go on by itself. */
const final: ReadonlySet<string> = new Set([
  "TRB_NODE_STALE_STORE",
  "TRB_NODE_LEDGER_FORKED",
  "TRB_NODE_LEDGER_INVALID",
  "TRB_NODE_PLAN_CHANGED",
  "TRB_NODE_KEY_NOT_IN_ROSTER",
  "TRB_NODE_HOME_UNWRITABLE",
  "TRB_DEVICE_STORE_UNAVAILABLE",
  "TRB_ROUND_LEDGER_FORKED",
  "TRB_ROUND_HEADS_DIFFER",
  "TRB_ROUND_ENTRY_INVALID",
]);

/** Resolves once training is prepared and this node is connecting; it keeps trying to reach its coordinator for ever. */
export async function takePart(seat: Seat): Promise<TakingPart> {
  const { crypto, plan, keyring, copy, kept, client, admission, log, leaves } = seat;
  let { state } = seat;
  /** Outside of rounds. */
  const signer: Signer = { sign: (message) => keyring.signAs(speakingKey(keyring, state), message) };
  const ending = Promise.withResolvers<Ending>();
  ending.promise.catch(() => {}); // whoever awaits `finished` hears of it; nobody has to
  const queue = serialQueue();
  const stopping = new AbortController();
  let socket: ControlConnection | undefined;

  const training = seat.openTraining({
    onTrained: (round, vector) => {
      work.keepTrained(round, vector);
      happened({ type: "trained", round, vector });
    },
    onOutOfTime: () => {
      const { message, advice } = fail("TRB_NODE_TRAINING_TOO_SLOW", { milliseconds: plan.deadlines.uploadOffset });
      log.warn({ code: "TRB_NODE_TRAINING_TOO_SLOW", reason: message, advice }, "a round's time was too short");
    },
    onNoiseAlone: ({ code, reason, some = false }) => {
      if (some) {
        const { message, advice } = fail("TRB_NODE_QUERY_FAILED", { reason: `${code}: ${reason}` });
        log.warn({ code: "TRB_NODE_QUERY_FAILED", reason: message, advice }, "a round's query failed at some customers");
        return;
      }
      const { message, advice } = fail("TRB_NODE_TRAINING_NOISE_ALONE", { reason: `${code}: ${reason}` });
      log.warn({ code: "TRB_NODE_TRAINING_NOISE_ALONE", reason: message, advice }, "a round's training failed");
    },
    onFailed: (round, error) => {
      logRefusal(log, error, { round }, "training failed");
      happened({ type: "trainingFailed", round, code: error.code });
    },
  });
  /** One event, all its effects. Only within the queue. */
  const step = async (event: NodeEvent): Promise<void> => {
    if (state === undefined) throw fail("TRB_ROUND_LEDGER_BEHIND", { entries: 0 });
    const shell: Context = {
      ...{ crypto, random: seat.random, sign: signer.sign, signAs: keyring.signAs },
      ...{ now: new Date().toISOString(), software: seat.software },
    };
    const next = stepNode(state, event, shell);
    const { round: before } = state;
    const { round } = next.state;
    // an offer that the reducer accepts: nothing of it has happened yet
    if (round !== null && round.number > state.lastRound) admission.reserve(round, shell.now);
    state = next.state;
    for (const effect of next.effects) await work.carryOut(effect, next.state);
    if (before !== null && (round?.number !== before.number || round.phase === "left")) admission.release(next.state);
    if (isNextInForce(keyring, next.state)) {
      keyring.finish();
      log.info({ fingerprint: fingerprintOf(crypto, keyring.current().key) }, "the new identity key is in force");
    }
    seat.changed?.(next.state);
    if (next.state.closed) await finishClosed();
  };

  const giveUp = (error: TributaryError) => {
    log.error({ code: error.code, reason: error.message }, "the node can't go on");
    ending.reject(error);
    training.stop(2 ** 31 - 1);
    socket?.close();
  };
  const refuse = (error: unknown, facts: Readonly<Record<string, string | number>>, what: string) => {
    if (stopping.signal.aborted) return;
    if (isTributaryError(error) && (final.has(error.code) || error.code.startsWith("TRB_LEDGER_"))) giveUp(error);
    else logRefusal(log, error, facts, what);
  };

  /** An event from inside: nobody waits for an answer to it. */
  const happened = (event: NodeEvent) => {
    queue.run(() => step(event)).catch((error: unknown) => refuse(error, { event: event.type }, "an event was refused"));
  };
  /** Only within the queue. */
  const finishClosed = async (): Promise<void> => {
    await seat.closed(stopping.signal);
    ending.resolve("ledgerClosed");
  };
  const work = effects({ crypto, plan, kept, copy, client, training, socket: () => socket, log, leaves, happened });

  /** Takes over what the coordinator's ledger has more. Only within the queue. */
  const catchUp = async (retries: number): Promise<void> => {
    const lines = await fetchNewLines(seat, copy, client, { retries, signal: stopping.signal });
    requireRemembered(seat, copy.lines(), lines);
    await takeOver(lines);
    if (state !== undefined && !requireOwnKey(seat, keyring, state)) log.info("this node waits to be admitted");
    if (state?.closed) await finishClosed();
  };
  const takeOver = async (lines: readonly string[]): Promise<void> => {
    let rest = lines;
    if (state === undefined) {
      const [first] = rest;
      if (first === undefined) return; // the federation hasn't begun
      state = beginState(seat, admission.policy(), first);
      await copy.append(0, first);
      await kept.save(state);
      rest = rest.slice(1);
    }
    // what the reducer verified before a crash, but was not in the file yet
    const missing = state.head.entries - copy.head().entries;
    if (missing > 0) {
      const known = rest.slice(0, missing);
      const reached = followChain(crypto, copy.head(), known);
      if (reached.hash !== state.head.hash) {
        const { entries, hash } = state.head;
        const found = `the coordinator shows ${reached.hash} after ${reached.entries} entries, and this node verified ${hash} after ${entries}`;
        throw fail("TRB_NODE_LEDGER_FORKED", { entry: entries - 1, own: hash, shown: reached.hash, found });
      }
      for (const line of known) await copy.append(copy.head().entries, line);
      rest = rest.slice(missing);
    }
    if (rest.length > 0) await step({ type: "ledger", lines: rest });
  };

  /** Once a start: nothing is paid for before enough peers have confirmed the ledger. Only within the queue. */
  let confirmed = false;
  /** A round whose cohort peers knew by then: this node may have been in it, in a life that its store has lost. */
  let begunBefore = 0;
  const confirm = async (): Promise<void> => {
    if (confirmed || state === undefined) return;
    const ask = async (nonce: string, peers: readonly NodeId[]) => (await socket?.heads(nonce, peers)) ?? [];
    const { heads, round } = await confirmWithPeers(seat, copy, state, ask, () => catchUp(2));
    confirmed = true;
    begunBefore = round;
    log.info({ heads, entries: copy.head().entries }, "peers confirm the ledger");
  };

  /** A round that the store remembers is the reducer's to judge. */
  const requireNotBegun = (round: number): void => {
    const remembered = round <= (state?.lastRound ?? 0);
    if (!remembered && round <= begunBefore) throw fail("TRB_ROUND_REPLAYED", { round, last: begunBefore });
  };

  /** Before each offer the merchant is asked anew. Only within the queue. */
  const ask = async (): Promise<void> => {
    const changed = admission.ask(state?.charges ?? [], new Date());
    if (changed === undefined) return;
    log.info("the policy has changed");
    if (state !== undefined) await step({ type: "policy", policy: changed });
  };

  /**
   * An offer was declined for a reason that may pass. Once it has, this node connects anew: a coordinator that waits, because so many refused, takes
   * that for a change of mind.
   */
  let looking: ReturnType<typeof setInterval> | undefined;
  let declinedRelease = 0;
  const lookAgain = (release: number): void => {
    declinedRelease = release;
    looking ??= setInterval(() => {
      queue
        .run(async () => {
          if (looking === undefined || state === undefined) return;
          if (!admission.wouldAnswer(state, declinedRelease, new Date())) return;
          stopLooking();
          log.info("offers are answered again");
          socket?.close();
          socket = connect();
        })
        .catch((error: unknown) => refuse(error, {}, "the policy could not be looked at"));
    }, seat.lookAgainEvery);
  };
  const stopLooking = () => {
    clearInterval(looking);
    looking = undefined;
  };

  /** A message from the coordinator; what is thrown is the answer. */
  const receive = (payload: unknown): Promise<void> =>
    queue.run(async () => {
      const message = parseMessage(payload, protocolVersion, state && everybody(state).length);
      log.debug({ step: message.step, round: message.round }, "message");
      try {
        if (message.step === "offer") {
          if (message.round !== state?.round?.number) await ask(); // what is accepted stays so
          await confirm();
          requireNotBegun(message.round);
        }
        try {
          await step({ type: "message", message });
        } catch (error) {
          if (!isTributaryError(error) || error.code !== "TRB_ROUND_LEDGER_BEHIND") throw error;
          await catchUp(2);
          if (message.step === "offer") {
            await confirm(); // for which there was nothing to compare before
            requireNotBegun(message.round);
          }
          await step({ type: "message", message });
        }
        if (message.step === "offer") stopLooking();
      } catch (error) {
        if (message.step === "offer" && seat.isDeclined(error)) {
          log.info(
            { code: error.code, reason: error.message, advice: error.advice, round: message.round },
            "an offer was declined",
          );
          lookAgain(message.body.release);
          throw error;
        }
        refuse(error, { step: message.step, round: message.round }, "a message was refused");
        throw error;
      }
    });

  const tell = () => {
    if (socket !== undefined) seat.tell(socket, signer, state);
  };
  const greet = () => {
    queue
      .run(async () => {
        await catchUp(Number.POSITIVE_INFINITY);
        if (state !== undefined) await step({ type: "connected" });
        tell();
        refusedWithOldKey = false;
        log.info({ entries: copy.head().entries }, "connected");
      })
      .catch((error: unknown) => refuse(error, {}, "the ledger could not be taken over"));
  };
  const catchUpLater = (entries: number) => {
    queue
      .run(async () => {
        if (entries > copy.head().entries) await catchUp(4);
        tell();
      })
      .catch((error: unknown) => refuse(error, {}, "the ledger could not be taken over"));
  };

  /** While this node was away its new key may have come into force: it looks once before it takes the refusal for an answer. */
  let refusedWithOldKey = false;
  const lookForOwnKey = () => {
    refusedWithOldKey = true;
    queue
      .run(async () => {
        await catchUp(Number.POSITIVE_INFINITY);
        socket?.close();
        socket = connect();
      })
      .catch((error: unknown) => refuse(error, {}, "the ledger could not be taken over"));
  };

  try {
    await training.prepare();
    if (state !== undefined) {
      // what the file holds beyond the state: verified before a crash, or everything after `rounds/` was lost
      const ahead = copy.lines().slice(state.head.entries);
      if (ahead.length > 0) await takeOver(ahead);
      work.resume(state);
    }
    const complete = state?.closed === true && copy.head().entries >= state.head.entries;
    if (complete) ending.resolve("ledgerClosed");
    else socket = connect();
  } catch (error) {
    await end();
    throw error;
  }
  function connect(): ControlConnection {
    return seat.connectSocket(signer, {
      connected: greet,
      disconnected: (reason) => log.info({ reason }, "disconnected"),
      message: receive,
      leaves: (kind, round, content) => leaves({ kind, round, content }),
      ledger: catchUpLater,
      head: (nonce) => ownHead(seat, signer, copy, nonce, state),
      refused: (error, what) => {
        logRefusal(log, error, {}, `the coordinator refused this node's ${what}`);
        const isFinal = error.status === 401 || error.status === 403 || error.code === "TRB_ROUND_VERSION_UNKNOWN";
        const mayBeOldKey = error.code === "TRB_COORDINATOR_HELLO_REFUSED" && keyring.next() !== undefined;
        if (what === "hello" && mayBeOldKey && !refusedWithOldKey) lookForOwnKey();
        else if (what === "hello" && isFinal) giveUp(error);
      },
    });
  }
  async function end(): Promise<void> {
    stopping.abort();
    socket?.close();
    stopLooking();
    await queue.end();
    work.close();
    await training.close();
  }
  let closing: Promise<void> | undefined;
  const close = async () => {
    try {
      await end();
    } finally {
      ending.resolve("stopped");
    }
  };
  return { state: () => state, finished: ending.promise, close: () => (closing ??= close()) };
}
