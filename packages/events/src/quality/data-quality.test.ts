import { expect, test } from "vitest";
import type { Histories } from "../histories.ts";
import { dataQuality } from "./data-quality.ts";

const day = 86_400;
/** Ann views, puts and buys item 1, then is back after ten days; Bob looks at item 2, in one second, and logs in. */
const histories: Histories = {
  customers: ["ann", "bob", "cid"],
  offsets: Uint32Array.of(0, 4, 7, 8),
  items: Int32Array.of(1, 1, 1, 3, 2, 2, 0, 1),
  actions: Uint8Array.of(0, 1, 3, 0, 0, 0, 5, 0),
  times: Float64Array.of(day, day + 30, day + 600, 12 * day, day, day, day + 3600, 2 * day),
};

test("counts days, silence, the funnel, lengths, gaps and items", () => {
  const quality = dataQuality(histories);
  expect([quality.events, quality.customers, quality.items]).toEqual([8, 3, 3]);
  expect(quality.byDay).toEqual([
    ["1970-01-02", 6],
    ["1970-01-03", 1],
    ["1970-01-13", 1],
  ]);
  expect(quality.silence).toEqual([{ from: "1970-01-04", to: "1970-01-12", days: 9 }]);
  expect(quality.funnel).toEqual([
    { action: "view", events: 5, customers: 3 },
    { action: "cart", events: 1, customers: 1 },
    { action: "buy", events: 1, customers: 1 },
    { action: "login", events: 1, customers: 1 },
  ]);
  expect(quality.lengths).toEqual([
    { least: 1, customers: 1 },
    { least: 2, customers: 1 },
    { least: 4, customers: 1 },
  ]);
  expect(quality.lengthQuantiles).toEqual({ p10: 1, p50: 3, p90: 4, p99: 4, most: 4 });
  expect(quality.gaps.map(({ pairs }) => pairs)).toEqual([1, 1, 1, 1, 0, 1, 0]);
  expect(quality.concentration.top10Percent).toBeCloseTo(4 / 7, 12);
  // x = 1, 2, 4: 2·(1 + 4 + 12)/(3·7) − 4/3
  expect(quality.concentration.gini).toBeCloseTo(34 / 21 - 4 / 3, 12);
  expect(quality.remarks).toEqual([
    "No event for 9 days, 1970-01-04 to 1970-01-12.",
    "1 events share their second with the one before: their order is a guess.",
  ]);
});

test("has nothing to divide by where there is nothing", () => {
  const empty = {
    ...histories,
    customers: [],
    offsets: Uint32Array.of(0),
    items: new Int32Array(),
    actions: new Uint8Array(),
    times: new Float64Array(),
  };
  const quality = dataQuality(empty);
  expect([quality.byDay, quality.lengths, quality.concentration.gini, quality.lengthQuantiles.most]).toEqual([[], [], 0, 0]);
});
