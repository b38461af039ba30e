import { describe, expect, test } from "vitest";
import { itemSimilarity } from "../statistics/item-similarity.ts";
import { clickProbability, fitClicks } from "./clicks.ts";
import { shoppers } from "./shoppers.fixture.ts";

const items = 20;
const similarity = itemSimilarity(
  Array.from({ length: items }, (_, place) => ({ category: `kind ${place % 2}`, attributes: [`of kind ${place % 2}`] })),
);
const histories = shoppers(800, items, 9);

describe("clicks from a merchant's own impressions", () => {
  const clicks = fitClicks(histories, similarity);
  if (clicks === undefined) throw new Error("nothing was learnt");
  const fan = { items: Int32Array.of(1, 3, 5), actions: new Uint8Array(3), times: Float64Array.of(1, 2, 3) };
  const asked = (item: number) => clickProbability(clicks, fan, { item, now: 60, similarity }).probability;

  test("find the kind that a customer likes, as often as it was planted", () => {
    expect(clicks.rate).toBeGreaterThan(0.15);
    expect(clicks.rate).toBeLessThan(0.3);
    expect(clicks.auc).toBeGreaterThan(0.7);
    expect(asked(7)).toBeGreaterThan(0.3); // planted: 0.4
    expect(asked(8)).toBeLessThan(0.12); // planted: 0.05
    const { probability, drivers } = clickProbability(clicks, fan, { item: 7, now: 60, similarity });
    expect(probability).toBeLessThan(0.5);
    expect(drivers.map(({ feature }) => feature)).toContain("likeness to what the customer looked at");
  });

  test("a customer of whom nothing is known gets a probability between the two", () => {
    const nobody = { items: new Int32Array(0), actions: new Uint8Array(0), times: new Float64Array(0) };
    const { probability } = clickProbability(clicks, nobody, { item: 7, now: 60, similarity });
    expect(probability).toBeGreaterThan(asked(8));
    expect(probability).toBeLessThan(asked(7));
  });

  test("an item that too few customers were shown has the log's own rate", () => {
    const strict = fitClicks(histories, similarity, { minSupport: 1e6 });
    expect(new Set(strict?.itemLogOdds).size).toBe(1);
    expect(new Set(clicks.itemLogOdds).size).toBe(items);
  });

  test("no impressions, or no clicks: no model", () => {
    const views = { ...histories, actions: new Uint8Array(histories.actions.length) };
    expect(fitClicks(views, similarity)).toBeUndefined();
    const ignored = { ...histories, actions: histories.actions.map((action) => (action === 9 ? 0 : action)) };
    expect(fitClicks(ignored, similarity)).toBeUndefined();
  });
});
