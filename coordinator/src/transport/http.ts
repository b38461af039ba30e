/**
 * The HTTP side of the wire: identity, joining, documents, blobs, and the masked vectors' way in.
 * Nothing here decides anything about a round; uploads go to the engine as events once they are on disk.
 */
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { fail, isTributaryError } from "@tributary/errors";
import {
  type MessageOf,
  type NodeId,
  type Plan,
  parseMessage,
  rosterMemberSchema,
  type Sha256,
  sha256Hex,
  signStatement,
} from "@tributary/protocol";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { z } from "zod";
import type { CoordinatorIdentity } from "../home/identity.ts";
import { acceptInvite } from "../invites.ts";
import type { CoordinatorStatus } from "../status.ts";
import type { Blobs } from "../storage/blobs.ts";
import type { Store } from "../storage/store.ts";
import type { Upload, Uploads } from "../storage/uploads.ts";
import { codedError, errorAnswer, parseRequest } from "./answers.ts";

export interface HttpParts {
  readonly identity: CoordinatorIdentity;
  readonly plan: Plan;
  readonly planHash: Sha256;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly status: () => CoordinatorStatus;
  /** Whether the engine would take this upload now. @throws the reducer's coded error */
  readonly checkUpload: (message: MessageOf<"masked">) => void;
  readonly uploaded: (message: MessageOf<"masked">) => Promise<void>;
  readonly joined: (node: NodeId) => void;
  readonly log: Logger;
}

/** Of JSON bodies; vectors have their own limit. */
const bodyLimit = 64 * 1024;
/** Of request heads: `x-tributary-message` is below 2 KiB. */
const maxHeaderSize = 16 * 1024;

const nonceQuery = z.strictObject({ nonce: z.string().regex(/^[0-9a-f]{64}$/) });
const joinBody = z.strictObject({ token: z.string().regex(/^[0-9a-f]{32}$/), member: rosterMemberSchema });
const fromQuery = z.strictObject({ from: z.coerce.number().int().min(0).max(1e9).default(0) });
const blobParams = z.strictObject({ sha256: sha256Hex });
const vectorParams = z.strictObject({ round: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER), sha256: sha256Hex });

export function createHttp(parts: HttpParts): FastifyInstance {
  const { identity, plan, planHash, store, log } = parts;
  const app = Fastify({ bodyLimit, http: { maxHeaderSize }, forceCloseConnections: true, logger: false });
  const signPlan = () => signStatement(identity, planStatement(planHash));

  app.setErrorHandler((error, _request, reply) => {
    const coded = codedError(asRequestFault(error), log);
    if (coded.status === 411 || coded.status === 413) reply.header("connection", "close"); // don't read on what nobody wants
    return reply.status(coded.status).send(errorAnswer(coded));
  });
  app.setNotFoundHandler(({ method, url }) => {
    throw fail("TRB_COORDINATOR_ROUTE_UNKNOWN", { method, path: (url.split("?")[0] ?? "").slice(0, 80) });
  });
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));

  app.get("/v1/identity", ({ query }) => {
    const { nonce } = parseRequest(nonceQuery, query);
    const { federation } = plan;
    return { federation, key: identity.key, signature: signStatement(identity, identityStatement(federation, nonce)) };
  });
  app.post("/v1/join", ({ body }) => {
    const { token, member } = parseRequest(joinBody, body);
    if (acceptInvite(store, plan.federation, token, member)) parts.joined(member.node);
    return { plan, planSignature: signPlan(), roster: store.members() };
  });
  app.get("/v1/plan", () => ({ plan, signature: signPlan() }));
  app.get("/v1/roster", () => store.members());
  app.get("/v1/status", () => parts.status());
  app.get("/v1/rounds", () => store.rounds.all());
  app.get("/v1/ledger", ({ query }, reply) => {
    const lines = store.ledgerLines(parseRequest(fromQuery, query).from);
    return reply.type("text/plain; charset=utf-8").send(lines.map((line) => `${line}\n`).join(""));
  });
  app.get("/v1/blobs/:sha256", (request, reply) => {
    const { sha256 } = parseRequest(blobParams, request.params);
    if (!parts.blobs.has(sha256)) throw fail("TRB_COORDINATOR_BLOB_UNKNOWN", { sha256 });
    const path = parts.blobs.path(sha256);
    const { size } = statSync(path);
    const start = resumeAt(request.headers.range, size);
    reply
      .type("application/octet-stream")
      .header("accept-ranges", "bytes")
      .header("content-length", size - start);
    if (start > 0) reply.status(206).header("content-range", `bytes ${start}-${size - 1}/${size}`);
    return reply.send(createReadStream(path, { start }));
  });
  app.put("/v1/rounds/:round/vectors/:sha256", async (request, reply) => {
    await receiveVector(parts, request);
    return reply.status(204).send();
  });
  return app;
}

/** What the signatures outside messages and entries cover. */
export const planStatement = (planHash: Sha256) => ({ purpose: "plan", planHash }) as const;
export const identityStatement = (federation: string, nonce: string) => ({ purpose: "identity", federation, nonce }) as const;

/** Everything that can be refused is refused before the first octet is read. */
async function receiveVector(parts: HttpParts, request: FastifyRequest): Promise<void> {
  const { round, sha256 } = parseRequest(vectorParams, request.params);
  const message = messageOf(request);
  if (message.round !== round || message.body.sha256 !== sha256) {
    throw fail("TRB_COORDINATOR_REQUEST_INVALID", {
      path: "x-tributary-message",
      reason: "it is about another round or vector",
    });
  }
  parts.checkUpload(message); // signature, roster, round, length: so a stranger can't fill the disk
  const expected = 4 * message.body.length;
  const length = request.headers["content-length"];
  if (length !== String(expected)) throw fail("TRB_COORDINATOR_UPLOAD_LENGTH", { expected, actual: length ?? "unknown" });
  if (!(request.body instanceof Readable)) {
    throw fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "content-type", reason: "expected application/octet-stream" });
  }
  const upload: Upload = { round, node: message.sender as NodeId, sha256 };
  if (parts.uploads.hasOther(upload)) throw fail("TRB_COORDINATOR_UPLOAD_SECOND", { round });
  if (parts.uploads.has(upload)) request.body.resume();
  else await parts.uploads.receive(upload, request.body, expected);
  try {
    await parts.uploaded(message);
  } catch (error) {
    // The round went on without it while it came in. (A server that is stopping may have counted it before: its file stays.)
    if (isTributaryError(error) && error.code !== "TRB_COORDINATOR_STOPPING") parts.uploads.erase(upload);
    throw error;
  }
}

function messageOf({ headers }: FastifyRequest): MessageOf<"masked"> {
  const header = headers["x-tributary-message"];
  const refuse = (reason: string) => fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "x-tributary-message", reason });
  if (typeof header !== "string") throw refuse("missing");
  const message = parseMessage(parseJson(Buffer.from(header, "base64url").toString("utf8"), refuse));
  if (message.step !== "masked") throw refuse("it is not a message of the step `masked`");
  return message;
}

function parseJson(text: string, refuse: (reason: string) => Error): unknown {
  try {
    return JSON.parse(text);
  } catch (_) {
    throw refuse("not JSON"); // without the parser's words: they would quote the text
  }
}

/** Only `bytes=N-`: what resuming a download needs. Anything else gets the whole. */
function resumeAt(range: string | undefined, size: number): number {
  const start = Number(/^bytes=([0-9]{1,15})-$/.exec(range ?? "")?.[1] ?? 0);
  return start < size ? start : 0;
}

/** Fastify's own complaints about a request, and connections that broke off, in our table's words. */
function asRequestFault(error: unknown): unknown {
  if (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ECONNRESET" || error.code === "ERR_STREAM_PREMATURE_CLOSE")
  ) {
    return fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(body)", reason: "the connection broke off" }, error);
  }
  if (!(error instanceof Error) || !("code" in error) || !("statusCode" in error)) return error;
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return fail("TRB_COORDINATOR_REQUEST_TOO_LARGE", { limit: bodyLimit });
  const status = Number(error.statusCode);
  if (status < 400 || status >= 500) return error;
  return fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "(body)", reason: String(error.code) }, error);
}
