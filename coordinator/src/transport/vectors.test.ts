/** A masked vector's way in, over real connections in a real round: it goes on where it broke off, and waits for its turn. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { gzipSync } from "node:zlib";
import { verifyLedger } from "@tributary/ledger";
import { type MessageOf, nodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createInvite } from "../invites.ts";
import { catalogue, join, scriptedNode, testIdentity, testPlan, until, upload } from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { readStatus } from "../status.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
let home: string;
let server: RunningCoordinator;

beforeAll(() => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-coordinator-"));
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const headersOf = (message: MessageOf<"masked">) => ({
  "content-type": "application/octet-stream",
  "x-tributary-message": Buffer.from(JSON.stringify(message)).toString("base64url"),
});
const urlOf = (message: MessageOf<"masked">) => `${server.url}/v1/rounds/${message.round}/vectors/${message.body.sha256}`;
const offsetOf = async (message: MessageOf<"masked">) =>
  ((await (await fetch(urlOf(message), { headers: headersOf(message) })).json()) as { offset: number }).offset;
const put = (message: MessageOf<"masked">, body: Uint8Array, headers: Record<string, string>) =>
  fetch(urlOf(message), { method: "PUT", headers: { ...headersOf(message), ...headers }, body: Buffer.from(body) });
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

/** Announces the octets from this one on, sends so many of them, and hangs: the caller ends it. */
function begin(message: MessageOf<"masked">, octets: Uint8Array, from: number, sent: number) {
  const headers = { ...headersOf(message), "content-length": octets.length - from, "upload-offset": String(from) };
  const pending = request(urlOf(message), { method: "PUT", headers });
  pending.on("error", () => {}); // it is cut off, by this side or the other
  pending.flushHeaders();
  if (sent > 0) pending.write(octets.subarray(from, from + sent));
  return pending;
}

test("cut off at 60 % it goes on from there, verified by its hash; the same again changes nothing", async () => {
  const deadlines = { ...testPlan(home).deadlines, masked: 20_000 };
  const plan = testPlan(home, { deadlines });
  server = await startCoordinator({
    ...{ home, plan, catalogue, port: 0, log: pino({ level: "silent" }), startWhen: 4 },
    uploadTurns: { most: 1, turn: 60_000 },
  });
  const identities = names.map(() => testIdentity());
  const nodes = names.map((node, place) => scriptedNode(plan, node, identities[place] ?? testIdentity(), () => identities));
  for (const { node, who } of nodes) {
    const { invite } = await createInvite(home, { node, url: server.url, hours: 1 });
    await join(invite, who);
  }
  const [north, east] = nodes;
  if (north === undefined || east === undefined) throw new Error("no nodes");
  const checked = Promise.withResolvers<void>();
  const hasNorth = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  for (const node of nodes.slice(2)) node.beforeUpload = () => others.promise;

  east.beforeUpload = async (message, octets) => {
    if (message.round > 1) return;
    await hasNorth.promise;
    // north's place is the only one
    const busy = await put(message, octets, {});
    expect([busy.status, busy.headers.get("retry-after"), await codeOf(busy)]).toEqual([503, "1", "TRB_COORDINATOR_BUSY"]);
    checked.resolve();
    await others.promise;
  };
  north.beforeUpload = async (message, octets) => {
    if (message.round > 1) return;
    const sixty = Math.floor(octets.length * 0.6);
    expect(await offsetOf(message)).toBe(0);
    const first = begin(message, octets, 0, sixty);
    await until("60 % have arrived", async () => (await offsetOf(message)) === sixty);
    hasNorth.resolve();
    await checked.promise;
    first.destroy();

    const wrong = await put(message, octets.subarray(0, 0), { "upload-offset": String(octets.length) });
    expect([wrong.status, await codeOf(wrong)]).toEqual([409, "TRB_COORDINATOR_UPLOAD_OFFSET"]);
    expect(await codeOf(await put(message, octets, { "upload-offset": "-1" }))).toBe("TRB_COORDINATOR_REQUEST_INVALID");
    const packed = await put(message, gzipSync(new Uint8Array(1e6)), { "content-encoding": "gzip" });
    expect([packed.status, await codeOf(packed)]).toEqual([415, "TRB_COORDINATOR_ENCODING_REFUSED"]);
    expect(await offsetOf(message)).toBe(sixty);

    // a request that hangs gives way to the next one of the same vector
    const hanging = begin(message, octets, sixty, 0);
    const rest = await put(message, octets.subarray(sixty), { "upload-offset": String(sixty) });
    expect(rest.status).toBe(204);
    hanging.destroy();
    expect(await offsetOf(message)).toBe(octets.length);
    expect((await put(message, octets.subarray(0, 0), { "upload-offset": String(octets.length) })).status).toBe(204);
    expect((await upload(server.url, message, octets)).status).toBe(204);
    expect(readdirSync(joinPath(home, "uploads"))).toEqual([`1.north.${message.body.sha256}`]);
    others.resolve();
  };
  const failures: unknown[] = [];
  for (const node of [north, east]) {
    const { beforeUpload } = node;
    node.beforeUpload = async (message, octets) => {
      await beforeUpload?.(message, octets).catch((error: unknown) => failures.push(error));
    };
  }
  for (const node of nodes) await node.connect(server.url);
  await until("the ledger is closed", async () => failures.length > 0 || (await readStatus(home)).finished, 25_000);
  expect(failures).toEqual([]);
  expect(nodes.map(({ refused }) => refused)).toEqual([[], [], [], []]);
  const ledger = new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl")));
  expect(verifyLedger(ledger, { crypto: nodeCrypto() })).toMatchObject({ verified: true, rounds: { released: 2 } });
  expect(new TextDecoder().decode(ledger)).toContain('"survivors":["east","north","south","west"]');
}, 40_000);
