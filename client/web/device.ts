/**
 * One shopper's device in a browser: joins, is consented to, is given a history, takes part. It is `takePart` as a node's process is, over IndexedDB,
 * `fetch` and a Web Worker; what it asks before an offer is what its person said here.
 */
import { fail, isTributaryError } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import { historiesOfEvents, historiesOfText, type InMemoryOptions, parseCatalogue } from "@tributary/events/in-memory";
import type { Charge, NodeState } from "@tributary/federation";
import { lineHash } from "@tributary/ledger";
import {
  decodeInvite,
  fingerprintOf,
  type Plan,
  parsePlan,
  portableCrypto,
  type Roster,
  type Signer,
  sha256Hex,
  signErasure,
} from "@tributary/protocol";
import type { DeviceNotice, DeviceOnPage, DeviceStatus } from "../../packages/dashboard/src/device/model.ts";
import { isDeclined } from "../src/availability.ts";
import { epsilonSpent } from "../src/charges.ts";
import { leastTrusted } from "../src/decision.ts";
import { participationOf, requireOneCustomer } from "../src/device.ts";
import { askToJoin } from "../src/joining.ts";
import { defaultPolicy, nodePolicyOf, type Policy, parsePolicy, policyText, requirePolicy } from "../src/policy-document.ts";
import { osRandomSource } from "../src/random.ts";
import { requireRemembered } from "../src/running/catch-up.ts";
import type { NodeLog } from "../src/running/kept.ts";
import { type TakingPart, takePart } from "../src/running/taking-part.ts";
import { superviseTraining, type TrainingOptions } from "../src/training/supervise.ts";
import { requirePrivate } from "../src/transport/private-channel.ts";
import type { CoordinatorClient } from "../src/transport/requests.ts";
import { type ControlConnection, connectSocket } from "../src/transport/socket.ts";
import { fetchHttp } from "./fetch-http.ts";
import { deviceIdentity, onlyKey } from "./identity.ts";
import { askPerson, deviceRefusals } from "./person.ts";
import { openRounds } from "./store/rounds.ts";
import {
  type DeviceDatabase,
  type DeviceMembership,
  eraseTables,
  type OutgoingNote,
  readSetting,
  writeSettings,
} from "./store/tables.ts";
import { workerThread } from "./training/thread.ts";
import type { WorkerSetup } from "./training/words.ts";

/** What a device reaches the world by; a test puts its own in their place. */
export interface DeviceSurroundings {
  readonly database: DeviceDatabase;
  readonly connectHttp: (url: string) => CoordinatorClient;
  readonly connectSocket: typeof connectSocket;
  readonly thread: (
    setup: Omit<WorkerSetup, "type">,
    ...hear: Parameters<TrainingOptions["open"]>
  ) => ReturnType<TrainingOptions["open"]>;
}

export interface BrowserDevice extends DeviceOnPage {
  /** Events of this device's person, one object each, as the shop's own page knows them: `{ item, action, time }`, in any order. */
  giveEvents(events: readonly DeviceEvent[]): Promise<void>;
  /** Ends taking part; a round under way is resumed the next time. */
  close(): Promise<void>;
}

/** `action` is one of DESIGN §3's, or one of their usual other names; without it the event is a view. `time`: Unix seconds or milliseconds, or ISO 8601. */
interface DeviceEvent {
  readonly item?: string;
  readonly action?: string;
  readonly time: number | string;
  readonly dwell?: number;
  readonly price?: number;
}

/** So many of the latest messages are remembered. */
const rememberedMessages = 40;

export const inBrowser = (database: DeviceDatabase): DeviceSurroundings => {
  const crypto = portableCrypto();
  return { database, connectHttp: (url) => fetchHttp(url, crypto), connectSocket, thread: workerThread };
};

/** The device as this browser has kept it. It takes part where it did when it was last closed. @throws TRB_DEVICE_STORE_UNAVAILABLE */
export async function openDevice(around: DeviceSurroundings): Promise<BrowserDevice> {
  const { database } = around;
  const crypto = portableCrypto();
  let identity = await deviceIdentity(database, crypto);
  const keptPlan = await readSetting(database, "plan");
  const keptPolicy = await readSetting(database, "policy");
  let membership = await readSetting(database, "membership");
  let plan: Plan | undefined = keptPlan === undefined ? undefined : parsePlan(JSON.parse(keptPlan));
  let policy: Policy | undefined = keptPolicy === undefined ? undefined : parsePolicy(keptPolicy);
  let roster: Roster = (await readSetting(database, "roster")) ?? [];
  let histories = await readSetting(database, "histories");
  let outgoing: readonly OutgoingNote[] = (await readSetting(database, "outgoing")) ?? [];
  let charged = plan === undefined ? nothingCharged : costOf(plan, await database.getAll("charges"));
  let running: DeviceStatus["running"] = "stopped";
  let connected = false;
  let state: NodeState | undefined;
  let notice: DeviceNotice | null = null;
  let part: TakingPart | undefined;
  let socket: ControlConnection | undefined;
  const listeners = new Set<(status: DeviceStatus) => void>();

  const status = (): DeviceStatus => ({
    joined: membership === undefined || plan === undefined ? null : joinedStatus(membership, plan),
    consent: policy === undefined ? null : { maxEpsilon: policy.maxEpsilon, trustedPeers: policy.trustedPeers },
    paused: policy !== undefined && policy.paused !== null,
    history: histories === undefined ? null : historyStatus(histories),
    ...{ running, connected, outgoing, notice },
    round: state?.round ? roundStatus(state) : null,
    rounds: { charged: charged.rounds, most: plan === undefined ? 0 : participationOf(plan, 0).most },
    epsilon: { spent: charged.epsilon, limit: policy?.maxEpsilon ?? 0 },
  });
  const joinedStatus = ({ federation, node, url, coordinatorKey }: DeviceMembership, of: Plan): DeviceStatus["joined"] => ({
    ...{ federation, node, url, plan: of },
    fingerprint: fingerprintOf(crypto, identity.key),
    coordinatorFingerprint: fingerprintOf(crypto, coordinatorKey),
    peers: roster.flatMap(({ node: peer, key }) =>
      peer === node ? [] : [{ node: peer, fingerprint: fingerprintOf(crypto, key) }],
    ),
    leastTrusted: Math.max(0, leastTrusted(of) - 1),
  });
  const changed = () => {
    for (const listener of listeners) listener(status());
  };
  const noted = (error: unknown) => {
    if (isTributaryError(error)) notice = { code: error.code, message: error.message, advice: error.advice };
    else globalThis.reportError(error); // a fault of the program: the browser's console has it
    changed();
  };
  const log = logTo((said) => {
    if (said !== undefined) notice = said;
    changed();
  });
  /** What is refused is shown as well as thrown. */
  const showing = async <T>(work: () => Promise<T>): Promise<T> => {
    notice = null;
    try {
      return await work();
    } catch (error) {
      noted(error);
      throw error;
    } finally {
      changed();
    }
  };
  const ready = () => {
    if (membership === undefined || plan === undefined) throw fail("TRB_DEVICE_NOT_READY", { missing: "an invite" });
    return { membership, plan };
  };
  const count = (of: NodeState) => {
    charged = costOf(of.plan, of.charges);
  };

  const keepHistory = async (read: (options: InMemoryOptions) => ReturnType<typeof historiesOfText>): Promise<void> => {
    const octets = await readSetting(database, "catalogue");
    if (octets === undefined) throw fail("TRB_DEVICE_NOT_READY", { missing: "an invite" });
    const catalogue = parseCatalogue(octets);
    const { histories: given } = await read({ source: "the history", catalogue, leastCustomers: 1 });
    requireOneCustomer(given.customers.length);
    await writeSettings(database, { histories: given });
    histories = given;
    if (part !== undefined) {
      await stop(); // its worker has the old one
      await begin();
    }
  };

  const begin = async (): Promise<void> => {
    const { membership: of, plan: planned } = ready();
    const [allowed, mine, octets] = [policy, histories, await readSetting(database, "catalogue")];
    if (allowed === undefined) throw fail("TRB_DEVICE_NOT_READY", { missing: "consent" });
    if (mine === undefined || octets === undefined) throw fail("TRB_DEVICE_NOT_READY", { missing: "a history" });
    const [refusal] = deviceRefusals({ crypto, identity }, planned, allowed);
    if (refusal !== undefined) throw refusal;
    requirePrivate(of.url, {});
    running = "starting";
    changed();
    const party = { crypto, membership: of, identity, plan: planned, layout: { home: "this browser" } };
    const rounds = await openRounds(database, party);
    const { copy, kept, memory } = rounds;
    requireRemembered({ ...party, database: memory }, copy.lines(), copy.lines());
    state = await rounds.load(nodePolicyOf(allowed));
    if (state !== undefined) count(state);
    const client = around.connectHttp(of.url);
    const started = await takePart({
      ...party,
      ...{ database: memory, keyring: onlyKey(identity), copy, kept, state, client, isDeclined, log },
      admission: askPerson(() => policy ?? allowed),
      random: () => osRandomSource(),
      software: lineHash(crypto, import.meta.url), // of which nothing is written by nodes
      openTraining: (events) =>
        superviseTraining({
          open: (hear) =>
            around.thread({ plan: planned, node: of.node, catalogue: octets, histories: histories ?? mine }, hear),
          fetchModel: (sha256, signal) => client.blob(sha256, { signal }),
          events,
        }),
      connectSocket({ sign }, handlers) {
        socket = around.connectSocket(
          { url: of.url, federation: of.federation, node: of.node, sign },
          {
            ...handlers,
            connected() {
              connected = true;
              handlers.connected();
              changed();
            },
            disconnected(reason) {
              connected = false;
              handlers.disconnected(reason);
              changed();
            },
            leaves: (kind, round, text) => leaves(kind, round, new TextEncoder().encode(text).length),
          },
        );
        return socket;
      },
      leaves: ({ kind, round, content }) =>
        leaves(kind, round, typeof content === "string" ? new TextEncoder().encode(content).length : content.length),
      tell: () => {},
      closed: async () => {},
      changed(next) {
        state = next;
        count(next);
        changed();
      },
      lookAgainEvery: 2_000,
    });
    part = started;
    running = "running";
    state = started.state() ?? state;
    changed();
    started.finished.then(
      (ended) => {
        if (part === started && ended === "ledgerClosed") running = "ended";
        changed();
      },
      (error: unknown) => {
        if (part === started) running = "failed";
        noted(error);
      },
    );
  };
  const leaves = (kind: string, round: number | null, bytes: number) => {
    outgoing = [...outgoing, { at: new Date().toISOString(), kind, round, bytes }].slice(-rememberedMessages);
    changed();
    // a diary: nothing rests on it, and no round waits for it
    void database.put("settings", outgoing, "outgoing").catch(noted);
  };
  const stop = async (): Promise<void> => {
    const ending = part;
    part = undefined;
    await ending?.close();
    connected = false;
    if (running !== "ended") running = "stopped";
  };
  const decide = async (next: Policy): Promise<void> => {
    requirePolicy(next);
    await writeSettings(database, { policy: policyText(next) });
    policy = next;
  };
  const start = () =>
    showing(async () => {
      if (part !== undefined || running === "starting") return;
      try {
        await begin();
        await writeSettings(database, { active: true });
      } catch (error) {
        running = "stopped";
        throw error;
      }
    });

  return {
    status,
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    join: (text) =>
      showing(async () => {
        const invite = decodeInvite(text.trim());
        requirePrivate(invite.url, {});
        const { federation, node, url } = invite;
        if (membership !== undefined && (membership.federation !== federation || membership.node !== node)) {
          throw fail("TRB_NODE_ALREADY_JOINED", {
            home: "This browser",
            federation: membership.federation,
            node: membership.node,
          });
        }
        identity = await deviceIdentity(database, crypto); // another one after everything was erased
        const client = around.connectHttp(url);
        const letIn = await askToJoin({
          ...{ crypto, client, invite, device: true, identity: () => identity },
          requirePlan(hash) {
            if (membership !== undefined && membership.planHash !== hash) throw fail("TRB_NODE_PLAN_CHANGED");
          },
        });
        const { coordinatorKey, planHash, planSignature } = letIn;
        const joined = { federation, node, url, coordinatorKey, planHash, planSignature };
        await writeSettings(database, {
          ...{ membership: joined, plan: JSON.stringify(letIn.plan), roster: letIn.roster, catalogue: letIn.catalogue },
        });
        [membership, plan, roster] = [joined, letIn.plan, letIn.roster];
      }),
    consent: ({ maxEpsilon, trustedPeers }) =>
      showing(async () => {
        const { plan: planned } = ready();
        const fingerprints = trustedPeers.map((text) => {
          const parsed = sha256Hex.safeParse(text.replace(/[\s:]/g, "").toLowerCase());
          if (!parsed.success) throw fail("TRB_NODE_FINGERPRINT_INVALID", { fingerprint: text.slice(0, 80) });
          return parsed.data;
        });
        const next: Policy = {
          ...(policy ?? defaultPolicy(planned)),
          maxEpsilon,
          trustedPeers: [...new Set(fingerprints)].sort(),
        };
        const [refusal] = deviceRefusals({ crypto, identity }, planned, next);
        if (refusal !== undefined) throw refusal;
        await decide(next);
      }),
    giveText: (text) => showing(() => keepHistory((options) => historiesOfText(text, options))),
    giveEvents: (events) =>
      showing(() =>
        keepHistory((options) =>
          historiesOfEvents(
            events.map((event) => ({ ...event, customer: "me" })),
            options,
          ),
        ),
      ),
    start,
    pause: () =>
      showing(async () => {
        if (policy !== undefined) await decide({ ...policy, paused: { reason: null, until: null } });
      }),
    resume: () =>
      showing(async () => {
        if (policy !== undefined) await decide({ ...policy, paused: null });
      }),
    leave: () =>
      showing(async () => {
        if (membership !== undefined) socket?.erased(erasureNow(identity, membership));
        await stop();
        await eraseTables(database);
        [membership, plan, policy, histories, state] = [undefined, undefined, undefined, undefined, undefined];
        [roster, outgoing, charged, running] = [[], [], nothingCharged, "stopped"];
      }),
    async close() {
      await stop();
      changed();
    },
  };
}

const nothingCharged = { rounds: 0, epsilon: 0 };

function costOf(plan: Plan, charges: readonly Charge[]): typeof nothingCharged {
  const rounds = charges.filter(({ standing }) => standing !== "refunded").length;
  return { rounds, epsilon: epsilonSpent(plan, charges) };
}

/** That everything is erased, on this day: the ledger is told it, as of any node. */
const erasureNow = (signer: Signer, { federation, node }: DeviceMembership) =>
  signErasure(signer, federation, { node, on: new Date().toISOString().slice(0, "2026-01-01".length) });

function roundStatus({ round, plan }: NodeState): DeviceStatus["round"] {
  return round && { number: round.number, phase: round.phase, kind: plan.releases[round.release]?.kind ?? "training" };
}

function historyStatus({ items, times }: Histories): NonNullable<DeviceStatus["history"]> {
  const distinct = new Set(items.filter((item) => item > 0)).size;
  return { events: items.length, items: distinct, from: times[0] ?? 0, to: times.at(-1) ?? 0 };
}

/** What is worth showing is what has a code. */
function logTo(show: (notice: DeviceNotice | undefined) => void): NodeLog {
  const write = (facts: unknown): void => {
    const { code, reason, advice } = typeof facts === "object" && facts !== null ? (facts as Record<string, unknown>) : {};
    show(
      typeof code === "string"
        ? { code, message: typeof reason === "string" ? reason : "", advice: typeof advice === "string" ? advice : "" }
        : undefined,
    );
  };
  return { debug: () => {}, info: write, warn: write, error: write };
}
