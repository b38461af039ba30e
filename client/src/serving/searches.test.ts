/** Searches as a shop tells of them: keywords in a history and in live events change what is recommended next, and are kept nowhere. */
import { actions, type Histories, seededRandom, topicsOf } from "@tributary/events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { catalogue, ingredients, openShop } from "./shop.test-support.ts";
import { explainAnswer, recommendAnswer } from "./words.ts";

const topics = topicsOf(catalogue.items);
const numberOf = (value: string) => topics.findIndex((topic) => topic.value === value) + 1;
const [view, search] = [actions.indexOf("view"), actions.indexOf("search")];
const id = (item: number) => catalogue.items[item - 1]?.id ?? "";
const kindOf = (item: string) => catalogue.items[(catalogue.numbers.get(item) ?? 0) - 1]?.category;

/** Customers who search for a kind of things, look at one of them, and search again. */
function searchers(): Histories {
  const random = seededRandom(4, "searchers");
  const [items, done, about]: [number[], number[], number[]] = [[], [], []];
  const offsets = [0];
  for (let customer = 0; customer < 400; customer++) {
    for (let visit = 0; visit < 8; visit++) {
      const kind = random.below(2);
      const look = 1 + kind + 2 * random.below(12);
      items.push(0, look);
      done.push(search, view);
      about.push(numberOf(`kind ${kind}`), 0);
    }
    offsets.push(items.length);
  }
  return {
    customers: Array.from({ length: 400 }, (_, customer) => `searcher-${String(customer).padStart(3, "0")}`),
    offsets: Uint32Array.from(offsets),
    items: Int32Array.from(items),
    actions: Uint8Array.from(done),
    times: Float64Array.from(items, (_, event) => 1e9 + 600 * (event % 16)),
    topics: Int32Array.from(about),
  };
}

let shop: Awaited<ReturnType<typeof openShop>>;
beforeAll(async () => {
  shop = await openShop(ingredients({ histories: searchers() }));
});
afterAll(() => shop.close());

const recommended = async (asked: object) => {
  const { items, basis } = recommendAnswer.parse((await shop.ask("/v1/recommend", { k: 8, ...asked })).body);
  const kinds = items.map(({ item }) => kindOf(item));
  return { kinds, basis, ofKind1: kinds.filter((kind) => kind === "kind 1").length };
};
const walk = [1, 3, 5].map((item) => ({ item: id(item) })); // of kind 0

test("what was searched for last comes first, whatever was looked at before", async () => {
  const searching = { action: "search", keywords: "KIND 1!" };
  const [before, after] = [await recommended({ history: walk }), await recommended({ history: [...walk, searching] })];
  expect([before.kinds[0], after.kinds[0]]).toEqual(["kind 0", "kind 1"]);
  expect(after.ofKind1).toBeGreaterThan(before.ofKind1);
  expect((await recommended({ history: [...walk, { ...searching, keywords: "kinds 0" }] })).ofKind1).toBe(0);
  const { body } = await shop.ask("/v1/explain", { history: [...walk, searching], item: id(2) });
  const { parts, events } = explainAnswer.parse(body);
  expect(parts.topics).toBeGreaterThan(parts.content);
  expect(events[0]).toMatchObject({ item: null, action: "search" });
});

test("a newcomer's first search is something to go by; what the catalogue doesn't name, and what an item's event says, is not", async () => {
  const first = await recommended({ history: [{ action: "search", keywords: "kind 1" }] });
  expect([first.ofKind1, first.basis]).toEqual([8, "history"]);
  const nothing = await recommended({ history: [{ action: "search", keywords: "hats" }] });
  expect(nothing.basis).toBe("popularity");
  const seen = await recommended({ history: [...walk.slice(0, 2), { ...walk[2], keywords: "kind 1" }] });
  expect(seen).toEqual(await recommended({ history: walk }));
});

test("a live search counts from the next answer on, and its words are nowhere in the logs", async () => {
  for (const [customer, action, kind] of [
    ["searcher-007", "search", 0],
    ["searcher-008", "category", 1],
    ["nobody yet", "search", 1],
  ] as const) {
    const events = [{ customer, action, keywords: `kind ${kind} in-a-hurry`, time: 1e9 + 9e4 }];
    expect((await shop.ask("/v1/events", { events })).body).toEqual({ accepted: 1, repeated: 0 });
    expect((await recommended({ customer })).kinds[0]).toBe(`kind ${kind}`);
  }
  expect(shop.logged.join("")).not.toContain("in-a-hurry");
  expect((await shop.ask("/v1/recommend", { history: [{ action: "search", keywords: "x".repeat(401) }] })).status).toBe(400);
});
