/** What a stranger, a foreign web page or somebody with a lesser right can send to the real servers. */
import { randomBytes } from "node:crypto";
import { symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInvite } from "@tributary/coordinator";
import { operatorRoutes } from "@tributary/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAll, temporaryFolder, tributary } from "../../e2e/processes.ts";
import { finding } from "../finding.ts";
import { logIn, operatorCookie, operatorPassword, raw, rawGet, type Servers, startServers } from "./servers.ts";

const folder = temporaryFolder("web-attacks");
/** Content of files that nobody is to reach. */
const secret = `secret-${randomBytes(8).toString("hex")}`;
let servers: Servers;
let cookie: string;

beforeAll(async () => {
  servers = await startServers(folder.path);
  writeFileSync(folder.file("secret.txt"), secret);
  writeFileSync(`${servers.federation.platform}/secret.txt`, secret);
  cookie = await operatorCookie(servers.coordinator);
}, 180_000);

afterAll(() => {
  killAll();
  folder.remove();
});

const json = { "content-type": "application/json" };
const own = () => ({ ...json, cookie, "x-tributary-operator": "1", origin: servers.coordinator });

test("paths that lead out of what is served", { timeout: 120_000 }, async (context) => {
  const ups = [
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "%252e%252e%252f",
    "..%c0%af",
    "....//",
    ".%00./",
    "%00../",
  ];
  const bases = ["/", "/assets/", "/device/assets/", "/v1/blobs/", "/v1/certificates/", "/v1/rounds/1/vectors/", "/api/"];
  const targets = ["secret.txt", "keys/identity", "etc/passwd", "package.json"];
  let asked = 0;
  const leaks: string[] = [];
  for (const origin of [servers.coordinator, servers.page, servers.serving]) {
    const paths = bases.flatMap((base) =>
      ups.flatMap((up) => [1, 6].flatMap((deep) => targets.map((to) => `${base}${up.repeat(deep)}${to}`))),
    );
    const answers = await Promise.all(paths.map((path) => rawGet(origin, path)));
    asked += answers.length;
    for (const [place, { status, text }] of answers.entries()) {
      if (
        (status < 300 && status !== 0) ||
        status >= 500 ||
        text.includes(secret) ||
        /root:.*:0:0:|"private": true/.test(text)
      ) {
        leaks.push(`${paths[place]}: ${status}`);
      }
    }
  }
  finding(context, {
    what: "path traversal: dots, slashes, backslashes and NUL in every encoding, at three servers",
    result: `${asked} requests; ${leaks.slice(0, 5).join(", ") || "each refused, and nothing of another file"}`,
    held: leaks.length === 0 && asked > 1000,
  });
});

test("a link in the blobs' folder that leads to a key", async (context) => {
  const name = "ab".repeat(32);
  symlinkSync(`${servers.federation.platform}/secret.txt`, `${servers.federation.platform}/blobs/${name}`);
  const { status, text } = await rawGet(servers.coordinator, `/v1/blobs/${name}`);
  finding(context, {
    what: "a symbolic link among the blobs, to a file of the home",
    result: `HTTP ${status}, ${text.includes(secret) ? "whose content was told" : "nothing of its content"}`,
    held: !text.includes(secret),
  });
});

test("bodies and queries that would change every object", async (context) => {
  const poison = [
    '"__proto__":{"role":"operator","polluted":true}',
    '"constructor":{"prototype":{"role":"operator","polluted":true}}',
    '"prototype":{"polluted":true}',
  ];
  const bearer = { ...json, authorization: `Bearer ${servers.servingToken}` };
  const statuses: number[] = [];
  for (const bad of poison) {
    const asks: [string, RequestInit][] = [
      [
        `${servers.coordinator}/v1/join`,
        { method: "POST", headers: json, body: `{"token":"${"0".repeat(32)}","member":{${bad}},${bad}}` },
      ],
      [
        `${servers.coordinator}/v1/operators/login`,
        { method: "POST", headers: json, body: `{"name":"night-shift","password":"x",${bad}}` },
      ],
      [
        `${servers.coordinator}/v1/operators/tokens`,
        { method: "POST", headers: own(), body: `{"name":"scraper","role":"viewer",${bad}}` },
      ],
      [`${servers.serving}/v1/recommend`, { method: "POST", headers: bearer, body: `{"customer":"somebody",${bad}}` }],
      [
        `${servers.serving}/v1/events`,
        { method: "POST", headers: bearer, body: `{"events":[{"customer":"a","item":"b",${bad}}]}` },
      ],
      [
        `${servers.page}/api/session`,
        { method: "POST", headers: { ...json, origin: servers.page }, body: `{"token":"x",${bad}}` },
      ],
    ];
    for (const [url, init] of asks) statuses.push((await fetch(url, init)).status);
  }
  const queries = [
    "?__proto__[role]=operator",
    "?constructor[prototype][polluted]=1",
    "?from[__proto__]=1",
    "?from=0&__proto__=1",
  ];
  for (const query of queries) await fetch(`${servers.coordinator}/v1/ledger${query}`);
  // whoever asks without anything is still nobody, and answers have the keys that they had
  const me = await fetch(`${servers.coordinator}/v1/operators/me`);
  const roster = (await (await fetch(`${servers.coordinator}/v1/status`)).json()) as object;
  const polluted = JSON.stringify(roster).includes("polluted");
  finding(context, {
    what: "prototype pollution by JSON bodies and query strings",
    result: `${statuses.length + queries.length} requests: HTTP ${[...new Set(statuses)].sort().join(", ")}; a stranger is still ${me.status}`,
    held: statuses.every((status) => status >= 400 && status < 500) && me.status === 401 && !polluted,
  });
});

test("requests of foreign pages that bring the operator's cookie along", async (context) => {
  const changing = Object.values(operatorRoutes).filter(({ method }) => method !== "GET");
  const accepted: string[] = [];
  const foreign: Record<string, string>[] = [
    { ...json, origin: "https://evil.example" },
    { ...json, origin: "null", "x-tributary-operator": "1" },
    { ...json, "sec-fetch-site": "cross-site", "x-tributary-operator": "1", origin: servers.coordinator },
    { ...json, "sec-fetch-site": "same-site", "x-tributary-operator": "1" },
    { "content-type": "text/plain" },
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "multipart/form-data; boundary=x" },
  ];
  let sent = 0;
  for (const { method, path } of changing) {
    if (path.endsWith("/login")) continue;
    for (const headers of foreign) {
      const url = `${servers.coordinator}${path.replace(/:[a-zA-Z0-9]+/g, "x")}`;
      const { status } = await fetch(url, {
        method,
        headers: { ...headers, cookie },
        ...(method === "DELETE" ? {} : { body: "{}" }),
      });
      sent += 1;
      if (status < 400 || status >= 500) accepted.push(`${method} ${path} ${JSON.stringify(headers)}: ${status}`);
    }
  }
  // reads are nothing that another page could see
  const read = await fetch(`${servers.coordinator}/v1/operators/me`, { headers: { cookie, origin: "https://evil.example" } });
  const opens = read.headers.get("access-control-allow-origin") ?? read.headers.get("access-control-allow-credentials");
  finding(context, {
    what: "CSRF: every changing route of the coordinator, from foreign origins and as forms send",
    result: accepted.slice(0, 3).join(" | ") || `${sent} requests refused; no answer is open to other origins`,
    held: accepted.length === 0 && opens === null,
  });
  const stillIn = await fetch(`${servers.coordinator}/v1/operators/me`, { headers: { cookie } });
  expect(stillIn.status).toBe(200); // the cookie is good: it was no dead one that was refused
});

test("tokens that nobody made: unsigned, cut, mixed, of another kind", async (context) => {
  const made = await fetch(`${servers.coordinator}/v1/operators/tokens`, {
    method: "POST",
    headers: own(),
    body: JSON.stringify({ name: "scraper", role: "viewer" }),
  });
  const { token, id } = (await made.json()) as { token: string; id: string };
  const coded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = coded({ sub: "night-shift", role: "operator", exp: 4e9 });
  const forged = [
    `${coded({ alg: "none", typ: "JWT" })}.${claims}.`,
    `${coded({ alg: "HS256", typ: "JWT" })}.${claims}.${randomBytes(32).toString("base64url")}`,
    ...[token.slice(0, -1), `${token}A`, token.toUpperCase(), ` ${token}`, `${token}, ${token}`, id, `${id}_${"A".repeat(43)}`],
    `trb_${"0".repeat(12)}_${token.split("_").at(-1)}`,
    `${id}_' OR '1'='1${"x".repeat(29)}`,
    servers.servingToken,
    cookie.split("=")[1] ?? "",
    "",
  ];
  const statuses: number[] = [];
  for (const one of forged) {
    statuses.push((await rawGet(servers.coordinator, "/v1/operators/me", { authorization: `Bearer ${one}` })).status);
    statuses.push(
      (await rawGet(servers.serving, "/metrics", { authorization: `Bearer ${one === servers.servingToken ? `${one}x` : one}` }))
        .status,
    );
  }
  const good = await rawGet(servers.coordinator, "/v1/operators/me", { authorization: `Bearer ${token}` });
  const asOperator = await fetch(`${servers.coordinator}/v1/operators/pause`, {
    method: "POST",
    headers: { ...json, authorization: `Bearer ${token}` },
    body: "{}",
  });
  const { "content-type": _, ...bare } = own();
  const gone = await fetch(`${servers.coordinator}/v1/operators/tokens/${id}`, { method: "DELETE", headers: bare });
  expect(gone.status).toBe(204);
  const revoked = await rawGet(servers.coordinator, "/v1/operators/me", { authorization: `Bearer ${token}` });
  finding(context, {
    what: "forged tokens: JWT with alg none, cut, mixed, revoked, of another kind (tokens are 256 random bits, known by their hash)",
    result: `${statuses.length} forged: HTTP ${[...new Set(statuses)].join(", ")}; the true one ${good.status}, above its role ${asOperator.status}, revoked ${revoked.status}`,
    held:
      statuses.every((status) => status === 401 || status === 429) &&
      good.status === 200 &&
      asOperator.status === 403 &&
      revoked.status === 401,
  });
});

test("invites that are guessed", async (context) => {
  const member = { node: "merchant-2", key: "0".repeat(64), kind: "merchant", signature: "0".repeat(128) };
  const answers: string[] = [];
  for (let guess = 0; guess < 200; guess += 1) {
    const body = JSON.stringify({ token: randomBytes(16).toString("hex"), member });
    const answer = await fetch(`${servers.coordinator}/v1/join`, { method: "POST", headers: json, body });
    answers.push(`${answer.status} ${((await answer.json()) as { code?: string }).code}`);
  }
  finding(context, {
    what: "guessed invites: 128 random bits each, 1200 tries a minute from one address",
    result: `200 guesses: ${[...new Set(answers)].join(", ")}`,
    held: answers.every((answer) => /^4/.test(answer)),
  });
});

test("passwords that are guessed: the account waits, and whoever is in stays in", { timeout: 120_000 }, async (context) => {
  // how long each waits for the next is in coordinator/src/access/access.test.ts, by a clock of its own
  const guesses = Array.from({ length: 24 }, (_, guess) => logIn(servers.coordinator, `guess ${guess}`));
  const statuses = (await Promise.all(guesses)).map(({ status }) => status);
  const owner = await logIn(servers.coordinator, operatorPassword);
  const session = await fetch(`${servers.coordinator}/v1/operators/me`, { headers: { cookie } });
  const nobody = (await logIn(servers.coordinator, "guess", "somebody-else")).status;
  const words = [
    "coordinator",
    "operator",
    "password",
    "--home",
    servers.federation.platform,
    "--name",
    "night-shift",
    "--json",
  ];
  const unlocked = JSON.parse((await tributary(words)).stdout) as { password: string };
  const again = await logIn(servers.coordinator, unlocked.password);
  finding(context, {
    what: "guessed passwords: about a hundred tries a day at one name; a guesser can hold up logins, not sessions or tokens",
    result: `24 guesses at once: HTTP ${[...new Set(statuses)].join(", ")}; the owner's login ${owner.status}, session ${session.status}, after a new password ${again.status}`,
    held:
      statuses.every((status) => status === 401 || status === 429 || status === 503) &&
      session.status === 200 &&
      again.status === 200 &&
      nobody === 401,
  });
  expect(statuses).toContain(429);
});

test("heads that say another host, two lengths, or two requests in one", async (context) => {
  const { host } = new URL(servers.page);
  const evil = (name: string) => ["GET /api/overview HTTP/1.1", `host: ${name}`, "connection: close", "", ""].join("\r\n");
  const hosts = ["evil.example", `${host}.evil.example`, `evil.example:${new URL(servers.page).port}`, `${host}@evil.example`];
  const foreign = await Promise.all(hosts.map((name) => raw(servers.page, evil(name))));
  const smuggle = (headers: string, body: string) =>
    `POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`;
  const second = `GET /v1/operators/me HTTP/1.1\r\nhost: x\r\n\r\n`;
  const smuggled = [
    smuggle("content-length: 4\r\ntransfer-encoding: chunked", `0\r\n\r\n${second}`),
    smuggle(`content-length: 2\r\ncontent-length: ${2 + second.length}`, `{}${second}`),
    smuggle("transfer-encoding: chunked, identity", `0\r\n\r\n${second}`),
    smuggle("transfer-encoding : chunked", `0\r\n\r\n${second}`),
    smuggle("transfer-encoding: xchunked", `0\r\n\r\n${second}`),
    `GET /v1/status HTTP/1.1\nhost: x\n\n${second}`,
    `GET /v1/status HTTP/1.1\r\nhost: x\r\nx: a\r\n b: c\r\n\r\n`,
  ];
  const answers = await Promise.all(
    [servers.coordinator, servers.serving].flatMap((origin) => smuggled.map((text) => raw(origin, text))),
  );
  const answered = answers.map(({ text }) => text.split("HTTP/1.1 ").length - 1);
  finding(context, {
    what: "foreign hosts at a node's page (DNS rebinding)",
    result: `HTTP ${[...new Set(foreign.map(({ status }) => status))].join(", ")}`,
    held: foreign.every(({ status }) => status >= 400 && status < 500),
  });
  finding(context, {
    what: "smuggled requests: two lengths, chunked beside a length, bare newlines",
    result: `${answers.length} tried: at most ${Math.max(...answered)} answer each, HTTP ${[...new Set(answers.map(({ status }) => status))].sort().join(", ")}`,
    held:
      answered.every((count) => count <= 1) && answers.every(({ status }) => status === 0 || (status >= 400 && status < 500)),
  });
});

test("an import that is led elsewhere", { timeout: 120_000 }, async (context) => {
  const seen: string[] = [];
  const victim = createServer((request, reply) => {
    seen.push(`victim ${request.url} ${request.headers.authorization ?? "no token"}`);
    reply.end("[]");
  });
  await new Promise<void>((resolve) => victim.listen(0, "127.0.0.1", resolve));
  const inside = `http://127.0.0.1:${(victim.address() as AddressInfo).port}`;
  const targets = [
    `${inside}/latest/meta-data/`,
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "gopher://127.0.0.1:1/",
    "http://[::1]:1/",
    "//evil.example/",
    "http://0x7f000001/",
  ];
  const codes: string[] = [];
  const tokenFile = folder.file("api-token");
  writeFileSync(tokenFile, "a-token-of-the-shop\n", { mode: 0o600 });
  const attempt = async (url: string) => {
    const { exitCode, stdout, stderr } = await tributary([
      "node",
      "import",
      "--home",
      servers.home,
      "--http",
      url,
      "--http-token-file",
      tokenFile,
    ]);
    if (exitCode === 0) codes.push(`accepted ${url}`);
    else codes.push(/TRB_[A-Z_]+/.exec(stderr)?.[0] ?? `no code: ${stdout}${stderr}`.slice(0, 200));
  };
  for (const target of targets) {
    const shop = createServer((_, reply) => reply.writeHead(302, { location: target }).end());
    await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
    await attempt(`http://127.0.0.1:${(shop.address() as AddressInfo).port}/events`);
    shop.close();
  }
  for (const direct of ["file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "http://user:password@127.0.0.1:1/"])
    await attempt(direct);
  victim.close();
  finding(context, {
    what: "SSRF through an import by HTTP: redirects to other servers, file://, metadata addresses",
    result: `${codes.length} tried: ${[...new Set(codes)].join(", ")}; ${seen.join(", ") || "nobody else was asked, and no token left"}`,
    held: codes.every((code) => code === "TRB_EVENTS_BAD_ADDRESS") && seen.length === 0,
  });
});

test("servers that send a node or an operator elsewhere", { timeout: 120_000 }, async (context) => {
  const seen: string[] = [];
  const victim = createServer((request, reply) => {
    seen.push(`${request.url} ${request.headers.authorization ?? ""}${request.headers.cookie ?? ""}`.trim());
    reply.end("{}");
  });
  await new Promise<void>((resolve) => victim.listen(0, "127.0.0.1", resolve));
  const inside = `http://127.0.0.1:${(victim.address() as AddressInfo).port}`;
  const sender = createServer(({ url }, reply) => reply.writeHead(307, { location: `${inside}${url}` }).end());
  await new Promise<void>((resolve) => sender.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(sender.address() as AddressInfo).port}`;

  const { invite } = await createInvite(servers.federation.platform, { node: "merchant-3", url, hours: 1 });
  const { token } = JSON.parse(Buffer.from(invite, "base64url").toString("utf8")) as { token: string };
  const joined = await tributary(["node", "join", invite, "--home", folder.file("led-away")]);
  const nodesRequests = seen.length;
  const tokenFile = folder.file("operators-token");
  const secretToken = `trb_${"0".repeat(12)}_${"s".repeat(43)}`;
  writeFileSync(tokenFile, `${secretToken}\n`, { mode: 0o600 });
  const status = await tributary(["coordinator", "status", "--url", url, "--token-file", tokenFile]);
  sender.close();
  victim.close();
  const told = seen.filter((line) => line.includes(secretToken) || line.includes(token));
  finding(context, {
    what: "SSRF through a coordinator: a node that is redirected, an operator's command that is",
    result: `join: ${/TRB_[A-Z_]+/.exec(joined.stderr)?.[0]}, ${nodesRequests} requests elsewhere; status: exit ${status.exitCode}, ${seen.length - nodesRequests} elsewhere, ${told.length} with a token`,
    held: joined.exitCode !== 0 && nodesRequests === 0 && status.exitCode !== 0 && told.length === 0,
  });
});
