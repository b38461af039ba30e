/**
 * The socket.io side of the wire: who is connected, and messages to and fro. A connection counts once it has answered the
 * challenge under a member's identity key; a second connection of the same node replaces the first.
 */
import { randomBytes } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fail } from "@tributary/errors";
import {
  agreedVersion,
  erasureNoteSchema,
  type HeadStatement,
  headsRequestSchema,
  helloSchema,
  helloStatement,
  type Message,
  maxNodeMessageBytes,
  type NodeId,
  parseMessage,
  protocolVersion,
  type RotatedMember,
  rotatedMemberSchema,
  verifyErasure,
  verifyRotation,
  verifyStatement,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Logger } from "pino";
import { Server, type Socket } from "socket.io";
import { z } from "zod";
import type { Membership } from "../membership.ts";
import type { ConnectedNodes, Leader } from "../replicas/leader.ts";
import { isUnheard } from "../replicas/words.ts";
import { announcing } from "./announcing.ts";
import { codedError, errorAnswer, parseRequest } from "./answers.ts";
import type { Guests } from "./guests.ts";
import { collectHeads } from "./heads.ts";
import { type MessageRateLimit, messageRate } from "./message-rate.ts";
import { watchStrangers } from "./strangers.ts";

export interface SocketParts {
  readonly federation: string;
  readonly membership: Pick<Membership, "keysOf" | "isUsed" | "requireMember">;
  /** A node's new identity key, signed by the one in force: to be written between rounds. */
  readonly rotated: (member: RotatedMember) => Promise<void>;
  readonly leader: Pick<Leader, "message" | "refused" | "erased" | "rosterSize">;
  readonly connected: (node: NodeId) => void;
  readonly disconnected: (node: NodeId) => void;
  readonly ledgerEntries: () => Promise<number>;
  /** What was refused here, or by a node; its code. */
  readonly told?: (by: "coordinator" | "node", code: string) => void;
  /** Whose connections may be ended for others'. */
  readonly guests: Pick<Guests, "known">;
  /** The other replicas, where there are any. */
  readonly others?: OtherReplicas | undefined;
  /** Of each node. */
  readonly nodeMessages?: MessageRateLimit | undefined;
  readonly log: Logger;
}

export interface OtherReplicas {
  /** @throws TRB_COORDINATOR_NO_LEADER while they are not heard: a node that is let in would not be either */
  requireHearing(): void;
  /** A node has come here: its connection with another one is none any more. */
  claim(node: NodeId): void;
  /** What nodes that are connected elsewhere state of the ledger, as far as they answer. */
  heads(nonce: string, peers: readonly NodeId[]): Promise<readonly HeadStatement[]>;
}

export interface Sockets extends ConnectedNodes {
  /** Who is connected here, ascending by node, and the version of the protocol agreed with each. */
  present(): readonly { readonly node: NodeId; readonly version: string }[];
  /** What those of the nodes that are connected here state of the ledger. */
  heads(nonce: string, peers: readonly NodeId[]): Promise<HeadStatement[]>;
  /**
   * It connects again, perhaps elsewhere, and is told again what it waits for.
   * @param before only a connection that said hello before that time, in milliseconds since 1970 by this machine's clock
   */
  disconnect(node: NodeId, before?: number): void;
  close(): void;
}

type Acknowledge = (answer: unknown) => void;

/** How long a connection may take to say who it is. */
const helloPatience = 10_000;
/** How long a node may take to acknowledge; only counted, nothing depends on it. */
const acknowledgePatience = 60_000;

/** A node's refusal; all else that it may say is of no interest here. */
const refusal = z.object({ error: z.object({ code: z.string().regex(/^TRB_[A-Z_]{1,60}$/) }) });

/** How often a connection is asked whether it is still there, and how long its answer may take, in milliseconds: the other end may be gone without a word. */
const heartbeat = { pingInterval: 10_000, pingTimeout: 20_000 };

/** What sockets are served on. @param admits whether connections are taken just now; whoever isn't comes again by itself */
export function socketServer(
  server: HttpServer,
  { asking = heartbeat, admits = () => true }: { readonly asking?: typeof heartbeat; readonly admits?: () => boolean } = {},
): Server {
  return new Server(server, {
    transports: ["websocket"],
    serveClient: false,
    maxHttpBufferSize: maxNodeMessageBytes,
    perMessageDeflate: false, // a few octets must never become many
    connectTimeout: helloPatience,
    allowRequest: (_request, decide) => decide(null, admits()),
    ...asking,
    cleanupEmptyChildNamespaces: true,
  });
}

export function serveSockets(io: Server, parts: SocketParts): Sockets {
  const { log, others } = parts;
  const crypto = nodeCrypto();
  const strangers = watchStrangers(io);
  const sockets = new Map<NodeId, Socket>();
  const versions = new Map<NodeId, string>();
  const greeted = new Map<NodeId, number>();
  /** Messages that a connection has not acknowledged yet. */
  const pending = new Map<Socket, number>();
  const connection = (node: NodeId) => sockets.get(node);
  const news = announcing(
    () => sockets.values(),
    (socket: Socket, entries) => void (socket.connected && socket.emit("ledger", { entries })),
  );
  const count = (socket: Socket, change: 1 | -1) => pending.set(socket, (pending.get(socket) ?? 0) + change);

  io.on("connection", (socket) => {
    const nonce = randomBytes(32).toString("hex");
    let self: NodeId | undefined;
    let asking = false;
    const rate = messageRate(() => socket.disconnect(true), parts.nodeMessages);
    const impatience = setTimeout(() => socket.disconnect(true), helloPatience);

    /** Answers by acknowledgement, whatever comes; a client that wants no answer gets none. */
    const answering =
      (work: (payload: unknown) => object | undefined | Promise<object | undefined>) =>
      async (payload: unknown, acknowledge?: unknown) => {
        const answer: Acknowledge = typeof acknowledge === "function" ? (value) => acknowledge(value) : () => {};
        try {
          rate.take();
          answer({ ok: true, ...(await work(payload)) });
        } catch (error) {
          const coded = codedError(error, log);
          log.info({ node: self, code: coded.code }, "refused");
          parts.told?.("coordinator", coded.code);
          answer(errorAnswer(coded));
          if (isUnheard(coded)) setImmediate(() => socket.disconnect(true)); // it says it again on its next connection
        }
      };

    socket.on(
      "hello",
      answering(async (payload) => {
        const { node, version, signature } = parseRequest(helloSchema, payload);
        const keys = await parts.membership.keysOf(node);
        const statement = helloStatement(parts.federation, nonce, node, version);
        const proven = keys.some((key) => verifyStatement(crypto, statement, signature, key));
        if (self || !proven) throw fail("TRB_COORDINATOR_HELLO_REFUSED");
        if (!socket.connected) return undefined; // it left while its key was looked up
        others?.requireHearing();
        const agreed = agreedVersion(protocolVersion, version);
        clearTimeout(impatience);
        strangers.known(socket);
        parts.guests.known(socket.conn.request.socket);
        self = node;
        versions.set(node, agreed);
        greeted.set(node, Date.now());
        const earlier = sockets.get(node);
        sockets.set(node, socket);
        earlier?.disconnect(true);
        others?.claim(node);
        void welcome(node, socket);
        return { version: agreed };
      }),
    );
    socket.on(
      "message",
      answering(async (payload) => {
        if (!self) throw fail("TRB_COORDINATOR_HELLO_MISSING");
        const message = parseMessage(payload, protocolVersion, parts.leader.rosterSize());
        if (message.sender !== self) throw fail("TRB_COORDINATOR_OTHER_SENDER");
        parts.membership.requireMember(self);
        await parts.leader.message(message);
        return undefined;
      }),
    );
    socket.on(
      "heads",
      answering(async (payload) => {
        if (!self) throw fail("TRB_COORDINATOR_HELLO_MISSING");
        const { nonce: theirs, peers } = parseRequest(headsRequestSchema, payload);
        if (asking) throw fail("TRB_COORDINATOR_BUSY", { most: 1, what: "request for heads from a node" });
        asking = true;
        try {
          const asked = peers.filter((peer) => peer !== self);
          const elsewhere =
            others?.heads(
              theirs,
              asked.filter((peer) => !sockets.has(peer)),
            ) ?? [];
          return { heads: [...(await collectHeads(theirs, asked, connection)), ...(await elsewhere)] };
        } finally {
          asking = false;
        }
      }),
    );
    socket.on(
      "erasure",
      answering(async (payload) => {
        if (!self) throw fail("TRB_COORDINATOR_HELLO_MISSING");
        const note = parseRequest(erasureNoteSchema, payload);
        if (note.node !== self) throw fail("TRB_COORDINATOR_OTHER_SENDER");
        const keys = await parts.membership.keysOf(self);
        const signed = keys.some((key) => verifyErasure(crypto, parts.federation, note, key));
        const genuine = signed && Date.parse(note.on) <= Date.now();
        if (!genuine) throw fail("TRB_COORDINATOR_ERASURE_INVALID", { node: self });
        await parts.leader.erased(note);
        return undefined;
      }),
    );
    socket.on(
      "rotation",
      answering(async (payload) => {
        if (!self) throw fail("TRB_COORDINATOR_HELLO_MISSING");
        const member = parseRequest(rotatedMemberSchema, payload);
        if (member.node !== self) throw fail("TRB_COORDINATOR_OTHER_SENDER");
        const [key, ...announced] = await parts.membership.keysOf(self);
        const refuse = (reason: string) => fail("TRB_COORDINATOR_ROTATION_INVALID", { node: member.node, reason });
        if (member.key === key || announced.includes(member.key)) return undefined; // the ledger has it
        if (key === undefined || announced.length > 0) throw refuse("the one before it is not in force yet");
        if (await parts.membership.isUsed(member.key)) throw refuse("it was used before");
        if (!verifyRotation(crypto, parts.federation, member, key)) throw refuse("a signature is not valid");
        await parts.rotated(member);
        return undefined;
      }),
    );
    socket.on("disconnect", () => {
      clearTimeout(impatience);
      pending.delete(socket);
      if (!self || sockets.get(self) !== socket) return;
      sockets.delete(self);
      versions.delete(self);
      greeted.delete(self);
      parts.disconnected(self);
    });
    socket.emit("challenge", { nonce, version: protocolVersion });
  });

  /** After the acknowledgement of its hello: how long the ledger is, and whatever the leader has to say. */
  async function welcome(node: NodeId, socket: Socket): Promise<void> {
    await nextTurn();
    try {
      const entries = await parts.ledgerEntries();
      if (sockets.get(node) !== socket) return;
      socket.emit("ledger", { entries });
      parts.connected(node);
    } catch (error) {
      log.warn({ node, code: codedError(error, log).code }, "a node that connected has to come again");
      socket.disconnect(true);
    }
  }

  function deliver(socket: Socket, node: NodeId, message: Message): void {
    count(socket, 1);
    const facts = { node, step: message.step, round: message.round };
    // socket.io's own timeout outlives the connection, and would keep a finished process waiting
    const patience = setTimeout(() => log.info(facts, "not acknowledged"), acknowledgePatience).unref();
    socket.emit("message", message, (answer: unknown) => {
      clearTimeout(patience);
      if (sockets.get(node) === socket) count(socket, -1);
      const refused = refusal.safeParse(answer);
      if (!refused.success) return;
      const { code } = refused.data.error;
      log.warn({ ...facts, code }, "node refused");
      parts.told?.("node", code);
      parts.leader.refused(node, message, code);
    });
  }

  return {
    send(to, message) {
      for (const node of to) {
        const socket = sockets.get(node);
        if (socket) deliver(socket, node, message);
      }
    },
    announceLedger: (entries) => news.announce(entries),
    online: () => [...sockets.keys()].sort(),
    present: () => [...versions].map(([node, version]) => ({ node, version })).sort((a, b) => (a.node < b.node ? -1 : 1)),
    version: () => [...versions.values()].reduce(agreedVersion, protocolVersion),
    async drained(milliseconds) {
      const open = () => news.underWay() || [...pending.values()].some((messages) => messages > 0);
      for (const end = performance.now() + milliseconds; open() && performance.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    heads: (nonce, peers) => collectHeads(nonce, peers, connection),
    disconnect(node, before = Number.POSITIVE_INFINITY) {
      if ((greeted.get(node) ?? 0) < before) sockets.get(node)?.disconnect(true);
    },
    close() {
      news.close();
      io.local.emit("goodbye", { code: fail("TRB_COORDINATOR_STOPPING").code });
      io.local.disconnectSockets(true);
      io.engine.close();
    },
  };
}
