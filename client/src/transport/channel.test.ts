/** Who may be between a node and its coordinator: nobody, unless somebody said so. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId } from "@tributary/protocol";
import { Server as SocketServer } from "socket.io";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../../../test/tls/certificate.ts";
import { channelOf } from "./channel.ts";
import { connectHttp } from "./http.ts";
import { requirePrivate } from "./private-channel.ts";
import type { CoordinatorClient } from "./requests.ts";
import { type ControlConnection, connectSocket } from "./socket.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-channel-"));
const authority = testAuthority();
const ca = join(folder, "ca.pem");
let server: Server;
let sockets: SocketServer;
let url: string;
let client: CoordinatorClient | undefined;
let connection: ControlConnection | undefined;

beforeAll(async () => {
  writeFileSync(ca, authority.cert);
  writeFileSync(join(folder, "key.pem"), authority.key);
  server = createServer(testCertificate(authority), (_request, response) => response.end("[]"));
  sockets = new SocketServer(server, { transports: ["websocket"] });
  sockets.on("connection", (socket) => socket.emit("challenge", { nonce: "ab".repeat(32), version: "99.0" }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await client?.close();
  connection?.close();
});
afterAll(async () => {
  await sockets.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["https://platform.example", true],
  ["http://127.0.0.1:7443", true],
  ["http://127.8.9.10", true],
  ["http://localhost:7443", true],
  ["http://[::1]:7443", true],
  ["http://platform.example:7443", false],
  ["http://10.0.0.7", false],
  ["http://127.0.0.1.example", false],
  ["http://0.0.0.0:7443", false],
  ["http://localhost.example", false],
  ["ws://platform.example", false],
])("%s: %s", (address, allowed) => {
  const ask = () => requirePrivate(address, {});
  if (allowed) expect(ask).not.toThrow();
  else expect(ask).toThrow(expect.objectContaining({ code: "TRB_NODE_PLAIN_HTTP" }));
  expect(() => requirePrivate(address, { insecureHttp: true })).not.toThrow();
});

test("nothing is sent over plain HTTP to another machine, by request or by socket", () => {
  const handlers = {
    ...{ connected: () => undefined, disconnected: () => undefined, message: () => Promise.resolve() },
    ...{ ledger: () => undefined, refused: () => undefined, head: () => undefined },
  };
  const refused = expect.objectContaining({ code: "TRB_NODE_PLAIN_HTTP" });
  expect(() => connectHttp("http://platform.example")).toThrow(refused);
  const options = {
    url: "http://platform.example",
    federation: "test",
    node: nodeId.parse("alpha"),
    sign: () => new Uint8Array(64),
  };
  expect(() => connectSocket(options, handlers)).toThrow(refused);
});

test("a certificate by an authority that was named is trusted, and one that nobody vouches for isn't", async () => {
  client = connectHttp(url, channelOf({ ca }));
  expect(await client.roster()).toEqual([]);
  await client.close();
  for (const channel of [{}, { ca: testAuthority().cert }]) {
    client = connectHttp(url, channel);
    await expect(client.ledger(0, { retries: 0 })).rejects.toMatchObject({ code: "TRB_NODE_COORDINATOR_UNREACHABLE" });
    await client.close();
  }
});

test("and so it is for the control connection", async () => {
  const heard: string[] = [];
  const connect = (channel: object) =>
    connectSocket(
      { ...{ url, federation: "test", node: nodeId.parse("alpha"), sign: () => new Uint8Array(64) }, channel },
      {
        ...{ connected: () => undefined, disconnected: () => undefined, message: () => Promise.resolve() },
        ...{ ledger: () => undefined, head: () => undefined },
        refused: ({ code }) => heard.push(code), // the challenge is of a version that nobody speaks: it came through
      },
    );
  const refused = new Promise((resolve) => server.once("tlsClientError", resolve));
  connection = connect({ ca: testAuthority().cert });
  await refused;
  expect(heard).toEqual([]);
  connection.close();
  connection = connect(channelOf({ ca }));
  await expect.poll(() => heard, { timeout: 10_000 }).toContain("TRB_ROUND_VERSION_UNKNOWN");
}, 30_000);

test("a file that holds no certificate is no authority", () => {
  for (const file of [join(folder, "key.pem"), join(folder, "missing.pem")]) {
    expect(() => channelOf({ ca: file })).toThrow(expect.objectContaining({ code: "TRB_NODE_CA_UNREADABLE" }));
  }
});
