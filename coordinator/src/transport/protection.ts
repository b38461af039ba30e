/**
 * What every request passes first: headers that tell browsers to do nothing with answers but show them, cookies for operators' sessions, and how often
 * one address may ask. Counted in the memory of each replica: n replicas let n times as much in.
 *
 * A thousand nodes may come from one proxy's address, and a round takes five requests of each: an address has room for all of them ten times a minute.
 * What nodes prove their key with is counted by node instead, after the proof (`nodeLimit`).
 */
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import { fail } from "@tributary/errors";
import type { NodeId } from "@tributary/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";

const minute = 60_000;

/** Requests a minute from one address. */
export const addressLimits = {
  /** Of all routes without a limit of their own. */
  usual: 60_000,
  /** Every join takes a database transaction; a thousand nodes may come at once. */
  join: 1_200,
};
/** Uploads, and questions where to go on with one, a minute from one node. */
const uploadsPerNode = 240;

/** How many addresses or names are remembered; the longest unseen are forgotten first. */
const remembered = 20_000;

/** @param tls browsers are told to come over TLS only from now on */
export async function protect(app: FastifyInstance, { tls }: { readonly tls: boolean }): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] },
    },
    strictTransportSecurity: tls ? { maxAge: 180 * 24 * 3600, includeSubDomains: false } : false,
    referrerPolicy: { policy: "no-referrer" },
  });
  await app.register(cookie);
  // a connection that was reset since has no address to be counted under, and nobody waits for an answer
  app.addHook("onRequest", async ({ raw }, reply) => {
    if (raw.socket.remoteAddress === undefined) reply.hijack();
  });
  await app.register(rateLimit, {
    ...{ global: true, max: addressLimits.usual, timeWindow: minute, cache: remembered, ipv6Subnet: 64 },
    addHeaders: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    errorResponseBuilder: (_request, { ttl }) => limited(ttl),
  });
}

/** Counts what a node has proved to be its own. @throws TRB_COORDINATOR_RATE_LIMITED */
export function nodeLimit(app: FastifyInstance): (request: FastifyRequest, node: NodeId) => Promise<void> {
  const nodes = new WeakMap<FastifyRequest, NodeId>();
  const count = app.createRateLimit({
    ...{ max: uploadsPerNode, timeWindow: minute },
    keyGenerator: (request) => `node ${nodes.get(request) ?? ""}`,
  });
  return async (request, node) => {
    nodes.set(request, node);
    const verdict = await count(request);
    if (!verdict.isAllowed && verdict.isExceeded) throw limited(verdict.ttl);
  };
}

/** Counts what an address got wrong. Who shows what is right is let in all the same: others may share the address. @throws TRB_COORDINATOR_RATE_LIMITED */
export function guessLimit(app: FastifyInstance, max: number): (request: FastifyRequest) => Promise<void> {
  const count = app.createRateLimit({ max, timeWindow: minute, keyGenerator: (request) => `guess ${request.ip}` });
  return async (request) => {
    const verdict = await count(request);
    if (!verdict.isAllowed && verdict.isExceeded) throw limited(verdict.ttl);
  };
}

const limited = (milliseconds: number) =>
  fail("TRB_COORDINATOR_RATE_LIMITED", { seconds: Math.max(1, Math.ceil(milliseconds / 1000)) });
