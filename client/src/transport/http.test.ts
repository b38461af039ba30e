/** How a node's requests survive bad connections: an upload goes on where it was cut off, and waits where the coordinator is busy. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { fail } from "@tributary/errors";
import { type MessageOf, sha256Hex } from "@tributary/protocol";
import { afterEach, expect, test } from "vitest";
import { connectHttp } from "./http.ts";
import type { CoordinatorClient } from "./requests.ts";

let server: Server | undefined;
let client: CoordinatorClient | undefined;
afterEach(async () => {
  await client?.close();
  server?.closeAllConnections();
  server?.close();
});

const octets = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 31) % 251);
const message = { round: 3, body: { sha256: sha256Hex.parse("a".repeat(64)) } } as MessageOf<"masked">;

/** What a coordinator does with the so-manieth `PUT`. */
type Behaviour = "cut" | "busy" | "behind" | "damaged" | "take";

/** A coordinator that keeps what arrives, and behaves badly in this order; then it takes everything. */
async function misbehaving(behaviours: readonly Behaviour[]) {
  let stored = Buffer.alloc(0);
  const offsets: string[] = [];
  const waiting = [...behaviours];
  server = createServer((request, response) => {
    const refuse = (error: ReturnType<typeof fail>) => {
      response
        .writeHead(error.status, { "retry-after": "1", connection: "close" })
        .end(JSON.stringify({ error: error.toJSON() }));
    };
    if (request.method === "GET") {
      response.end(JSON.stringify({ offset: stored.length }));
      return;
    }
    offsets.push(String(request.headers["upload-offset"]));
    const behaviour = waiting.shift() ?? "take";
    if (behaviour === "busy") return refuse(fail("TRB_COORDINATOR_BUSY", { most: 1, what: "uploads" }));
    if (behaviour === "behind") {
      stored = stored.subarray(0, 1000); // as if a power cut had taken the rest
      return refuse(fail("TRB_COORDINATOR_UPLOAD_OFFSET", { offset: stored.length }));
    }
    if (behaviour === "damaged") {
      stored = Buffer.alloc(0);
      return refuse(fail("TRB_COORDINATOR_UPLOAD_HASH"));
    }
    request.on("data", (chunk: Buffer) => {
      stored = Buffer.concat([stored, chunk]);
      if (behaviour === "cut" && stored.length > 0.6 * octets.length) request.socket.destroy();
    });
    request.on("end", () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  client = connectHttp(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { stored: () => new Uint8Array(stored), offsets };
}

test("an upload that is cut off at 60 % goes on from what the coordinator has, and the whole is what was sent", async () => {
  const { stored, offsets } = await misbehaving(["cut"]);
  await client?.upload(message, octets);
  expect(stored()).toEqual(octets);
  expect(offsets).toHaveLength(2);
  expect(offsets[0]).toBe("0");
  expect(Number(offsets[1])).toBeGreaterThan(0.6 * octets.length);
});

test("a busy coordinator is asked again; one that has less than it said, or threw all away, gets the rest of that", async () => {
  const { stored, offsets } = await misbehaving(["cut", "busy", "behind", "damaged", "take"]);
  await client?.upload(message, octets, { retries: 8 });
  expect(stored()).toEqual(octets);
  expect(offsets.slice(-2)).toEqual(["1000", "0"]);
  expect(offsets[1]).toBe(offsets[2]);
}, 60_000);

test.each([
  [503, fail("TRB_COORDINATOR_BUSY", { most: 1, what: "uploads" })],
  [429, fail("TRB_COORDINATOR_RATE_LIMITED", { seconds: 1 })],
] as const)("who is told by %i when to ask again does not ask before", async (status, refusal) => {
  const opens = performance.now() + 900; // a client that goes by its own pauses has asked twice by then
  let asked = 0;
  server = createServer((_, response) => {
    asked += 1;
    if (performance.now() > opens) response.end("[]");
    else response.writeHead(status, { "retry-after": "1" }).end(JSON.stringify({ error: refusal.toJSON() }));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  client = connectHttp(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await client.roster()).toEqual([]);
  expect(asked).toBe(2);
});

test("what is refused for good is thrown with its code, and a packed answer is no answer", async () => {
  server = createServer((request, response) => {
    if (request.method === "GET" && request.url?.includes("vectors")) {
      const error = fail("TRB_ROUND_NOT_CURRENT", { step: "masked", round: 3 });
      response.writeHead(error.status).end(JSON.stringify({ error: error.toJSON() }));
    } else response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("[]"));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  client = connectHttp(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await expect(client.upload(message, octets)).rejects.toMatchObject({ code: "TRB_ROUND_NOT_CURRENT" });
  await expect(client.roster()).rejects.toMatchObject({ code: "TRB_NODE_COORDINATOR_ANSWER" });
});
