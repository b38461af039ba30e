/** The API as a shop sees it: what each route answers, and that answers are what the description promises. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { preparePopularity } from "./prepare.ts";
import {
  type Answer,
  catalogue,
  customerOf,
  historiesOf,
  ingredients,
  openShop,
  secret,
  shopRows,
} from "./shop.test-support.ts";
import * as words from "./words.ts";

let shop: Awaited<ReturnType<typeof openShop>>;
beforeAll(async () => {
  shop = await openShop(ingredients());
});
afterAll(() => shop.close());

/** Every answer has the shape that is documented. */
function read<Schema extends z.ZodType>(schema: Schema, { status, body }: Answer): z.infer<Schema> {
  expect(body).toEqual(expect.anything());
  expect(status).toBe(200);
  return schema.parse(body);
}
const numberOf = (id: string) => catalogue.numbers.get(id) ?? 0;
const id = (number: number) => catalogue.items[number - 1]?.id ?? "";
const walk = [1, 3, 5].map((item) => ({ item: id(item) }));

describe("recommendations", () => {
  test("continue what was planted: after item 5 of a kind comes item 7", async () => {
    const { items, basis, model } = read(words.recommendAnswer, await shop.ask("/v1/recommend", { history: walk, k: 5 }));
    expect(items[0]?.item).toBe(id(7));
    expect(items).toHaveLength(5);
    expect(items.map(({ score }) => score)).toEqual(items.map(({ score }) => score).sort((a, b) => b - a));
    expect(basis).toBe("history");
    expect(model).toMatchObject({ source: "none", fallback: false, parts: expect.arrayContaining(["ownCounts"]) });
  });

  test("a customer of the store and the same history sent are answered alike", async () => {
    const customer = customerOf(3);
    const history = (shopRows(900)[customer] ?? []).map(({ item, action, time }) => ({ item: id(item), action, time }));
    const [stored, sent] = [await shop.ask("/v1/recommend", { customer }), await shop.ask("/v1/recommend", { history })];
    expect(sent.body).toEqual(stored.body);
  });

  test("an unknown customer is served by popularity, and told so", async () => {
    const { items, basis } = read(
      words.recommendAnswer,
      await shop.ask("/v1/recommend", { customer: "nobody knows me", k: 24 }),
    );
    expect(basis).toBe("popularity");
    expect(items).toHaveLength(24);
  });

  test("a customer who only logged in has no item to go by", async () => {
    const answer = await shop.ask("/v1/recommend", { history: [{ action: "login" }] });
    expect(read(words.recommendAnswer, answer).basis).toBe("popularity");
  });

  test("filters, exclusions and what was bought are left out", async () => {
    const asked = { history: [...walk, { item: id(7), action: "buy" }], k: 24 };
    const items = async (more: object) =>
      read(words.recommendAnswer, await shop.ask("/v1/recommend", { ...asked, ...more })).items.map(({ item }) =>
        numberOf(item),
      );
    expect(await items({ bought: "keep" })).toContain(7);
    expect(await items({ bought: "exclude" })).not.toContain(7);
    expect(await items({ exclude: [id(9), id(11)] })).not.toEqual(expect.arrayContaining([9]));
    expect((await items({ filters: { category: ["kind 1"] } })).every((item) => item % 2 === 0)).toBe(true);
    expect((await items({ filters: { price: { from: 3, to: 6 } } })).sort((a, b) => a - b)).toEqual([3, 4, 5, 6]);
    expect((await items({ filters: { attributes: ["of 2"] } })).sort((a, b) => a - b)).toEqual([3, 7, 11, 15, 19, 23]);
    expect(await items({ filters: { brand: ["unheard of"] } })).toEqual([]);
  });

  test("diversity brings other kinds among the first", async () => {
    const kinds = async (diversity: number) => {
      const { items } = read(words.recommendAnswer, await shop.ask("/v1/recommend", { history: walk, k: 6, diversity }));
      return new Set(items.map(({ item }) => `${numberOf(item) % 2} ${numberOf(item) % 3}`)).size;
    };
    expect(await kinds(0.9)).toBeGreaterThan(await kinds(0));
  });
});

describe("what a customer will do", () => {
  test("next action: shares that add up to one, and a quarter of the views is bought, as planted", async () => {
    const answer = read(words.nextActionAnswer, await shop.ask("/v1/next-action", { history: walk }));
    const of = (action: string, { actions }: typeof answer) => actions.find((one) => one.action === action)?.probability ?? 0;
    expect(answer.actions[0]?.action).toBe("view");
    expect(of("buy", answer)).toBeGreaterThan(0.2);
    expect(of("buy", answer)).toBeLessThan(0.3);
    expect(answer.actions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect(answer).toMatchObject({ by: "ownChain", basis: "history" });
    const bought = [...walk, { item: id(5), action: "buy" }];
    expect(of("buy", read(words.nextActionAnswer, await shop.ask("/v1/next-action", { history: bought })))).toBeLessThan(0.02);
    const nobody = read(words.nextActionAnswer, await shop.ask("/v1/next-action", { customer: "nobody knows me" }));
    expect(nobody.basis).toBe("everybody");
    expect(nobody.purchase).toBeNull();
  });

  test("purchase: a quarter of the views is bought in the same visit, as planted, and after a purchase the visit is over", async () => {
    const purchase = async (history: object) =>
      read(words.nextActionAnswer, await shop.ask("/v1/next-action", { history })).purchase;
    const visits = [10, 15, 20, 25].map((days, place) => ({ item: id(1 + 2 * place), time: days * 86_400 }));
    const looks = await purchase(visits);
    expect(looks).toMatchObject({ by: "ownModel", calibrated: true });
    expect(looks?.probability).toBeGreaterThan(0.15);
    expect(looks?.probability).toBeLessThan(0.35);
    const bought = [...visits, { item: id(7), action: "buy", time: 25 * 86_400 + 60 }];
    expect((await purchase(bought))?.probability).toBeLessThan(0.1);
  });

  test("churn: calibrated, with drivers and what it is worth; a long silence looks like leaving", async () => {
    const at = async (time: number) =>
      read(
        words.churnAnswer,
        await shop.ask("/v1/churn", { history: [...walk.map((event, n) => ({ ...event, time: time + n * 86_400 }))] }),
      );
    const [active, silent] = [await at(97 * 86_400), await at(40 * 86_400)];
    expect(silent.probability).toBeGreaterThan(active.probability + 0.2);
    expect(active).toMatchObject({ calibrated: true, by: "ownModel", horizonDays: 20 });
    expect(active.drivers.length).toBeGreaterThan(3);
    expect(active.validation?.auc).toBeGreaterThan(0.7);
  });

  test("adverts: by bid times probability times pace, above the floor, within the budget", async () => {
    const candidates = [
      { item: id(7), bid: 1 }, // of the customer's kind: planted 0.5
      { item: id(8), bid: 1 }, // of the other: 0.05
      { item: id(9), bid: 1, campaign: { budget: 100, spent: 100, elapsed: 0.5 } },
      { item: id(11), bid: 1, campaign: { budget: 100, spent: 80, elapsed: 0.2 } },
      { item: id(10), bid: 1e-6 },
    ];
    const { ranked, withheld, by, calibrated } = read(
      words.adsAnswer,
      await shop.ask("/v1/ads/rank", { history: walk, candidates, floor: 0.001 }),
    );
    expect({ by, calibrated }).toEqual({ by: "ownClicks", calibrated: true });
    expect(ranked.map(({ item }) => numberOf(item)).slice(0, 1)).toEqual([7]);
    for (const { bid, probability, pace, expectedValue } of ranked)
      expect(expectedValue).toBeCloseTo(bid * probability * pace, 12);
    expect(ranked.find(({ item }) => item === id(11))?.pace).toBeCloseTo(0.25, 12);
    const [fits, other] = [7, 8].map((item) => ranked.find((one) => one.item === id(item))?.probability ?? 0);
    expect(fits).toBeGreaterThan(2 * (other ?? 1));
    expect(withheld).toEqual([
      { item: id(9), reason: "budget" },
      { item: id(10), reason: "floor" },
    ]);
    const few = read(words.adsAnswer, await shop.ask("/v1/ads/rank", { history: walk, candidates, k: 1 }));
    expect(few.ranked).toHaveLength(1);
    expect(few.withheld.map(({ reason }) => reason)).toContain("notAmongBest");
  });

  test("explain: the event that matters comes first, and its item is named", async () => {
    const history = [{ item: id(2) }, { item: id(4) }, { item: id(5), action: "buy" }];
    const answer = read(words.explainAnswer, await shop.ask("/v1/explain", { history, item: id(7) }));
    expect(answer.events[0]).toMatchObject({ item: id(5), action: "buy" });
    expect(answer.events[0]?.contribution).toBeGreaterThan(0);
    expect(Object.values(answer.parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(answer.score, 6);
  });
});

describe("live events", () => {
  test("are in the next answer, once, and make an unknown customer known", async () => {
    const customer = `${secret}-live`;
    const before = await shop.ask("/v1/churn", { customer });
    expect(before).toMatchObject({ status: 404, body: { error: { code: "TRB_SERVE_CUSTOMER_UNKNOWN" } } });
    const events = walk.map((event, n) => ({ ...event, customer, time: 99 * 86_400 + n }));
    expect(await shop.ask("/v1/events", { events })).toMatchObject({ status: 200, body: { accepted: 3, repeated: 0 } });
    expect(await shop.ask("/v1/events", { events })).toMatchObject({ status: 200, body: { accepted: 0, repeated: 3 } });
    const { items, basis } = read(words.recommendAnswer, await shop.ask("/v1/recommend", { customer, k: 1 }));
    expect([items[0]?.item, basis]).toEqual([id(7), "history"]);
    expect((await shop.ask("/v1/churn", { customer })).status).toBe(200);
  });
});

test("the description is valid OpenAPI 3.1, and names every route", async () => {
  const { status, body } = await shop.ask("/openapi.json");
  expect(status).toBe(200);
  if (typeof body !== "object" || body === null || !("paths" in body)) throw new Error("it is no description");
  const checked = await new Validator().validate({ ...body });
  expect(checked.errors ?? []).toEqual([]);
  expect(checked.valid).toBe(true);
  expect(Object.keys(body.paths ?? {}).sort()).toEqual([
    "/metrics",
    "/v1/ads/rank",
    "/v1/churn",
    "/v1/events",
    "/v1/explain",
    "/v1/health",
    "/v1/next-action",
    "/v1/recommend",
  ]);
});

test("mode releasedOnly without a release: the catalogue's order, and coded refusals in place of inventions", async () => {
  const bare = await openShop(ingredients({ serve: { mode: "releasedOnly", minSupport: 5 } }));
  const items = read(words.recommendAnswer, await bare.ask("/v1/recommend", { customer: "nobody", k: 3 }));
  expect(items).toMatchObject({ basis: "catalogue", items: [{ item: id(1) }, { item: id(2) }, { item: id(3) }] });
  for (const path of ["/v1/churn", "/v1/next-action"]) {
    const refused = await bare.ask(path, { history: walk });
    expect(refused).toMatchObject({ status: 409, body: { error: { code: "TRB_SERVE_NOTHING_TO_ANSWER_BY" } } });
  }
  const adverts = await bare.ask("/v1/ads/rank", { history: walk, candidates: [{ item: id(7), bid: 2 }] });
  expect(read(words.adsAnswer, adverts)).toMatchObject({ by: "nextItemShare", calibrated: false });
  await bare.close();
});

test("until the first model is there what only a model can say is to be asked for again, and a client is told when", async () => {
  const from = ingredients({ histories: historiesOf(shopRows(40)) });
  const early = await openShop(from, { prepared: preparePopularity(from) });
  try {
    for (const path of ["/v1/churn", "/v1/next-action"]) {
      const { status, headers, body } = await early.ask(path, { customer: customerOf(3) });
      expect([status, headers?.get("retry-after")]).toEqual([503, "2"]);
      expect(body).toMatchObject({ error: { code: "TRB_SERVE_MODEL_LOADING", advice: expect.stringContaining("Ask again") } });
    }
    expect((await early.ask("/v1/recommend", { customer: customerOf(3) })).status).toBe(200);
    early.holder.replace(await early.open(await early.prepare(ingredients())));
    expect((await early.ask("/v1/churn", { customer: customerOf(3) })).status).toBe(200);
  } finally {
    await early.close();
  }
});

describe("a pair that only a few customers had", () => {
  /** Items 1 and 2 have nothing in common; so many customers go from one to the other, and nobody else has item 2 after item 1. */
  const planted = (customers: number) => {
    const rows = shopRows(200);
    for (const events of Object.values(rows)) events.splice(0, events.length, ...events.filter(({ item }) => item > 2));
    for (let n = 0; n < customers; n++) {
      const pair = (visit: number) =>
        [1, 2].map((item, step) => ({ item, action: "view" as const, time: visit * 86_400 + step }));
      rows[`${secret}-planted-${n}`] = Array.from({ length: 30 }, (_, visit) => pair(visit)).flat();
    }
    return historiesOf(Object.fromEntries(Object.entries(rows).filter(([, events]) => events.length > 0)));
  };
  const ownPairs = async (customers: number) => {
    const one = await openShop(ingredients({ histories: planted(customers) }));
    const told = read(words.explainAnswer, await one.ask("/v1/explain", { history: [{ item: id(1) }], item: id(2) }));
    const { parts } = one.holder.current().origin;
    await one.close();
    return { pairs: told.parts.ownPairs, serves: parts.includes("ownCounts") };
  };

  test("is never served below minSupport, however often they had it, and is at it", async () => {
    expect(await ownPairs(4)).toEqual({ pairs: 0, serves: true });
    expect(await ownPairs(5)).toEqual({ pairs: expect.toSatisfy((pairs: number) => pairs > 0), serves: true });
  });
});
