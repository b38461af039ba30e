/** Pages of other origins reach what devices ask for, if they were named, and nothing else. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { catalogue, testPlan } from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";

const shop = "https://shop.example";
const log = pino({ level: "silent" });
let home: string;
let server: RunningCoordinator;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "tributary-origins-"));
  server = await startCoordinator({ home, plan: testPlan(home), catalogue, port: 0, log, allowOrigins: [shop] });
}, 60_000);
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const ask = (path: string, origin: string, method = "GET") => fetch(`${server.url}${path}`, { method, headers: { origin } });
const allowed = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).headers.get("access-control-allow-origin");
const vector = `/v1/rounds/1/vectors/${"0".repeat(64)}`;

describe("a page of an origin that was named", () => {
  test("may read what devices ask for, refusals included, and upload", async () => {
    expect(await allowed("/v1/plan", shop)).toBe(shop);
    expect(await allowed(vector, shop)).toBe(shop);
    const asked = await ask(vector, shop, "OPTIONS");
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-methods")).toContain("PUT");
    expect(asked.headers.get("access-control-allow-headers")).toContain("x-tributary-message");
  });

  test("reaches nothing of operators, and takes no cookie along", async () => {
    expect(await allowed("/v1/operators/me", shop)).toBe(null);
    expect((await ask("/v1/operators/login", shop, "OPTIONS")).status).toBe(404);
    expect((await ask("/v1/plan", shop)).headers.get("access-control-allow-credentials")).toBe(null);
  });
});

test.each(["https://elsewhere.example", "https://shop.example:8443", "http://shop.example", "null"])(
  "a page of %s is told nothing",
  async (origin) => {
    expect(await allowed("/v1/plan", origin)).toBe(null);
    expect((await ask(vector, origin, "OPTIONS")).status).toBe(404);
  },
);

test.each(["https://shop.example/", "shop.example", "*", "https://shop.example/device"])(
  "%s is no origin, and refused before anything is opened",
  async (origin) => {
    const refused = startCoordinator({ home, port: 0, log, allowOrigins: [origin] });
    await expect(refused).rejects.toMatchObject({ code: "TRB_COORDINATOR_ORIGIN_INVALID" });
  },
);
