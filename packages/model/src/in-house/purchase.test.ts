import { actions, type Histories, seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { fitPurchase, purchaseProbability } from "./purchase.ts";

const [view, cart, buy] = [actions.indexOf("view"), actions.indexOf("cart"), actions.indexOf("buy")];
const day = 86_400;

/** Visits of one to four looks, every second one put into the cart; every second customer buys what is in it four times in five, the others one time in ten. */
function buyers(customers: number, seed: number): Histories {
  const random = seededRandom(seed, "buyers");
  const columns = { items: [] as number[], actions: [] as number[], times: [] as number[] };
  const offsets = new Uint32Array(customers + 1);
  for (let customer = 0; customer < customers; customer++) {
    for (let visit = 0; visit < 8; visit++) {
      let time = visit * 5 * day + random.below(day);
      const add = (item: number, action: number) => {
        columns.items.push(item);
        columns.actions.push(action);
        columns.times.push(time);
        time += 60;
      };
      for (let look = 1 + random.below(4); look > 0; look--) {
        const item = 1 + random.below(30);
        add(item, view);
        if (random.below(2) === 0) continue;
        add(item, cart);
        if (random.fraction() < (customer % 2 === 0 ? 0.8 : 0.1)) add(item, buy);
      }
    }
    offsets[customer + 1] = columns.items.length;
  }
  return {
    customers: Array.from({ length: customers }, (_, c) => `c${String(c).padStart(5, "0")}`),
    offsets,
    items: Int32Array.from(columns.items),
    actions: Uint8Array.from(columns.actions),
    times: Float64Array.from(columns.times),
  };
}

const histories = buyers(500, 4);
/** All events of a customer but those after its last cart. */
const inCart = (customer: number) => {
  const begin = histories.offsets[customer] as number;
  const end = 1 + histories.actions.lastIndexOf(cart, (histories.offsets[customer + 1] as number) - 1);
  return {
    items: histories.items.slice(begin, end),
    actions: histories.actions.slice(begin, end),
    times: histories.times.slice(begin, end),
  };
};

describe("purchases from a merchant's own log", () => {
  const purchase = fitPurchase(histories);
  if (purchase === undefined) throw new Error("nothing was learnt");
  const mean = (odd: number) =>
    Array.from({ length: 60 }, (_, n) => purchaseProbability(purchase, inCart(2 * n + odd)).probability / 60).reduce(
      (sum, p) => sum + p,
    );

  test("tell who buys what is in the cart, where recency and frequency alone tell less, and mean what they say", () => {
    expect(purchase.auc).toBeGreaterThan((purchase.baselineAuc ?? 1) + 0.01);
    expect(purchase.calibrationError).toBeLessThan(0.06);
    expect(mean(0)).toBeGreaterThan(0.7); // planted: 0.8, and what is looked at afterwards
    expect(mean(1)).toBeLessThan(0.35);
  });

  test("drivers add up to the difference between two customers", () => {
    const logOdds = (customer: number) => {
      const { probability, drivers } = purchaseProbability(purchase, inCart(customer));
      return Math.log(probability / (1 - probability)) - drivers.reduce((sum, driver) => sum + driver.logOdds, 0);
    };
    expect(logOdds(2)).toBeCloseTo(logOdds(5), 9);
  });

  test("a log without purchases gives no model", () => {
    const actionsWithout = histories.actions.map((action) => (action === buy ? view : action));
    expect(fitPurchase({ ...histories, actions: actionsWithout })).toBeUndefined();
  });
});
