/**
 * The control connection: socket.io over a websocket, reconnecting for ever. A connection counts as open once the coordinator has
 * accepted this node's answer to its challenge; what is said before that is not sent later (the reducer says it again).
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import {
  agreedVersion,
  challengeSchema,
  type ErasureNote,
  type HeadStatement,
  headRequestSchema,
  headsAnswerSchema,
  helloStatement,
  type Message,
  maxMessageBytes,
  type NodeId,
  protocolVersion,
  type RotatedMember,
  type Signature,
  type StepName,
  signStatement,
} from "@tributary/protocol";
import { io } from "socket.io-client";
import { z } from "zod";
import { refusalIn, retryAfterIn } from "./answers.ts";
import { CarefulWebSocket } from "./careful-websocket.ts";
import { type Channel, requirePrivate } from "./private-channel.ts";

/** How long the coordinator may take to acknowledge, in milliseconds. */
const ackTimeout = 30_000;
/** How long to wait before connecting again to a coordinator that hung up, or said nothing of how long, in milliseconds. */
const hangUpPause = 1_000;

const ledgerSchema = z.object({ entries: z.int().min(0) });
const goodbyeSchema = z.object({ code: z.string().regex(/^TRB_[A-Z_]{1,60}$/) });

export interface SocketHandlers {
  /** The coordinator knows who this is (again). */
  readonly connected: () => void;
  readonly disconnected: (reason: string) => void;
  /** An unparsed message; what it throws is the answer. */
  readonly message: (payload: unknown) => Promise<void>;
  /** The coordinator's ledger has so many entries now. */
  readonly ledger: (entries: number) => void;
  /** The coordinator refused the hello, or one of this node's messages. */
  readonly refused: (error: TributaryError, what: Asked) => void;
  /** A peer asks, through the coordinator, what this node knows of the ledger. Undefined: nothing is said. */
  readonly head: (nonce: string) => HeadStatement | undefined;
  /** Something leaves, as this JSON text; told just before. */
  readonly leaves?: (kind: LeavingKind, round: number | null, text: string) => void;
}

/** The steps of rounds by their names, and what is said beside them. */
type LeavingKind = StepName | "hello" | "heads" | "head" | "erasure" | "rotation" | "refusal";

export interface ControlConnection {
  /** Sends now, if the connection is open; the refusal, if there is one, goes to `refused`. */
  send(message: Message): void;
  /** What these peers state of the ledger, as far as they are connected; nothing while this node isn't. To be verified. */
  heads(nonce: string, peers: readonly NodeId[]): Promise<readonly HeadStatement[]>;
  /** Tells the coordinator of an erasure, if the connection is open; it is said again as long as the ledger doesn't have it. */
  erased(note: ErasureNote): void;
  /** The same of a new identity key. */
  rotated(member: RotatedMember): void;
  close(): void;
}

/** What a node says and the coordinator may refuse. */
type Asked = "hello" | "message" | "erasure" | "rotation";
type Acknowledge = (answer: unknown) => void;

export function connectSocket(
  options: {
    readonly url: string;
    readonly federation: string;
    readonly node: NodeId;
    readonly sign: (message: Uint8Array) => Uint8Array;
    readonly channel?: Channel;
  },
  handlers: SocketHandlers,
): ControlConnection {
  const { url, federation, node, sign, channel = {} } = options;
  requirePrivate(url, channel);
  const base = new URL(url);
  const socket = io(base.origin, {
    path: `${base.pathname.replace(/\/$/, "")}/socket.io`,
    transports: [CarefulWebSocket],
    // a frame's announced size is believed only so far, and a few octets must never become many
    transportOptions: { websocket: { maxPayload: maxMessageBytes, perMessageDeflate: false } },
    ...(channel.ca === undefined ? {} : { ca: channel.ca }),
    forceNew: true,
    reconnection: true,
    reconnectionAttempts: Number.POSITIVE_INFINITY,
    reconnectionDelay: 250,
    reconnectionDelayMax: 10_000,
    randomizationFactor: 0.5,
    autoConnect: false,
  });
  let open = false;
  let pause: NodeJS.Timeout | undefined;
  /** Why the coordinator is about to end this connection. */
  let farewell: string | undefined;

  const leave = (kind: LeavingKind, payload: unknown, round: number | null = null) =>
    handlers.leaves?.(kind, round, JSON.stringify(payload));

  const ask = async (event: string, payload: unknown, what: Asked): Promise<boolean> => {
    let answer: unknown;
    try {
      answer = await socket.timeout(ackTimeout).emitWithAck(event, payload);
    } catch {
      return false; // no answer: the connection broke, and everything is said again on the next one
    }
    const refusal = refusalIn(answer);
    if (refusal === undefined) return true;
    handlers.refused(refusal, what);
    // not for good: the coordinator stops, or nobody leads its replicas, and whether it heard this nobody knows
    if (refusal.status === 503) comeAgain(retryAfterIn(answer));
    return false;
  };

  const connectLater = (milliseconds = hangUpPause) => {
    clearTimeout(pause);
    pause = setTimeout(() => socket.connect(), milliseconds);
  };
  /** The next connection is told what this node waits for, and everything is said again on it. */
  const comeAgain = (milliseconds: number | undefined) => {
    if (!socket.connected) return; // closed, or on its way
    socket.disconnect();
    connectLater(milliseconds);
  };

  socket.on("challenge", (payload: unknown) => {
    const challenge = challengeSchema.safeParse(payload);
    if (!challenge.success) {
      handlers.refused(fail("TRB_NODE_CHALLENGE_INVALID"), "hello");
      return;
    }
    const { nonce, version } = challenge.data;
    try {
      agreedVersion(protocolVersion, version);
    } catch (error) {
      if (!isTributaryError(error)) throw error;
      handlers.refused(error, "hello");
      return;
    }
    const signature: Signature = signStatement({ sign }, helloStatement(federation, nonce, node, protocolVersion));
    const hello = { node, version: protocolVersion, signature };
    leave("hello", hello);
    void ask("hello", hello, "hello").then((accepted) => {
      if (!accepted || !socket.connected) return;
      open = true;
      handlers.connected();
    });
  });
  socket.on("message", (payload: unknown, acknowledge: unknown) => {
    void handlers.message(payload).then(
      () => answerWith(acknowledge, { ok: true }),
      (error: unknown) => {
        const refusal = { error: refusalFor(isTributaryError(error) ? error : fail("TRB_NODE_CLOSED")) };
        leave("refusal", refusal);
        answerWith(acknowledge, refusal);
      },
    );
  });
  socket.on("ledger", (payload: unknown) => {
    const news = ledgerSchema.safeParse(payload);
    if (news.success) handlers.ledger(news.data.entries);
  });
  socket.on("head", (payload: unknown, acknowledge: unknown) => {
    const request = headRequestSchema.safeParse(payload);
    const head = request.success ? handlers.head(request.data.nonce) : undefined;
    if (head !== undefined) leave("head", head);
    answerWith(acknowledge, head ?? { error: fail("TRB_NODE_CLOSED").toJSON() });
  });
  socket.on("goodbye", (payload: unknown) => {
    farewell = goodbyeSchema.safeParse(payload).data?.code;
  });
  socket.on("disconnect", (reason) => {
    open = false;
    handlers.disconnected(farewell ?? reason);
    farewell = undefined;
    // socket.io doesn't come back by itself after the other side hung up
    if (reason === "io server disconnect") connectLater();
  });
  socket.connect();

  return {
    send(message) {
      if (!open) return;
      leave(message.step, message, message.round);
      void ask("message", message, "message");
    },
    async heads(nonce, peers) {
      if (!open) return [];
      leave("heads", { nonce, peers });
      const answer: unknown = await socket
        .timeout(ackTimeout)
        .emitWithAck("heads", { nonce, peers })
        .catch(() => undefined); // the connection broke: asked again on the next one
      const heads = headsAnswerSchema.safeParse(answer);
      return heads.success ? heads.data.heads : [];
    },
    erased(note) {
      if (!open) return;
      leave("erasure", note);
      void ask("erasure", note, "erasure");
    },
    rotated(member) {
      if (!open) return;
      leave("rotation", member);
      void ask("rotation", member, "rotation");
    },
    close() {
      open = false;
      clearTimeout(pause);
      socket.removeAllListeners();
      socket.disconnect();
    },
  };
}

/**
 * What the coordinator learns of a refusal. Of the merchant's own policy it is the code: what the limits are, and what was spent in which other
 * federations, is nobody's business there.
 */
function refusalFor(error: TributaryError): Pick<TributaryError, "code" | "message" | "advice"> {
  if (!error.code.startsWith("TRB_POLICY_") && !error.code.startsWith("TRB_NODE_BUDGET_")) return error.toJSON();
  return { code: error.code, message: "The merchant's own policy.", advice: "Ask the merchant." };
}

function answerWith(acknowledge: unknown, answer: unknown): void {
  if (typeof acknowledge === "function") (acknowledge as Acknowledge)(answer);
}
