/**
 * Pages of other origins that may speak to this coordinator for a device: a shop that serves the device's page itself. They reach the routes of nodes and
 * nothing else, without cookies: what operators do stays with the coordinator's own page. (A websocket asks no such permission; who speaks over it proves a key.)
 * Source: the Fetch standard, §3.3.
 */
import { fail } from "@tributary/errors";
import type { FastifyInstance } from "fastify";

/** What a device asks for, `documents.ts` of `@tributary/protocol`. */
const nodesRoutes = /^\/v1\/(identity|join|plan|roster|ledger|blobs\/[0-9a-f]{64}|rounds\/[0-9]+\/vectors\/[0-9a-f]{64})(\?|$)/;

/** For so long a browser may remember what it was allowed, in seconds. */
const remembered = 600;

/** @throws TRB_COORDINATOR_ORIGIN_INVALID for anything but scheme, host and port, as browsers write them */
export function requireOrigins(origins: readonly string[]): void {
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw fail("TRB_COORDINATOR_ORIGIN_INVALID", { origin });
  }
}

export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  app.addHook("onRequest", async ({ headers: { origin }, method, url }, reply) => {
    if (!nodesRoutes.test(url)) return;
    reply.header("vary", "origin");
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header("access-control-allow-origin", origin).header("access-control-expose-headers", "retry-after");
    if (method !== "OPTIONS") return;
    await reply
      .header("access-control-allow-methods", "GET, POST, PUT")
      .header("access-control-allow-headers", "content-type, upload-offset, x-tributary-message")
      .header("access-control-max-age", String(remembered))
      .status(204)
      .send();
  });
}
