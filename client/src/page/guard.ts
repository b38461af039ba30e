/**
 * Who may look at a node's page: whoever has the link that the command printed, in one browser, on this machine.
 *
 *   link …/#token ─▶ page ─▶ POST /api/session { token } ─▶ cookie (HttpOnly, SameSite=Strict), and the link is used up
 *
 * The server listens on loopback, and that alone protects from no web site: a name of a stranger's may be made to resolve to 127.0.0.1 (DNS rebinding), and any page may send
 * requests here with the cookie along (CSRF). So `Host` has to be this machine's own, and whatever changes something has to come from this very origin.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { fail } from "@tributary/errors";
import type { FastifyRequest } from "fastify";

export interface Guard {
  /** What the next browser opens the page by. Another one once it is used. */
  token(): string;
  /**
   * Takes the link's token for a session.
   * @returns the `set-cookie` header
   * @throws TRB_PAGE_LINK_USED
   */
  begin(token: string): string;
  /** @throws TRB_PAGE_REQUEST_FOREIGN */
  requireOwn(request: FastifyRequest): void;
  /** @throws TRB_PAGE_SESSION_MISSING */
  requireSession(request: FastifyRequest): void;
}

/** Browsers at a time; the one that came first goes first. */
const mostSessions = 8;

const secret = () => randomBytes(32).toString("base64url");
const digest = (text: string) => createHash("sha256").update(text, "utf8").digest();
/** In a time that says nothing of either. */
const isSame = (told: string, expected: string) => timingSafeEqual(digest(told), digest(expected));

/** @param port known once the server listens */
export function guardPage(port: () => number): Guard {
  let token = secret();
  const sessions: Buffer[] = [];
  // cookies know no ports: two nodes' pages on one machine must not take each other's away
  const cookieName = () => `tributary-page-${port()}`;

  return {
    token: () => token,
    begin(told) {
      if (!isSame(told, token)) throw fail("TRB_PAGE_LINK_USED");
      token = secret();
      const session = secret();
      sessions.push(digest(session));
      if (sessions.length > mostSessions) sessions.shift();
      return `${cookieName()}=${session}; Path=/; HttpOnly; SameSite=Strict`;
    },
    requireOwn({ headers, method }) {
      const host = headers.host ?? "";
      if (!ownHosts(port()).includes(host)) throw fail("TRB_PAGE_REQUEST_FOREIGN", { header: "host" });
      const site = headers["sec-fetch-site"];
      const isRead = method === "GET" || method === "HEAD";
      // a link may lead here from anywhere; browsers that say where a change comes from are believed
      if (!isRead && site !== undefined && site !== "same-origin")
        throw fail("TRB_PAGE_REQUEST_FOREIGN", { header: "sec-fetch-site" });
      if (!isRead && headers.origin !== `http://${host}`) throw fail("TRB_PAGE_REQUEST_FOREIGN", { header: "origin" });
    },
    requireSession({ headers }) {
      const told = cookieIn(headers.cookie, cookieName());
      const known = told !== undefined && sessions.some((session) => timingSafeEqual(session, digest(told)));
      if (!known) throw fail("TRB_PAGE_SESSION_MISSING");
    },
  };
}

const ownHosts = (port: number) => [`127.0.0.1:${port}`, `localhost:${port}`];

/** RFC 6265, §4.2.1: pairs, divided by semicolons. */
function cookieIn(header: string | undefined, name: string): string | undefined {
  const pair = header?.split(";").find((one) => one.trim().startsWith(`${name}=`));
  return pair?.trim().slice(name.length + 1);
}
