/**
 * Operators' routes, served. Who asks is settled before a body is read; what a route gives is held to its own form.
 *
 *   private way? ─▶ who? ─▶ role? ─▶ limit ─▶ params and body ─▶ handler ─▶ answer
 */
import { fail } from "@tributary/errors";
import type { Note } from "@tributary/federation";
import { type ApiRoute, type AuditLine, operatorRoutes } from "@tributary/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { OperatorRequest } from "../notes.ts";
import { parseRequest } from "../transport/answers.ts";
import { guessLimit } from "../transport/protection.ts";
import type { AccessTable } from "./access-table.ts";
import { changePassword, shownAccount } from "./accounts.ts";
import { type Gate, gate } from "./authenticate.ts";
import { accessNote, type Decision } from "./notes.ts";
import { requirePassword, type ScryptCost } from "./passwords.ts";
import { type Actor, covers } from "./roles.ts";
import type { AnswerOf, BodyOf, ParamsOf, RouteName } from "./routes.ts";
import { type SessionDesk, sessionDesk } from "./sessions.ts";
import { createToken, revokeToken, tokensOf } from "./tokens.ts";

export interface AccessParts {
  readonly table: AccessTable;
  /** The federation's own half. Each throws what its command throws. */
  readonly federation: {
    request(action: OperatorRequest, operator: string): Promise<Note>;
    invite(
      request: { readonly node: string; readonly url: string; readonly hours: number },
      decision: Decision,
    ): Promise<AnswerOf<"invite">>;
    status(): Promise<AnswerOf<"status">>;
    members(): Promise<AnswerOf<"members">>;
    underWay(): Promise<AnswerOf<"underWay">>;
    findings(): Promise<AnswerOf<"findings">>;
    readonly name: string;
    audit(): Promise<AuditLine[]>;
  };
  /** Operators may come over plain HTTP from other machines: on test networks. */
  readonly insecureHttp: boolean;
  /** Default: what `passwords.ts` says. */
  readonly cost?: ScryptCost;
}

interface Call<Name extends RouteName> {
  readonly actor: Actor;
  readonly params: ParamsOf<Name>;
  readonly body: BodyOf<Name>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}
/** Of whom nobody knows yet who they are. */
type OpenRoute = "login" | "door";
type Handlers = { readonly [Name in Exclude<RouteName, OpenRoute>]: (call: Call<Name>) => Promise<AnswerOf<Name>> };

/** Of operators' bodies, in bytes. */
const bodyLimit = 8 * 1024;
/** Requests a minute: of one operator; of logins, and of sessions and tokens that are none, from one address. */
const limits = { operator: 600, login: 60, wrong: 120 };

/** Registers them. Cookies and rate limits must be there: `transport/protection.ts`. */
export function serveOperators(app: FastifyInstance, parts: AccessParts): void {
  const { table } = parts;
  const desk = sessionDesk(table, parts.cost);
  const doors = gate(table, desk, parts);
  const handlers = handlersOf(parts, desk, doors);
  const wrong = guessLimit(app, limits.wrong);
  const actors = new WeakMap<FastifyRequest, Actor>();

  for (const name of Object.keys(operatorRoutes) as RouteName[]) {
    const route: ApiRoute = operatorRoutes[name];
    const perMinute = { max: route.least === null ? limits.login : limits.operator, timeWindow: 60_000 };
    app.route({
      ...{ method: route.method, url: route.path, bodyLimit },
      config: {
        rateLimit: { ...perMinute, keyGenerator: (request) => actors.get(request)?.name ?? request.ip },
      },
      async onRequest(request, reply) {
        reply.header("cache-control", "no-store");
        doors.requirePrivate(request);
        if (route.least === null) return route.method === "GET" ? undefined : doors.requireOwnOrigin(request);
        const actor = await doors.actor(request);
        if (actor === undefined) {
          await wrong(request);
          reply.header("www-authenticate", "Bearer");
          throw fail("TRB_ACCESS_REQUIRED");
        }
        if (!covers(actor.role, route.least)) throw fail("TRB_ACCESS_ROLE", { role: actor.role, least: route.least });
        if (route.sessionOnly && actor.session === undefined) throw fail("TRB_ACCESS_SESSION_ONLY");
        actors.set(request, actor);
      },
      async handler(request, reply) {
        const actor = actors.get(request);
        const params = route.params && parseRequest(route.params, request.params);
        const body = route.body && parseRequest(route.body, request.body ?? {});
        const answer =
          name === "door"
            ? { federation: parts.federation.name, accounts: (await table.accounts()).length > 0 }
            : name === "login" || actor === undefined
              ? await login(body as BodyOf<"login">, desk, doors, request, reply)
              : await (handlers[name] as (call: object) => Promise<unknown>)({ params, body, request, reply, actor });
        return reply.status(route.status).send(route.answer.parse(answer));
      },
    });
  }
}

async function login(
  { name, password }: BodyOf<"login">,
  desk: SessionDesk,
  doors: Gate,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<AnswerOf<"login">> {
  const { session, actor } = await desk.login(name, password);
  doors.setCookie(request, reply, session);
  return { name: actor.name, role: actor.role };
}

function handlersOf({ table, federation, cost }: AccessParts, desk: SessionDesk, doors: Gate): Handlers {
  const requested = async (action: OperatorRequest, { name }: Actor) => ({ requested: await federation.request(action, name) });
  return {
    async logout({ actor, request, reply }) {
      if (actor.session !== undefined) await table.endSession(actor.session);
      doors.clearCookie(request, reply);
      return undefined;
    },
    me: async ({ actor: { name, role } }) => ({ name, role }),
    async password({ actor: { name }, body: { current, next, reason }, request, reply }) {
      requirePassword(next);
      await desk.confirm(name, current);
      await changePassword(table, { name, password: next }, { by: name, reason }, cost);
      doors.clearCookie(request, reply);
      return undefined;
    },
    status: () => federation.status(),
    members: () => federation.members(),
    underWay: () => federation.underWay(),
    findings: () => federation.findings(),
    tokens: ({ actor }) => tokensOf(table, actor, "auditor"),
    async createToken({ actor, body: { reason, ...token } }) {
      if (!covers(actor.role, token.role)) throw fail("TRB_ACCESS_ROLE", { role: actor.role, least: token.role });
      return createToken(table, token, actor.account, { by: actor.name, reason });
    },
    async revokeToken({ actor, params: { id } }) {
      const own = await tokensOf(table, actor, "operator");
      if (!own.some((token) => token.id === id)) throw fail("TRB_ACCESS_TOKEN_UNKNOWN", { id });
      await revokeToken(table, id, { by: actor.name });
      return undefined;
    },
    accounts: async () => (await table.accounts()).map(shownAccount),
    audit: () => federation.audit(),
    invites: () => table.invites(),
    invite: ({ actor, body: { reason, ...invite } }) => federation.invite(invite, { by: actor.name, reason }),
    async revokeInvite({ actor, params: { id } }) {
      await revokeInvite(table, id, { by: actor.name });
      return undefined;
    },
    pause: ({ actor, body }) => requested({ kind: "pause", ...body }, actor),
    resume: ({ actor, body }) => requested({ kind: "resume", ...body }, actor),
    revoke: ({ actor, body }) => requested({ kind: "revoke", ...body }, actor),
    promote: ({ actor, body: { modelHash } }) =>
      requested({ kind: "promote", ...(modelHash === undefined ? {} : { modelHash }) }, actor),
    rollback: ({ actor, body }) => requested({ kind: "rollback", ...body }, actor),
  };
}

/** @returns the node that it was for. @throws TRB_ACCESS_INVITE_UNKNOWN */
export async function revokeInvite(table: AccessTable, id: string, decision: Decision): Promise<string> {
  const node = await table.revokeInvite(id, new Date().toISOString(), (of) => accessNote("revoke-invite", of, decision));
  if (node === undefined) throw fail("TRB_ACCESS_INVITE_UNKNOWN", { id });
  return node;
}
