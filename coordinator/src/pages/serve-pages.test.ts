/** Pages over HTTP: what is kept and what isn't, compressed as it lies there, and nothing but the page's own files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { fail } from "@tributary/errors";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { protect } from "../transport/protection.ts";
import { isPagePath, servePages } from "./serve-pages.ts";

const root = mkdtempSync(join(tmpdir(), "tributary-pages-"));
const folder = join(root, "page");
const script = `console.log(${JSON.stringify("x".repeat(3000))})`;
let app: FastifyInstance;
let broken = 0;

beforeAll(async () => {
  mkdirSync(join(folder, "assets"), { recursive: true });
  writeFileSync(join(root, "secret.txt"), "not for anybody");
  writeFileSync(join(folder, "secret.txt"), "nor this");
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>page</title>");
  writeFileSync(join(folder, "assets/main-abc.js"), script);
  writeFileSync(join(folder, "assets/main-abc.js.br"), brotliCompressSync(script));
  app = Fastify();
  await protect(app, { tls: false });
  await servePages(app, {
    coordinator: async () => folder,
    device: async () => {
      broken += 1;
      throw fail("TRB_PAGES_BUILD_FAILED", { page: "device", reason: "no" });
    },
  });
});
afterAll(async () => {
  await app.close();
  rmSync(root, { recursive: true });
});

test("the page itself is asked for anew each time, under a policy that lets nobody else in", async () => {
  const { statusCode, headers, body } = await app.inject("/");
  expect([statusCode, headers["cache-control"], headers["content-type"]]).toEqual([
    200,
    "no-store",
    "text/html; charset=utf-8",
  ]);
  expect(body).toContain("<title>page</title>");
  const policy = String(headers["content-security-policy"]).split("; ");
  expect(policy).toEqual(
    expect.arrayContaining(["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"]),
  );
  expect(policy.join()).not.toMatch(/unsafe|https?:|\*/);
  expect(headers["x-content-type-options"]).toBe("nosniff");
});

test("files with a hash in their names are kept for a year, and sent as they were compressed", async () => {
  const { statusCode, headers, rawPayload } = await app.inject({
    url: "/assets/main-abc.js",
    headers: { "accept-encoding": "br" },
  });
  expect([statusCode, headers["content-encoding"]]).toEqual([200, "br"]);
  expect(headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect(brotliDecompressSync(rawPayload).toString()).toBe(script);
  const plain = await app.inject("/assets/main-abc.js");
  expect([plain.headers["content-encoding"], plain.body]).toEqual([undefined, script]);
});

test.each([
  "/assets/../secret.txt",
  "/assets/%2e%2e/secret.txt",
  "/assets/..%2f..%2fsecret.txt",
  "/assets/.%00./secret.txt",
  "/assets/main-abc.js%00.txt",
  "/assets/..%5csecret.txt",
  "/assets/none.js",
  "/secret.txt",
  "/assets/",
])("%s is nobody's", async (url) => {
  const { statusCode, body, headers } = await app.inject(url);
  expect(headers["cache-control"] ?? "").not.toContain("immutable");
  expect([403, 404]).toContain(statusCode);
  expect(body).not.toMatch(/not for anybody|nor this/);
});

test("a page that can't be built says why to who opens it, and is tried again the next time", async () => {
  for (const times of [1, 2]) {
    const { statusCode, body } = await app.inject("/device/");
    expect([statusCode >= 500, body.includes("TRB_PAGES_BUILD_FAILED") || body.includes("can't be built")]).toEqual([
      true,
      true,
    ]);
    expect(broken).toBe(times);
  }
});

test("the API's paths are none of a page's", () => {
  expect(["/", "/assets/*", "/device/", "/device/assets/*"].every(isPagePath)).toBe(true);
  expect(["/v1/plan", "/metrics", "/assets", "/v1/operators/login"].some(isPagePath)).toBe(false);
});
