import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { actions, encodeHistories, importLog, readCatalogue, sliceHistories } from "@tributary/events";
import { afterAll, describe, expect, it } from "vitest";
import { marketDefaults } from "./settings.ts";
import { openShop } from "./shop.ts";
import { syntheticMarket, writeMarket } from "./synthetic-market.ts";

const market = syntheticMarket();
const { histories, catalogue } = market;
const folder = mkdtempSync(join(tmpdir(), "tributary-market-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Calls back with each event and the one before it of the same customer. */
function eachStep(visit: (event: number, before: number) => void): void {
  histories.customers.forEach((_id, customer) => {
    for (let event = (histories.offsets[customer] ?? 0) + 1; event < (histories.offsets[customer + 1] ?? 0); event++) {
      visit(event, event - 1);
    }
  });
}

describe("the synthetic market", () => {
  it("is the same for the same seed and another for another", () => {
    expect(encodeHistories(syntheticMarket().histories)).toEqual(encodeHistories(histories));
    const other = syntheticMarket({ seed: 2 });
    expect(encodeHistories(other.histories)).not.toEqual(encodeHistories(histories));
    expect(other.catalogue.items).not.toEqual(catalogue.items);
  });

  it.each([
    [{}, "f4c46a9a8062249b13a18c5689a2e9c076eebfc918596c50f4724a6e3110f5a4"],
    [{ seed: 2, customers: 300, items: 40, categories: 4 }, "8a55c54d318d8190f93e471f4ac6bdcea8d32d6c2c7474f43a9b88774148aa0d"],
  ])(
    "is, with %j, the market that figures were measured on: options that came later change nothing unless they are given",
    (options, expected) => {
      const { histories: log, catalogue: items } = syntheticMarket(options);
      const hash = createHash("sha256");
      for (const column of [log.offsets, log.items, log.actions, log.times])
        hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
      expect(hash.update(JSON.stringify(items.items)).digest("hex")).toBe(expected);
    },
  );

  it("begins with the same customers when there are more of them", () => {
    const few = syntheticMarket({ customers: 50 });
    expect(few.catalogue).toEqual(catalogue);
    expect(few.histories).toEqual(sliceHistories(histories, [...few.histories.customers.keys()]));
  });

  it("comes back from its CSV and catalogue unchanged: nothing is dirty, nothing is twice, times ascend", async () => {
    const paths = await writeMarket(join(folder, "new"), market);
    const read = await readCatalogue(paths.catalogue);
    const { histories: imported, report } = await importLog({ path: paths.events, catalogue: read });
    expect(imported).toEqual(histories);
    expect(report.kept).toBe(report.rows);
    eachStep((event, before) => expect((histories.times[event] ?? 0) > (histories.times[before] ?? 0)).toBe(true));
  });

  it.each([1, 2, 3])("has the shape that settings.ts states (seed %d)", (seed) => {
    const { histories: log } = syntheticMarket({ seed });
    const lengths = log.customers.map((_id, c) => (log.offsets[c + 1] ?? 0) - (log.offsets[c] ?? 0)).sort((a, b) => a - b);
    const mean = log.items.length / log.customers.length;
    expect(mean).toBeGreaterThan(15);
    expect(mean).toBeLessThan(20);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeGreaterThanOrEqual(9);
    expect(lengths.at(-1)).toBeLessThanOrEqual(marketDefaults.mostEvents);
    const share = (action: (typeof actions)[number]) =>
      log.actions.filter((number) => actions[number] === action).length / log.items.length;
    expect(share("view")).toBeGreaterThan(0.8);
    expect(share("cart")).toBeGreaterThan(share("buy"));
    expect(share("buy")).toBeGreaterThan(0.03);
    const events = new Float64Array(601);
    for (const item of log.items) events[item] = (events[item] ?? 0) + 1;
    const top = [...events].sort((a, b) => b - a).slice(0, 120);
    const topShare = top.reduce((sum, count) => sum + count, 0) / log.items.length;
    expect(topShare).toBeGreaterThan(0.5);
    expect(topShare).toBeLessThan(0.65);
  });

  it("buys only what was put into the cart just before, and carts only what was viewed", () => {
    const [view, cart, favourite, buy] = (["view", "cart", "favourite", "buy"] as const).map((name) => actions.indexOf(name));
    let [bought, carted] = [0, 0];
    eachStep((event, before) => {
      const same = histories.items[event] === histories.items[before];
      const previous = histories.actions[before];
      if (histories.actions[event] === buy) {
        expect([same, previous]).toEqual([true, cart]);
        bought++;
      }
      if (histories.actions[event] === cart) {
        expect([same, previous === view || previous === favourite]).toEqual([true, true]);
        carted++;
      }
    });
    expect(Math.min(bought, carted)).toBeGreaterThan(0);
  });

  it("stays within a category far more often than chance would, and follows companions", () => {
    const shop = openShop(marketDefaults);
    let [steps, kept, companions] = [0, 0, 0];
    eachStep((event, before) => {
      const [item = 0, last = 0] = [histories.items[event], histories.items[before]];
      if (item === last) return;
      steps++;
      if (shop.categoryOf[item] === shop.categoryOf[last]) kept++;
      if (shop.companions[last]?.includes(item)) companions++;
    });
    expect(kept / steps).toBeGreaterThan(0.5);
    expect(companions / steps).toBeGreaterThan(0.2);
  });

  it("seldom brings a customer back to what is bought, often to what was left in the cart", () => {
    const [cart, buy] = [actions.indexOf("cart"), actions.indexOf("buy")];
    const [left, bought] = [
      { all: 0, again: 0 },
      { all: 0, again: 0 },
    ];
    histories.customers.forEach((_id, customer) => {
      const [start = 0, end = 0] = [histories.offsets[customer], histories.offsets[customer + 1]];
      for (let event = start; event < end; event++) {
        const isBought = histories.actions[event] === buy;
        const isLeft = histories.actions[event] === cart && histories.actions[event + 1] !== buy;
        if (!isBought && !isLeft) continue;
        const tally = isBought ? bought : left;
        tally.all++;
        if (histories.items.subarray(event + 1, end).includes(histories.items[event] ?? 0)) tally.again++;
      }
    });
    expect(bought.again / bought.all).toBeLessThan(0.6 * (left.again / left.all));
  });

  it("gives each item different companions, never itself", () => {
    const { companions } = openShop(marketDefaults);
    companions.slice(1).forEach((others, place) => {
      expect(new Set(others).size).toBe(marketDefaults.companions);
      expect(others).not.toContain(place + 1);
    });
  });

  it("tells nothing by its ids: popularity and category are spread over the numbers (fixed seed; 5 σ of a random order)", () => {
    const shop = openShop(marketDefaults);
    const order = shop.ranked.flat();
    const n = order.length;
    const correlation =
      order.reduce((sum, number, rank) => sum + (number - (n + 1) / 2) * (rank - (n - 1) / 2), 0) / ((n * (n * n - 1)) / 12);
    expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(n - 1));
  });

  it("has a category, a brand, a line and a price for every item, and every item in one category", () => {
    expect(catalogue.items).toHaveLength(600);
    for (const { category, brand, price, attributes } of catalogue.items) {
      expect(category).toMatch(/^category-\d\d$/);
      expect(brand).toMatch(/^brand-\d\d$/);
      expect(attributes).toHaveLength(1);
      expect(price).toBeGreaterThan(0);
    }
    expect(new Set(catalogue.items.map(({ category }) => category)).size).toBe(12);
  });

  it("can be very small", () => {
    const tiny = syntheticMarket({ customers: 3, items: 1, categories: 1 });
    expect(tiny.histories.items.every((item) => item === 1)).toBe(true);
    expect(syntheticMarket({ customers: 5, items: 4, categories: 4, companions: 50 }).catalogue.items).toHaveLength(4);
  });

  it.each([
    { customers: 0 },
    { customers: 1.5 },
    { customers: 1e8 },
    { items: 5, categories: 6 },
    { revisit: 1.1 },
    { buy: Number.NaN },
    { sessionShape: 0 },
    { itemZipf: -1 },
    { seed: 0.5 },
    { opens: 1e12 },
  ])("refuses %j", (options) => {
    try {
      syntheticMarket(options);
      expect.unreachable("expected a refusal");
    } catch (error) {
      expect(isTributaryError(error) && error.code).toBe("TRB_SIMULATE_MARKET_OPTION");
    }
  });
});
