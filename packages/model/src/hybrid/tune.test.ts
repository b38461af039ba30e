import { leaveLastOut } from "@tributary/events/histories";
import { expect, test } from "vitest";
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import { rankCustomers } from "../evaluation/rank-customers.ts";
import { partsOf, type Sources } from "../in-house/mixture.ts";
import { ownStatistics } from "../in-house/own-statistics.ts";
import { rankMetrics } from "../metrics/ranking.ts";
import { blend, type HybridWeights, mixtureOf, popularityOf } from "./hybrid.ts";
import { ringItems, ringRecipe, ringSimilarity, ringStatistics, ringWalkers } from "./ring-market.fixture.ts";
import { type TuneOptions, tuneHybrid } from "./tune.ts";

const served = ringStatistics();
const mixture = { content: 20, released: 1, own: 1, history: 2 };
/** What a merchant serves who tunes nothing: the middle of what merchants choose. */
const given: HybridWeights = { mixture, popularity: 0, attention: 0.25 };
const learnt = 800;

/** A merchant of 1,000 customers of whom the last 200 were held out of every round. */
const inner = leaveLastOut(ringWalkers(learnt + 200, 5, 4));
const sources: Sources = {
  ...{ similarity: ringSimilarity, recipe: ringRecipe, served },
  own: ownStatistics(inner.train, ringItems, { window: 5, minSupport: 5 }),
};

/** A released model that has learnt its customers by heart: of those it knows the very item that came last, of others nothing. */
const byHeart: ItemScorer = ({ customers, offsets }, stretches) =>
  Float64Array.from({ length: stretches.length * ringItems }, (_, n) => {
    const customer = offsets.indexOf(stretches[Math.floor(n / ringItems)]?.begin ?? -1);
    const known = customers === inner.train.customers && customer < learnt ? (inner.targets[customer] ?? 0) : 0;
    const item = (n % ringItems) + 1;
    return item === known ? 8 : 3 * Math.sin(1000 * item * (customer + 1));
  });

async function worth(weights: HybridWeights): Promise<number> {
  const others = leaveLastOut(ringWalkers(2000, 6, 4)); // nobody whom anything was tuned or learnt on
  const popularity = popularityOf(sources);
  const scorer: ItemScorer = async (histories, stretches) => {
    const z = await byHeart(histories, stretches);
    const rows = new Float64Array(stretches.length * ringItems);
    for (const [row, { begin, end }] of stretches.entries()) {
      const out = rows.subarray(row * ringItems, (row + 1) * ringItems);
      mixtureOf(partsOf(sources, histories.items.subarray(begin, end)), popularity, weights, out);
      blend(out, z.subarray(row * ringItems, (row + 1) * ringItems), weights.attention);
    }
    return rows;
  };
  return rankMetrics((await rankCustomers(scorer, others, { items: ringItems })).ranks).ndcg;
}

const tuned = async (options: Partial<TuneOptions>) =>
  (await tuneHybrid(inner, { sources, attention: byHeart, mixture, repeats: "keep", mostCustomers: 500, ...options })).weights;

test("attention that has learnt customers by heart is told by those who were held out of its rounds, and by nobody else", async () => {
  const flattered = await tuned({});
  expect(flattered.attention).toBeGreaterThan(given.attention);
  const honest = await tuned({ isAsked: (place) => place >= learnt, unless: given });
  expect(honest.attention).toBe(0);
  const shrunk = await tuned({ mostAttention: given.attention, unless: given });
  expect(shrunk.attention).toBeLessThanOrEqual(given.attention);
  const [asGiven, ofFlattered, ofHonest, ofShrunk] = [
    await worth(given),
    await worth(flattered),
    await worth(honest),
    await worth(shrunk),
  ];
  // NDCG@10 of 2,000 customers: 0.02 is 2.5 standard errors of a difference, and the seeds are fixed
  expect(ofFlattered).toBeLessThan(asGiven - 0.02);
  expect(ofHonest).toBeGreaterThan(asGiven + 0.02);
  expect(ofShrunk).toBeGreaterThan(asGiven - 0.02);
});

test("what half of the customers found stays away unless the other half is better off with it", async () => {
  // this attention knows the next item of every second customer of those who are asked: of all who look, and of none who confirm
  const chosen = Array.from({ length: 40 }, (_, n) => n);
  const halfKnown: ItemScorer = (histories, stretches) =>
    Float64Array.from({ length: stretches.length * ringItems }, (_, n) => {
      const customer = histories.offsets.indexOf(stretches[Math.floor(n / ringItems)]?.begin ?? -1);
      const item = (n % ringItems) + 1;
      return customer % 2 === 0 && item === inner.targets[customer] ? 8 : 3 * Math.sin(1000 * item * (customer + 1));
    });
  const asked = { attention: halfKnown, isAsked: (place: number) => chosen.includes(place) };
  const start: HybridWeights = { mixture, popularity: 0, attention: 0 };
  expect((await tuned(asked)).attention).toBeGreaterThan(0);
  expect(await tuned({ ...asked, unless: start })).toEqual(start);
});
