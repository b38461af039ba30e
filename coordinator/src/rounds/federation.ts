/**
 * A federation's life under one leadership: joining, genesis, round after round, the closing entry. It owns the engine and decides when
 * events that nobody sends come (start, restarted); what a round does is the reducer's business.
 */

import { fail, isTributaryError } from "@tributary/errors";
import {
  type Context,
  type CoordinatorState,
  checkUpload,
  createCoordinator,
  decodeCoordinatorState,
  dueNote,
  encodeCoordinatorState,
  everybody,
  genesisEntry,
  whatFollows,
} from "@tributary/federation";
import { parseLine, rosterAt } from "@tributary/ledger";
import { type ErasureNote, type Message, type MessageOf, type NodeId, type Plan, planHash } from "@tributary/protocol";
import type { Logger } from "pino";
import type { RoundWatch } from "../observe/round-watch.ts";
import type { ConnectedNodes } from "../replicas/leader.ts";
import type { Blobs } from "../storage/blobs.ts";
import type { LedgerFile } from "../storage/ledger-file.ts";
import type { Store } from "../storage/store.ts";
import type { Uploads } from "../storage/uploads.ts";
import type { Traffic } from "../transport/traffic.ts";
import type { WorkQueue } from "../work/work-queue.ts";
import { type Engine, startEngine, withShares } from "./engine.ts";
import { pacing } from "./pacing.ts";
import { countRefusals, type Standstill } from "./refusals.ts";
import { keepSchedule, type RoundSchedule } from "./schedule.ts";

export interface FederationParts {
  readonly plan: Plan;
  readonly startWhen: number;
  /** Offers in a row that may be refused for one reason; 0: any number. */
  readonly mostRefused: number;
  /** When rounds begin, with whom, and how long stragglers are waited for; unless given at any time, with everybody, as long as the plan allows. */
  readonly schedule?: RoundSchedule;
  /** No more rounds are offered. */
  readonly standstill: (why: Standstill) => void;
  readonly store: Store;
  /** The leadership under which everything is written. */
  readonly fence: number;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly ledgerFile: LedgerFile;
  readonly work: WorkQueue;
  readonly context: () => Context;
  readonly nodes: ConnectedNodes;
  readonly traffic: Traffic;
  readonly watch?: RoundWatch | undefined;
  readonly finished: () => void;
  /** Somebody else leads; nothing more is written or said from here. */
  readonly fenced: () => void;
  readonly broken: (error: unknown) => void;
  readonly log: Logger;
}

export interface RunningFederation {
  connected(node: NodeId): void;
  disconnected(node: NodeId): void;
  /** Nodes of the roster; 0 before the federation has begun. */
  rosterSize(): number;
  message(message: Message): Promise<void>;
  refused(node: NodeId, message: Pick<Message, "step" | "round">, code: string): void;
  checkUpload(message: MessageOf<"masked">): void;
  uploaded(message: MessageOf<"masked">): Promise<void>;
  /** A node's own note, its signature checked: to be written between rounds, unless the ledger says so already. */
  erased(note: ErasureNote): Promise<void>;
  /** Settles when nothing of it is under way any more. */
  stop(): Promise<void>;
}

/** How often the home is looked into for what operators ask, in milliseconds. */
const lookEvery = 1_000;
/** Entries that a new leadership looks back at, for whom to invite and when. */
const lookedBack = 60;

/** Loads what an earlier leadership left and goes on with it. */
export async function runFederation(parts: FederationParts): Promise<RunningFederation> {
  const { plan, store, uploads, log, traffic, nodes, fence } = parts;
  let engine: Engine | undefined;
  let trafficAtStart = traffic.total();
  const refusals = countRefusals(parts.mostRefused, plan.minCohort);
  const { crypto } = parts.context();
  const schedule = keepSchedule(parts.schedule ?? {}, { crypto, plan, planHash: planHash(crypto, plan), now: Date.now });
  let still = false;
  let stopped = false;
  /** Genesis or the next round is being written; whoever wants to look meanwhile is heard afterwards. */
  let beginning = false;
  let lookAgain = false;

  const pace = pacing(
    parts.startWhen,
    () => {
      const state = engine?.state();
      // the closing entry, and a number that is passed over, need nobody
      const needsNobody = state !== undefined && !("release" in whatFollows(state));
      const online = nodes.online();
      const members = state === undefined ? online : membersOf(state);
      return {
        online: schedule.available(online.filter((node) => members.includes(node))).length,
        notBefore: schedule.notBefore(),
        again: schedule.nextChange(),
        joined: members.length,
        least: needsNobody ? 0 : plan.minCohort,
        begun: state !== undefined,
        busy: stopped || beginning || still || (state !== undefined && (state.closed || state.round !== null || state.paused)),
      };
    },
    {
      begin: () => beginWith(writeGenesis),
      startRound: () =>
        beginWith(async () => {
          if (!(await writeNotes())) return;
          const { state } = begun();
          const members = membersOf(state());
          const there = nodes.online().filter((node) => members.includes(node));
          const online = schedule.invited(there, state().lastRound + 1);
          await put({ type: "start", online, version: nodes.version() });
        }),
    },
  );

  function consider(): void {
    lookAgain ||= beginning;
    pace.consider();
  }

  function beginWith(work: () => Promise<void>): void {
    beginning = true;
    lookAgain = false;
    inTurn(async () => {
      try {
        await work();
      } finally {
        beginning = false;
      }
      if (lookAgain) consider();
    });
  }

  let turns: Promise<void> = Promise.resolve();
  /** What is worked out across several looks at the store is done one after the other. */
  function inTurn(work: () => Promise<void>): void {
    turns = turns.then(async () => {
      if (stopped) return;
      try {
        await work();
      } catch (error) {
        halt(error);
      }
    });
  }

  function halt(error: unknown): void {
    if (stopped) return;
    if (isTributaryError(error) && error.code === "TRB_COORDINATOR_FENCED") parts.fenced();
    else {
      log.fatal({ err: error }, "the federation can't go on");
      parts.broken(error);
    }
  }

  /** For events that nobody waits for. The engine itself reports what is not a refusal. */
  async function put(...asked: Parameters<Engine["put"]>): Promise<"done" | "refused" | "stopped"> {
    try {
      await engine?.put(...asked);
      return "done";
    } catch (error) {
      if (!isTributaryError(error)) return "refused";
      log.warn({ event: asked[0].type, code: error.code }, "event refused");
      return error.code === "TRB_COORDINATOR_STOPPING" ? "stopped" : "refused";
    }
  }

  /** What was asked for by operators and nodes, written between rounds. @returns whether a round may follow */
  async function writeNotes(): Promise<boolean> {
    const state = engine?.state();
    if (engine === undefined || state === undefined || state.round !== null || state.closed) return true;
    for (const { id, note } of await store.requests()) {
      const outcome = await put({ type: "note", note }, id);
      if (outcome === "stopped") return false; // who leads next finds it asked for still, or written
      if (outcome === "refused") await store.settleRequest(id, fence);
    }
    const due = dueNote(engine.state());
    if (due !== undefined && (await put({ type: "note", note: due })) === "stopped") return false;
    return !engine.state().paused;
  }

  /** Requests come from commands beside this process, too. */
  let asked = false;
  const looking = setInterval(() => {
    if (engine === undefined || asked) return;
    asked = true;
    inTurn(async () => {
      asked = false;
      if ((await store.requests()).length === 0) return;
      await writeNotes();
      consider();
    });
  }, lookEvery).unref();

  /** Founding roster and plan become the ledger's first entry; with it the round's state exists. */
  async function writeGenesis(): Promise<void> {
    const { entry, line, head } = genesisEntry({ plan, roster: await store.members() }, parts.context());
    const state = createCoordinator({ genesis: entry, head });
    try {
      await store.persist({ state: encodeCoordinatorState(state), entries: [{ entry, line, hash: head.hash }], fence });
    } catch (error) {
      if (!isTributaryError(error) || error.code !== "TRB_COORDINATOR_ROSTER_MOVED") throw error;
      return await writeGenesis();
    }
    parts.ledgerFile.append(line);
    log.info({ members: entry.roster.length, head: head.hash }, "the federation begins");
    engine = startEngine(state, engineParts);
    nodes.announceLedger(head.entries);
    lookAgain = true;
  }

  const engineParts = {
    ...parts,
    send: nodes.send,
    ledgerGrew: nodes.announceLedger,
    deadline: schedule.deadline,
    async roundBegan(round: number, invited: number) {
      await store.rounds.begin(round, { at: new Date().toISOString(), nodes: invited }, fence);
      refusals.offered(round, invited);
      schedule.offered(round, invited);
      trafficAtStart = traffic.total();
      log.info({ round, nodes: invited }, "round");
    },
    async roundEnded(round: number, released: boolean) {
      const { bytesIn, bytesOut } = traffic.total();
      const moved = { bytesIn: bytesIn - trafficAtStart.bytesIn, bytesOut: bytesOut - trafficAtStart.bytesOut };
      await store.rounds.end(round, { at: new Date().toISOString(), ...moved }, fence);
      const figures = await store.rounds.one(round);
      log.info({ ...figures }, "round ended");
      parts.watch?.ended(released ? undefined : (figures?.code ?? "unknown"));
      const news = engine?.state().announcement?.body;
      if (news !== undefined && "entry" in news) schedule.ended(parseLine(news.entry));
      pace.roundEnded(released);
      const why = refusals.ended(round, released);
      if (why !== undefined) await standStill(why);
      setImmediate(lookOn);
    },
  };

  /** What the plan's rules call for is written at once, however long the next round is away. */
  function lookOn(): void {
    const due = engine === undefined ? undefined : dueNote(engine.state());
    inTurn(async () => {
      if (due !== undefined) await writeNotes();
      consider();
    });
  }

  async function standStill(why: Standstill): Promise<void> {
    still = true;
    await store.setStandstill(why, fence);
    log.error({ ...why }, "no more rounds are offered: the nodes refuse them");
    parts.standstill(why);
  }

  /** Who connects anew, or starts the coordinator again, may have changed what was refused. */
  function goOn(): void {
    refusals.forgive();
    if (!still) return;
    still = false;
    inTurn(() => store.setStandstill(undefined, fence));
  }

  const begun = (): Engine => {
    if (!engine) throw fail("TRB_COORDINATOR_NOT_STARTED");
    return engine;
  };

  async function resume(): Promise<void> {
    if ((await store.standstill()) !== undefined) await store.setStandstill(undefined, fence);
    const encoded = await store.state();
    if (encoded === undefined) return consider();
    const whole = decodeCoordinatorState(encoded);
    const shares = await store.shares();
    const state = shares === undefined ? whole : withShares(whole, JSON.parse(shares));
    await uploads.eraseAllBut(state.round?.number);
    await sweepBlobs(parts, [state.optimiserHash, state.kept?.optimiserHash, state.round?.sumHash]);
    log.info({ round: state.lastRound, completed: state.completed, phase: state.round?.phase ?? "waiting" }, "resumed");
    const last = await store.ledgerLines(Math.max(1, state.head.entries - lookedBack));
    schedule.resume(last.map(parseLine), await store.rounds.all());
    engine = startEngine(state, engineParts);
    if (state.closed) return parts.finished();
    void put({ type: "restarted" });
    lookOn();
  }

  async function stop(): Promise<void> {
    stopped = true;
    clearInterval(looking);
    pace.close();
    await engine?.stop();
    await turns;
  }

  try {
    await resume();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    connected(node) {
      void put({ type: "connected", node });
      schedule.connected(node);
      goOn();
      consider();
    },
    disconnected() {
      pace.lostConnection();
      consider();
    },
    rosterSize: () => (engine === undefined ? 0 : everybody(engine.state()).length),
    message: async (message) => {
      schedule.answered(message); // also if it turns out to be too late
      await begun().put({ type: "message", message });
    },
    refused(node, message, code) {
      if (message.step !== "offer") return;
      refusals.refused(node, message.round, code);
      schedule.refused(node, code);
    },
    checkUpload: (message) => checkUpload(begun().state(), message, parts.context()),
    uploaded: async (message) => {
      schedule.answered(message);
      await begun().put({ type: "uploaded", message });
    },
    async erased({ node, on, signature }) {
      const known = engine?.state().erasures[node];
      if (engine === undefined || (known !== undefined && known >= on)) return;
      await store.request({ kind: "erasure", node, on, nodeSignature: signature });
    },
  };
}

/** Who may be in the next round. */
function membersOf(state: CoordinatorState): NodeId[] {
  const gone = new Set(state.barred);
  return rosterAt(state, state.lastRound + 1)
    .map(({ node }) => node)
    .filter((node) => !gone.has(node));
}

/** Blobs that a crash left between being written and being named, or being used and being erased. */
async function sweepBlobs(
  { plan, store, blobs }: FederationParts,
  others: readonly (string | null | undefined)[],
): Promise<void> {
  const named = new Set<string | null | undefined>([plan.catalogueHash, plan.initialModelHash, ...others]);
  for (const line of await store.ledgerLines(1)) {
    const entry = parseLine(line);
    if (entry.kind === "round") named.add(entry.nextModelHash);
  }
  for (const sha256 of await blobs.list()) if (!named.has(sha256)) await blobs.erase(sha256);
}
