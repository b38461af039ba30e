/**
 * The socket.io side of the wire: who is connected, and messages to and fro. A connection counts once it has answered the
 * challenge under a member's identity key; a second connection of the same node replaces the first.
 */
import { randomBytes } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import { fail } from "@tributary/errors";
import {
  type IdentityKey,
  type Message,
  maxMessageBytes,
  type NodeId,
  nodeId,
  parseMessage,
  signatureHex,
  verifyStatement,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Logger } from "pino";
import { Server, type Socket } from "socket.io";
import { z } from "zod";
import { codedError, errorAnswer, parseRequest } from "./answers.ts";

export interface SocketParts {
  readonly federation: string;
  readonly memberKey: (node: NodeId) => IdentityKey | undefined;
  readonly connected: (node: NodeId) => void;
  readonly disconnected: (node: NodeId) => void;
  readonly message: (message: Message) => Promise<void>;
  readonly ledgerEntries: () => number;
  readonly log: Logger;
}

export interface Sockets {
  /** To those of the nodes that are connected. */
  send(to: readonly NodeId[], message: Message): void;
  /** Tells everybody how long the ledger is. */
  announceLedger(entries: number): void;
  online(): NodeId[];
  /** Until every message sent so far is acknowledged or its node gone, and at most so long. */
  drained(milliseconds: number): Promise<void>;
  close(): void;
}

type Acknowledge = (answer: unknown) => void;

/** How long a connection may take to say who it is. */
const helloPatience = 10_000;
/** How long a node may take to acknowledge; only counted, nothing depends on it. */
const acknowledgePatience = 60_000;

const helloBody = z.strictObject({ node: nodeId, signature: signatureHex });
/** A node's refusal; all else that it may say is of no interest here. */
const refusal = z.object({ error: z.object({ code: z.string().regex(/^TRB_[A-Z_]{1,60}$/) }) });

export const helloStatement = (federation: string, nonce: string, node: NodeId) =>
  ({ purpose: "hello", federation, nonce, node }) as const;

export function serveSockets(server: HttpServer, parts: SocketParts): Sockets {
  const { log } = parts;
  const crypto = nodeCrypto();
  const io = new Server(server, {
    transports: ["websocket"],
    serveClient: false,
    maxHttpBufferSize: maxMessageBytes,
    pingInterval: 10_000,
    pingTimeout: 20_000,
    cleanupEmptyChildNamespaces: true,
  });
  const sockets = new Map<NodeId, Socket>();
  /** Messages that a connection has not acknowledged yet. */
  const pending = new Map<Socket, number>();
  const count = (socket: Socket, change: 1 | -1) => pending.set(socket, (pending.get(socket) ?? 0) + change);

  io.on("connection", (socket) => {
    const nonce = randomBytes(32).toString("hex");
    let self: NodeId | undefined;
    const impatience = setTimeout(() => socket.disconnect(true), helloPatience);

    /** Answers by acknowledgement, whatever comes; a client that wants no answer gets none. */
    const answering = (work: (payload: unknown) => void | Promise<void>) => async (payload: unknown, acknowledge?: unknown) => {
      const answer: Acknowledge = typeof acknowledge === "function" ? (value) => acknowledge(value) : () => {};
      try {
        await work(payload);
        answer({ ok: true });
      } catch (error) {
        const coded = codedError(error, log);
        log.info({ node: self, code: coded.code }, "refused");
        answer(errorAnswer(coded));
      }
    };

    socket.on(
      "hello",
      answering((payload) => {
        const { node, signature } = parseRequest(helloBody, payload);
        const key = parts.memberKey(node);
        const statement = helloStatement(parts.federation, nonce, node);
        if (self || !key || !verifyStatement(crypto, statement, signature, key)) throw fail("TRB_COORDINATOR_HELLO_REFUSED");
        clearTimeout(impatience);
        self = node;
        const earlier = sockets.get(node);
        sockets.set(node, socket);
        earlier?.disconnect(true);
        // After the acknowledgement, which leaves when this function returns.
        setImmediate(() => {
          if (sockets.get(node) !== socket) return;
          socket.emit("ledger", { entries: parts.ledgerEntries() });
          parts.connected(node);
        });
      }),
    );
    socket.on(
      "message",
      answering(async (payload) => {
        if (!self) throw fail("TRB_COORDINATOR_HELLO_MISSING");
        const message = parseMessage(payload);
        if (message.sender !== self) throw fail("TRB_COORDINATOR_OTHER_SENDER");
        await parts.message(message);
      }),
    );
    socket.on("disconnect", () => {
      clearTimeout(impatience);
      pending.delete(socket);
      if (!self || sockets.get(self) !== socket) return;
      sockets.delete(self);
      parts.disconnected(self);
    });
    socket.emit("challenge", { nonce });
  });

  function deliver(socket: Socket, node: NodeId, message: Message): void {
    count(socket, 1);
    const facts = { node, step: message.step, round: message.round };
    // socket.io's own timeout outlives the connection, and would keep a finished process waiting
    const patience = setTimeout(() => log.info(facts, "not acknowledged"), acknowledgePatience).unref();
    socket.emit("message", message, (answer: unknown) => {
      clearTimeout(patience);
      if (sockets.get(node) === socket) count(socket, -1);
      const refused = refusal.safeParse(answer);
      if (refused.success) log.warn({ ...facts, code: refused.data.error.code }, "node refused");
    });
  }

  return {
    send(to, message) {
      for (const node of to) {
        const socket = sockets.get(node);
        if (socket) deliver(socket, node, message);
      }
    },
    announceLedger(entries) {
      for (const socket of sockets.values()) socket.emit("ledger", { entries });
    },
    online: () => [...sockets.keys()].sort(),
    async drained(milliseconds) {
      const open = () => [...pending.values()].some((messages) => messages > 0);
      for (const end = Date.now() + milliseconds; open() && Date.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    close() {
      io.disconnectSockets(true);
      io.engine.close();
    },
  };
}
