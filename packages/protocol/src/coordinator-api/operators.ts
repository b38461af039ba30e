/**
 * What operators can ask, each with the least role that may. docs/access.md shows this table, and a test of the coordinator holds every route to it with
 * every role.
 */
import { z } from "zod";
import { nodeId, sha256Hex } from "../identifiers.ts";
import { inviteSchema } from "../invite.ts";
import { nothing, operatorName, operatorRole, routesOf } from "./route.ts";
import { findingAnswer, membersAnswer, operatorStatus, underWayAnswer } from "./standing.ts";

/** How long a token is good for, in days. */
export const tokenDays = { least: 1, usual: 90, most: 366 };
/** What names a token wherever the token itself must not be. */
export const tokenId = z.string().regex(/^trb_[0-9a-f]{12}$/);
/** What names an invite wherever its token must not be: the beginning of the token's hash. */
export const inviteId = z.string().regex(/^[0-9a-f]{12}$/);

/** Why, in words that stand in the ledger for everybody to read. */
const reason = z.string().max(256).default("");
const why = z.strictObject({ reason });
const instant = z.iso.datetime();
const password = z.string().max(1024);

const who = z.object({ name: operatorName, role: operatorRole });
const token = z.object({
  ...{ id: z.string(), name: operatorName, role: operatorRole, operator: operatorName.nullable() },
  ...{ made: instant, expires: instant, used: instant.nullable() },
});
const invite = z.object({ id: z.string(), node: z.string(), expires: instant, used: z.boolean() });
/** What is to be written into the ledger as soon as no round is under way. */
const requested = z.object({ requested: z.looseObject({ kind: z.string() }) });
/** An entry of the ledger that says what an operator did; `entry` is null while it waits to be written. */
const auditLine = z.object({
  ...{ entry: z.int().nullable(), at: instant.nullable(), done: instant.nullable(), operator: z.string() },
  ...{ action: z.string(), subject: z.string().nullable(), role: z.string().nullable(), reason: z.string() },
});
export type AuditLine = z.infer<typeof auditLine>;

export const operatorRoutes = routesOf({
  login: {
    ...{ method: "POST", path: "/v1/operators/login", least: null, status: 200, refusals: [400, 401] },
    does: "begins a session: the cookie is in the answer",
    body: z.strictObject({ name: operatorName, password }),
    answer: who,
  },
  door: {
    ...{ method: "GET", path: "/v1/operators/door", least: null, status: 200, refusals: [] },
    does: "says which federation this is, and whether anybody has an account",
    answer: z.object({ federation: z.string(), accounts: z.boolean() }),
  },
  logout: {
    ...{ method: "POST", path: "/v1/operators/logout", least: "viewer", sessionOnly: true, status: 204, refusals: [] },
    does: "ends the session",
    answer: nothing,
  },
  me: {
    ...{ method: "GET", path: "/v1/operators/me", least: "viewer", status: 200, refusals: [] },
    does: "says who asks, and with which role",
    answer: who,
  },
  password: {
    ...{
      method: "POST",
      path: "/v1/operators/password",
      least: "viewer",
      sessionOnly: true,
      status: 204,
      refusals: [400, 401],
    },
    does: "changes one's own password, and ends one's sessions",
    body: z.strictObject({ current: password, next: password, reason }),
    answer: nothing,
  },
  status: {
    ...{ method: "GET", path: "/v1/operators/status", least: "viewer", status: 200, refusals: [] },
    does: "says where the federation stands, with its rounds so far and what waits to be written",
    answer: operatorStatus,
  },
  underWay: {
    ...{ method: "GET", path: "/v1/operators/round", least: "viewer", status: 200, refusals: [] },
    does: "says of the round under way which node is at which step",
    answer: underWayAnswer,
  },
  findings: {
    ...{ method: "GET", path: "/v1/operators/findings", least: "auditor", status: 200, refusals: [] },
    does: "looks at what the federation stands on, as `coordinator doctor` does, but for the ledger's verification",
    answer: z.array(findingAnswer),
  },
  members: {
    ...{ method: "GET", path: "/v1/operators/roster", least: "viewer", status: 200, refusals: [] },
    does: "lists who is in the federation, since when, and who was",
    answer: membersAnswer,
  },
  tokens: {
    ...{ method: "GET", path: "/v1/operators/tokens", least: "viewer", status: 200, refusals: [] },
    does: "lists one's own tokens; an auditor sees all",
    answer: z.array(token),
  },
  createToken: {
    ...{ method: "POST", path: "/v1/operators/tokens", least: "viewer", sessionOnly: true, status: 201, refusals: [400, 409] },
    does: "makes a token of one's own role or a lesser one; it is shown this once",
    body: z.strictObject({
      ...{ name: operatorName, role: operatorRole, reason },
      days: z.int().min(tokenDays.least).max(tokenDays.most).default(tokenDays.usual),
    }),
    answer: token.extend({ token: z.string() }),
  },
  revokeToken: {
    ...{ method: "DELETE", path: "/v1/operators/tokens/:id", least: "viewer", status: 204, refusals: [400, 404] },
    does: "revokes one of one's own tokens, at once; an operator anybody's",
    params: z.strictObject({ id: tokenId }),
    answer: nothing,
  },
  accounts: {
    ...{ method: "GET", path: "/v1/operators/accounts", least: "auditor", status: 200, refusals: [] },
    does: "lists the operators' accounts",
    answer: z.array(who.extend({ made: instant })),
  },
  audit: {
    ...{ method: "GET", path: "/v1/operators/audit", least: "auditor", status: 200, refusals: [] },
    does: "lists what operators did, as the ledger has it, and what waits to be written",
    answer: z.array(auditLine),
  },
  invites: {
    ...{ method: "GET", path: "/v1/operators/invites", least: "auditor", status: 200, refusals: [] },
    does: "lists invites, without their tokens",
    answer: z.array(invite),
  },
  invite: {
    ...{ method: "POST", path: "/v1/operators/invites", least: "operator", status: 201, refusals: [400, 409] },
    does: "makes an invite for one node; it is shown this once",
    body: z.strictObject({
      ...{ node: nodeId, url: inviteSchema.shape.url, reason },
      hours: z.int().min(1).max(8_784).default(72),
    }),
    answer: z.object({ invite: z.string(), node: z.string(), expires: instant }),
  },
  revokeInvite: {
    ...{ method: "DELETE", path: "/v1/operators/invites/:id", least: "operator", status: 204, refusals: [400, 404] },
    does: "makes an invite worthless that nobody has used",
    params: z.strictObject({ id: inviteId }),
    answer: nothing,
  },
  pause: {
    ...{ method: "POST", path: "/v1/operators/pause", least: "operator", status: 202, refusals: [400, 409] },
    does: "offers no more rounds",
    body: why,
    answer: requested,
  },
  resume: {
    ...{ method: "POST", path: "/v1/operators/resume", least: "operator", status: 202, refusals: [400, 409] },
    does: "offers rounds again",
    body: why,
    answer: requested,
  },
  revoke: {
    ...{ method: "POST", path: "/v1/operators/revoke", least: "operator", status: 202, refusals: [400, 409] },
    does: "lets a node take part no longer",
    body: z.strictObject({ node: nodeId, reason }),
    answer: requested,
  },
  promote: {
    ...{ method: "POST", path: "/v1/operators/promote", least: "operator", status: 202, refusals: [400, 409] },
    does: "puts a model forward for use",
    body: z.strictObject({ modelHash: sha256Hex.optional() }),
    answer: requested,
  },
  rollback: {
    ...{ method: "POST", path: "/v1/operators/rollback", least: "operator", status: 202, refusals: [400, 409] },
    does: "has training go on from the model that a round left",
    body: z.strictObject({ round: z.int().min(0), reason }),
    answer: requested,
  },
});
