/** A connection whose other end is gone without a word: the server finds out by asking, and lets go of it. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Server as SocketServer } from "socket.io";
import { afterEach, expect, test } from "vitest";
import { socketServer } from "./sockets.ts";

let http: Server;
let io: SocketServer;
let client: Socket;
afterEach(async () => {
  client.destroy();
  await io.close();
});

/** A client's frame of a short text (RFC 6455, §5.2), masked by zeros. */
const frame = (text: string) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

/** Opens a websocket and a namespace by hand; pings are answered or not. @returns why the server ended it, once it has */
async function open(answers: boolean): Promise<{ ended: () => string | undefined; pings: () => number }> {
  http = createServer();
  io = socketServer(http, { asking: { pingInterval: 50, pingTimeout: 150 } });
  let ended: string | undefined;
  let pings = 0;
  const joined = new Promise<void>((resolve) => {
    io.on("connection", (socket) => {
      socket.on("disconnect", (reason) => {
        ended = reason;
      });
      resolve();
    });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  client = connect((http.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  const head = [
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
    "host: here",
    "connection: upgrade",
    "upgrade: websocket",
  ];
  client.write(`${[...head, "sec-websocket-version: 13", "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="].join("\r\n")}\r\n\r\n`);
  client.on("data", (octets) => {
    // engine.io's ping is the text `2`, its pong `3`
    if (!octets.equals(Buffer.from([0x81, 1, 0x32]))) return;
    pings += 1;
    if (answers) client.write(frame("3"));
  });
  await once(client, "data");
  client.write(frame("40"));
  await joined;
  return { ended: () => ended, pings: () => pings };
}

test("who doesn't answer is let go of, though the connection is open", async () => {
  const { ended } = await open(false);
  await expect.poll(ended, { timeout: 10_000 }).toBe("ping timeout");
});

test("who answers stays", async () => {
  const { ended, pings } = await open(true);
  await expect.poll(pings, { timeout: 20_000 }).toBeGreaterThan(10);
  expect(ended()).toBeUndefined();
});
