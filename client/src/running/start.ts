/**
 * `tributary node start`: a node that takes part in rounds until the ledger is closed. This file is the table of contents; the
 * round itself is the reducer's (`@tributary/federation`), and this shell only feeds it events one at a time.
 *
 *   home checked and locked ─▶ connect ─▶ hello ─▶ compare ledgers ─▶ { message → stepNode → effects } … ─▶ closing entry
 */
import { availableParallelism } from "node:os";
import type { RandomSource } from "@tributary/dp";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { type Context, everybody, type NodeEvent, type Purpose, stepNode } from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import { fingerprintOf, type NodeId, parseMessage, protocolVersion, type Sha256, type Signer } from "@tributary/protocol";
import { destination, type Logger, pino } from "pino";
import { declinedNow } from "../availability.ts";
import { costOf } from "../budget.ts";
import { refusalsOf } from "../decision.ts";
import { type DeviceParticipation, participationOf, requireDevicePlan, requireOneCustomer } from "../device.ts";
import { loadAccepted } from "../extensions.ts";
import { keepCertificate } from "../home/certificate.ts";
import { hasHistories, readHistories } from "../home/histories.ts";
import { openKeyring } from "../home/keyring.ts";
import { layoutOf, makeFolders, sweepTemporaries } from "../home/layout.ts";
import { followChain, openLedgerCopy } from "../home/ledger-copy.ts";
import { lockHome } from "../home/lock.ts";
import { writeMembership } from "../home/membership.ts";
import { openHome } from "../home/open.ts";
import { openOutgoing, type Said } from "../home/outgoing.ts";
import { nodePolicyOf, readPolicy } from "../home/policy.ts";
import { keepCompacted } from "../home/store/keep-compacted.ts";
import { osRandomSource } from "../random.ts";
import { withoutSelections } from "../selected-parts.ts";
import { samplerRefusals } from "../training/sampler.ts";
import { superviseTraining } from "../training/supervise.ts";
import { channelOf, requirePrivate } from "../transport/channel.ts";
import { connectHttp } from "../transport/http.ts";
import { type ControlConnection, connectSocket } from "../transport/socket.ts";
import { isDeclined, openAdmission } from "./admission.ts";
import { fetchNewLines, requireRemembered } from "./catch-up.ts";
import { confirmWithPeers, ownHead } from "./confirm.ts";
import { effects, logRefusal } from "./effects.ts";
import { untoldErasure } from "./erasure-note.ts";
import { isNextInForce, requireOwnKey, speakingKey, untoldRotation } from "./own-key.ts";
import { serialQueue } from "./queue.ts";
import { beginState, loadState, saveState } from "./state-file.ts";

export interface StartNodeOptions {
  readonly home: string;
  /** A fresh stream; asked for once for each (round, purpose). Default: the operating system's randomness. */
  readonly random?: (round: number, purpose: Purpose) => RandomSource;
  /** The worker's entry, which calls `serveTraining`. Default: the client's own. */
  readonly trainingWorker?: URL;
  /** How many threads train at a time. Default: as many as there are cores; each has the histories in memory. */
  readonly trainingThreads?: number;
  /** Holds one customer, takes part only in plans that protect whole nodes, and trains in one thread. */
  readonly device?: boolean;
  /** How often a node that has declined an offer looks whether it still would, in milliseconds; default 5000. */
  readonly lookAgainEvery?: number;
  /** As at joining; instead of what was said then, and kept. */
  readonly ca?: string;
  readonly insecureHttp?: true;
  /** Default: JSON lines on stderr. */
  readonly log?: Logger;
}

/** How a node's run ended, and what it had cost by then. */
export interface Outcome {
  readonly ended: "ledgerClosed" | "stopped";
  readonly entries: number;
  readonly head: Sha256;
  readonly modelHash: Sha256 | null;
  readonly charged: number;
  readonly epsilon: number;
}

export interface RunningNode {
  readonly federation: string;
  readonly node: NodeId;
  /** Of a device: its cap on rounds, and how many of them it has had. */
  readonly device?: DeviceParticipation;
  /**
   * Resolves after the ledger's closing entry, or when the node is closed. Rejects with what makes going on impossible:
   * TRB_NODE_STALE_STORE, TRB_NODE_LEDGER_FORKED, TRB_NODE_LEDGER_INVALID, TRB_NODE_PLAN_CHANGED, TRB_NODE_KEY_NOT_IN_ROSTER,
   * TRB_NODE_HOME_UNWRITABLE, or the coordinator's refusal of this node.
   */
  readonly finished: Promise<Outcome>;
  /** Ends connection and worker and lets go of the home; a round under way is resumed at the next start. */
  close(): Promise<void>;
}

/** Milliseconds in which a coordinator has to say whether it has a certificate: a federation that is over keeps nobody waiting. */
const certificatePatience = 10_000;

/** Refusals after which a node must not go on by itself. */
const final: ReadonlySet<string> = new Set([
  "TRB_NODE_STALE_STORE",
  "TRB_NODE_LEDGER_FORKED",
  "TRB_NODE_LEDGER_INVALID",
  "TRB_NODE_PLAN_CHANGED",
  "TRB_NODE_KEY_NOT_IN_ROSTER",
  "TRB_NODE_HOME_UNWRITABLE",
  "TRB_ROUND_LEDGER_FORKED",
  "TRB_ROUND_HEADS_DIFFER",
  "TRB_ROUND_ENTRY_INVALID",
]);

/**
 * Starts a node. Resolves once it is checked and connecting; it keeps trying to reach its coordinator for ever.
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_BUSY, TRB_NODE_PLAIN_HTTP, TRB_NODE_CA_UNREADABLE, TRB_NODE_NO_HISTORIES, TRB_NODE_STALE_STORE, TRB_NODE_POLICY_INVALID, TRB_PLAN_GRAPH_MISMATCH,
 *   TRB_OPENDP_NOT_BUILT, TRB_OPENDP_ARTEFACT_CHANGED,
 *   TRB_NODE_DEVICE_PLAN, TRB_NODE_DEVICE_CUSTOMERS, TRB_ROUND_TOO_FEW_TRUSTED, TRB_POLICY_…, TRB_NODE_BUDGET_UNREADABLE, and what `lintPlan` finds
 */
export function startNode(options: StartNodeOptions): Promise<RunningNode> {
  return runNode(options, { connectHttp, connectSocket });
}

/** How the coordinator is reached: a test puts itself in its place here. */
export interface Transport {
  readonly connectHttp: typeof connectHttp;
  readonly connectSocket: typeof connectSocket;
}

export async function runNode(options: StartNodeOptions, transport: Transport): Promise<RunningNode> {
  const {
    device = false,
    random = () => osRandomSource(),
    trainingWorker = new URL("../training/worker.ts", import.meta.url),
  } = options;
  const log = options.log ?? pino({ base: null }, destination({ dest: 2, sync: true }));
  const layout = layoutOf(options.home);
  const home = openHome(options.home);
  const { plan, crypto, database } = home;
  const channel = channelOf(options);
  const membership = { ...home.membership, ...channel };
  const releases: (() => void | Promise<void>)[] = [() => database.close()];
  const releaseAll = async () => {
    for (const release of releases.splice(0).reverse()) await release();
  };

  try {
    makeFolders(layout);
    const lock = lockHome(layout);
    releases.push(() => lock.release());
    requirePrivate(membership.url, membership);
    if (Object.keys(channel).length > 0) writeMembership(database, membership);
    sweepTemporaries(layout);
    const policy = readPolicy(layout);
    if (device) requireDevicePlan(plan);
    await loadAccepted(layout, plan, policy);
    // an artefact that is found missing in the middle of a round would cost the round
    const [refusal] = [...refusalsOf(plan, policy), ...(await samplerRefusals(plan))];
    if (refusal !== undefined) throw refusal;
    if (!hasHistories(layout)) throw fail("TRB_NODE_NO_HISTORIES", { home: options.home });
    if (device) requireOneCustomer(readHistories(layout).customers.length);
    const copy = openLedgerCopy(layout);
    requireRemembered(home, copy.lines(), copy.lines()); // node.sqlite alone may be an old backup as well
    const admission = openAdmission(home, policy);
    releases.push(() => admission.close());
    const { share } = admission;
    const keyring = openKeyring(layout, crypto);
    let state = await loadState(home, policy, copy.lines());
    /** Outside of rounds. */
    const signer: Signer = { sign: (message) => keyring.signAs(speakingKey(keyring, state), message) };
    // whatever a crash kept from the budget that is shared is in it before anything is said
    share.follow(policy, state?.charges ?? database.charges());
    if (state !== undefined) share.releaseUnpaid(state);
    const declined = declinedNow(policy, new Date());
    if (declined !== undefined) log.info({ code: declined.code, reason: declined.message }, "offers are declined for now");

    const ending = Promise.withResolvers<Outcome>();
    ending.promise.catch(() => {}); // whoever awaits `finished` hears of it; nobody has to
    const queue = serialQueue();
    const stopping = new AbortController();
    let socket: ControlConnection | undefined;

    const client = transport.connectHttp(membership.url, membership);
    releases.push(() => client.close());
    const training = superviseTraining({
      entry: trainingWorker,
      home: layout.home,
      node: membership.node,
      plan,
      threads: device ? 1 : (options.trainingThreads ?? availableParallelism()),
      fetchModel: (sha256, signal) => client.blob(sha256, { signal }),
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
    releases.push(() => training.close());
    const compacted = keepCompacted(layout, log);
    releases.push(() => compacted.close());
    await training.prepare();

    const software = softwareHash(import.meta.url);
    const context = (): Context => {
      const { sign } = signer;
      return { crypto, random, sign, signAs: keyring.signAs, now: new Date().toISOString(), software };
    };

    /** One event, all its effects. Only within the queue. */
    const step = async (event: NodeEvent): Promise<void> => {
      if (state === undefined) throw fail("TRB_ROUND_LEDGER_BEHIND", { entries: 0 });
      const shell = context();
      const next = stepNode(state, event, shell);
      const { round: before } = state;
      const { round } = next.state;
      // an offer that the reducer accepts: nothing of it has happened yet
      if (round !== null && round.number > state.lastRound) share.reserve(round, shell.now);
      state = next.state;
      for (const effect of next.effects) await work.carryOut(effect, next.state);
      work.afterStep(before, next.state);
      if (isNextInForce(keyring, next.state)) {
        keyring.finish();
        log.info({ fingerprint: fingerprintOf(crypto, keyring.current().key) }, "the new identity key is in force");
      }
      if (next.state.closed) await finishClosed();
    };

    const outcome = (ended: Outcome["ended"]): Outcome => {
      const { charged, epsilon } = costOf(home);
      const { entries, hash } = copy.head();
      return { ended, entries, head: hash, modelHash: state?.modelHash ?? null, charged, epsilon };
    };
    const finish = (ended: Outcome["ended"]) => ending.resolve(outcome(ended));
    /** Nothing follows but what was signed of the model. Only within the queue. */
    const finishClosed = async (): Promise<void> => {
      const { coordinatorKey } = membership;
      const options = { retries: 1, signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(certificatePatience)]) };
      await keepCertificate({ layout, client, crypto, coordinatorKey, log }, copy.lines(), options);
      finish("ledgerClosed");
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
    const outgoing = openOutgoing(layout);
    /** A disk that takes no diary stops no round. */
    const leaves = (said: Said) => {
      try {
        outgoing.note(said);
      } catch (error) {
        logRefusal(log, error, {}, "what leaves could not be noted");
      }
    };
    const work = effects({ home, copy, client, training, share, socket: () => socket, log, leaves, happened });
    releases.push(() => work.close());

    /** Takes over what the coordinator's ledger has more. Only within the queue. */
    const catchUp = async (retries: number): Promise<void> => {
      const lines = await fetchNewLines(home, copy, client, { retries, signal: stopping.signal });
      requireRemembered(home, copy.lines(), lines);
      await takeOver(lines);
      if (state !== undefined && !requireOwnKey(home, keyring, state)) log.info("this node waits to be admitted");
      if (state?.closed) await finishClosed();
    };
    const takeOver = async (lines: readonly string[]): Promise<void> => {
      let rest = lines;
      if (state === undefined) {
        const [first] = rest;
        if (first === undefined) return; // the federation hasn't begun
        state = beginState(home, admission.policy(), first);
        copy.append(0, first);
        await saveState(layout, state);
        rest = rest.slice(1);
      }
      // what the reducer verified before a crash, but was not in the file yet
      const missing = state.head.entries - copy.head().entries;
      if (missing > 0) {
        const known = rest.slice(0, missing);
        const reached = followChain(copy.head(), known);
        if (reached.hash !== state.head.hash) {
          const { entries, hash } = state.head;
          const found = `the coordinator shows ${reached.hash} after ${reached.entries} entries, and this node verified ${hash} after ${entries}`;
          throw fail("TRB_NODE_LEDGER_FORKED", { entry: entries - 1, own: hash, shown: reached.hash, found });
        }
        for (const line of known) copy.append(copy.head().entries, line);
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
      const { heads, round } = await confirmWithPeers(home, copy, state, ask, () => catchUp(2));
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
      log.info("policy.json has changed");
      if (state !== undefined) await step({ type: "policy", policy: nodePolicyOf(withoutSelections(changed, home)) });
    };

    /**
     * An offer was declined for a reason that may pass. Once it has, this node connects anew: a coordinator that waits, because so many refused, takes
     * that for a change of mind.
     */
    let looking: NodeJS.Timeout | undefined;
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
      }, options.lookAgainEvery ?? 5_000);
    };
    const stopLooking = () => {
      clearInterval(looking);
      looking = undefined;
    };
    releases.push(stopLooking);

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
          if (message.step === "offer" && isDeclined(error)) {
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

    const tellErasure = () => {
      const note = untoldErasure(home, signer, state);
      if (note !== undefined) socket?.erased(note);
    };
    const tellRotation = () => {
      const member = untoldRotation(home, keyring, state);
      if (member !== undefined) socket?.rotated(member);
    };
    const greet = () => {
      queue
        .run(async () => {
          await catchUp(Number.POSITIVE_INFINITY);
          if (state !== undefined) await step({ type: "connected" });
          tellErasure();
          tellRotation();
          refusedWithOldKey = false;
          log.info({ entries: copy.head().entries }, "connected");
        })
        .catch((error: unknown) => refuse(error, {}, "the ledger could not be taken over"));
    };
    const catchUpLater = (entries: number) => {
      queue
        .run(async () => {
          if (entries > copy.head().entries) await catchUp(4);
          tellErasure();
          tellRotation();
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

    if (state !== undefined) {
      // what the file holds beyond the state: verified before a crash, or everything after `rounds/` was lost
      const ahead = copy.lines().slice(state.head.entries);
      if (ahead.length > 0) await takeOver(ahead);
      work.resume(state);
    }
    const complete = state?.closed === true && copy.head().entries >= state.head.entries;
    if (complete) finish("ledgerClosed");
    else socket = connect();
    function connect(): ControlConnection {
      return transport.connectSocket(
        {
          ...{ url: membership.url, federation: membership.federation, node: membership.node, sign: signer.sign },
          channel: membership,
        },
        {
          connected: greet,
          disconnected: (reason) => log.info({ reason }, "disconnected"),
          message: receive,
          leaves: (kind, round, content) => leaves({ kind, round, content }),
          ledger: catchUpLater,
          head: (nonce) => ownHead(home, signer, copy, nonce, state),
          refused: (error, what) => {
            logRefusal(log, error, {}, `the coordinator refused this node's ${what}`);
            const isFinal = error.status === 401 || error.status === 403 || error.code === "TRB_ROUND_VERSION_UNKNOWN";
            const mayBeOldKey = error.code === "TRB_COORDINATOR_HELLO_REFUSED" && keyring.next() !== undefined;
            if (what === "hello" && mayBeOldKey && !refusedWithOldKey) lookForOwnKey();
            else if (what === "hello" && isFinal) giveUp(error);
          },
        },
      );
    }
    let closing: Promise<void> | undefined;
    const close = async () => {
      stopping.abort();
      socket?.close();
      await queue.end();
      try {
        finish("stopped");
      } finally {
        await releaseAll();
      }
    };
    return {
      federation: membership.federation,
      node: membership.node,
      ...(device ? { device: participationOf(plan, (state?.charges ?? database.charges()).length) } : {}),
      finished: ending.promise,
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await releaseAll();
    throw error;
  }
}
