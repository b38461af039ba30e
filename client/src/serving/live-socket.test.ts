/** Live events over a connection that stays open: acknowledged, refused by a code, bounded. */
import { connect } from "node:net";
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { catalogue, customerOf, historiesOf, ingredients, openShop, shopRows, token } from "./shop.test-support.ts";
import { recommendAnswer } from "./words.ts";

const itemId = (item: number) => catalogue.items[item - 1]?.id ?? "";

let shop: Awaited<ReturnType<typeof openShop>>;
let sockets: Socket[] = [];
beforeAll(async () => {
  shop = await openShop(ingredients({ histories: historiesOf(shopRows(40)) }), { limits: { body: 4_000, head: 1_000 } });
});
afterEach(() => {
  for (const socket of sockets) socket.disconnect();
  sockets = [];
});
afterAll(() => shop.close());

function open(options: { readonly auth?: object; readonly extraHeaders?: Record<string, string> }): Socket {
  const socket = io(shop.url, { path: "/v1/live", transports: ["websocket"], reconnection: false, forceNew: true, ...options });
  sockets.push(socket);
  return socket;
}

const happened = (socket: Socket, event: string) =>
  new Promise<unknown>((resolve) => {
    socket.once(event, resolve);
  });

const tell = (socket: Socket, body: unknown): Promise<unknown> => socket.timeout(10_000).emitWithAck("events", body);

test("events are acknowledged when they count: the next recommendation knows of them, and the same again is nothing new", async () => {
  const socket = open({ auth: { token } });
  const customer = customerOf(3);
  const bought = async () =>
    recommendAnswer.parse((await shop.ask("/v1/recommend", { customer, k: 1, bought: "exclude" })).body);
  const best = (await bought()).items[0]?.item ?? "";
  const body = { events: [{ customer, item: best, action: "buy", time: 2e9 }] };
  expect(await tell(socket, body)).toEqual({ accepted: 1, repeated: 0 });
  expect((await bought()).items[0]?.item).not.toBe(best);
  expect(await tell(socket, body)).toEqual({ accepted: 0, repeated: 1 });
  expect(await tell(open({ extraHeaders: { authorization: `Bearer ${token}` } }), body)).toEqual({ accepted: 0, repeated: 1 });
});

test.each([{}, { token: "" }, { token: `${token}x` }, { token: 7 }, { token: [token] }])(
  "nobody connects with %j",
  async (auth) => {
    const refused = await happened(open({ auth }), "connect_error");
    expect(refused).toMatchObject({ data: { error: { code: "TRB_SERVE_TOKEN_WRONG" } } });
  },
);

test.each([
  [undefined, "TRB_SERVE_REQUEST_INVALID"],
  [{ events: [] }, "TRB_SERVE_REQUEST_INVALID"],
  [{ events: [{ customer: "c", more: 1 }] }, "TRB_SERVE_REQUEST_INVALID"],
  [{ events: [{ customer: "c", item: "not in the catalogue" }] }, "TRB_SERVE_ITEM_UNKNOWN"],
  [{ events: [{ customer: "c", action: "dance" }] }, "TRB_SERVE_ACTION_UNKNOWN"],
])("%j is refused by a code, and the connection lives on", async (body, code) => {
  const socket = open({ auth: { token } });
  expect(await tell(socket, body)).toMatchObject({ error: { code } });
  const right = { events: [{ customer: "c", item: itemId(1), time: 1e9 + Math.floor(1e6 * performance.now()) / 1e6 }] };
  expect(await tell(socket, right)).toEqual({ accepted: 1, repeated: 0 });
});

test("all of a message counts or nothing of it", async () => {
  const socket = open({ auth: { token } });
  const before = shop.customers.counts().live;
  const events = [
    { customer: "d", item: itemId(2) },
    { customer: "d", item: "not in the catalogue" },
  ];
  expect(await tell(socket, { events })).toMatchObject({ error: { code: "TRB_SERVE_ITEM_UNKNOWN" } });
  expect(shop.customers.counts().live).toBe(before);
});

test("a message longer than a body may be ends the connection, and others are served on", async () => {
  const [large, other] = [open({ auth: { token } }), open({ auth: { token } })];
  const ended = happened(large, "disconnect");
  large.emit("events", { events: [{ customer: "x".repeat(10_000) }] });
  expect(await ended).toMatch(/transport/);
  expect(await tell(other, { events: [{ customer: "e", item: itemId(3) }] })).toEqual({ accepted: 1, repeated: 0 });
});

test("a connection that never says who it is is ended", { timeout: 20_000 }, async () => {
  const { hostname, port } = new URL(shop.url);
  const silent = connect(Number(port), hostname);
  const upgrade = [
    `GET /v1/live/?EIO=4&transport=websocket HTTP/1.1`,
    `host: ${hostname}:${port}`,
    ...[
      "upgrade: websocket",
      "connection: upgrade",
      "sec-websocket-version: 13",
      "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    ],
  ];
  silent.write(`${upgrade.join("\r\n")}\r\n\r\n`);
  let heard = "";
  silent.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  await new Promise((resolve) => silent.once("close", resolve));
  expect(heard).toMatch(/^HTTP\/1\.1 101 /); // it was let in, and ended for its silence
});

test("nothing of a customer or of the token is logged, whatever was sent", () => {
  expect(shop.logged.join("")).not.toContain(token);
  expect(shop.logged.join("")).not.toContain(customerOf(3));
});
