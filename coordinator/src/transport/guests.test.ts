/** Ten thousand that connect and say nothing, or ask and don't read: members get in, stay in, and are answered; the server holds no more than it said. */
import { once } from "node:events";
import { Agent, createServer, get, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../../../test/tls/certificate.ts";
import { type GuestLimits, type Guests, watchGuests } from "./guests.ts";

/** How many strangers come: all ten thousand when there is time. */
const strangers = process.env["TRIBUTARY_LONG"] === "1" ? 10_000 : 500;
const authority = testAuthority();

let server: Server;
let guests: Guests;
let open: Socket[] = [];
let arrivals = 0;
const accepted = new Map<string, Socket>();

async function serve(limits: GuestLimits, listener: RequestListener, tls: boolean): Promise<number> {
  const http = tls ? createTlsServer(testCertificate(authority), listener) : createServer(listener);
  server = http;
  guests = watchGuests(http, limits);
  server.on("connection", () => {
    arrivals += 1;
  });
  const arrived = (socket: Socket) => accepted.set(String(socket.remotePort), socket);
  server.on(tls ? "secureConnection" : "connection", arrived);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  for (const socket of open) socket.destroy();
  open = [];
  accepted.clear();
  await new Promise((resolve) => server.close(resolve));
});

/** Connects, a hundred at a time; what becomes of it is the server's business. */
async function come(port: number, count: number, says = ""): Promise<void> {
  const expected = arrivals + count;
  for (let done = 0; done < count; done += 100) {
    const some = Array.from({ length: Math.min(100, count - done) }, () => {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      open.push(socket);
      return once(socket, "connect").then(
        () => void (says !== "" && socket.write(says)),
        () => undefined, // hung up on before it was told that it is connected
      );
    });
    await Promise.all(some);
  }
  await expect.poll(() => arrivals, { timeout: 30_000 }).toBeGreaterThanOrEqual(expected);
}

/** Of a request of its own connection. */
const ask = (port: number) =>
  new Promise<number | undefined>((resolve, reject) => {
    get({ port, host: "127.0.0.1", agent: new Agent({ keepAlive: false }) }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    }).on("error", reject);
  });

test.each([
  ["plain", false],
  ["TLS", true],
])(
  `${strangers} connections over %s that say nothing take no more than their places, and none of a member`,
  async (_, tls) => {
    const port = await serve({ idle: 100, asking: 50 }, (_request, response) => response.end("hello"), tls);
    const member = tls ? connectTls({ port, host: "127.0.0.1", ca: authority.cert }) : connect(port, "127.0.0.1");
    open.push(member);
    await once(member, tls ? "secureConnect" : "connect");
    await expect.poll(() => accepted.has(String(member.localPort)), { timeout: 10_000 }).toBe(true);
    const known = accepted.get(String(member.localPort));
    if (known === undefined) throw new Error("the server has not seen the member");
    guests.known(known);

    await come(port, strangers);
    await expect.poll(() => guests.count(), { timeout: 30_000 }).toBe(100);
    await expect.poll(() => open.filter((socket) => !socket.destroyed).length, { timeout: 30_000 }).toBeLessThanOrEqual(101);

    member.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
    expect(String((await once(member, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    if (!tls) expect(await ask(port)).toBe(200);
    await come(port, 200); // nor after it was answered
    member.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
    expect(String((await once(member, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
  },
  120_000,
);

test("of answers that nobody reads the oldest are given up, and who reads is answered all the while", async () => {
  let under = 0;
  let most = 0;
  const port = await serve(
    { idle: 1_000, asking: 20 },
    (request, response) => {
      if (request.url === "/") return void response.end("hello");
      under += 1;
      most = Math.max(most, under);
      response.on("close", () => {
        under -= 1;
      });
      response.writeHead(200).write("begins");
    },
    false,
  );
  await come(port, 200, "GET /never HTTP/1.1\r\nhost: here\r\n\r\n");
  await expect.poll(() => under, { timeout: 30_000 }).toBeLessThanOrEqual(20);
  expect(most).toBeLessThanOrEqual(22); // one is given up when the next has come
  expect(await ask(port)).toBe(200);
}, 120_000);

test("a connection that was answered waits for its next request among those that say nothing, behind those that came before", async () => {
  const port = await serve({ idle: 2, asking: 50 }, (_request, response) => response.end("hello"), false);
  const kept = connect(port, "127.0.0.1");
  open.push(kept);
  for (let request = 0; request < 3; request += 1) {
    kept.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
    expect(String((await once(kept, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    await expect.poll(() => guests.count()).toBeGreaterThan(0);
    await come(port, 1);
  }
  expect(kept.destroyed).toBe(false);
  await come(port, 2);
  await expect.poll(() => kept.destroyed || kept.readableEnded, { timeout: 10_000 }).toBe(true);
}, 60_000);
