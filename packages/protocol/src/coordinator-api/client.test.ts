/** Refusals there and back, and a client before servers that answer what no coordinator would. (Before a coordinator it is tested in coordinator/src/api and by the CLI.) */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type ErrorCode, errorTable, fail } from "@tributary/errors";
import { afterAll, expect, test } from "vitest";
import { apiRoutes, coordinatorClient } from "./client.ts";
import { problemOf, problemSchema, refusalIn } from "./problem.ts";

const unknown = (code: string) => fail("TRB_API_ANSWER", { request: "it", reason: code });
const there = (value: unknown) => JSON.parse(JSON.stringify(value));

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** @returns where it listens */
async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("every code of the table is a problem that comes back as what it was", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const places = [...`${errorTable[code].message}${errorTable[code].advice}`.matchAll(/\{(\w+)\}/g)].map(
      ([, name]) => name ?? "",
    );
    const error = fail(code, Object.fromEntries(places.map((name, place) => [name, place % 2 === 0 ? `a ${name}` : 7n])));
    const problem = problemSchema.parse(there(problemOf(error)));
    expect(problem).toMatchObject({ type: `/docs/errors.md#${code}`, status: error.status, error: error.toJSON() });
    const back = refusalIn(there(problem), unknown);
    expect(back).toMatchObject({
      code,
      message: error.message,
      advice: error.advice,
      status: error.status,
      exitCode: error.exitCode,
    });
  }
});

test("a problem tells what its sentences tell, and no other detail", () => {
  const error = fail("TRB_ACCESS_ROLE", { role: "viewer", least: "operator", password: "hunter2" });
  expect(problemOf(error).details).toEqual({ role: "viewer", least: "operator" });
  expect(JSON.stringify(problemOf(error))).not.toContain("hunter2");
});

test("refusals of builds before this one are read; unknown codes, control characters and what is no refusal do no harm", () => {
  const before = { error: { code: "TRB_ACCESS_ROLE", message: "No.\u001b[2J", advice: "Ask.\n" } };
  expect(refusalIn(before, unknown)).toMatchObject({ code: "TRB_ACCESS_ROLE", message: "No. [2J", advice: "Ask. " });
  const newer = { ...problemOf(fail("TRB_ACCESS_REQUIRED")), code: "TRB_OF_TOMORROW" };
  expect(refusalIn(newer, unknown)).toMatchObject({ code: "TRB_API_ANSWER", details: { reason: "TRB_OF_TOMORROW" } });
  for (const none of [null, "no", {}, [], { code: 7 }, { error: "no" }, { code: "toString" }]) {
    expect(refusalIn(none, unknown)).toBeUndefined();
  }
});

test.each([
  ["no JSON", "text/html", "<p>a proxy's page</p>", 200],
  ["JSON of another form", "application/json", '{"name":"Night Shift","role":"king"}', 200],
  ["nothing", "application/json", "", 200],
  ["another success", "application/json", '{"name":"night-shift","role":"viewer"}', 206],
  ["a refusal in other words", "text/html", "<p>Bad gateway</p>", 502],
])("an answer that is %s is none", async (_, media, body, status) => {
  const url = await serving((_request, response) => response.writeHead(status, { "content-type": media }).end(body));
  await expect(coordinatorClient({ url }).me()).rejects.toMatchObject({ code: "TRB_API_ANSWER", details: { request: "me" } });
});

test("what a route takes goes where the description says, with the token for those routes that have a role", async () => {
  const seen: string[] = [];
  const url = await serving((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { authorization = "-", "x-tributary-operator": own = "-" } = request.headers;
      seen.push(`${request.method} ${request.url} ${authorization} ${own} ${Buffer.concat(chunks).toString("utf8")}`);
      response.writeHead(request.method === "DELETE" ? 204 : 200).end("");
    });
  });
  const api = coordinatorClient({ url: `${url}/behind/a/proxy`, token: "trb_x" });
  await api.revokeToken({ params: { id: "trb_0123456789ab" } });
  expect(await api.ledger({ query: { from: 3 } })).toBe("");
  await expect(api.pause({ body: { reason: "a backup" } })).rejects.toMatchObject({ code: "TRB_API_ANSWER" });
  await coordinatorClient({ url }).revokeToken({ params: { id: "../pause" } });
  expect(seen).toEqual([
    "DELETE /behind/a/proxy/v1/operators/tokens/trb_0123456789ab Bearer trb_x - ",
    "GET /behind/a/proxy/v1/ledger?from=3 - - ",
    'POST /behind/a/proxy/v1/operators/pause Bearer trb_x - {"reason":"a backup"}',
    "DELETE /v1/operators/tokens/..%2Fpause - 1 ",
  ]);
});

test("a token goes over TLS, to this machine, or where it was said to be a test network", () => {
  const token = "trb_x";
  expect(() => coordinatorClient({ url: "http://platform.example", token })).toThrow(
    expect.objectContaining({ code: "TRB_API_PLAIN_HTTP", details: { host: "platform.example" } }),
  );
  expect(() => coordinatorClient({ url: "http://127.0.0.1.platform.example", token })).toThrow();
  for (const url of ["https://platform.example", "http://localhost:7443", "http://127.0.0.1:7443", "http://[::1]:7443"]) {
    expect(Object.keys(coordinatorClient({ url, token }))).toEqual(Object.keys(apiRoutes));
  }
  expect(() => coordinatorClient({ url: "http://platform.example", token, insecureHttp: true })).not.toThrow();
});

test("nobody there, and an answer that doesn't come, are told apart from refusals", async () => {
  await expect(coordinatorClient({ url: "http://127.0.0.1:1" }).alive()).rejects.toMatchObject({ code: "TRB_API_UNREACHABLE" });
  const url = await serving(() => {});
  const signal = AbortSignal.timeout(50);
  await expect(coordinatorClient({ url }).alive({}, { signal })).rejects.toMatchObject({ code: "TRB_API_UNREACHABLE" });
});
