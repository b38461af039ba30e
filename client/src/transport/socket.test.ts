/** A coordinator whose websocket frames are no honest one's: the connection ends, the node goes on and connects again. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { nodeId } from "@tributary/protocol";
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

const open = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

/** Accepts every upgrade, says that the connection is open, then these frames. @returns how often somebody connected, and each one's extensions */
async function hostile(
  frames: readonly Buffer[],
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
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    for (const one of [frame(open), frame('40{"sid":"b"}'), ...frames]) socket.write(one);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

test.each([
  ["announces more octets than any message has", [frame("", 64 * 1024 * 1024)]],
  ["is no packet of the protocol", [frame("4{")]],
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
