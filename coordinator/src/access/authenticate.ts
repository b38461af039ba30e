/**
 * Who asks: by `authorization: Bearer trb_…`, or by a session's cookie. A cookie goes along with whatever page sends a request, so one that changes
 * anything must also show that it comes from a page of this server: by a header that no form and no other origin can send, and by its origin where the
 * browser tells it.
 */
import { fail } from "@tributary/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { AccessTable } from "./access-table.ts";
import type { Actor } from "./roles.ts";
import { type SessionDesk, sessionLimits } from "./sessions.ts";
import { tokenActor } from "./tokens.ts";

/** Browsers take a cookie of the first name over TLS only, for the whole host and no other (RFC 6265bis, §4.1.3.2). */
const cookieNames = { secure: "__Host-tributary", plain: "tributary" };
const ownPage = "x-tributary-operator";

const isSecure = (request: FastifyRequest): boolean => request.protocol === "https";

/** Whether nobody between could have read the request: over TLS, here or at the proxy, or from this machine. */
function isPrivate(request: FastifyRequest): boolean {
  return isSecure(request) || /^(127\.|::1$|::ffff:127\.)/.test(request.ip);
}

export interface Gate {
  /** @throws TRB_ACCESS_PLAIN_HTTP */
  requirePrivate(request: FastifyRequest): void;
  /** Undefined when it shows nothing that is valid now. @throws TRB_ACCESS_ORIGIN */
  actor(request: FastifyRequest): Promise<Actor | undefined>;
  /** @throws TRB_ACCESS_ORIGIN when it comes from a page of somebody else's */
  requireOwnOrigin(request: FastifyRequest): void;
  setCookie(request: FastifyRequest, reply: FastifyReply, session: string): void;
  clearCookie(request: FastifyRequest, reply: FastifyReply): void;
}

export function gate(
  table: AccessTable,
  desk: SessionDesk,
  { insecureHttp }: { /** Of test networks. */ readonly insecureHttp: boolean },
): Gate {
  const cookie = (request: FastifyRequest) => ({
    name: isSecure(request) ? cookieNames.secure : cookieNames.plain,
    options: { path: "/", httpOnly: true, sameSite: "strict", secure: isSecure(request) } as const,
  });

  function requireOwnOrigin({ headers, host, protocol }: FastifyRequest): void {
    const { origin } = headers;
    const site = headers["sec-fetch-site"];
    const elsewhere = origin !== undefined && origin !== `${protocol}://${host}`;
    if (elsewhere || (site !== undefined && site !== "same-origin")) {
      throw fail("TRB_ACCESS_ORIGIN", { reason: "it says that it comes from another origin" });
    }
  }

  return {
    requireOwnOrigin,
    requirePrivate(request) {
      if (!insecureHttp && !isPrivate(request)) throw fail("TRB_ACCESS_PLAIN_HTTP");
    },
    async actor(request) {
      const { authorization } = request.headers;
      // who shows a token is taken by it alone, whatever cookies come along
      if (authorization !== undefined) return tokenActor(table, /^Bearer (.{1,200})$/.exec(authorization)?.[1] ?? "");
      const session = request.cookies[cookie(request).name];
      const actor = session === undefined ? undefined : await desk.find(session);
      if (actor === undefined || request.method === "GET") return actor;
      if (request.headers[ownPage] !== "1") throw fail("TRB_ACCESS_ORIGIN", { reason: `it has no header \`${ownPage}: 1\`` });
      requireOwnOrigin(request);
      return actor;
    },
    setCookie(request, reply, session) {
      const { name, options } = cookie(request);
      reply.setCookie(name, session, { ...options, maxAge: sessionLimits.whole / 1000 });
    },
    clearCookie(request, reply) {
      const { name, options } = cookie(request);
      reply.clearCookie(name, options);
    },
  };
}
