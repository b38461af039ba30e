/**
 * The way out of models and the catalogue. A blob's name is its content's hash, so it never changes: whoever has one once need not ask again
 * (`ETag`, `Cache-Control: immutable`), and proxies may keep it.
 */
import { documentRoutes, type Sha256 } from "@tributary/protocol";
import type { FastifyInstance } from "fastify";
import { serveRoute } from "../api/described.ts";
import type { Downloads } from "../storage/downloads.ts";

/** In seconds: a year, the longest that caches heed. */
const forever = 31_536_000;

export function serveBlobs(app: FastifyInstance, downloads: Downloads): void {
  serveRoute(app, documentRoutes.blob, async ({ params: { sha256 }, headers, reply }) => {
    const { range, "if-none-match": known } = headers;
    const { size, body } = await downloads.find(sha256);
    reply.header("etag", tagOf(sha256)).header("cache-control", `public, max-age=${forever}, immutable`);
    if (isKnown(known, sha256)) return reply.status(304).send();
    const part = rangeOf(range, size);
    const { from, length } = part ?? { from: 0, length: size };
    reply.type("application/octet-stream").header("accept-ranges", "bytes").header("content-length", length);
    if (part !== undefined) reply.status(206).header("content-range", `bytes ${from}-${from + length - 1}/${size}`);
    return reply.send(await body(from, length));
  });
}

const tagOf = (sha256: Sha256) => `"${sha256}"`;

/** A list of tags, of which weak ones (as proxies that compress make them) mean the same content. */
function isKnown(header: string | undefined, sha256: Sha256): boolean {
  const tags = (header ?? "").slice(0, 4096).split(",");
  return tags.some((tag) => ["*", tagOf(sha256)].includes(tag.trim().replace(/^W\//, "")));
}

/** One range: `bytes=N-`, as resuming needs it, `bytes=N-M`, or the last octets, `bytes=-N`. Undefined: the whole, as for anything else. */
function rangeOf(header: string | undefined, size: number): { readonly from: number; readonly length: number } | undefined {
  const [, first, last] = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  return from < end ? { from, length: end - from } : undefined;
}
