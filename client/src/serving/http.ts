/**
 * The HTTP side of serving: token, limits, routes. The token is looked at before a body is read; what is refused is told by its code, and logs and metrics
 * hold route patterns, statuses and durations, nothing that was sent.
 */
import type { Socket } from "node:net";
import { fail } from "@tributary/errors";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { z } from "zod";
import { rankAdverts } from "./adverts.ts";
import { askedEvents, liveEvents } from "./asked.ts";
import type { Customers } from "./customers.ts";
import { explain } from "./explain.ts";
import type { KeepEvents } from "./live-events.ts";
import { serveLiveSockets } from "./live-socket.ts";
import type { ServingMetrics } from "./metrics.ts";
import { type Operation, openApi } from "./openapi.ts";
import { churn, nextAction } from "./outlook.ts";
import { recommend } from "./recommend.ts";
import { codedError, parseBody } from "./refusals.ts";
import type { ModelHolder, ServedModel, Shelf } from "./served-model.ts";
import type { TokenCheck } from "./token.ts";
import * as words from "./words.ts";

export interface HttpLimits {
  /** Bytes of a body. */
  readonly body: number;
  /** Milliseconds in which a request's head, and the whole of it, must have come. */
  readonly head: number;
  readonly request: number;
  /** Milliseconds after which a connection over which nothing comes is ended. */
  readonly idle: number;
  readonly connections: number;
}

export const defaultLimits: HttpLimits = { body: 512 * 1024, head: 5_000, request: 10_000, idle: 60_000, connections: 1_024 };

export interface ServingParts {
  readonly shelf: Shelf;
  readonly customers: Customers;
  /** Default: live events stay in memory. */
  readonly keep?: KeepEvents;
  readonly holder: ModelHolder;
  readonly metrics: ServingMetrics;
  readonly isToken: TokenCheck;
  readonly log: Logger;
  readonly limits?: HttpLimits;
  /** Unix seconds, of live events that say no time. */
  readonly now?: () => number;
}

const maxHeaderSize = 8 * 1024;
/** A slow request is found so often, in milliseconds. */
const connectionsCheckingInterval = 500;

/** Seconds: a model is made ready within a few. */
const retryAfter = "2";

interface Route extends Operation {
  readonly handle: (body: unknown) => unknown;
}

export function servingHttp(parts: ServingParts): FastifyInstance {
  const { metrics, isToken, log, limits = defaultLimits } = parts;
  const app = Fastify({
    ...{ bodyLimit: limits.body, logger: false, forceCloseConnections: "idle" },
    ...{ requestTimeout: limits.request, connectionTimeout: limits.idle, keepAliveTimeout: limits.idle },
    http: { maxHeaderSize, headersTimeout: limits.head, connectionsCheckingInterval },
    return503OnClosing: true,
    clientErrorHandler: refuseUnreadable,
  });
  app.server.maxConnections = limits.connections;
  const live = serveLiveSockets(app.server, {
    ...{ isToken, metrics, log, limits },
    take: (body) => takeEvents(parts, parseBody(words.eventsBody, body)),
  });
  app.addHook("preClose", async () => live.close());
  const routes = servingRoutes(parts);
  const open = new Set(["/openapi.json", ...routes.flatMap(({ open: isOpen, path }) => (isOpen ? [path] : []))]);

  app.setErrorHandler((error, request, reply) => {
    const coded = codedError(asRequestFault(error, limits.body), log);
    metrics.refused(coded.code);
    if (hasBody(request) && !request.raw.complete) reply.header("connection", "close"); // don't read on what nobody wants
    if (coded.code === "TRB_SERVE_MODEL_LOADING") reply.header("retry-after", retryAfter);
    if (coded.status === 401) reply.header("www-authenticate", "Bearer");
    return reply.status(coded.status).send({ error: coded.toJSON() });
  });
  app.setNotFoundHandler(() => {
    throw fail("TRB_SERVE_ROUTE_UNKNOWN");
  });
  app.addHook("onRequest", async (request) => {
    const { headers, routeOptions } = request;
    if (!open.has(routeOptions.url ?? "") && !isToken(headers.authorization)) throw fail("TRB_SERVE_TOKEN_WRONG");
    const encoding = headers["content-encoding"];
    if (encoding === undefined || encoding === "identity") return; // a few octets must never become many
    throw fail("TRB_SERVE_REQUEST_INVALID", { path: "content-encoding", reason: "bodies are sent as they are" });
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    const seconds = reply.elapsedTime / 1000;
    metrics.answered(route, reply.statusCode, seconds);
    log.debug({ route, status: reply.statusCode, milliseconds: reply.elapsedTime }, "answered");
  });

  for (const { method, path, handle } of routes) {
    app.route({ method: method.toUpperCase(), url: path, handler: ({ body }) => handle(body) });
  }
  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  const description = openApi([...routes, { method: "get", path: "/metrics", summary: "For Prometheus" }]);
  app.get("/openapi.json", () => description);
  return app;
}

/** What the shop tells, by HTTP or by socket: all of it or nothing counts, and it is on disk before it is acknowledged. */
async function takeEvents(
  { customers, shelf, keep, now = () => Date.now() / 1000 }: ServingParts,
  { events }: z.infer<typeof words.eventsBody>,
): Promise<z.infer<typeof words.eventsAnswer>> {
  const fresh = customers.add(liveEvents(events, shelf, now()));
  try {
    if (fresh.length > 0) await keep?.(fresh);
  } catch (error) {
    customers.withdraw(fresh);
    throw error;
  }
  if (keep !== undefined) customers.stored(fresh);
  return { accepted: fresh.length, repeated: events.length - fresh.length };
}

/** All routes but the description and the metrics. */
function servingRoutes(parts: ServingParts): readonly Route[] {
  const { shelf, customers, holder, metrics } = parts;
  const post = <Body, Answer>(
    path: string,
    summary: string,
    schemas: { readonly body: z.ZodType<Body>; readonly answer: z.ZodType<Answer>; readonly refusals?: readonly number[] },
    answer: (body: Body) => Promise<Answer> | Answer,
  ): Route => ({ ...{ method: "post", path, summary }, ...schemas, handle: (body) => answer(parseBody(schemas.body, body)) });
  const asked = (body: Parameters<typeof askedEvents>[0]) => askedEvents(body, customers, shelf);
  const using = async <Answer>(path: string, work: (model: ServedModel) => Promise<Answer>, by: (answer: Answer) => string) => {
    const answer = await holder.use(work);
    metrics.based(path, by(answer));
    return answer;
  };
  return [
    {
      ...{ method: "get", path: "/v1/health", summary: "Whether the node serves, and which model", open: true },
      answer: words.healthAnswer,
      handle: () => {
        const { origin } = holder.current();
        return { status: "serving", model: origin };
      },
    },
    post(
      "/v1/recommend",
      "The best items for a customer",
      { body: words.recommendBody, answer: words.recommendAnswer, refusals: [422] },
      (body) =>
        using(
          "/v1/recommend",
          (model) => recommend(model, shelf, asked(body), body),
          ({ basis }) => basis,
        ),
    ),
    post(
      "/v1/next-action",
      "What a customer will do next",
      { body: words.nextActionBody, answer: words.nextActionAnswer, refusals: [409, 422, 503] },
      (body) =>
        using(
          "/v1/next-action",
          (model) => nextAction(model, asked(body)),
          ({ by }) => by,
        ),
    ),
    post(
      "/v1/churn",
      "How likely a customer is to leave, and why",
      { body: words.churnBody, answer: words.churnAnswer, refusals: [404, 409, 422, 503] },
      (body) => {
        const moment = body.now ?? customers.latest();
        return using(
          "/v1/churn",
          (model) => churn(model, asked(body), moment),
          ({ by }) => by,
        );
      },
    ),
    post(
      "/v1/ads/rank",
      "Adverts in the order of their expected value",
      { body: words.adsBody, answer: words.adsAnswer, refusals: [422] },
      (body) => {
        const options = { ...body, now: customers.latest() };
        return using(
          "/v1/ads/rank",
          (model) => rankAdverts(model, shelf, asked(body), options),
          ({ by }) => by,
        );
      },
    ),
    post(
      "/v1/explain",
      "Why an item stands where it stands",
      { body: words.explainBody, answer: words.explainAnswer, refusals: [422] },
      (body) =>
        using(
          "/v1/explain",
          (model) => explain(model, shelf, asked(body), body.item),
          ({ basis }) => basis,
        ),
    ),
    post(
      "/v1/events",
      "What customers have just done; it counts from the next answer on",
      { body: words.eventsBody, answer: words.eventsAnswer, refusals: [422, 503] },
      (body) => takeEvents(parts, body),
    ),
  ];
}

/** What Fastify calls by codes of its own. */
const fastifyWords: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: "not JSON",
  FST_ERR_CTP_EMPTY_JSON_BODY: "it is empty, though its type says JSON",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "its type is not application/json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "it is not as long as its head says",
};

/** Fastify's own complaints about a request in our table's words. */
function asRequestFault(error: unknown, limit: number): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof SyntaxError) return fail("TRB_SERVE_REQUEST_INVALID", { path: "(body)", reason: "not JSON" });
  const code = "code" in error ? String(error.code) : "";
  if (code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return fail("TRB_SERVE_REQUEST_INVALID", { path: "(body)", reason: "the connection broke off" });
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return fail("TRB_SERVE_REQUEST_TOO_LARGE", { limit });
  const status = "statusCode" in error ? Number(error.statusCode) : 500;
  if (status < 400 || status >= 500) return error;
  return fail("TRB_SERVE_REQUEST_INVALID", { path: "(body)", reason: fastifyWords[code] ?? "it can't be read" });
}

const hasBody = ({ headers }: FastifyRequest) =>
  (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;

/** What Node's HTTP parser could make no sense of, and requests that never came to their end. */
function refuseUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const coded =
    error.code === "HPE_HEADER_OVERFLOW"
      ? fail("TRB_SERVE_REQUEST_TOO_LARGE", { limit: maxHeaderSize })
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? fail("TRB_SERVE_REQUEST_SLOW")
        : fail("TRB_SERVE_REQUEST_INVALID", { path: "(head)", reason: "it is not HTTP" });
  const body = JSON.stringify({ error: coded.toJSON() });
  const head = [
    `HTTP/1.1 ${coded.status} Refused`,
    "connection: close",
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
