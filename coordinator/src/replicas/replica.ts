/**
 * One of several replicas of a coordinator on PostgreSQL: how what is in this folder is put together. All of them serve HTTP and nodes; one at a time
 * leads.
 *
 *   node ◀──▶ sockets ◀──▶ relay ◀──▶ bus ◀──▶ ear ◀──▶ PostgreSQL ◀──▶ the other replicas
 *                            │                              ▲
 *                            └──▶ federation ◀── leadership ┘
 */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { fail } from "@tributary/errors";
import type { Logger } from "pino";
import type { Server } from "socket.io";
import type { RunningFederation } from "../rounds/federation.ts";
import { isLasting } from "../storage/faults.ts";
import type { PostgresAddress } from "../storage/postgres.ts";
import type { Store } from "../storage/store.ts";
import type { OtherReplicas, Sockets } from "../transport/sockets.ts";
import { openBus } from "./bus.ts";
import { pause } from "./connection.ts";
import { openEar } from "./ear.ts";
import { nodesEverywhere } from "./everywhere.ts";
import type { ConnectedNodes, Leader } from "./leader.ts";
import { followLeadership, type Leadership } from "./leadership.ts";
import { followLedger, type LedgerFollower } from "./ledger-follower.ts";
import { openRelay } from "./relay.ts";

/** What a leadership is begun with. */
export interface Term {
  readonly fence: number;
  readonly nodes: ConnectedNodes;
  /** Somebody else leads. */
  readonly fenced: () => void;
  /** The engine has stopped; the rounds go on with whoever leads next. */
  readonly broken: (error: unknown) => void;
}

export interface ReplicaParts {
  readonly io: Server;
  readonly sockets: () => Sockets;
  readonly database: PostgresAddress;
  /** Its name, no two the same. */
  readonly replica: string;
  readonly store: Store;
  readonly ledgerPath: string;
  /** Takes up the rounds where the store has them. */
  readonly lead: (term: Term) => Promise<RunningFederation>;
  /** The ledger is closed. May be called more than once. */
  readonly finished: () => void;
  /** What stopped the engine would stop any other: this process ends. */
  readonly broken: (error: unknown) => void;
  readonly log: Logger;
}

/** How a coordinator is deployed: as one of several replicas, or as the only process. */
export interface Deployment {
  readonly leader: Leader;
  readonly others?: OtherReplicas;
  /** Leads, or follows whoever does. */
  start(): Promise<void>;
  /** Gives up the leadership; where there are other replicas, one of them takes it up at once. */
  retire(): Promise<void>;
  /** Once its nodes are disconnected. */
  close(): Promise<void>;
}

/** After an engine stopped, in milliseconds: another replica may be able to do what this one wasn't. */
const restAfterBreak = 5_000;
/** How long a replica that stops may take to say that its nodes are gone. */
const farewell = 2_000;

export function openReplica(parts: ReplicaParts): Deployment {
  const { database, replica, store, log } = parts;
  const ear = openEar(parts.io, database.config, database.schema, log);
  const bus = openBus(ear.wire, replica, log);
  let roster = 0;
  let follower: LedgerFollower | undefined;
  let leadership: Leadership | undefined;
  let federation: RunningFederation | undefined;

  const disconnectAll = () => {
    for (const node of parts.sockets().online()) parts.sockets().disconnect(node);
  };
  const nodes = nodesEverywhere({
    ...{ bus, replica, store, log },
    sockets: () => parts.sockets(),
    ledgerGrew: (entries) => void ledgerGrew(entries),
  });
  const relay = openRelay({
    ...{ bus, replica, log },
    rosterSize: () => roster,
    versionOf: (node) =>
      parts
        .sockets()
        .present()
        .find((one) => one.node === node)?.version,
    unheard: (node) => parts.sockets().disconnect(node),
    arrived: nodes.arrived,
    left: nodes.left,
    deposed: () => leadership?.stepDown("another replica leads"),
  });

  // what was for nodes here may be among what is lost: they come again, and the leader tells them again
  bus.onMissed(() => {
    if (federation === undefined) disconnectAll();
  });
  ear.onChange((hears) => {
    if (hears) bus.listenAnew();
    else if (federation === undefined) disconnectAll();
  });

  async function ledgerGrew(entries: number): Promise<void> {
    await follower?.catchUp();
    await countRoster();
    parts.sockets().announceLedger(entries);
  }

  async function countRoster(): Promise<void> {
    try {
      roster = (await store.members()).length;
    } catch (error) {
      log.warn({ err: error }, "the roster could not be counted");
    }
  }

  async function follow(): Promise<void> {
    follower = followLedger({ path: parts.ledgerPath, store, finished: parts.finished, log });
    await follower.catchUp();
    await countRoster();
  }

  /** @throws what `lead` throws, which ends the leadership, and the process where it can't mend itself */
  async function led(term: Term): Promise<RunningFederation> {
    try {
      return await parts.lead(term);
    } catch (error) {
      if (isLasting(error)) parts.broken(error);
      throw error;
    }
  }

  async function gained(fence: number): Promise<void> {
    await follower?.close();
    follower = undefined;
    await nodes.watch();
    federation = await led({
      fence,
      nodes,
      fenced: () => leadership?.stepDown("fenced"),
      broken: (error) => {
        log.error({ err: error, replica }, "this replica's engine stopped");
        leadership?.stepDown("the engine stopped", restAfterBreak);
        if (isLasting(error)) parts.broken(error);
      },
    });
    relay.lead(federation, fence);
    for (const node of nodes.online()) federation.connected(node);
  }

  async function lost(): Promise<void> {
    relay.follow();
    nodes.rest();
    await federation?.stop();
    federation = undefined;
    await follower?.close();
    follower = undefined;
  }

  return {
    leader: relay,
    others: {
      claim: nodes.claim,
      heads: nodes.heads,
      requireHearing() {
        if (!ear.hears() && federation === undefined) throw fail("TRB_COORDINATOR_NO_LEADER");
      },
    },
    async start() {
      await follow();
      leadership = followLeadership({
        ...{ database: database.config, schema: database.schema, replica, log, gained },
        takeLeadership: () => store.takeLeadership(replica),
        async lost() {
          await lost();
          await follow();
        },
      });
    },
    async retire() {
      await leadership?.close();
    },
    async close() {
      const forgotten = store.forgetReplica(replica).catch((error: unknown) => {
        log.warn({ err: error, replica }, "the other replicas will find out by and by that this one is gone");
      });
      await Promise.race([forgotten, pause(farewell)]);
      relay.close();
      nodes.rest();
      bus.close();
      await parts.io.of("/").adapter.close();
      await ear.close();
      await follower?.close();
    },
  };
}

/** A name for a replica that was given none: the same for the same home on the same machine. */
export function replicaOf(home: string): string {
  return `${hostname().slice(0, 40)}-${createHash("sha256").update(resolve(home)).digest("hex").slice(0, 8)}`;
}
