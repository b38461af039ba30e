/** What the server answers to those who don't keep to the wire: always a code, never more. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import {
  fromHex,
  type MessageOf,
  nodeId,
  type Plan,
  planHash,
  protocolVersion,
  signatureHex,
  signMessage,
  verifyStatement,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createInvite } from "../invites.ts";
import {
  type Answer,
  catalogue,
  connect,
  dimension,
  join,
  testIdentity,
  testPlan,
  until,
  upload,
} from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { readStatus } from "../status.ts";
import { sha256Of } from "../storage/blobs.ts";
import { identityStatement, planStatement } from "./http.ts";

const crypto = nodeCrypto();
const names = ["a", "b", "c"].map((name) => nodeId.parse(name));
const members = names.map((node) => ({ node, who: testIdentity() }));
let home: string;
let plan: Plan;
let server: RunningCoordinator;
let logged = "";

beforeAll(async () => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-coordinator-"));
  plan = testPlan(home);
  const log = pino({ base: null }, { write: (line: string) => void (logged += line) });
  server = await startCoordinator({ home, plan, catalogue, port: 0, log });
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const invite = async (node: string, hours = 1) => (await createInvite(home, { node, url: server.url, hours })).invite;
const get = async (path: string) => {
  const response = await fetch(`${server.url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & { error?: { code: string } } };
};
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

describe("documents", () => {
  test("prove the identity key for the caller's nonce, and sign the plan", async () => {
    const nonce = "ab".repeat(32);
    const { body } = await get(`/v1/identity?nonce=${nonce}`);
    const signature = signatureHex.parse(body["signature"]);
    expect(sha256Of(fromHex(plan.coordinatorKey))).toBe(server.fingerprint);
    expect(body["key"]).toBe(plan.coordinatorKey);
    expect(verifyStatement(crypto, identityStatement("test", nonce), signature, plan.coordinatorKey)).toBe(true);
    expect(verifyStatement(crypto, identityStatement("test", "cd".repeat(32)), signature, plan.coordinatorKey)).toBe(false);

    const signed = (await get("/v1/plan")).body;
    expect(signed["plan"]).toEqual(plan);
    const planSignature = signatureHex.parse(signed["signature"]);
    expect(verifyStatement(crypto, planStatement(planHash(crypto, plan)), planSignature, plan.coordinatorKey)).toBe(true);
  });

  test("refuse a nonce that is none, an unknown route and a blob that isn't there, with codes", async () => {
    expect(await get("/v1/identity?nonce=12")).toMatchObject({
      status: 400,
      body: { error: { code: "TRB_COORDINATOR_REQUEST_INVALID" } },
    });
    expect(await get("/v1/identity")).toMatchObject({ status: 400 });
    expect(await get("/nowhere?x=1")).toMatchObject({
      status: 404,
      body: { error: { code: "TRB_COORDINATOR_ROUTE_UNKNOWN" } },
    });
    expect(await get(`/v1/blobs/${"0".repeat(64)}`)).toMatchObject({
      status: 404,
      body: { error: { code: "TRB_COORDINATOR_BLOB_UNKNOWN" } },
    });
    expect(await get("/v1/blobs/..%2Fkeys%2Fidentity")).toMatchObject({ status: 400 });
    expect(await get("/v1/ledger?from=-1")).toMatchObject({ status: 400 });
  });

  test("give blobs whole or from where a download broke off", async () => {
    const url = `${server.url}/v1/blobs/${plan.catalogueHash}`;
    expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(catalogue);
    const rest = await fetch(url, { headers: { range: "bytes=5-" } });
    expect(rest.status).toBe(206);
    expect(new Uint8Array(await rest.arrayBuffer())).toEqual(catalogue.subarray(5));
  });

  test("refuse bodies that are too large or no JSON", async () => {
    const post = (body: string) =>
      fetch(`${server.url}/v1/join`, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect(await codeOf(await post("x".repeat(100_000)))).toBe("TRB_COORDINATOR_REQUEST_TOO_LARGE");
    expect(await codeOf(await post("{"))).toBe("TRB_COORDINATOR_REQUEST_INVALID");
    expect(await codeOf(await post(JSON.stringify({ token: "0".repeat(32), member: {}, more: 1 })))).toBe(
      "TRB_COORDINATOR_REQUEST_INVALID",
    );
  });
});

describe("an invite", () => {
  test("works once, for its node and the first key, which may ask again", async () => {
    const text = await invite("visitor");
    const who = testIdentity();
    expect((await join(text, who, "other")).body.error?.code).toBe("TRB_COORDINATOR_INVITE_OTHER_NODE");
    const first = await join(text, who);
    expect(first).toMatchObject({ status: 200, body: { plan: { federation: "test" }, roster: [{ node: "visitor" }] } });
    expect(await join(text, who)).toEqual(first);
    expect((await join(text, testIdentity())).body.error?.code).toBe("TRB_COORDINATOR_INVITE_USED");
    await expect(invite("visitor")).rejects.toMatchObject({ code: "TRB_COORDINATOR_NODE_TAKEN" });
    // one key is one node
    expect((await join(await invite("second"), who)).body.error?.code).toBe("TRB_COORDINATOR_NODE_TAKEN");
  });

  test("expires, and is worth nothing elsewhere", async () => {
    const text = await invite("late", 1e-6);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await join(text, testIdentity())).body.error?.code).toBe("TRB_COORDINATOR_INVITE_EXPIRED");
    const forged = await fetch(`${server.url}/v1/join`, {
      ...{ method: "POST", headers: { "content-type": "application/json" } },
      body: JSON.stringify({
        token: "0".repeat(32),
        member: { node: "late", key: "0".repeat(64), kind: "merchant", signature: "0".repeat(128) },
      }),
    });
    expect(await codeOf(forged)).toBe("TRB_COORDINATOR_INVITE_UNKNOWN");
    await expect(createInvite(home, { node: "BAD NAME", url: server.url, hours: 1 })).rejects.toMatchObject({
      code: "TRB_COORDINATOR_REQUEST_INVALID",
    });
  });

  test("leaves its token nowhere on the disk nor in the log", async () => {
    const text = await invite("quiet");
    const { token } = JSON.parse(Buffer.from(text, "base64url").toString()) as { token: string };
    for (const name of readdirSync(home).filter((file) => file.includes("."))) {
      expect(readFileSync(joinPath(home, name)).includes(token)).toBe(false);
    }
    expect(logged).not.toContain(token);
  });
});

describe("a connection", () => {
  const say = async (socket: Socket, event: string, payload: unknown) =>
    await new Promise<Answer>((resolve) => socket.emit(event, payload, resolve));

  test("is nobody's before hello, and hello needs the key that joined", async () => {
    const stranger = await connect(server.url, "test", nodeId.parse("visitor"), testIdentity());
    expect(stranger.answer.error?.code).toBe("TRB_COORDINATOR_HELLO_REFUSED");
    expect((await say(stranger.socket, "message", {})).error?.code).toBe("TRB_COORDINATOR_HELLO_MISSING");
    expect((await say(stranger.socket, "hello", 7)).error?.code).toBe("TRB_COORDINATOR_REQUEST_INVALID");
    stranger.socket.disconnect();
    expect((await readStatus(home)).connected).toEqual([]);
  });

  test("of another major is refused with its code, and one of a newer minor is told what both speak", async () => {
    const who = testIdentity();
    const node = nodeId.parse("versions");
    await join(await invite(node), who);
    for (const version of ["2.0", "0.9"]) {
      const { socket, answer } = await connect(server.url, "test", node, who, () => undefined, version);
      expect(answer.error?.code).toBe("TRB_ROUND_VERSION_UNKNOWN");
      socket.disconnect();
    }
    const { socket, answer } = await connect(server.url, "test", node, who, () => undefined, "1.9");
    expect(answer).toEqual({ ok: true, version: protocolVersion });
    socket.disconnect();
    await until("it is gone", async () => !(await readStatus(home)).connected.includes(node));
  });

  test("that has not said who it is may send sixteen kibibytes and no more, whatever it announces", async () => {
    const { socket } = await connect(server.url, "test", nodeId.parse("visitor"), testIdentity());
    const ended = new Promise((resolve) => socket.once("disconnect", resolve));
    const say10k = () => say(socket, "message", "x".repeat(10_000)); // answered
    expect((await say10k()).error?.code).toBe("TRB_COORDINATOR_HELLO_MISSING");
    socket.emit("message", "x".repeat(7_000_000));
    expect(await ended).toMatch(/transport/);
  });

  test("carries well-formed messages of its own node only, and the newest counts", async () => {
    const [first] = members;
    if (!first) throw new Error("no member");
    const { node, who } = first;
    await join(await invite(node), who);
    const old = await connect(server.url, "test", node, who);
    const ended = new Promise((resolve) => old.socket.once("disconnect", resolve));
    const { socket, answer } = await connect(server.url, "test", node, who);
    expect(answer).toEqual({ ok: true, version: protocolVersion });
    await ended;
    await until("the node is shown as connected", async () => (await readStatus(home)).connected.includes(node));

    const message = maskedMessage(who, node, 1, new Uint8Array(4 * dimension));
    expect((await say(socket, "message", { step: "vote" })).error?.code).toBe("TRB_MESSAGE_INVALID");
    expect((await say(socket, "message", { ...message, sender: "b" })).error?.code).toBe("TRB_COORDINATOR_OTHER_SENDER");
    expect((await say(socket, "message", message)).error?.code).toBe("TRB_COORDINATOR_NOT_STARTED");
    socket.emit("message", message); // without an acknowledgement: nothing breaks
    socket.disconnect();
    await until("it is gone", async () => !(await readStatus(home)).connected.includes(node));
  });
});

describe("a masked vector", () => {
  const vector = new Uint8Array(4 * dimension).fill(3);

  test("is refused before the federation has begun, without reading it", async () => {
    const [first] = members;
    const message = maskedMessage(first?.who ?? testIdentity(), names[0] ?? nodeId.parse("a"), 1, vector);
    expect(await codeOf(await upload(server.url, message, vector))).toBe("TRB_COORDINATOR_NOT_STARTED");
    expect(await codeOf(await upload(server.url, { ...message, round: 2 }, vector))).toMatch(/^TRB_/);
    expect(await codeOf(await upload(server.url, message, vector, sha256Of(new Uint8Array(1))))).toBe(
      "TRB_COORDINATOR_REQUEST_INVALID",
    );
    const bare = await fetch(`${server.url}/v1/rounds/1/vectors/${message.body.sha256}`, { method: "PUT", body: "x" });
    expect(bare.status).toBeGreaterThanOrEqual(400);
    expect(readdirSync(joinPath(home, "uploads"))).toEqual([]);
  });

  test("without a length, or with a message that is no message, is refused", async () => {
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${server.url}/v1/rounds/1/vectors/${"0".repeat(64)}`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream", "transfer-encoding": "chunked", "x-tributary-message": "e30" },
      });
      sent.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
      sent.end("abc");
    });
    expect(status).toBe(400);
  });
});

function maskedMessage(
  who: ReturnType<typeof testIdentity>,
  sender: MessageOf<"masked">["sender"],
  round: number,
  vector: Uint8Array,
) {
  return signMessage(who, {
    ...{
      version: "1.0",
      federation: "test",
      planHash: planHash(crypto, plan),
      modelHash: plan.initialModelHash,
      round,
      sender,
    },
    step: "masked",
    body: { h1: plan.catalogueHash, sha256: sha256Of(vector), length: dimension },
  });
}
