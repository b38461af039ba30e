/**
 * A lying coordinator for real nodes: a server of its own, with HTTP and socket.io, that holds the key of a real coordinator's home, knows all that nodes say,
 * and hands on what it likes. Whatever it doesn't change goes to the coordinator process behind it and back, so that rounds go on beside its lies.
 *
 *   node process ── HTTP, socket.io ──▶ liar (this test's process, with the platform's key) ── HTTP, socket.io ──▶ coordinator process
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { coordinatorIdentity } from "@tributary/coordinator";
import { type Entry, lineHash, parseLine, signEntry } from "@tributary/ledger";
import {
  type BodyOf,
  type Message,
  type MessageOf,
  parseMessage,
  type Sha256,
  type StepName,
  signMessage,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { io } from "socket.io-client";
import { socketServer } from "../../../coordinator/src/transport/sockets.ts";

type RoundEntry = Extract<Entry, { kind: "round" }>;

/** A node said it, and it has passed here. */
interface Said {
  readonly node: string;
  readonly message: Message;
}

export interface Liar {
  readonly url: string;
  /** All messages of nodes so far. */
  readonly said: readonly Said[];
  /** All bodies of requests so far. */
  readonly bodies: readonly string[];
  /** Everything that has passed here in either direction, heads, bodies and events alike; kept if it was asked for. */
  readonly wire: readonly Buffer[];
  /** What is done with a message of the coordinator before it reaches the node: it waits until that is over. @returns whether to hand it on */
  before: (node: string, message: Message) => Promise<boolean>;
  /** Whether a node hears that the ledger has so many entries. */
  news: (node: string, entries: number) => boolean;
  /** Changes an answer that was asked for by HTTP. */
  answer: (path: string, body: Buffer) => Buffer;
  /** Says this to a node, whatever it is. @returns the code that it is refused by, or "accepted" */
  tell(node: string, payload: unknown): Promise<string>;
  /** The message with changes, signed with the coordinator's key. */
  forge<Step extends StepName>(message: MessageOf<Step>, changes: object, body?: object): MessageOf<Step>;
  /** What the next entry names as the one before it. */
  hashOfLine(line: string): Sha256;
  /** Any message, signed with the coordinator's key. @param like whose round, plan and model it is bound to */
  say<Step extends StepName>(like: Message, step: Step, body: BodyOf<Step>): MessageOf<Step>;
  /** A round's entry with changes, signed with the coordinator's key. */
  forgeLine(line: string, change: (entry: RoundEntry) => object): string;
  close(): Promise<void>;
}

/** @param behind the real coordinator's URL. @param platform its home. @param records whether `wire` is kept */
export async function startLiar(behind: () => string, platform: string, records = false): Promise<Liar> {
  const { sign } = coordinatorIdentity(platform);
  const crypto = nodeCrypto();
  const said: Said[] = [];
  const bodies: string[] = [];
  const wire: Buffer[] = [];
  const record = (...parts: readonly unknown[]) => {
    if (records) wire.push(...parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(JSON.stringify(part) ?? ""))));
  };
  const telling = new Map<string, (payload: unknown) => Promise<unknown>>();
  const server = createServer((asked, reply) => void passOn(asked, reply));
  const sides = socketServer(server);

  async function passOn(asked: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body = await all(asked);
    if (body.length < 1e5) bodies.push(body.toString("utf8"));
    record([asked.method, asked.url, asked.rawHeaders], body);
    const to = new URL(asked.url ?? "/", behind());
    const { host: _, ...headers } = asked.headers;
    const forward = request(to, { method: asked.method, headers, agent: false }, async (answer) => {
      const octets = liar.answer(to.pathname, await all(answer));
      record(answer.rawHeaders, octets);
      const { "content-length": __, "transfer-encoding": ___, ...rest } = answer.headers;
      reply.writeHead(answer.statusCode ?? 500, { ...rest, "content-length": octets.length }).end(octets);
    });
    forward.on("error", () => reply.writeHead(503).end());
    forward.end(body);
  }

  /** Acknowledgements are handed on as they come, and recorded. */
  const heard = (rest: readonly unknown[]): unknown[] =>
    rest.map((one) =>
      typeof one === "function"
        ? (...answer: unknown[]) => {
            record(answer);
            one(...answer);
          }
        : one,
    );

  sides.on("connection", (socket) => {
    const origin = io(behind(), { transports: ["websocket"], forceNew: true, reconnection: false });
    let node = "";
    let turn: Promise<void> = Promise.resolve();
    socket.onAny((event: string, payload: unknown, ...rest: unknown[]) => {
      if (event === "hello") {
        node = String((payload as { node: unknown }).node);
        telling.set(node, (words) => socket.timeout(60_000).emitWithAck("message", words));
      }
      if (event === "message") said.push({ node, message: parseMessage(payload) });
      record([event, payload]);
      origin.emit(event, payload, ...heard(rest));
    });
    // one after another, as the coordinator said it
    origin.onAny((event: string, payload: unknown, ...rest: unknown[]) => {
      turn = turn.then(async () => {
        if (event === "message" && !(await liar.before(node, parseMessage(payload)))) return;
        if (event === "ledger" && !liar.news(node, Number((payload as { entries: unknown }).entries))) return;
        record([event, payload]);
        socket.emit(event, payload, ...heard(rest));
      });
    });
    origin.on("disconnect", () => void turn.then(() => socket.disconnect(true)));
    socket.on("disconnect", () => origin.disconnect());
  });

  const signed = <Step extends StepName>(unsigned: object): MessageOf<Step> =>
    signMessage({ sign }, unsigned as Parameters<typeof signMessage<Step>>[1]);
  const forge: Liar["forge"] = (message, changes, body = {}) => {
    const { signature: _, ...unsigned } = { ...message, ...changes, body: { ...message.body, ...body } };
    return signed(unsigned);
  };
  const liar: Liar = {
    url: "",
    ...{ said, bodies, wire },
    before: async () => true,
    news: () => true,
    answer: (_, body) => body,
    async tell(node, payload) {
      const answer = (await telling.get(node)?.(payload)) as { error?: { code: string } } | undefined;
      if (answer === undefined) throw new Error(`${node} isn't connected`);
      return answer.error?.code ?? "accepted";
    },
    forge,
    say(like, step, body) {
      const { federation, planHash, modelHash, round, version } = like;
      return signed({ version, federation, planHash, modelHash, round, sender: "coordinator", step, body });
    },
    hashOfLine: (line) => lineHash(crypto, line),
    forgeLine(line, change) {
      const entry = parseLine(line);
      if (entry.kind !== "round") throw new Error(`no round's entry: ${entry.kind}`);
      const { signature: _, ...rest } = { ...entry, ...change(entry) };
      return signEntry({ sign }, rest as Parameters<typeof signEntry>[1]).line;
    },
    async close() {
      sides.local.disconnectSockets(true);
      sides.engine.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(liar, { url: `http://127.0.0.1:${port}` });
}

async function all(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
