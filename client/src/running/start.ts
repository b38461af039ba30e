/**
 * `tributary node start`: a node that takes part in rounds until the ledger is closed. Here its home is checked and locked, and handed to `takePart`.
 */
import { availableParallelism } from "node:os";
import type { RandomSource } from "@tributary/dp";
import { fail, isTributaryError } from "@tributary/errors";
import type { Purpose } from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import type { NodeId, Sha256 } from "@tributary/protocol";
import { destination, type Logger, pino } from "pino";
import { declinedNow, isDeclined } from "../availability.ts";
import { costOf } from "../budget.ts";
import { refusalsOf } from "../decision.ts";
import { type DeviceParticipation, participationOf, requireDevicePlan, requireOneCustomer } from "../device.ts";
import { loadAccepted } from "../extensions.ts";
import { keepCertificate } from "../home/certificate.ts";
import { hasHistories, readHistories } from "../home/histories.ts";
import { openKeyring } from "../home/keyring.ts";
import { layoutOf, makeFolders, sweepTemporaries } from "../home/layout.ts";
import { openLedgerCopy } from "../home/ledger-copy.ts";
import { lockHome } from "../home/lock.ts";
import { writeMembership } from "../home/membership.ts";
import { openHome } from "../home/open.ts";
import { openOutgoing, type Said } from "../home/outgoing.ts";
import { readPolicy } from "../home/policy.ts";
import { keepCompacted } from "../home/store/keep-compacted.ts";
import { nodePolicyOf, type Policy } from "../policy-document.ts";
import { osRandomSource } from "../random.ts";
import { withoutSelections } from "../selected-parts.ts";
import { trainingThread } from "../training/node-thread.ts";
import { samplerRefusals } from "../training/sampler.ts";
import { superviseTraining } from "../training/supervise.ts";
import { channelOf } from "../transport/channel.ts";
import { connectHttp } from "../transport/http.ts";
import { requirePrivate } from "../transport/private-channel.ts";
import { connectSocket } from "../transport/socket.ts";
import { openAdmission } from "./admission.ts";
import { requireRemembered } from "./catch-up.ts";
import { logRefusal } from "./effects.ts";
import { untoldErasure } from "./erasure-note.ts";
import { keptInHome } from "./home-rounds.ts";
import { untoldRotation } from "./own-key.ts";
import { loadState } from "./state-file.ts";
import { type Ending, takePart } from "./taking-part.ts";

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
  readonly ended: Ending;
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
    const [refusal] = [...refusalsOf(home, plan, policy), ...(await samplerRefusals(plan))];
    if (refusal !== undefined) throw refusal;
    if (!hasHistories(layout)) throw fail("TRB_NODE_NO_HISTORIES", { home: options.home });
    if (device) requireOneCustomer(readHistories(layout).customers.length);
    const copy = openLedgerCopy(layout);
    requireRemembered(home, copy.lines(), copy.lines()); // node.sqlite alone may be an old backup as well
    const admission = openAdmission(home, policy);
    releases.push(() => admission.close());
    const { share } = admission;
    const keyring = openKeyring(layout, crypto);
    const limitsOf = (of: Policy) => nodePolicyOf(withoutSelections(of, home));
    const state = await loadState(home, limitsOf(policy), copy.lines());
    // whatever a crash kept from the budget that is shared is in it before anything is said
    share.follow(policy, state?.charges ?? database.charges());
    if (state !== undefined) share.releaseUnpaid(state);
    const declined = declinedNow(policy, new Date());
    if (declined !== undefined) log.info({ code: declined.code, reason: declined.message }, "offers are declined for now");

    const client = transport.connectHttp(membership.url, membership);
    releases.push(() => client.close());
    const compacted = keepCompacted(layout, log);
    releases.push(() => compacted.close());
    const outgoing = openOutgoing(layout);
    /** A disk that takes no diary stops no round. */
    const leaves = (said: Said) => {
      try {
        outgoing.note(said);
      } catch (error) {
        logRefusal(log, error, {}, "what leaves could not be noted");
      }
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
    const part = await takePart({
      ...{ crypto, plan, membership, layout, database, identity: home.identity },
      ...{ keyring, copy, state, client, isDeclined, random, log, leaves },
      kept: keptInHome(home, share, broughtUp),
      admission: {
        policy: () => limitsOf(admission.policy()),
        ask(charges, now) {
          const changed = admission.ask(charges, now);
          return changed && limitsOf(changed);
        },
        wouldAnswer: admission.wouldAnswer,
        reserve: share.reserve,
        release: (of) => broughtUp(() => share.releaseUnpaid(of)),
      },
      software: softwareHash(import.meta.url),
      openTraining: (events) =>
        superviseTraining({
          open: (hear) =>
            trainingThread(
              trainingWorker,
              {
                ...{ home: layout.home, node: membership.node, plan },
                threads: device ? 1 : (options.trainingThreads ?? availableParallelism()),
              },
              hear,
            ),
          fetchModel: (sha256, signal) => client.blob(sha256, { signal }),
          events,
        }),
      connectSocket: ({ sign }, handlers) =>
        transport.connectSocket(
          {
            ...{ url: membership.url, federation: membership.federation, node: membership.node, sign },
            channel: membership,
          },
          handlers,
        ),
      tell(socket, signer, of) {
        const note = untoldErasure(home, signer, of);
        if (note !== undefined) socket.erased(note);
        const member = untoldRotation(home, keyring, of);
        if (member !== undefined) socket.rotated(member);
      },
      async closed(signal) {
        const { coordinatorKey } = membership;
        const patience = { retries: 1, signal: AbortSignal.any([signal, AbortSignal.timeout(certificatePatience)]) };
        await keepCertificate({ layout, client, crypto, coordinatorKey, log }, copy.lines(), patience);
      },
      lookAgainEvery: options.lookAgainEvery ?? 5_000,
    });
    releases.push(() => part.close());
    const finished = part.finished.then((ended): Outcome => {
      const { charged, epsilon } = costOf(home);
      const { entries, hash } = copy.head();
      return { ended, entries, head: hash, modelHash: part.state()?.modelHash ?? null, charged, epsilon };
    });
    finished.catch(() => {}); // whoever awaits `finished` hears of it; nobody has to
    let closing: Promise<void> | undefined;
    const close = async () => {
      await part.close();
      await finished.catch(() => {}); // the home is still open for what it says
      await releaseAll();
    };
    return {
      federation: membership.federation,
      node: membership.node,
      ...(device ? { device: participationOf(plan, (part.state()?.charges ?? database.charges()).length) } : {}),
      finished,
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await releaseAll();
    throw error;
  }
}
