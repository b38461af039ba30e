/**
 * The nodes of all replicas, for the one that leads: who is connected where, and messages to them.
 *
 *   leader ─ deliver { to, message } ─▶ bus ─▶ the replicas that they are connected with ─▶ nodes
 *   leader ◀─ arrived, left, and every few seconds what stands in the store ─ replicas
 */

import { randomUUID } from "node:crypto";
import {
  agreedVersion,
  type HeadStatement,
  headStatementSchema,
  type Message,
  type NodeId,
  nodeId,
  parseMessage,
  protocolVersion,
} from "@tributary/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import type { Store } from "../storage/store.ts";
import type { Sockets } from "../transport/sockets.ts";
import type { Bus } from "./bus.ts";
import { pause } from "./connection.ts";
import type { ConnectedNodes } from "./leader.ts";

export interface NodesEverywhere extends ConnectedNodes {
  /** A node is connected with that replica now, or no longer; known before it stands in the store. */
  arrived(node: NodeId, at: string, version: string): void;
  left(node: NodeId, at: string): void;
  /** Looks into the store, now and every few seconds until `rest`. */
  watch(): Promise<void>;
  rest(): void;
  /** A node says hello here: whatever connection it has elsewhere is none any more. */
  claim(node: NodeId): void;
  /** What these nodes state of the ledger, wherever they are connected. */
  heads(nonce: string, peers: readonly NodeId[]): Promise<HeadStatement[]>;
}

export interface EverywhereParts {
  /** Of this replica. */
  readonly sockets: () => Sockets;
  readonly bus: Bus;
  readonly replica: string;
  readonly store: Pick<Store, "connected" | "forgetReplica">;
  /** The leader says that the ledger has so many entries. */
  readonly ledgerGrew: (entries: number) => void;
  /** How long other replicas may take to ask their nodes, in milliseconds; longer than those have. */
  readonly headsPatience?: number;
  readonly log: Logger;
}

/** In milliseconds. */
const timing = {
  /** Between two looks into the store. */
  look: 5_000,
  /** After which a replica that says nothing is gone, and its nodes with it. */
  alive: 20_000,
  /** How long what was said of a node counts more than what the store says: replicas write after they speak. */
  news: 10_000,
};

const deliverySchema = z.object({ to: z.array(nodeId), message: z.unknown() });
/**
 * When the node said hello, by the clock of the replica that says so: one that comes late must not end a newer connection. Clocks that differ do no more
 * harm than a connection that is made once more, or one that is dead already and ends with the next ping.
 */
const claimSchema = z.object({ node: nodeId, at: z.number() });
const headsAskSchema = z.object({ id: z.string(), nonce: z.string(), peers: z.array(nodeId) });
const headsAnswerSchema = z.object({ id: z.string(), heads: z.array(headStatementSchema) });

/** What was said of one node at one replica. */
interface News {
  readonly node: NodeId;
  readonly at: string;
  /** Undefined: it left. */
  readonly version: string | undefined;
  readonly when: number;
}

export function nodesEverywhere(parts: EverywhereParts): NodesEverywhere {
  const { bus, replica, store, headsPatience = 3_000, log } = parts;
  /** By replica, without this one. */
  let elsewhere = new Map<string, Map<NodeId, string>>();
  let news: News[] = [];
  let watching = false;
  let looking: NodeJS.Timeout | undefined;
  const collecting = new Map<string, (heads: readonly HeadStatement[]) => void>();

  function takeIn({ node, at, version }: News): void {
    const there = elsewhere.get(at) ?? new Map<NodeId, string>();
    elsewhere.set(at, there);
    if (version === undefined) there.delete(node);
    else there.set(node, version);
  }

  function hear(node: NodeId, at: string, version: string | undefined): void {
    if (at === replica) return; // known from the sockets themselves
    const said: News = { node, at, version, when: performance.now() };
    news = [...news.filter((other) => other.node !== node || other.at !== at), said];
    takeIn(said);
  }

  async function look(): Promise<void> {
    const [all, alive] = [await store.connected(), await store.connected(timing.alive)];
    elsewhere = new Map();
    for (const { node, replica: at, version } of alive) {
      if (at !== replica) takeIn({ node, at, version, when: 0 });
    }
    news = news.filter(({ when }) => performance.now() - when < timing.news);
    for (const said of news) takeIn(said);
    const living = new Set([replica, ...alive.map((one) => one.replica)]);
    const gone = new Set(all.map((one) => one.replica).filter((at) => !living.has(at)));
    for (const at of gone) {
      log.info({ replica: at }, "a replica is gone");
      await store.forgetReplica(at);
    }
  }

  const lookAgain = () => {
    if (!watching) return;
    looking = setTimeout(() => {
      look().then(lookAgain, (error: unknown) => {
        log.warn({ err: error }, "who is connected could not be read");
        lookAgain();
      });
    }, timing.look);
  };

  const versions = () => [
    ...parts.sockets().present(),
    ...[...elsewhere.values()].flatMap((there) => [...there].map(([node, version]) => ({ node, version }))),
  ];

  bus.on("deliver", (body) => {
    const { to, message } = deliverySchema.parse(body);
    parts.sockets().send(to, parseMessage(message));
  });
  bus.on("ledger", (body) => parts.ledgerGrew(z.int().min(0).parse(body)));
  bus.on("claim", (body) => {
    const { node, at } = claimSchema.parse(body);
    parts.sockets().disconnect(node, at);
  });
  bus.on("heads?", (body) => {
    const { id, nonce, peers } = headsAskSchema.parse(body);
    const here = new Set(parts.sockets().online());
    const asked = peers.filter((peer) => here.has(peer));
    if (asked.length === 0) return;
    void parts
      .sockets()
      .heads(nonce, asked)
      .then((heads) => bus.emit("heads", { id, heads }));
  });
  bus.on("heads", (body) => {
    const { id, heads } = headsAnswerSchema.parse(body);
    collecting.get(id)?.(heads);
  });

  /** Of peers that are connected elsewhere, as far as they answer in time. */
  async function headsElsewhere(nonce: string, peers: readonly NodeId[]): Promise<HeadStatement[]> {
    const there = new Set(
      (await store.connected(timing.alive)).filter((one) => one.replica !== replica).map(({ node }) => node),
    );
    const asked = peers.filter((peer) => there.has(peer));
    if (asked.length === 0) return [];
    const id = randomUUID();
    const collected = new Map<NodeId, HeadStatement>();
    const complete = new AbortController();
    collecting.set(id, (heads) => {
      for (const head of heads) collected.set(head.node, head);
      if (asked.every((peer) => collected.has(peer))) complete.abort();
    });
    bus.emit("heads?", { id, nonce, peers: asked });
    await pause(headsPatience, complete.signal);
    collecting.delete(id);
    return [...collected.values()];
  }

  return {
    send(to, message: Message) {
      parts.sockets().send(to, message);
      const here = new Set(parts.sockets().online());
      const others = to.filter((node) => !here.has(node));
      if (others.length > 0) bus.emit("deliver", { to: others, message });
    },
    announceLedger(entries) {
      bus.emit("ledger", entries);
      parts.sockets().announceLedger(entries);
    },
    online: () => [...new Set(versions().map(({ node }) => node))].sort(),
    version: () =>
      versions()
        .map(({ version }) => version)
        .reduce(agreedVersion, protocolVersion),
    drained: (milliseconds) => parts.sockets().drained(milliseconds),
    arrived: hear,
    left: (node, at) => hear(node, at, undefined),
    async watch() {
      watching = true;
      await look();
      lookAgain();
    },
    rest() {
      watching = false;
      clearTimeout(looking);
    },
    claim: (node) => bus.emit("claim", { node, at: Date.now() }),
    async heads(nonce, peers) {
      const here = new Set(parts.sockets().online());
      const [own, others] = await Promise.all([
        parts.sockets().heads(
          nonce,
          peers.filter((peer) => here.has(peer)),
        ),
        headsElsewhere(
          nonce,
          peers.filter((peer) => !here.has(peer)),
        ),
      ]);
      return [...own, ...others];
    },
  };
}
