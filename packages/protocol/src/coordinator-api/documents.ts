/** What nodes, auditors, load balancers and scrapers ask: everything that is not for operators. */
import { z } from "zod";
import { identityKey, sha256Hex, signatureHex } from "../identifiers.ts";
import { planSchema } from "../plan/schema.ts";
import { rosterMemberSchema, rosterSchema } from "../roster.ts";
import { nothing, octets, routesOf } from "./route.ts";
import { checksAnswer, roundFigures, statusAnswer } from "./standing.ts";

const get = { method: "GET", least: null, status: 200 } as const;
const blobParams = z.strictObject({ sha256: sha256Hex });
const vectorParams = z.strictObject({ round: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER), sha256: sha256Hex });
/** The node's signed message of the step `masked`, as base64url of its JSON: it says who asks, and of what length and hash the vector is. */
const signedMessage = { "x-tributary-message": z.string().max(8192) };
const offset = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,14})$/)
  .default("0")
  .transform(Number);
const health = { ...get, answer: checksAnswer, others: { 503: checksAnswer }, refusals: [] } as const;
const vector = { path: "/v1/rounds/:round/vectors/:sha256", least: null, params: vectorParams } as const;
const vectorRefusals = [400, 403, 409, 413] as const;

export const documentRoutes = routesOf({
  identity: {
    ...{ ...get, path: "/v1/identity", refusals: [400] },
    does: "proves the coordinator's identity key for a nonce of the caller's",
    query: z.strictObject({ nonce: z.string().regex(/^[0-9a-f]{64}$/) }),
    answer: z.object({ federation: z.string(), key: identityKey, signature: signatureHex }),
  },
  join: {
    ...{ method: "POST", path: "/v1/join", least: null, status: 200, refusals: [400, 403, 409] },
    does: "makes a node a member, by an invite's token and its own signature",
    body: z.strictObject({ token: z.string().regex(/^[0-9a-f]{32}$/), member: rosterMemberSchema }),
    answer: z.object({ plan: planSchema, planSignature: signatureHex, roster: rosterSchema }),
  },
  plan: {
    ...{ ...get, path: "/v1/plan", refusals: [] },
    does: "gives the plan with the coordinator's signature of its hash",
    answer: z.object({ plan: planSchema, signature: signatureHex }),
  },
  roster: {
    ...{ ...get, path: "/v1/roster", refusals: [] },
    does: "lists the members of the next round, ascending by node",
    answer: rosterSchema,
  },
  standing: {
    ...{ ...get, path: "/v1/status", refusals: [] },
    does: "says where the federation stands, in public facts",
    answer: statusAnswer,
  },
  rounds: {
    ...{ ...get, path: "/v1/rounds", refusals: [] },
    does: "lists every round begun: how long it took, what went over the wire, what it cost",
    answer: z.array(roundFigures),
  },
  ledger: {
    ...{ ...get, path: "/v1/ledger", refusals: [400] },
    does: "gives the ledger's lines from an entry on, each ended by one line feed",
    query: z.strictObject({ from: z.coerce.number().int().min(0).max(1e9).default(0) }),
    answer: z.string(),
    answerMedia: "text/plain",
  },
  blob: {
    ...{ ...get, path: "/v1/blobs/:sha256", refusals: [400, 404] },
    does: "gives a model or the catalogue by its hash; with `range` a part, with `if-none-match` only what is new",
    params: blobParams,
    headers: z.object({ range: z.string().optional(), "if-none-match": z.string().optional() }),
    answer: octets,
    answerMedia: "application/octet-stream",
    others: { 206: octets, 304: nothing },
  },
  certificate: {
    ...{ ...get, path: "/v1/certificates/:sha256", refusals: [400, 404] },
    does: "gives what the coordinator signed of a model, as it was signed",
    params: blobParams,
    answer: z.looseObject({}),
  },
  vectorOffset: {
    ...{ ...vector, method: "GET", status: 200, refusals: vectorRefusals },
    does: "says how many octets of a node's masked vector are here",
    headers: z.object(signedMessage),
    answer: z.object({ offset: z.int().min(0) }),
  },
  vector: {
    ...{ ...vector, method: "PUT", status: 204, refusals: vectorRefusals },
    does: "takes a node's masked vector, from where the part that is here ends",
    headers: z.object({ ...signedMessage, "upload-offset": offset }),
    body: octets,
    bodyMedia: "application/octet-stream",
    answer: nothing,
  },
  description: {
    ...{ ...get, path: "/v1/openapi.json", refusals: [] },
    does: "gives this description",
    answer: z.looseObject({ openapi: z.string(), info: z.looseObject({ version: z.string() }), paths: z.looseObject({}) }),
  },
  alive: { ...health, path: "/healthz", does: "says whether this process is alive, or to be started again" },
  ready: { ...health, path: "/readyz", does: "says whether nodes and operators should be sent to this replica" },
  metrics: {
    ...{ ...get, path: "/metrics", least: "viewer", scraped: true, refusals: [] },
    does: "gives Prometheus' metrics of this replica",
    answer: z.string(),
    answerMedia: "text/plain",
  },
});
