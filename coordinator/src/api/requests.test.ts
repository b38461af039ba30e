/**
 * A server in mid-federation is sent what its own description makes up, by everybody: each answer is one that the description has, in its form; nobody gets what
 * isn't for his role; and the server is as well afterwards as before. `pnpm test:long` sends twenty times as much; TRIBUTARY_FUZZ_SEED takes another seed than 1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { errorTable } from "@tributary/errors";
import {
  type ApiRoute,
  type ApiRouteName,
  apiRoutes,
  coordinatorClient,
  nodeId,
  type OperatorRole,
  operatorRole,
  operatorRoles,
  problemSchema,
} from "@tributary/protocol";
import fc from "fast-check";
import { pino } from "pino";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { extent } from "../../../test/fuzz/malformed.ts";
import { accessAtHome } from "../access/at-home.ts";
import { covers } from "../access/roles.ts";
import { createInvite } from "../invites.ts";
import { catalogue, join, scriptedNode, testIdentity, testPlan, until } from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { type Described, type Document, type Generated, operationsOf, requestsOf } from "./generated-requests.test-support.ts";
import { openApiDocument } from "./openapi.ts";

const document = openApiDocument() as unknown as Document;
const operations = operationsOf(document);
const schemas = document.components.schemas;
const names = ["north", "south", "west"].map((name) => nodeId.parse(name));
const agent = new Agent({ connections: 4 });
let home: string;
let server: RunningCoordinator;
/** What the server logged as its own failure. */
const failures: unknown[] = [];
const tokens = new Map<OperatorRole, string>();

beforeAll(async () => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-api-"));
  const plan = testPlan(home);
  const write = (line: string) => void (JSON.parse(line).level >= 50 && failures.push(JSON.parse(line)));
  const started = {
    home,
    plan,
    catalogue,
    port: 0,
    startWhen: 3,
    trustProxy: "127.0.0.1",
    log: pino({ base: null }, { write }),
  };
  server = await startCoordinator({ ...started, passwordCost: { ln: 10, r: 8, p: 1 } });
  for (const role of operatorRoles) {
    tokens.set(role, (await accessAtHome({ home }).createToken({ name: `t-${role}`, role, days: 1 })).token);
  }
  // a federation that has begun and stands still: what operators ask for is granted
  const identities = names.map(() => testIdentity());
  const nodes = names.map((node, place) => scriptedNode(plan, node, identities[place] ?? testIdentity(), () => identities));
  for (const { node, who } of nodes) await join((await createInvite(home, { node, url: server.url, hours: 1 })).invite, who);
  for (const node of nodes) node.beforeUpload = () => new Promise(() => {});
  for (const node of nodes) await node.connect(server.url);
  await until("the federation has begun", () => nodes.every((node) => node.ledger().length > 0), 60_000);
  for (const node of nodes) node.disconnect();
}, 120_000);
afterAll(async () => {
  await agent.close();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

interface Answered {
  readonly status: number;
  readonly media: string;
  readonly octets: Buffer;
}

/** @param address one of 127.0.0.0/8, by which the server's limits count; a proxy's word for it is believed here */
async function send(
  method: string,
  sent: Generated,
  who: OperatorRole | "nobody" | "guesser",
  address: string,
): Promise<Answered> {
  const token = who === "guesser" ? `trb_0123456789ab_${"x".repeat(43)}` : who === "nobody" ? undefined : tokens.get(who);
  const { statusCode, headers, body } = await request(`${server.url}${sent.path}`, {
    ...{ method: method as "GET", dispatcher: agent, body: sent.body ?? null },
    headers: {
      ...{ "x-forwarded-for": address, ...sent.headers },
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  const media = String(headers["content-type"] ?? "").split(";")[0] ?? "";
  return { status: statusCode, media, octets: Buffer.from(await body.arrayBuffer()) };
}

/** @throws unless it is an answer that the description has */
function requireDescribed({ operation }: Described, { status, media, octets }: Answered): void {
  const text = () => octets.toString("utf8");
  if (media === "application/problem+json") {
    const { code, status: told, type, error } = problemSchema.parse(JSON.parse(text()));
    expect([told, error.code, type]).toEqual([status, code, `/docs/errors.md#${code}`]);
    expect(errorTable).toHaveProperty(code, expect.objectContaining({ status }));
    if (code === "TRB_COORDINATOR_ROUTE_UNKNOWN") return; // a parameter that is empty, or leads elsewhere
  }
  const response = operation.responses[status];
  if (response === undefined) throw new Error(`${operation.operationId}: ${status} is not described: ${text().slice(0, 300)}`);
  expect(Object.keys(response.content ?? { "": {} })).toContain(media);
  if (status >= 400 && media === "application/problem+json") return;
  const route: ApiRoute = apiRoutes[operation.operationId as ApiRouteName];
  const schema = status === route.status ? route.answer : route.others?.[status];
  if (media !== "application/json") return;
  const told = JSON.parse(text());
  expect(schema?.parse(told)).toEqual(told); // nothing that the description doesn't have
}

/** What can't be made up: a password, and a node's signed message. */
const refusedAll: Readonly<Record<string, number>> = { login: 401, vector: 400, vectorOffset: 400 };

const addresses = fc.tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 1, max: 254 })).map((parts) => `127.${parts.join(".")}`);
const askers = fc.constantFrom<OperatorRole | "nobody" | "guesser">("nobody", "guesser", ...operatorRoles);

describe.each(operations.map((described) => [described.operation.operationId, described] as const))("%s", (_, described) => {
  const least = described.operation["x-least-role"];

  test("answers what keeps to its description, to who may ask", { timeout: 60_000 }, async () => {
    const [sent] = fc.sample(requestsOf(described, schemas, ["valid"]), { numRuns: 1, seed: 1 });
    if (sent === undefined) throw new Error("no request");
    const answered = await send(described.method, sent, "operator", "127.1.1.1");
    requireDescribed(described, answered);
    const refusal =
      answered.media === "application/problem+json" ? JSON.parse(answered.octets.toString("utf8")).code : undefined;
    expect(refusal).not.toBe("TRB_COORDINATOR_ROUTE_UNKNOWN"); // what is described is served
    const expected = refusedAll[described.operation.operationId];
    if (expected === undefined) expect([400, 401, 429, 500]).not.toContain(answered.status);
    else expect(answered.status).toBe(expected);
  });

  test("answers whatever is asked, by whomever, in a form that it describes", { timeout: 600_000 }, async () => {
    const requests = requestsOf(described, schemas, ["valid", "nearly", "mutated"]);
    await fc.assert(
      fc.asyncProperty(requests, askers, addresses, async (sent, who, address) => {
        const answered = await send(described.method, sent, who, address);
        requireDescribed(described, answered);
        const known = operatorRole.safeParse(who);
        const may = least === undefined || (known.success && covers(known.data, operatorRole.parse(least)));
        if (!may && answered.status < 400) throw new Error(`${who} was answered with ${answered.status}`);
      }),
      extent(12),
    );
  });
});

test("afterwards the server had no failure of its own, is well, and serves everybody", { timeout: 60_000 }, async () => {
  expect(failures).toEqual([]);
  const api = coordinatorClient({ url: server.url, token: tokens.get("viewer") ?? "" });
  const amiss = async () => [...(await api.alive()).checks, ...(await api.ready()).checks].filter(({ ok }) => !ok);
  await expect.poll(amiss, { timeout: 45_000 }).toEqual([]); // on a busy machine the event loop was held up a moment ago
  expect(await api.me()).toEqual({ name: "t-viewer", role: "viewer" });
});
