/**
 * Live events over a connection that stays open: socket.io at `/v1/live`, on the server that answers HTTP. What is sent is what `POST /v1/events` takes, and goes the
 * same way; each message is acknowledged once its events count.
 *
 *   socket.emit("events", { events: […] }, (answer) => …)      answer: { accepted, repeated }, or { error: { code, message, advice } }
 *
 * Whoever connects gives the token, as `auth.token` or in the `authorization` header, before anything it sends is looked at. A message is as long as a body may be;
 * a longer one ends the connection. Who sends on without waiting for acknowledgements is told to wait (TRB_SERVE_LIVE_BUSY): what is not acknowledged was not taken.
 */
import type { Server as HttpServer } from "node:http";
import { fail } from "@tributary/errors";
import type { Logger } from "pino";
import { Server, type Socket } from "socket.io";
import type { ServingMetrics } from "./metrics.ts";
import { codedError } from "./refusals.ts";
import type { TokenCheck } from "./token.ts";

const livePath = "/v1/live";

export interface LiveSocketParts {
  /** What a message's events come to; the same for HTTP. */
  readonly take: (body: unknown) => object | Promise<object>;
  readonly isToken: TokenCheck;
  readonly metrics: ServingMetrics;
  readonly log: Logger;
  /** Bytes of a message, and milliseconds in which a connection says who it is. */
  readonly limits: { readonly body: number; readonly head: number };
}

/** Messages of one connection that are being taken at a time. */
const mostUnacknowledged = 16;

export interface LiveSockets {
  close(): void;
}

export function serveLiveSockets(server: HttpServer, { take, isToken, metrics, log, limits }: LiveSocketParts): LiveSockets {
  const io = new Server(server, {
    ...{ path: livePath, transports: ["websocket"], serveClient: false },
    maxHttpBufferSize: limits.body,
    perMessageDeflate: false, // a few octets must never become many
    connectTimeout: limits.head,
    ...{ pingInterval: 10_000, pingTimeout: 20_000, cleanupEmptyChildNamespaces: true },
  });
  const known = watchStrangers(io, limits.head);
  io.use((socket, next) => {
    if (isToken(authorizationOf(socket))) return next();
    const refusal = fail("TRB_SERVE_TOKEN_WRONG");
    metrics.refused(refusal.code);
    next(Object.assign(new Error(refusal.code), { data: { error: refusal.toJSON() } }));
  });
  io.on("connection", (socket) => {
    known(socket.conn);
    let underWay = 0;
    socket.on("events", async (body: unknown, acknowledge?: unknown) => {
      const began = performance.now();
      const answer = (said: object, status: number) => {
        metrics.answered(livePath, status, (performance.now() - began) / 1000);
        if (typeof acknowledge === "function") acknowledge(said);
      };
      underWay += 1;
      try {
        if (underWay > mostUnacknowledged) throw fail("TRB_SERVE_LIVE_BUSY", { most: mostUnacknowledged });
        answer(await take(body), 200);
      } catch (error) {
        const coded = codedError(error, log);
        metrics.refused(coded.code);
        answer({ error: coded.toJSON() }, coded.status);
      } finally {
        underWay -= 1;
      }
    });
  });
  return {
    close() {
      io.disconnectSockets(true);
      io.engine.close();
    },
  };
}

/** What the upgrade's first frames and a token need. */
const strangersBytes = 16 * 1024;

/**
 * Whoever has not shown the token may neither stay nor send much. ws would wait half a minute for a peer to agree to the end: a stranger isn't asked.
 * @returns takes the watch off a connection
 */
function watchStrangers(io: Server, patience: number): (connection: Socket["conn"]) => void {
  const stops = new WeakMap<object, () => void>();
  io.engine.on("connection", (connection: Socket["conn"]) => {
    const wire = connection.request.socket;
    const timer = setTimeout(() => wire.destroy(), patience).unref();
    let octets = 0;
    const count = (chunk: Buffer) => {
      octets += chunk.length;
      if (octets > strangersBytes) wire.destroy();
    };
    wire.on("data", count);
    stops.set(connection, () => {
      clearTimeout(timer);
      wire.off("data", count);
    });
  });
  return (connection) => stops.get(connection)?.();
}

function authorizationOf({ handshake }: Socket): string | undefined {
  const token: unknown = handshake.auth["token"];
  return typeof token === "string" ? `Bearer ${token}` : handshake.headers.authorization;
}
