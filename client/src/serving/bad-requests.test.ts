/** Rubbish, strangers and slow clients: refused by code, before anything is computed, without a word of what was sent in answer, log or metrics. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { customerOf, ingredients, openShop, secret, token } from "./shop.test-support.ts";

let shop: Awaited<ReturnType<typeof openShop>>;
beforeAll(async () => {
  shop = await openShop(ingredients(), { limits: { body: 20_000, head: 600, request: 900 } });
});
afterAll(() => shop.close());

const history = [{ item: "item-02" }];
const refusal = (status: number, code: string) => ({
  status,
  body: { error: { code, message: expect.any(String), advice: expect.any(String) } },
});
const invalid = refusal(400, "TRB_SERVE_REQUEST_INVALID");

/** Sends octets as they are, and returns what comes until the connection ends. */
function raw(octets: readonly string[], pause = 0): Promise<string> {
  const { hostname, port } = new URL(shop.url);
  return new Promise((resolve, reject) => {
    let heard = "";
    let next = 0;
    const socket = connect(Number(port), hostname, () => {
      const send = () => {
        const part = octets[next++];
        if (part === undefined || socket.destroyed) return;
        socket.write(part);
        setTimeout(send, pause);
      };
      send();
    });
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", () => resolve(heard));
    socket.on("close", () => resolve(heard));
    socket.setTimeout(10_000, () => {
      socket.destroy();
      reject(new Error("the server held the connection"));
    });
  });
}

test.each([
  ["not JSON", "/v1/recommend", `{"customer":"${secret}`, invalid],
  ["neither customer nor history", "/v1/recommend", {}, invalid],
  ["both", "/v1/recommend", { customer: secret, history }, invalid],
  ["an unknown field", "/v1/recommend", { customer: secret, [secret]: 1 }, invalid],
  ["k that is no count", "/v1/recommend", { history, k: 0 }, invalid],
  ["k above the most", "/v1/recommend", { history, k: 201 }, invalid],
  ["diversity above 1", "/v1/recommend", { history, diversity: 1.5 }, invalid],
  ["a customer that is a number", "/v1/recommend", { customer: 5 }, invalid],
  ["an empty history", "/v1/recommend", { history: [] }, refusal(422, "TRB_SERVE_HISTORY_EMPTY")],
  ["an empty history", "/v1/churn", { history: [] }, refusal(422, "TRB_SERVE_HISTORY_EMPTY")],
  ["an unknown item", "/v1/recommend", { history: [{ item: secret }] }, refusal(422, "TRB_SERVE_ITEM_UNKNOWN")],
  ["an unknown excluded item", "/v1/recommend", { history, exclude: [secret] }, refusal(422, "TRB_SERVE_ITEM_UNKNOWN")],
  ["an unknown item to explain", "/v1/explain", { history, item: secret }, refusal(422, "TRB_SERVE_ITEM_UNKNOWN")],
  ["an unknown action", "/v1/recommend", { history: [{ action: secret }] }, refusal(422, "TRB_SERVE_ACTION_UNKNOWN")],
  [
    "times that go back",
    "/v1/recommend",
    {
      history: [
        { action: "login", time: 9 },
        { action: "login", time: 8 },
      ],
    },
    invalid,
  ],
  ["a time that is none", "/v1/recommend", { history: [{ action: "login", time: -1 }] }, invalid],
  ["a negative bid", "/v1/ads/rank", { history, candidates: [{ item: "item-03", bid: -1 }] }, invalid],
  [
    "an unknown item to advertise",
    "/v1/ads/rank",
    { history, candidates: [{ item: secret, bid: 1 }] },
    refusal(422, "TRB_SERVE_ITEM_UNKNOWN"),
  ],
  ["no candidates", "/v1/ads/rank", { history, candidates: [] }, invalid],
  [
    "a live event of an unknown item",
    "/v1/events",
    { events: [{ customer: secret, item: secret }] },
    refusal(422, "TRB_SERVE_ITEM_UNKNOWN"),
  ],
  ["no live events", "/v1/events", { events: [] }, invalid],
  ["churn of a stranger", "/v1/churn", { customer: `${secret}-stranger` }, refusal(404, "TRB_SERVE_CUSTOMER_UNKNOWN")],
  ["an oversized body", "/v1/recommend", { customer: "x".repeat(30_000) }, refusal(413, "TRB_SERVE_REQUEST_TOO_LARGE")],
  ["an unknown route", `/v1/customers/${secret}`, { history }, refusal(404, "TRB_SERVE_ROUTE_UNKNOWN")],
])("%s at %s", async (_, path, body, expected) => {
  expect(await shop.ask(path, body)).toMatchObject(expected);
});

test.each([
  [{ history, k: 0 }, "k: it must be at least 1"],
  [{ history, k: 201 }, "k: it must be at most 200"],
  [{ history, k: 1.5 }, "k: it must be a whole number"],
  [{ history, k: secret }, "k: it must be a number"],
  [{ customer: 5 }, "customer: it must be text"],
  [{ customer: "" }, "customer: it must have at least 1 character"],
  [{ history: Array(2001).fill({}) }, "history: it must have at most 2000 elements"],
  [{ history: secret }, "history: it must be a list"],
  [{ history: [secret] }, "history.0: it must be an object"],
  [{ history, bought: secret }, "bought: it must be one of keep, exclude"],
  [{ history, [secret]: 1 }, "(top): a field is not known"],
  [[], "(top): it must be an object"],
  [{}, "customer: either customer or history"],
  [`{"k":${secret}`, "(body): not JSON"],
])("what is wrong is said in words that a shop's developer knows, and the field: %j", async (body, said) => {
  const message = `The request is malformed at ${said}.`;
  expect(await shop.ask("/v1/recommend", body)).toMatchObject({
    body: { error: { code: "TRB_SERVE_REQUEST_INVALID", message } },
  });
});

test("an empty body and one of another type are told in words as well", async () => {
  const messageOf = async (body: string, headers = {}) => (await shop.ask("/v1/churn", body, headers)).body;
  expect(await messageOf("")).toMatchObject({ error: { message: expect.stringContaining("(body): it is empty") } });
  const xml = { error: { message: expect.stringContaining("(body): its type is not application/json") } };
  expect(await messageOf("<a/>", { "content-type": "text/xml" })).toMatchObject(xml);
});

test("an encoded body, and one that isn't JSON by its type", async () => {
  expect(await shop.ask("/v1/recommend", { history }, { "content-encoding": "gzip" })).toMatchObject(invalid);
  expect(await shop.ask("/v1/recommend", "<a/>", { "content-type": "text/xml" })).toMatchObject(invalid);
});

describe("a token", () => {
  const wrong = refusal(401, "TRB_SERVE_TOKEN_WRONG");
  test.each(["", "Bearer", `Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`, token, `Basic ${token}`, "Bearer \u00e4"])(
    "%j is refused on every route but health and description",
    async (authorization) => {
      for (const path of ["/v1/recommend", "/v1/next-action", "/v1/churn", "/v1/ads/rank", "/v1/explain", "/v1/events"])
        expect(await shop.ask(path, { history }, { authorization })).toMatchObject(wrong);
      expect(await shop.ask("/metrics", undefined, { authorization })).toMatchObject(wrong);
      expect(await shop.ask("/nowhere", undefined, { authorization })).toMatchObject(wrong);
      expect((await shop.ask("/v1/health", undefined, { authorization })).status).toBe(200);
      expect((await shop.ask("/openapi.json", undefined, { authorization })).status).toBe(200);
    },
  );

  test("is asked for before a body is read: a stranger's large body is refused for the token", async () => {
    const answer = await raw([
      "POST /v1/recommend HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n{",
    ]);
    expect(answer).toContain("401");
    expect(answer.toLowerCase()).toContain("connection: close");
  });
});

describe("slow clients", () => {
  const head = `POST /v1/recommend HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  test("a head that trickles is ended", async () => {
    const answer = await raw([...head].map((letter) => letter).slice(0, 120), 60);
    expect(answer).toContain("408");
    expect(answer).toContain("TRB_SERVE_REQUEST_SLOW");
  });

  test("a body that trickles is ended, and others are answered meanwhile", async () => {
    const slow = raw([`${head}content-length: 1000\r\n\r\n`, ..."{".repeat(90)], 60);
    expect((await shop.ask("/v1/recommend", { history })).status).toBe(200);
    expect(await slow).toContain("408");
  });

  test("what is no HTTP, and a head without an end, are refused", async () => {
    expect(await raw(["what is this\r\n\r\n"])).toContain("TRB_SERVE_REQUEST_INVALID");
    expect(await raw([`GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`])).toContain("TRB_SERVE_REQUEST_TOO_LARGE");
  });
});

test("nothing that was sent and nobody who is stored stands in answers to others, logs or metrics", async () => {
  await shop.ask("/v1/recommend", { customer: customerOf(1) });
  await shop.ask("/v1/events", { events: [{ customer: `${secret}-new`, item: "item-03" }] });
  const { status, body } = await shop.ask("/metrics");
  expect(status).toBe(200);
  expect(body).toContain('tributary_serve_seconds_count{route="/v1/recommend",status="200"}');
  expect(body).toContain('tributary_serve_refused_total{code="TRB_SERVE_ITEM_UNKNOWN"}');
  expect(body).toContain("tributary_serve_live_events 1");
  const said = [String(body), ...shop.logged, JSON.stringify(await shop.ask("/v1/health"))].join("\n");
  expect(shop.logged.length).toBeGreaterThan(20);
  for (const private_ of [secret, "item-0", token]) expect(said).not.toContain(private_);
});
