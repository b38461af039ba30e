/** Who comes in, and who doesn't: other browsers, other sites, other names of this machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf, type OpenedPage, openPage } from "./page.test-support.ts";

let folder: string;
let opened: OpenedPage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-page-"));
  opened = await openPage(folder, join(folder, "nowhere"));
});
afterAll(async () => {
  await opened.page.close();
  rmSync(folder, { recursive: true, force: true });
});

const own = () => ({ origin: opened.page.url, "sec-fetch-site": "same-origin" });

test("a link opens one browser once; the next link, which is told then, opens another", async () => {
  const { askBare, links, page } = opened;
  expect(links).toHaveLength(2);
  const [first = "", second = ""] = links.map((link) => link.split("#")[1]);
  expect(codeOf(await askBare("/api/session", { body: { token: first }, headers: own() }))).toEqual([
    401,
    "TRB_PAGE_LINK_USED",
  ]);
  expect(codeOf(await askBare("/api/session", { body: { token: "" }, headers: own() }))).toEqual([401, "TRB_PAGE_LINK_USED"]);
  expect(page.link()).toBe(links[1]);
  expect((await askBare("/api/session", { body: { token: second }, headers: own() })).status).toBe(204);
  expect(links).toHaveLength(3);
  expect((await opened.ask("/api/overview")).status).toBe(200); // who was in stays in
});

test("the session's cookie is read by no script, goes to no other site, and is called by the port", () => {
  const port = new URL(opened.page.url).port;
  expect(opened.cookie).toMatch(new RegExp(`^tributary-page-${port}=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict$`));
});

test.each(["/api/overview", "/api/quality", "/api/budget", "/api/leaving", "/api/policy", "/api/value", "/api/explorer"])(
  "%s is for who has a session",
  async (path) => {
    const port = new URL(opened.page.url).port;
    expect(codeOf(await opened.askBare(path))).toEqual([401, "TRB_PAGE_SESSION_MISSING"]);
    const forged = { cookie: `tributary-page-${port}=${"x".repeat(43)}` };
    expect(codeOf(await opened.askBare(path, { headers: forged }))).toEqual([401, "TRB_PAGE_SESSION_MISSING"]);
  },
);

test.each(["/", "/assets/main-1234.js", "/api/overview"])(
  "another name of this machine is refused at %s: DNS rebinding",
  async (path) => {
    const port = new URL(opened.page.url).port;
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      `127.0.0.1.evil.example:${port}`,
      `[::1]:${port}`,
    ]) {
      expect(codeOf(await opened.ask(path, { headers: { host } }))).toEqual([403, "TRB_PAGE_REQUEST_FOREIGN"]);
    }
    expect((await opened.ask(path, { headers: { host: `localhost:${port}` } })).status).toBe(200);
  },
);

test.each([
  ["another site", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
  ["another port of this machine, which is the same site", { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-site" }],
  ["a browser that doesn't say the site, from another origin", { origin: "http://127.0.0.1:1", "sec-fetch-site": undefined }],
  ["a sandboxed frame", { origin: "null", "sec-fetch-site": undefined }],
  ["somebody who says no origin", { origin: undefined, "sec-fetch-site": undefined }],
])("nothing is changed for %s, whatever cookie comes along: CSRF", async (_, headers) => {
  for (const path of ["/api/policy", "/api/value", "/api/session", "/api/explorer/customers"]) {
    expect(codeOf(await opened.ask(path, { body: {}, headers }))).toEqual([403, "TRB_PAGE_REQUEST_FOREIGN"]);
  }
});

test("what a form of another site could send is read by nobody", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const answer = await opened.ask("/api/policy", { body: '{"policy":{}}', headers: { "content-type": type } });
    expect(codeOf(answer)).toEqual([400, "TRB_PAGE_REQUEST_INVALID"]);
  }
});

test("the page may load nothing of anybody else's, is framed by nobody, and only what has a hash in its name is kept", async () => {
  const { headers, body } = await opened.askBare("/");
  expect(body).toContain("<title>page</title>");
  expect(headers["content-security-policy"]).toMatch(/^default-src 'self'; .*frame-ancestors 'none'/);
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
  });
  const script = await opened.askBare("/assets/main-1234.js");
  expect(script.headers["cache-control"]).toContain("immutable");
  const small = await opened.askBare("/", { headers: { "accept-encoding": "gzip, deflate, br" } });
  expect([small.status, small.body]).toEqual([200, body]);
  expect((await opened.ask("/api/overview")).headers["cache-control"]).toBe("no-store");
});

test.each(["/api/nothing", "/nothing", "/../package.json", "/%2e%2e/%2e%2e/etc/passwd", "/assets/.%00./x"])(
  "%s is nowhere",
  async (path) => {
    const answer = await opened.ask(path);
    expect([403, 404, 400]).toContain(answer.status);
    expect(JSON.stringify(answer.body)).not.toContain("root:");
  },
);

test.each(["{", '{"policy":1}', '{"policy":{},"stamp":"x","more":1}'])(
  "a body that is none, %s, is told by its place",
  async (body) => {
    const answer = await opened.ask("/api/policy", { body });
    expect(codeOf(answer)).toEqual([400, "TRB_PAGE_REQUEST_INVALID"]);
  },
);
