/**
 * A coordinator whose websocket frames are no honest one's: the connection ends, the node goes on and connects again. And what an honest one is told of
 * a refusal.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { fail } from "@tributary/errors";
import { nodeId, protocolVersion } from "@tributary/protocol";
import { afterEach, expect, test } from "vitest";
import { type ControlConnection, connectSocket } from "./socket.ts";

let server: Server | undefined;
let connection: ControlConnection | undefined;
afterEach(() => {
  connection?.close();
  server?.closeAllConnections();
  server?.close();
});

/** RFC 6455, §5.2: a text frame's head announces `length` octets; the server's frames have no mask. */
function frame(text: string, length = Buffer.byteLength(text)): Buffer {
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** A client's frames have masks (RFC 6455, §5.3); these are short enough to come whole. */
function textsIn(octets: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at + 6 <= octets.length; ) {
    const short = (octets[at + 1] ?? 0) & 127;
    const head = short === 126 ? 4 : 2;
    const length = short === 126 ? octets.readUInt16BE(at + 2) : short;
    const mask = octets.subarray(at + head, at + head + 4);
    const text = octets.subarray(at + head + 4, at + head + 4 + length);
    texts.push(Buffer.from(text.map((octet, i) => octet ^ (mask[i % 4] ?? 0))).toString("utf8"));
    at += head + 4 + length;
  }
  return texts;
}

const open = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

/** Accepts every upgrade, says that the connection is open, then these frames. @returns how often somebody connected, and each one's extensions */
async function hostile(
  frames: readonly Buffer[],
  heard: (text: string, say: (text: string) => void) => void = () => undefined,
): Promise<{ readonly url: string; readonly connections: (string | undefined)[] }> {
  const connections: (string | undefined)[] = [];
  server = createServer();
  server.on("upgrade", (request, socket: Socket) => {
    connections.push(request.headers["sec-websocket-extensions"]);
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "upgrade: websocket",
      "connection: upgrade",
      `sec-websocket-accept: ${accept}`,
    ];
    socket.on("error", () => {}); // the node hung up
    socket.on("data", (octets) => {
      for (const text of textsIn(octets)) heard(text, (answer) => void socket.write(frame(answer)));
    });
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    for (const one of [frame(open), frame('40{"sid":"b"}'), ...frames]) socket.write(one);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

test.each([
  ["announces more octets than any message has", [frame("", 64 * 1024 * 1024)]],
  ["is no packet of the protocol", [frame("4{")]],
  ["shakes hands with a bit flipped", [frame(open.replace('"sid"', '"sid\u0002'))]],
  ["shakes hands with nobody", [frame("0null")]],
  ["shakes hands, and would be asked never", [frame(open.replace("25000", "-1"))]],
  [
    "promises octets that don't come, nested deep",
    [frame(`451-["message",${"[".repeat(20_000)}${"]".repeat(20_000)}]`), frame("b")],
  ],
])("a frame that %s ends the connection, without compression offered, and another is made", async (_, frames) => {
  const { url, connections } = await hostile(frames);
  const reasons: string[] = [];
  connection = connectSocket(
    { url, federation: "test", node: nodeId.parse("alpha"), sign: () => new Uint8Array(64) },
    {
      connected: () => undefined,
      disconnected: (reason) => reasons.push(reason),
      message: () => Promise.resolve(),
      ledger: () => undefined,
      refused: () => undefined,
      head: () => undefined,
    },
  );
  await expect.poll(() => connections.length, { timeout: 10_000 }).toBeGreaterThan(1);
  expect(reasons.length).toBeGreaterThan(0);
  expect(connections.every((extensions) => extensions === undefined)).toBe(true);
});

test("of what the merchant's policy refuses the coordinator is sent the code, and no figure; other refusals go as they are", async () => {
  const answers: string[] = [];
  const left: string[] = [];
  const asked = ["policy", "other"].map((kind, id) => frame(`42${id}["message",{"kind":"${kind}"}]`));
  const { url } = await hostile(asked, (text) => answers.push(text));
  const spent = {
    file: "/srv/budget",
    spent: 3.25,
    epsilon: 4.5,
    limit: 4,
    owner: "spring/shop",
    period: "for ever",
    from: "-",
  };
  connection = connectSocket(
    { url, federation: "test", node: nodeId.parse("alpha"), sign: () => new Uint8Array(64) },
    {
      connected: () => undefined,
      disconnected: () => undefined,
      message: (payload) =>
        Promise.reject(
          JSON.stringify(payload).includes("policy")
            ? fail("TRB_POLICY_SHARED_BUDGET_EXCEEDED", spent)
            : fail("TRB_ROUND_REPLAYED", { round: 7, last: 9 }),
        ),
      ledger: () => undefined,
      refused: () => undefined,
      head: () => undefined,
      leaves: (kind, round, text) => left.push(`${kind} ${round} ${text}`),
    },
  );
  await expect.poll(() => answers.filter((text) => text.startsWith("43")).length, { timeout: 10_000 }).toBeGreaterThan(1);
  const [policy = "", other = ""] = answers.filter((text) => text.startsWith("43"));
  expect(policy).toContain("TRB_POLICY_SHARED_BUDGET_EXCEEDED");
  for (const fact of ["3.25", "4.5", "spring", "/srv"]) expect(policy).not.toContain(fact);
  expect(other).toContain(fail("TRB_ROUND_REPLAYED", { round: 7, last: 9 }).message);
  // what is told to leave is what is on the wire, byte for byte
  expect([policy, other].map((text) => /^43\d+\[(.*)\]$/s.exec(text)?.[1])).toEqual(
    left.map((said) => said.replace("refusal null ", "")),
  );
});

test("a coordinator that says when again is connected to then: at once, or not for a long while", async () => {
  const challenge = frame(`42["challenge",{"nonce":"${"a".repeat(64)}","version":"${protocolVersion}"}]`);
  const after = [0, 3_600];
  let hellos = 0;
  const { url, connections } = await hostile([challenge], (text, say) => {
    const id = /^42([0-9]+)\["hello"/.exec(text)?.[1];
    if (id !== undefined)
      say(`43${id}${JSON.stringify([{ error: fail("TRB_COORDINATOR_NO_LEADER"), retryAfter: after[hellos++] }])}`);
  });
  const refused: string[] = [];
  connection = connectSocket(
    { url, federation: "test", node: nodeId.parse("alpha"), sign: () => new Uint8Array(64) },
    {
      connected: () => undefined,
      disconnected: () => undefined,
      message: () => Promise.resolve(),
      ledger: () => undefined,
      refused: (error) => refused.push(error.code),
      head: () => undefined,
    },
  );
  await expect.poll(() => refused.length, { timeout: 20_000 }).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // longer than it waits where nothing is said
  expect(connections).toHaveLength(2);
});

test("a coordinator that just can't, because nobody leads its replicas, is connected to again by itself; one that refuses for good isn't", async () => {
  const challenge = frame(`42["challenge",{"nonce":"${"a".repeat(64)}","version":"${protocolVersion}"}]`);
  const answers = [fail("TRB_COORDINATOR_NO_LEADER"), fail("TRB_COORDINATOR_STOPPING"), fail("TRB_COORDINATOR_HELLO_REFUSED")];
  const hellos: string[] = [];
  const { url, connections } = await hostile([challenge], (text, say) => {
    const id = /^42([0-9]+)\["hello"/.exec(text)?.[1];
    if (id !== undefined) say(`43${id}${JSON.stringify([{ error: answers[hellos.push(text) - 1] }])}`);
  });
  const refused: string[] = [];
  const left: string[] = [];
  connection = connectSocket(
    { url, federation: "test", node: nodeId.parse("alpha"), sign: () => new Uint8Array(64) },
    {
      connected: () => undefined,
      disconnected: () => undefined,
      leaves: (kind, _round, text) => left.push(`["${kind}",${text}]`),
      message: () => Promise.resolve(),
      ledger: () => undefined,
      refused: (error, what) => refused.push(`${what} ${error.code}`),
      head: () => undefined,
    },
  );
  await expect.poll(() => refused.length, { timeout: 20_000 }).toBe(3);
  await new Promise((resolve) => setTimeout(resolve, 1_200)); // longer than it waits before it comes again
  expect(refused).toEqual(answers.map(({ code }) => `hello ${code}`));
  expect(connections).toHaveLength(3);
  expect(left).toEqual(hellos.map((text) => text.replace(/^42\d+/, "")));
});
