/** Downloads over real HTTP: whole, in ranges, not at all when they are known; and those that are damaged never come whole. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sha256 } from "@tributary/protocol";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBlobs } from "../storage/blobs.ts";
import { openDownloads } from "../storage/downloads.ts";
import { openObjects } from "../storage/objects.ts";
import { serveBlobs } from "./blob-routes.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-blob-routes-"));
const content = new Uint8Array(randomBytes(600_000));
let sha256: Sha256;
/** One that keeps contents in memory, and one that has no room for them. */
const apps: FastifyInstance[] = [];
const urls: string[] = [];

beforeAll(async () => {
  const blobs = openBlobs(await openObjects(folder));
  sha256 = await blobs.put(content);
  for (const room of [1_000_000, 1_000]) {
    const app = Fastify({ forceCloseConnections: true });
    serveBlobs(app, openDownloads(blobs, room));
    urls.push(await app.listen({ port: 0, host: "127.0.0.1" }));
    apps.push(app);
  }
});
afterAll(async () => {
  for (const app of apps) await app.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  { from: "memory", app: 0 },
  { from: "the disk", app: 1 },
])("blobs from $from", ({ app }) => {
  const get = (headers: Record<string, string> = {}) => fetch(`${urls[app]}/v1/blobs/${sha256}`, { headers });

  test("come whole, named by their hash and good for ever", async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("etag")).toBe(`"${sha256}"`);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(answer.headers.get("content-length")).toBe("600000");
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(content);
  });

  test.each([
    { range: "bytes=599990-", from: 599_990, to: 600_000 },
    { range: "bytes=0-9", from: 0, to: 10 },
    { range: "bytes=100000-299999", from: 100_000, to: 300_000 },
    { range: "bytes=599000-999999999", from: 599_000, to: 600_000 },
    { range: "bytes=-16", from: 599_984, to: 600_000 },
    { range: "bytes=-700000", from: 0, to: 600_000 },
  ])("come in part: $range", async ({ range, from, to }) => {
    const answer = await get({ range });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([206, `bytes ${from}-${to - 1}/600000`]);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(content.subarray(from, to));
  });

  test("come whole for ranges that they don't have, or that are none", async () => {
    for (const range of ["bytes=600000-", "bytes=5-4", "bytes=-", "bytes=-0", "bytes=1-2,4-5", "items=1-2"]) {
      const answer = await get({ range });
      expect([range, answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([range, 200, content.length]);
    }
  });

  test("don't come to those who have them", async () => {
    for (const known of [`"${sha256}"`, `W/"${sha256}"`, `"x", "${sha256}"`, "*"]) {
      const answer = await get({ "if-none-match": known });
      expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([304, 0]);
    }
    expect((await get({ "if-none-match": `"${"0".repeat(64)}"` })).status).toBe(200);
  });
});

test("a blob of other content never comes whole", async () => {
  const blobs = openBlobs(await openObjects(folder));
  const damaged = await blobs.put(content.subarray(1));
  writeFileSync(join(folder, "blobs", damaged), content.subarray(0, content.length - 1));
  const [inMemory, streamed] = urls;
  expect((await fetch(`${inMemory}/v1/blobs/${damaged}`)).status).toBe(500);
  const answer = await fetch(`${streamed}/v1/blobs/${damaged}`);
  await expect(answer.arrayBuffer()).rejects.toThrow();
});
