/**
 * `tributary node page`: the merchant's own view of its node, in a browser on the same machine. This file is the table of contents.
 *
 *   listen on loopback ─▶ print one link ─▶ { browser shows the link's token → cookie } ─▶ answer what the page asks (`routes.ts`)
 *
 * It runs beside `tributary node start` and `node serve`, or without them: it takes part in no round, spends nothing and holds no lock; what it changes is policy.json, when its
 * merchant says so. Nobody else can come near it (`guard.ts`).
 */
import type { AddressInfo } from "node:net";
import fastifyStatic from "@fastify/static";
import { fail, isTributaryError } from "@tributary/errors";
import { problemMedia, problemOf } from "@tributary/protocol";
import Fastify, { type FastifyInstance } from "fastify";
import { destination, type Logger, pino } from "pino";
import { codedError } from "../serving/refusals.ts";
import { openExplorer } from "./explorer.ts";
import { guardPage } from "./guard.ts";
import { ledgerReader } from "./overview.ts";
import { reachCoordinator } from "./reach.ts";
import { addRoutes } from "./routes.ts";

export interface ServePageOptions {
  /** It need not be a node's yet: the page says how to join. */
  readonly home: string;
  /** The built page's folder. */
  readonly page: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Told of every new link: the first one, and another whenever one was used. */
  readonly onLink?: (link: string) => void;
  /** Default: JSON lines on stderr. */
  readonly log?: Logger;
}

export interface NodePage {
  /** Without the token. */
  readonly url: string;
  /** What opens the page in the next browser, once. */
  link(): string;
  /** Never by itself. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

/** Loopback, and nothing else: there is no option for it. */
const host = "127.0.0.1";

/** Largest body: a policy with thousands of trusted peers. */
const bodyLimit = 1024 * 1024;

const headers: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** @throws TRB_SERVE_CANNOT_LISTEN */
export async function servePage(options: ServePageOptions): Promise<NodePage> {
  const { home, page, port, onLink = () => undefined } = options;
  const log = options.log ?? pino({ base: null }, destination({ dest: 2, sync: true }));
  const stopping = new AbortController();
  const explorer = openExplorer(home, log);
  const reach = reachCoordinator();
  const app = Fastify({ logger: false, bodyLimit, forceCloseConnections: true, return503OnClosing: true });
  const guard = guardPage(() => (app.server.address() as AddressInfo | null)?.port ?? port);
  protect(app, { log, guard });
  addRoutes(app, {
    ...{ home, guard, explorer, reach, signal: stopping.signal },
    ...{ began: new Date().toISOString(), ledgerOf: ledgerReader() },
  });
  await app.register(fastifyStatic, {
    ...{ root: page, serve: false, preCompressed: true, cacheControl: false },
    // names of assets have their hashes in them
    setHeaders: (reply, path) =>
      void reply.header(
        "cache-control",
        /index\.html(\.(br|gz))?$/.test(path) ? "no-store" : "public, max-age=31536000, immutable",
      ),
  });
  app.get("/", (_request, reply) => reply.sendFile("index.html"));
  app.get<{ Params: { "*": string } }>("/assets/*", ({ params: { "*": name } }, reply) =>
    // of other names, a NUL in one of them, the file system isn't asked
    /^[\w.-]+$/.test(name) ? reply.sendFile(`assets/${name}`) : reply.callNotFound(),
  );
  const link = () => `${url}/#${guard.token()}`;
  app.addHook("onResponse", async (request, reply) => {
    const { url: route } = request.routeOptions;
    if (route === "/api/session" && reply.statusCode === 204) onLink(link());
    log.debug({ route, status: reply.statusCode, milliseconds: reply.elapsedTime }, "answered");
  });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await Promise.all([app.close(), explorer.close(), reach.close()]);
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw fail("TRB_SERVE_CANNOT_LISTEN", { host, port, reason }, error);
  }
  const url = `http://${host}:${(app.server.address() as AddressInfo).port}`;
  log.info({ url }, "the page is served");
  onLink(link());
  const ended = Promise.withResolvers<void>();
  const close = async (): Promise<void> => {
    stopping.abort();
    await app.close();
    await Promise.all([explorer.close(), reach.close()]);
    ended.resolve();
  };
  let closing: Promise<void> | undefined;
  return { url, link, finished: ended.promise, close: () => (closing ??= close()) };
}

function protect(
  app: FastifyInstance,
  { log, guard }: { readonly log: Logger; readonly guard: ReturnType<typeof guardPage> },
): void {
  app.removeContentTypeParser("text/plain"); // what forms of other sites can send
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    guard.requireOwn(request);
    const { url = "" } = request.routeOptions;
    if (!url.startsWith("/api/")) return; // the page itself is no secret
    reply.header("cache-control", "no-store");
    if (url !== "/api/session") guard.requireSession(request);
  });
  app.setNotFoundHandler(() => {
    throw fail("TRB_PAGE_ROUTE_UNKNOWN");
  });
  app.setErrorHandler((error, _request, reply) => {
    const coded = codedError(asRequestFault(error), log);
    return reply
      .status(coded.status)
      .type(problemMedia)
      .send(JSON.stringify(problemOf(coded)));
  });
}

/** Fastify's own complaints about a request in our table's words. */
function asRequestFault(error: unknown): unknown {
  if (isTributaryError(error) || !(error instanceof Error)) return error;
  const status = "statusCode" in error ? Number(error.statusCode) : 500;
  const isRequests = error instanceof SyntaxError || (status >= 400 && status < 500);
  return isRequests ? fail("TRB_PAGE_REQUEST_INVALID", { path: "(body)", reason: "it can't be read" }, error) : error;
}
