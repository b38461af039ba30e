/**
 * The masked vectors' way in: where to go on, and the octets from there. Everything that can be refused is refused before the first
 * octet is read; what arrives is written piece by piece, so that memory depends on neither vector nor network.
 *
 *   node ── GET  …/vectors/<sha256> ──▶ { offset }                 node ── PUT …/vectors/<sha256>, upload-offset ──▶ 204
 */
import { Readable } from "node:stream";
import { fail, isTributaryError } from "@tributary/errors";
import { documentRoutes, type MessageOf, type NodeId, parseMessage, type Received } from "@tributary/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { serveRoute } from "../api/described.ts";
import type { Membership } from "../membership.ts";
import type { Leader } from "../replicas/leader.ts";
import { isUnheard } from "../replicas/words.ts";
import type { Upload, Uploads } from "../storage/uploads.ts";
import { nodeLimit } from "./protection.ts";
import { uploadTurns } from "./upload-turns.ts";

export interface VectorParts {
  readonly uploads: Uploads;
  readonly membership: Pick<Membership, "requireMember">;
  readonly leader: Pick<Leader, "checkUpload" | "uploaded">;
  /** How many vectors may come in at a time, and after how many milliseconds one gives way to another. */
  readonly uploadTurns?: { readonly most: number; readonly turn: number };
}

export function serveVectors(app: FastifyInstance, parts: VectorParts): void {
  const { most, turn } = parts.uploadTurns ?? { most: 32, turn: 5_000 };
  const turns = uploadTurns({ most, turn });

  const limit = nodeLimit(app);
  const byNode = { config: { rateLimit: false } } as const; // counted once the node has proved its key

  const offsetOf = async ({ params, headers, request }: Asked) => {
    const { upload } = await requireExpected(parts, params, headers);
    await limit(request, upload.node);
    return { offset: await parts.uploads.offset(upload) };
  };
  serveRoute(app, documentRoutes.vectorOffset, offsetOf, byNode);

  const take = async ({ params, headers, request }: Asked & { readonly headers: { readonly "upload-offset": number } }) => {
    const { message, upload } = await requireExpected(parts, params, headers);
    await limit(request, upload.node);
    const offset = headers["upload-offset"];
    const bytes = 4 * message.body.length;
    const length = request.headers["content-length"];
    if (length !== String(bytes - offset)) {
      throw fail("TRB_COORDINATOR_UPLOAD_LENGTH", { expected: Math.max(0, bytes - offset), actual: length ?? "unknown" });
    }
    const { body } = request;
    if (!(body instanceof Readable)) {
      throw fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "content-type", reason: "expected application/octet-stream" });
    }
    if (await parts.uploads.has(upload)) body.resume();
    else {
      const giveWay = () => body.destroy(fail("TRB_COORDINATOR_BUSY", { most, what: "uploads" }));
      const place = await turns.take(`${upload.round}.${upload.node}`, giveWay);
      try {
        await parts.uploads.receive(upload, body, bytes, offset);
      } finally {
        place.end();
      }
    }
    try {
      await parts.leader.uploaded(message);
    } catch (error) {
      // The round went on without it while it came in. (Where nobody knows whether it was counted, it stays.)
      if (isTributaryError(error) && !isUnheard(error)) await parts.uploads.erase(upload);
      throw error;
    }
    return undefined;
  };
  serveRoute(app, documentRoutes.vector, take, byNode);
}

interface Asked {
  readonly params: Received<typeof documentRoutes.vectorOffset, "params">;
  readonly headers: Received<typeof documentRoutes.vectorOffset, "headers">;
  readonly request: FastifyRequest;
}

/** Signature, roster, round and length are right, so a stranger can't fill the disk; one vector a node and round. */
async function requireExpected(
  parts: VectorParts,
  { round, sha256 }: Asked["params"],
  headers: Asked["headers"],
): Promise<{ readonly message: MessageOf<"masked">; readonly upload: Upload }> {
  const message = messageOf(headers);
  if (message.round !== round || message.body.sha256 !== sha256) {
    throw fail("TRB_COORDINATOR_REQUEST_INVALID", {
      path: "x-tributary-message",
      reason: "it is about another round or vector",
    });
  }
  parts.membership.requireMember(message.sender as NodeId);
  await parts.leader.checkUpload(message);
  const upload: Upload = { round, node: message.sender as NodeId, sha256 };
  if (await parts.uploads.hasOther(upload)) throw fail("TRB_COORDINATOR_UPLOAD_SECOND", { round });
  return { message, upload };
}

function messageOf(headers: Asked["headers"]): MessageOf<"masked"> {
  const header = headers["x-tributary-message"];
  const refuse = (reason: string) => fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "x-tributary-message", reason });
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
