/**
 * The HTTP side of the wire: identity, joining, documents, blobs, and the masked vectors' way in.
 * Nothing here decides anything about a round; uploads go to the engine as events once they are on disk.
 */
import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { fail, type TributaryError } from "@tributary/errors";
import {
  documentRoutes,
  type NodeId,
  type Plan,
  problemMedia,
  problemOf,
  protocolVersion,
  type Received,
  type Sha256,
  signStatement,
} from "@tributary/protocol";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { type AccessParts, serveOperators } from "../access/serve.ts";
import { requireDescriptions, serveRoute } from "../api/described.ts";
import { openApiDocument } from "../api/openapi.ts";
import type { Certificates } from "../certify.ts";
import type { CoordinatorIdentity } from "../home/identity.ts";
import { acceptInvite } from "../invites.ts";
import type { Membership } from "../membership.ts";
import { type ObservationRoutes, serveObservation } from "../observe/routes.ts";
import { isPagePath, type ServedPages, servePages } from "../pages/serve-pages.ts";
import type { CoordinatorStatus } from "../status.ts";
import type { Blobs } from "../storage/blobs.ts";
import { openDownloads } from "../storage/downloads.ts";
import type { Store } from "../storage/store.ts";
import { codedError, retryAfter } from "./answers.ts";
import { serveBlobs } from "./blob-routes.ts";
import { allowOrigins } from "./origins.ts";
import { addressLimits, protect } from "./protection.ts";
import { serveVectors, type VectorParts } from "./vectors.ts";

export interface HttpParts extends VectorParts {
  readonly identity: CoordinatorIdentity;
  readonly plan: Plan;
  readonly planHash: Sha256;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly certificates: Certificates;
  readonly status: () => Promise<CoordinatorStatus>;
  readonly membership: Membership;
  readonly joined: (node: NodeId) => void;
  readonly access: AccessParts;
  readonly observation: ObservationRoutes;
  /** Without it plain HTTP is spoken. */
  readonly tls?: SecureContextOptions | undefined;
  /** Addresses of proxies that are believed what they say of where a request came from, with commas between them. */
  readonly trustProxy?: string | undefined;
  readonly pages: ServedPages;
  /** Whose pages may speak for devices. */
  readonly allowOrigins: readonly string[];
  readonly log: Logger;
}

/** Of JSON bodies; vectors have their own limit. */
const bodyLimit = 64 * 1024;
/** Of request heads: `x-tributary-message` is below 2 KiB. */
const maxHeaderSize = 16 * 1024;
/** A connection over which nothing comes or goes for so long is ended, in milliseconds. */
const connectionTimeout = 60_000;
/** A request whose head takes longer is refused, and how often that is looked at, in milliseconds. */
const headersTimeout = 15_000;
const connectionsCheckingInterval = 5_000;

export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { identity, plan, planHash, store, membership, log, tls, trustProxy = false } = parts;
  const wire = { maxHeaderSize, headersTimeout, connectionsCheckingInterval };
  const app = Fastify({
    ...{ bodyLimit, connectionTimeout, forceCloseConnections: true, logger: false, trustProxy },
    ...(tls === undefined ? { http: wire } : { https: { ...wire, ...tls } }),
    clientErrorHandler: refuseUnreadable,
    // before any route is found; Fastify's own answer would quote the path
    frameworkErrors: (error, _request, reply) =>
      sendProblem(reply, fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(path)", reason: error.code })),
  }) as FastifyInstance; // over TLS it is one of another server, which nothing here asks
  const signPlan = () => signStatement(identity, planStatement(planHash));

  app.setErrorHandler((error, request, reply) => {
    const coded = codedError(asRequestFault(error), log);
    parts.observation.metrics.refused("coordinator", coded.code);
    if (hasBody(request)) reply.header("connection", "close"); // don't read on what nobody wants
    if (coded.status === 503) reply.header("retry-after", retryAfter);
    return sendProblem(reply, coded);
  });
  app.addHook("onRequest", async ({ headers }) => {
    const encoding = headers["content-encoding"];
    if (encoding === undefined || encoding === "identity") return; // a few octets must never become many
    throw fail("TRB_COORDINATOR_ENCODING_REFUSED", { encoding: encoding.slice(0, 80) });
  });
  app.setNotFoundHandler(({ method, url }) => {
    const major = /^\/v([0-9]{1,4})\//.exec(url)?.[1];
    if (major !== undefined && major !== protocolVersion.split(".")[0]) {
      throw fail("TRB_ROUND_VERSION_UNKNOWN", { version: major, expected: protocolVersion });
    }
    throw fail("TRB_COORDINATOR_ROUTE_UNKNOWN", { method, path: (url.split("?")[0] ?? "").slice(0, 80) });
  });
  requireDescriptions(app, isPagePath);
  await protect(app, { tls: tls !== undefined });
  if (parts.allowOrigins.length > 0) allowOrigins(app, parts.allowOrigins);
  serveObservation(app, parts.observation, parts.access);
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));

  serveRoute(app, documentRoutes.identity, ({ query: { nonce } }) => {
    const { federation } = plan;
    return { federation, key: identity.key, signature: signStatement(identity, identityStatement(federation, nonce)) };
  });
  const joining = { config: { rateLimit: { max: addressLimits.join, timeWindow: 60_000 } } };
  const join = async ({ body: { token, member } }: { readonly body: JoinBody }) => {
    if (await acceptInvite(store, membership, plan.federation, token, member)) parts.joined(member.node);
    return { plan, planSignature: signPlan(), roster: await membership.roster() };
  };
  serveRoute(app, documentRoutes.join, join, joining);
  serveRoute(app, documentRoutes.plan, () => ({ plan, signature: signPlan() }));
  serveRoute(app, documentRoutes.roster, () => membership.roster());
  serveRoute(app, documentRoutes.standing, () => parts.status());
  serveRoute(app, documentRoutes.rounds, () => store.rounds.all());
  const described = openApiDocument();
  serveRoute(app, documentRoutes.description, () => described);
  serveRoute(app, documentRoutes.ledger, async ({ query: { from }, reply }) => {
    const lines = await store.ledgerLines(from);
    return reply.type("text/plain; charset=utf-8").send(lines.map((line) => `${line}\n`).join(""));
  });
  serveBlobs(app, openDownloads(parts.blobs));
  serveRoute(app, documentRoutes.certificate, async ({ params: { sha256 }, reply }) => {
    const certificate = await parts.certificates.read(sha256);
    if (certificate === undefined) throw fail("TRB_COORDINATOR_NO_CERTIFICATE", { sha256 });
    return reply.type("application/json; charset=utf-8").send(Buffer.from(certificate));
  });
  serveVectors(app, parts);
  serveOperators(app, parts.access);
  await servePages(app, parts.pages);
  return app;
}

type JoinBody = Received<typeof documentRoutes.join, "body">;

const sendProblem = (reply: FastifyReply, error: TributaryError) =>
  reply
    .status(error.status)
    .type(problemMedia)
    .send(JSON.stringify(problemOf(error)));

/** What the signatures outside messages and entries cover. */
export const planStatement = (planHash: Sha256) => ({ purpose: "plan", planHash }) as const;
export const identityStatement = (federation: string, nonce: string) => ({ purpose: "identity", federation, nonce }) as const;

/** Fastify's own complaints about a request, and connections that broke off, in our table's words. */
function asRequestFault(error: unknown): unknown {
  if (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ECONNRESET" || error.code === "ERR_STREAM_PREMATURE_CLOSE")
  ) {
    return fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(body)", reason: "the connection broke off" }, error);
  }
  if (!(error instanceof Error) || !("statusCode" in error)) return error;
  if (!("code" in error)) {
    // the JSON parser's, which would quote the text
    return error instanceof SyntaxError
      ? fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(body)", reason: "not JSON" })
      : error;
  }
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return fail("TRB_COORDINATOR_REQUEST_TOO_LARGE", { limit: bodyLimit });
  const status = Number(error.statusCode);
  if (status < 400 || status >= 500) return error;
  return fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(body)", reason: String(error.code) }, error);
}

const hasBody = ({ headers }: FastifyRequest) =>
  (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;

/** What Node's HTTP parser could make no sense of, and requests that never came to their end. */
function refuseUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const coded: TributaryError =
    error.code === "HPE_HEADER_OVERFLOW"
      ? fail("TRB_COORDINATOR_REQUEST_TOO_LARGE", { limit: maxHeaderSize })
      : fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(head)", reason: "it is not HTTP" });
  const body = JSON.stringify(problemOf(coded));
  const head = [
    `HTTP/1.1 ${coded.status} Refused`,
    "connection: close",
    `content-type: ${problemMedia}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
