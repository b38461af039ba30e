/** The description itself: whole, consistent, and of exactly what is served. (docs/check-examples.ts holds docs/api to it.) */
import { apiRoutes, protocolVersion } from "@tributary/protocol";
import Fastify from "fastify";
import { expect, test } from "vitest";
import { requireDescriptions } from "./described.ts";
import { type Document, operationsOf } from "./generated-requests.test-support.ts";
import { openApiDocument } from "./openapi.ts";

const document = openApiDocument();
const operations = operationsOf(document as unknown as Document);

/** Every object and list in it, with where it stands. */
function* nodesOf(node: unknown, at = "#"): Generator<readonly [string, object]> {
  if (typeof node !== "object" || node === null) return;
  yield [at, node];
  for (const [key, child] of Object.entries(node))
    yield* nodesOf(child, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
}

test("is OpenAPI 3.1 of the protocol's version, and plain JSON", () => {
  expect(document).toMatchObject({ openapi: "3.1.0", info: { title: expect.any(String), version: protocolVersion } });
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
});

test("has every route once, under the name of the client's method", () => {
  expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(apiRoutes).sort());
  const served = Object.values(apiRoutes).map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort());
  expect(new Set(served).size).toBe(served.length);
});

test("names in each path exactly the parameters that it describes, all of them required", () => {
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(described.map(({ name }) => name)).toEqual(named);
    expect(described.every(({ required }) => required)).toBe(true);
    const all = (operation.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(all).size).toBe(all.length);
  }
});

test("has for each operation an answer when it is done, every refusal as a problem, and no body where HTTP has none", () => {
  for (const { method, operation } of operations) {
    const statuses = Object.keys(operation.responses).map(Number);
    expect(statuses.filter((status) => status < 300).length).toBeGreaterThan(0);
    expect(statuses).toEqual(expect.arrayContaining([429]));
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (["204", "304"].includes(status)) expect(content).toBeUndefined();
      else if (Number(status) < 400) expect(content).toBeDefined();
    }
    if (method === "GET") expect(operation.requestBody).toBeUndefined();
    expect(operation["x-least-role"] === undefined).toBe(operation.security.length === 0);
  }
});

test("has what each reference names, and no reference leads out of it", () => {
  const places = new Map(nodesOf(document));
  const references = [...places.values()].flatMap((node) => ("$ref" in node ? [String(node.$ref)] : []));
  expect(references.length).toBeGreaterThan(100);
  for (const reference of references) expect(places.has(reference), reference).toBe(true);
  const security = operations.flatMap(({ operation }) => operation.security.flatMap((one) => Object.keys(one)));
  expect(new Set(security)).toEqual(new Set(Object.keys(document.components.securitySchemes)));
});

test("holds only schemas that say what they are: types that JSON Schema has, patterns that compile, required fields that are there", () => {
  const types = ["string", "number", "integer", "boolean", "array", "object", "null"];
  for (const [at, node] of nodesOf(document)) {
    if ("pattern" in node && typeof node.pattern === "string") expect(() => new RegExp(String(node.pattern)), at).not.toThrow();
    if (!("properties" in node) || at.endsWith("/properties")) continue;
    const { type, required = [], properties } = node as { type?: string; required?: string[]; properties: object };
    expect(types, at).toContain(type);
    for (const name of required) expect(Object.keys(properties), at).toContain(name);
  }
});

test("can't be evaded: a server that is given a route which nobody described doesn't start", () => {
  const app = Fastify();
  requireDescriptions(app, (path) => path === "/");
  app.get("/", () => "a page");
  app.get("/v1/plan", () => "described");
  expect(() => app.get("/v1/plans", () => "nobody described it")).toThrow("GET /v1/plans");
  expect(() => app.post("/v1/plan", () => "with another method")).toThrow("POST /v1/plan");
});
