/** The API's description, OpenAPI 3.1, made from the schemas that requests are held to. docs/api/coordinator.openapi.json is what it says. */
import {
  type ApiRoute,
  type ApiRouteName,
  apiRoutes,
  documentRoutes,
  planSchema,
  problemMedia,
  problemSchema,
  protocolVersion,
  rosterMemberSchema,
} from "@tributary/protocol";
import { z } from "zod";

const statusWords: Readonly<Record<number, string>> = {
  200: "answered",
  201: "made",
  202: "to be written into the ledger as soon as no round is under way",
  204: "done",
  206: "the part that was asked for",
  304: "what the asker has is what there is",
  400: "malformed",
  401: "shows no session or token that is valid now, or a wrong password",
  403: "refused to who asks",
  404: "nothing is known of it",
  409: "it doesn't go with how things stand",
  413: "too large",
  415: "compressed, which nothing here may be",
  429: "too often; `retry-after` says when again",
  503: "busy, stopping, or without a leader or a database",
  507: "no room left on disk",
};
/** What everybody may be told, whatever is asked. */
const always = [400, 429, 503, 507] as const;

type Direction = "input" | "output";

/** Requests are described as they come; numbers in paths and queries as numbers. */
function schemaOf(schema: z.ZodType, io: Direction): Record<string, unknown> {
  const {
    $schema: _,
    "~standard": _standard,
    ...rest
  } = z.toJSONSchema(schema, {
    ...{ target: "draft-2020-12", io, unrepresentable: "any" },
  }) as Record<string, unknown>;
  return rest;
}

/** What several answers hold is said once. */
const named = {
  Plan: planSchema,
  RosterMember: rosterMemberSchema,
  RoundFigures: documentRoutes.rounds.answer.element,
  Checks: documentRoutes.alive.answer,
};

/** Puts a reference where a named schema stands. */
function withReferences<Node>(node: Node, names: ReadonlyMap<string, string>): Node {
  if (typeof node !== "object" || node === null) return node;
  const name = names.get(JSON.stringify(node));
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` } as Node;
  if (Array.isArray(node)) return node.map((one) => withReferences(one, names)) as Node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withReferences(value, names)])) as Node;
}

const isNothing = (schema: z.ZodType) => schema.safeParse(undefined).success;

function contentOf(schema: z.ZodType, io: Direction, media: string | undefined): object {
  if (media === "application/octet-stream") return { [media]: {} };
  if (media === "text/plain") return { [media]: { schema: { type: "string" } } };
  return { "application/json": { schema: schemaOf(schema, io) } };
}

/** Each parameter by itself. @param io numbers are read out of the text, so what comes out says more of them than what goes in */
function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query" | "header", io: Direction): object[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => ({
    ...{ name, in: place, required: place === "path" || !isNothing(field as z.ZodType) },
    schema: schemaOf(field as z.ZodType, io),
  }));
}

function answersOf({ status, answer, answerMedia, others = {} }: ApiRoute): Record<string, object> {
  const said = (one: z.ZodType, media: string | undefined) =>
    isNothing(one) ? {} : { content: contentOf(one, "output", media) };
  const answers = [[status, answer] as const, ...Object.entries(others)];
  return Object.fromEntries(
    answers.map(([one, schema]) => [
      one,
      { description: statusWords[Number(one)] ?? "answered", ...said(schema, isNothing(schema) ? undefined : answerMedia) },
    ]),
  );
}

const problem = (status: number) => ({
  description: statusWords[status] ?? "refused",
  content: { [problemMedia]: { schema: { $ref: "#/components/schemas/Problem" } } },
});

function securityOf({ least, scraped, sessionOnly }: ApiRoute): object[] {
  if (least === null) return [];
  if (sessionOnly) return [{ session: [] }];
  return [{ token: [] }, { session: [] }, ...(scraped ? [{}] : [])];
}

function operationOf(name: ApiRouteName, route: ApiRoute): object {
  const { does, params, query, headers, body, bodyMedia, least } = route;
  const refused = [...always, ...(least === null ? [] : [401, 403]), ...(body === undefined ? [] : [413, 415])];
  if (route.path.startsWith("/v1/operators/")) refused.push(403);
  const statuses = [...new Set([...refused, ...route.refusals])]
    .filter((status) => route.others?.[status] === undefined)
    .sort((a, b) => a - b);
  const parameters = [
    ...parametersOf(params, "path", "output"),
    ...parametersOf(query, "query", "output"),
    ...parametersOf(headers, "header", "input"),
  ];
  return {
    operationId: name,
    summary: does,
    ...(least === null ? {} : { "x-least-role": least }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body, "input", bodyMedia) } }),
    responses: { ...answersOf(route), ...Object.fromEntries(statuses.map((status) => [status, problem(status)])) },
    security: securityOf(route),
  };
}

/** `/v1/blobs/:sha256` → `/v1/blobs/{sha256}` */
const templateOf = (path: string) => path.replace(/:([a-zA-Z0-9]+)/g, "{$1}");

export function openApiDocument() {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries<ApiRoute>(apiRoutes)) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(name as ApiRouteName, route) };
  }
  const schemas = Object.entries(named).map(([name, schema]) => [name, schemaOf(schema, "output")] as const);
  const names = new Map(schemas.map(([name, schema]) => [JSON.stringify(schema), name]));
  return {
    openapi: "3.1.0",
    info: {
      title: "Tributary coordinator",
      version: protocolVersion,
      description:
        "What nodes, auditors and operators ask a federation's coordinator. Rounds themselves are spoken over socket.io: docs/protocol.md.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths: withReferences(paths, names),
    components: {
      schemas: { ...Object.fromEntries(schemas), Problem: schemaOf(problemSchema, "output") },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "`tributary coordinator token create`, docs/access.md" },
        session: { type: "apiKey", in: "cookie", name: "__Host-tributary" },
      },
    },
  };
}
