/** Operators' routes on a server that speaks TLS: who may ask what, by session and by token, and what becomes of it in the ledger. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { type ApiRoute, type OperatorRole, operatorRoutes, type Plan } from "@tributary/protocol";
import { pino } from "pino";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../../../test/tls/certificate.ts";
import { catalogue, testPlan } from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { openPlace } from "../storage/place.ts";
import { accessTable } from "./access-table.ts";
import { addOperator } from "./accounts.ts";
import { accessAtHome } from "./at-home.ts";
import { covers } from "./roles.ts";
import { routesTable } from "./routes.ts";

const password = "correct horse battery";
/** 1 MiB a derivation, so that every test can log in. */
const cheap = { ln: 10, r: 8, p: 1 };
const roles = ["viewer", "auditor", "operator"] as const;
const authority = testAuthority();
const log = () => pino({ base: null }, { write: (line: string) => void (logged += line) });
let logged = "";
let home: string;
let plan: Plan;
let server: RunningCoordinator;
let agent: Agent;
let tls: { cert: string; key: string };
const atHome = () => accessAtHome(home);
const tokens = new Map<OperatorRole, string>();

/** As `accessAtHome` does it, with a cheap hash. */
async function addAccount(name: string, role: OperatorRole): Promise<void> {
  const store = await openPlace(home);
  await addOperator(accessTable(store.database), { name, role, password }, { by: "operator" }, cheap);
  await store.close();
}

function writeCertificate(): string {
  const { cert, key } = testCertificate(authority);
  writeFileSync(tls.cert, cert);
  writeFileSync(tls.key, key);
  return cert;
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "tributary-operators-"));
  tls = { cert: join(home, "cert.pem"), key: join(home, "key.pem") };
  writeCertificate();
  plan = testPlan(home);
  server = await startCoordinator({ home, plan, catalogue, port: 0, tls, log: log(), passwordCost: cheap });
  agent = new Agent({ connect: { ca: authority.cert } });
  for (const role of roles) {
    await addAccount(`a-${role}`, role);
    tokens.set(role, (await atHome().createToken({ name: `t-${role}`, role, days: 1 })).token);
  }
}, 60_000);
afterAll(async () => {
  await agent.close();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

interface Asked {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

async function ask(method: string, path: string, { body, headers = {} }: Asked = {}) {
  const answer = await request(`${server.url}${path}`, {
    ...{ dispatcher: agent, method: method as "GET" },
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  const document = text === "" ? undefined : JSON.parse(text);
  return { status: answer.statusCode, headers: answer.headers, document, code: document?.error?.code as string | undefined };
}

const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` });

/** @returns what the browser would send from a page of the server */
async function login(name: string, secret = password) {
  const { status, headers, document } = await ask("POST", "/v1/operators/login", { body: { name, password: secret } });
  expect({ status, name: document.name }).toEqual({ status: 200, name });
  const cookie = String(headers["set-cookie"]);
  return { cookie, own: { cookie: cookie.split(";")[0] ?? "", "x-tributary-operator": "1" } };
}

const sessions = new Map<OperatorRole, Record<string, string>>();

/** One for all routes, but for those that end it: an address may log in sixty times a minute. */
async function sessionOf(role: OperatorRole, fresh = false): Promise<Record<string, string>> {
  const open = sessions.get(role);
  if (open !== undefined && !fresh) return open;
  const { own } = await login(`a-${role}`);
  if (!fresh) sessions.set(role, own);
  return own;
}

/** Of each route a request that is well-formed, and what it comes to for whom it is permitted, before the federation has begun. */
const asked: Record<keyof typeof operatorRoutes, { path?: string; body?: unknown; status: number }> = {
  login: { body: { name: "a-viewer", password }, status: 200 },
  door: { status: 200 },
  logout: { status: 204 },
  me: { status: 200 },
  password: { body: { current: password, next: password }, status: 204 },
  status: { status: 200 },
  underWay: { status: 200 },
  findings: { status: 200 },
  members: { status: 200 },
  tokens: { status: 200 },
  createToken: { body: { name: "made", role: "viewer" }, status: 201 },
  revokeToken: { path: "/v1/operators/tokens/trb_0123456789ab", status: 404 },
  accounts: { status: 200 },
  audit: { status: 200 },
  invites: { status: 200 },
  invite: { body: { node: "bookshop", url: "https://platform.example" }, status: 201 },
  revokeInvite: { path: "/v1/operators/invites/0123456789ab", status: 404 },
  pause: { body: { reason: "a backup" }, status: 409 },
  resume: { body: {}, status: 409 },
  revoke: { body: { node: "bookshop" }, status: 409 },
  promote: { body: {}, status: 409 },
  rollback: { body: { round: 1 }, status: 409 },
};
const everyRoute = Object.entries(operatorRoutes) as [keyof typeof operatorRoutes, ApiRoute][];

describe.each(everyRoute)("%s", (name, route) => {
  const { path = route.path, body, status } = asked[name];
  const request = body === undefined ? {} : { body };

  test("is for nobody who shows nothing, or what is none", async () => {
    if (route.least === null) return expect((await ask(route.method, path, request)).status).toBe(status);
    for (const headers of [
      {},
      bearer(`trb_0123456789ab_${"x".repeat(43)}`),
      bearer(""),
      { cookie: `__Host-tributary=${"x".repeat(43)}` },
    ]) {
      const refused = await ask(route.method, path, { ...request, headers });
      expect([refused.status, refused.code]).toEqual([401, "TRB_ACCESS_REQUIRED"]);
    }
  });

  test.each(roles)("by a session of role %s", async (role) => {
    const own = await sessionOf(role, name === "logout" || name === "password");
    if (name === "password") sessions.delete(role); // it ends them all
    const { status: got, code } = await ask(route.method, path, { ...request, headers: own });
    if (route.least === null || covers(role, route.least)) expect(got).toBe(status);
    else expect([got, code]).toEqual([403, "TRB_ACCESS_ROLE"]);
    if (name === "createToken")
      await atHome().revokeToken((await atHome().tokens()).find((one) => one.name === "made")?.id ?? "");
  });

  test.each(roles)("by a token of role %s", async (role) => {
    const { status: got, code } = await ask(route.method, path, { ...request, headers: bearer(tokens.get(role)) });
    if (route.least !== null && !covers(role, route.least)) expect([got, code]).toEqual([403, "TRB_ACCESS_ROLE"]);
    else if (route.sessionOnly) expect([got, code]).toEqual([403, "TRB_ACCESS_SESSION_ONLY"]);
    else expect(got).toBe(status);
  });

  test("takes nothing that it doesn't know", async () => {
    if (route.body === undefined) return expect(body).toBeUndefined();
    const own = await sessionOf("operator");
    const refused = await ask(route.method, path, { body: { ...(body as object), more: 1 }, headers: own });
    expect([refused.status, refused.code]).toEqual([400, "TRB_COORDINATOR_REQUEST_INVALID"]);
  });
});

test("the page has the table of routes as it is", () => {
  const page = readFileSync(new URL("../../../docs/access.md", import.meta.url), "utf8");
  expect(page).toContain(routesTable().join("\n"));
});

describe("a session", () => {
  test("has a cookie that no script reads, that goes nowhere else, and over TLS only; it ends with logout", async () => {
    const { cookie, own } = await login("a-viewer");
    expect(cookie).toMatch(/^__Host-tributary=[A-Za-z0-9_-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect((await ask("GET", "/v1/operators/me", { headers: { cookie: own.cookie } })).document).toEqual({
      name: "a-viewer",
      role: "viewer",
    });
    expect((await ask("POST", "/v1/operators/logout", { headers: own })).status).toBe(204);
    expect((await ask("GET", "/v1/operators/me", { headers: own })).code).toBe("TRB_ACCESS_REQUIRED");
  });

  test.each([
    ["without the header", { "x-tributary-operator": undefined }],
    ["with another value of it", { "x-tributary-operator": "0" }],
    ["from another origin", { origin: "https://evil.example" }],
    ["from no origin that there is", { origin: "null" }],
    ["from another site, as the browser says", { "sec-fetch-site": "cross-site" }],
    ["from a sister of this host", { "sec-fetch-site": "same-site" }],
  ])("changes nothing for a page of somebody else's: %s", async (_, change) => {
    const own = await sessionOf("operator");
    const headers = Object.fromEntries(
      Object.entries({ ...own, ...change }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>;
    const refused = await ask("POST", "/v1/operators/pause", { body: {}, headers });
    expect([refused.status, refused.code]).toEqual([403, "TRB_ACCESS_ORIGIN"]);
    const same = { ...own, origin: server.url, "sec-fetch-site": "same-origin" };
    expect((await ask("POST", "/v1/operators/pause", { body: {}, headers: same })).code).toBe("TRB_COORDINATOR_NOT_STARTED");
  });

  test("isn't begun for a page of somebody else's", async () => {
    const headers = { origin: "https://evil.example" };
    const refused = await ask("POST", "/v1/operators/login", { body: { name: "a-viewer", password }, headers });
    expect([refused.status, refused.code]).toEqual([403, "TRB_ACCESS_ORIGIN"]);
  });

  test("can't make a token of more than its role; its tokens end with the account, at once", async () => {
    await addAccount("passing", "auditor");
    const { own } = await login("passing");
    const more = await ask("POST", "/v1/operators/tokens", { body: { name: "too-much", role: "operator" }, headers: own });
    expect(more.code).toBe("TRB_ACCESS_ROLE");
    const made = await ask("POST", "/v1/operators/tokens", {
      body: { name: "report", role: "auditor", days: 3 },
      headers: own,
    });
    expect(made.status).toBe(201);
    const headers = bearer(made.document.token);
    expect((await ask("GET", "/v1/operators/me", { headers })).document).toEqual({ name: "passing", role: "auditor" });
    expect((await ask("GET", "/v1/operators/tokens", { headers })).document.length).toBeGreaterThan(3);
    await atHome().changeRole("passing", "viewer");
    expect((await ask("GET", "/v1/operators/tokens", { headers })).document.map((one: { name: string }) => one.name)).toEqual([
      "report",
    ]);
    await atHome().removeOperator("passing");
    for (const shown of [headers, own]) expect((await ask("GET", "/v1/operators/me", { headers: shown })).status).toBe(401);
  });

  test("ends when its password is changed, by the old one only", async () => {
    await addAccount("changing", "viewer");
    const { own } = await login("changing");
    const next = "battery horse correct";
    const change = (current: string, to = next) =>
      ask("POST", "/v1/operators/password", { body: { current, next: to }, headers: own });
    expect((await change("a wrong password")).code).toBe("TRB_ACCESS_LOGIN_REFUSED");
    expect((await change(password, "short")).code).toBe("TRB_ACCESS_PASSWORD_WEAK");
    expect((await change(password)).status).toBe(204);
    expect((await ask("GET", "/v1/operators/me", { headers: own })).status).toBe(401);
    await login("changing", next);
  });
});

test("who guesses is refused by code, the same for every name, and then for a while without being asked", async () => {
  const headers = { "x-nothing": "1" };
  const codes: (string | undefined)[] = [];
  for (let guess = 0; guess < 6; guess += 1) {
    codes.push(
      (await ask("POST", "/v1/operators/login", { body: { name: "nobody", password: "a wrong password" }, headers })).code,
    );
  }
  expect(codes).toEqual([...Array(5).fill("TRB_ACCESS_LOGIN_REFUSED"), "TRB_ACCESS_LOCKED"]);
  const wrong = bearer(`trb_0123456789ab_${"y".repeat(43)}`);
  let refused = await ask("GET", "/v1/operators/me", { headers: wrong });
  for (let guess = 0; guess < 200 && refused.status === 401; guess += 1)
    refused = await ask("GET", "/v1/operators/me", { headers: wrong });
  expect([refused.status, refused.code]).toEqual([429, "TRB_COORDINATOR_RATE_LIMITED"]);
  expect((await ask("GET", "/v1/operators/me", { headers: bearer(tokens.get("viewer")) })).status).toBe(200); // others may have the same address
}, 60_000);

test("answers tell browsers to do nothing with them; operators' are kept nowhere", async () => {
  const { headers } = await ask("GET", "/v1/operators/me");
  expect(headers).toMatchObject({
    "content-security-policy": expect.stringContaining("default-src 'none'"),
    "strict-transport-security": expect.stringContaining("max-age="),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  expect(headers["access-control-allow-origin"]).toBeUndefined();
});

test("a certificate is taken anew when it is told to, and a broken one leaves the old in its place", async () => {
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: authority.cert }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.end();
      }).on("error", reject);
    });
  const before = await served();
  writeCertificate();
  expect(await served()).toBe(before);
  server.reloadTls();
  const after = await served();
  expect(after).not.toBe(before);
  writeFileSync(tls.key, testCertificate(authority).key); // another's
  expect(() => server.reloadTls()).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_TLS_INVALID" }));
  expect(await served()).toBe(after);
});

test("plain HTTP to a port that speaks TLS gets no answer of ours", async () => {
  const heard = await new Promise<string>((resolve) => {
    let text = "";
    const socket = createConnection(server.port, "127.0.0.1", () =>
      socket.write("GET /v1/plan HTTP/1.1\r\nhost: here\r\n\r\n"),
    );
    socket.on("data", (octets) => {
      text += octets.toString("latin1");
    });
    socket.on("close", () => resolve(text)).on("error", () => {});
  });
  expect(heard).not.toContain("plan");
});

test("behind a proxy that is trusted it is the proxy's word that counts, and nobody else's", async () => {
  const options = { plan: testPlan(join(home, "proxied")), catalogue, port: 0, log: log(), trustProxy: "127.0.0.1" };
  const proxied = await startCoordinator({ home: join(home, "proxied"), host: "127.0.0.1", ...options });
  const direct = await startCoordinator({
    ...options,
    home: join(home, "direct"),
    plan: testPlan(join(home, "direct")),
    trustProxy: "192.0.2.1",
  });
  try {
    const me = async (url: string, headers: Record<string, string>) => {
      const answer = await fetch(`${url}/v1/operators/me`, { headers });
      return ((await answer.json()) as { error: { code: string } }).error.code;
    };
    const from = (protocol: string) => ({ "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": protocol });
    expect(await me(proxied.url, from("http"))).toBe("TRB_ACCESS_PLAIN_HTTP");
    expect(await me(proxied.url, from("https"))).toBe("TRB_ACCESS_REQUIRED");
    // whoever says that it was sent on from this machine is told by where the proxy got it from
    expect(await me(proxied.url, { ...from("http"), "x-forwarded-for": "127.0.0.1, 203.0.113.7" })).toBe(
      "TRB_ACCESS_PLAIN_HTTP",
    );
    expect(await me(direct.url, from("http"))).toBe("TRB_ACCESS_REQUIRED"); // it came from this machine, whatever it says
  } finally {
    await proxied.close();
    await direct.close();
  }
});

test("a body of an operator's is small, or is not read", async () => {
  const headers = await sessionOf("operator");
  const refused = await ask("POST", "/v1/operators/pause", { body: { reason: "x".repeat(9_000) }, headers });
  expect([refused.status, refused.code]).toEqual([413, "TRB_COORDINATOR_REQUEST_TOO_LARGE"]);
});

test("without TLS it listens on this machine's own addresses only, unless somebody says so", async () => {
  const start = (options: object) =>
    startCoordinator({ home: join(home, "other"), plan, catalogue, port: 0, log: log(), ...options });
  await expect(start({ host: "0.0.0.0" })).rejects.toMatchObject({ code: "TRB_COORDINATOR_PLAIN_HTTP" });
  await expect(start({ tls: { cert: tls.cert, key: join(home, "missing.pem") } })).rejects.toMatchObject({
    code: "TRB_COORDINATOR_TLS_INVALID",
  });
});

test("what operators did is a line of the audit, waiting until there is a ledger; no secret is in it, in the log or on the disk", async () => {
  const lines = await atHome().audit();
  expect(lines.map(({ action, subject }) => `${action} ${subject}`)).toContain("add-operator a-operator");
  expect(lines.every(({ entry }) => entry === null)).toBe(true);
  for (const secret of [password, ...tokens.values()]) {
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(logged).not.toContain(secret);
    for (const file of ["coordinator.sqlite", "coordinator.sqlite-wal"].filter((name) => existsSync(join(home, name)))) {
      expect(readFileSync(join(home, file)).includes(secret)).toBe(false);
    }
  }
});
