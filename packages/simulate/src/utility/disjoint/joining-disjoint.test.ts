/** Merchants without a common item, in a whole federation with secure aggregation, noise and a ledger, beside each of them alone; and the same where nothing is shared. */
import { verifyLedger } from "@tributary/ledger";
import { fingerprintOf, lintPlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { marketSettings } from "../../market/settings.ts";
import { syntheticMarket } from "../../market/synthetic-market.ts";
import { disjointMarket, inCatalogue, type Sharing } from "./disjoint-market.ts";
import { measureDisjoint } from "./joining-disjoint.ts";
import { usualDisjointMarket, usualDisjointTraining } from "./usual.ts";

const crypto = nodeCrypto();
const seed = 1;

describe("a disjoint market", () => {
  const small = { merchants: Array.from({ length: 3 }, () => ({ customers: 20, judged: 10 })), publicCustomers: 5 };
  const marketOf = (sharing: Sharing) => disjointMarket({ ...small, seed, sharing, settings: { items: 30, categories: 6 } });
  const words = (sharing: Sharing) => {
    const { merchants } = marketOf(sharing);
    return merchants.map(
      ({ stock }) => new Set(stock.flatMap(({ category, brand, attributes = [] }) => [category, brand, ...attributes])),
    );
  };

  const inCommon = (some = new Set<unknown>(), others = new Set<unknown>()) =>
    [...some].filter((word) => others.has(word)).length;

  test("has no item in two shops; words for items are all in common, or none", () => {
    const { catalogue, merchants } = marketOf("attributes");
    expect(catalogue.items).toHaveLength(90);
    for (const merchant of merchants) {
      const items = new Set(inCatalogue(merchant.log, merchant).items);
      expect(Math.min(...items)).toBeGreaterThan(merchant.before);
      expect(Math.max(...items)).toBeLessThanOrEqual(merchant.before + 30);
      expect(merchant.log.customers).toHaveLength(20);
      expect(merchant.train.customers.some((customer) => merchant.log.customers.includes(customer))).toBe(false);
    }
    const [first, second] = words("attributes");
    expect(inCommon(first, second)).toBeGreaterThan(10);
    const [own, other] = words("nothing");
    expect(inCommon(own, other)).toBe(0);
  });

  test("is made of ordinary markets, which are what they were where nobody names their partners", () => {
    const options = { seed: 5, customers: 40, items: 30, categories: 6 };
    const plain = syntheticMarket(options);
    expect(syntheticMarket({ ...options, partnersSeed: 5 }).histories).not.toEqual(plain.histories);
    expect(syntheticMarket(options).histories).toEqual(plain.histories);
    expect(() => marketSettings({ partnersSeed: 0.5 })).toThrow(
      expect.objectContaining({ code: "TRB_SIMULATE_MARKET_OPTION" }),
    );
  });
});

async function measured(sharing: Sharing) {
  const market = disjointMarket({ ...usualDisjointMarket, seed, sharing });
  const surroundings = { seed, epsilon: 8, crypto, executor: onnxruntimeExecutor() };
  return measureDisjoint(market, { ...usualDisjointTraining, ...surroundings });
}

test("where categories are shared, small shops gain from others' customers through them, and joining pays", async () => {
  const { overall, plan, ledger, merchants } = await measured("attributes");
  expect(lintPlan(plan, { nodes: 4 })).toEqual([]);
  expect(plan.model.item).toMatchObject({ ids: "none", attributes: [{ name: "category", values: 40 }] });
  expect(Number(plan.epsilon)).toBeLessThanOrEqual(8);
  const bytes = new TextEncoder().encode(ledger);
  const key = fingerprintOf(crypto, plan.coordinatorKey);
  expect(verifyLedger(bytes, { crypto, key })).toMatchObject({ fullyVerified: true, rounds: { released: 12 } });
  expect(merchants.map(({ name, customers }) => [name, customers])).toEqual([
    ["shop-3", 120],
    ["shop-4", 120],
  ]);
  // measured: +10 % (+7 to +12)
  expect(overall.verdict.verdict).toBe("pays");
  expect(overall.verdict.gain.relativeInterval[0]).toBeGreaterThan(0.02);
}, 240_000);

test("where not even categories are shared, the same shops hear that joining doesn't pay", async () => {
  const { overall } = await measured("nothing");
  // measured: −1 % (−2 to −0)
  expect(overall.verdict).toMatchObject({ verdict: "doesNotPay", by: "interval" });
  expect(overall.verdict.advice).toContain("Don't join");
}, 240_000);
