import { leaveLastOut } from "@tributary/events/histories";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judgeInHouse, tunedLocalOnly } from "../baselines/local-only.ts";
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import { rankCustomers } from "../evaluation/rank-customers.ts";
import { evaluatedCustomers } from "../evaluation/result-block.ts";
import { type Sources, tuneInHouse } from "../in-house/mixture.ts";
import { defaultMinSupport, ownStatistics } from "../in-house/own-statistics.ts";
import { rankMetrics, rankOf } from "../metrics/ranking.ts";
import { stepsOf } from "../statistics/pair-query.ts";
import { addPairs, contentPopularityScorer } from "../statistics/scoring.ts";
import { hybridScorer } from "./hybrid.ts";
import { type HybridOptions, hybridInHouse, type ReleasedModel } from "./in-house.ts";
import { historiesOf, ringItems, ringRecipe, ringSimilarity, ringStatistics, ringWalkers } from "./ring-market.fixture.ts";
import { startStudent, studentSpec } from "./student.ts";
import { partNames, tuneHybrid } from "./tune.ts";

const executor = onnxruntimeExecutor();
const served = ringStatistics();
const spec = studentSpec(ringItems, { width: 8, blocks: 1, heads: 1, length: 10, dropout: 0 });
const released: ReleasedModel = { served, student: startStudent(spec, { popularity: served.popularity, seed: 3 }) };
const options: HybridOptions = {
  ...{ similarity: ringSimilarity, recipe: ringRecipe, repeats: "keep", executor, spec, seed: 4 },
  ...{ serve: { mode: "inHouse" }, scratch: { epochs: 2, batch: 64, learningRate: 0.01 }, leastWalks: 100 },
  fineTuning: { epochs: 1, batch: 64, learningRate: 0.01 },
};

describe("tuned weights", () => {
  test("are on own validation never worse than the best single part, nor than the mixture that they start from", async () => {
    // whatever the attention says: random tables of scores, among them one that knows the answer
    const seed = fc.record({ log: fc.integer({ min: 1, max: 999 }), knows: fc.integer({ min: 0, max: 2 }) });
    await fc.assert(
      fc.asyncProperty(seed, async ({ log, knows }) => {
        const inner = leaveLastOut(ringWalkers(40, log, 2));
        const own = ownStatistics(inner.train, ringItems, { window: 5, minSupport: 1 });
        const sources: Sources = { similarity: ringSimilarity, recipe: ringRecipe, served, own };
        const attention: ItemScorer = (histories, stretches) =>
          Float64Array.from({ length: stretches.length * ringItems }, (_, n) => {
            const last = histories.items[(stretches[Math.floor(n / ringItems)]?.end ?? 1) - 1] ?? 0;
            return knows * Number(n % ringItems === last % ringItems) + Math.sin(((n % ringItems) + 31 * last) * log);
          });
        const tuned = await tuneHybrid(inner, {
          ...{ sources, repeats: "keep", mostCustomers: 1000, attention },
          mixture: { content: 20, released: 1, own: 1, history: 2 },
        });
        const pairs = (history: ArrayLike<number>) => {
          const out = new Float64Array(ringItems);
          const latest = stepsOf(history).toReversed();
          for (const [age, item] of latest.entries()) addPairs(served.pairs, item, ringRecipe.decay ** age, out);
          return out;
        };
        const byHand: Record<"attention" | "content" | "released", ItemScorer> = {
          attention,
          content: contentPopularityScorer(served.popularity, ringSimilarity, ringRecipe),
          released: (histories, [one]) => pairs(histories.items.subarray(one?.begin, one?.end)),
        };
        for (const part of ["attention", "content", "released"] as const) {
          const { ranks } = await rankCustomers(byHand[part], inner, { items: ringItems, batch: 1 });
          expect(tuned.parts[part], part).toBeCloseTo(rankMetrics(ranks).ndcg, 10);
        }
        for (const part of partNames) expect(tuned.validation).toBeGreaterThanOrEqual(tuned.parts[part]);
        expect(tuned.validation).toBeGreaterThanOrEqual(tuned.mixtureAlone);
        const { mixture, popularity } = tuned.weights;
        for (const weight of [...Object.values(mixture), popularity, tuned.weights.attention])
          expect(weight).toBeGreaterThanOrEqual(0);
        expect(tuned.weights.attention).toBeLessThanOrEqual(1);
        expect(tuned.customers).toBe(40);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  test("are what their validation says: ranks by hand give the same figure", async () => {
    const train = ringWalkers(60, 8);
    const inner = leaveLastOut(train);
    const hybrid = await hybridInHouse(train, { ...options, released, fineTuning: { ...options.fineTuning, epochs: 0 } });
    const scorer = await hybridScorer(
      { ...hybrid, own: ownStatistics(inner.train, ringItems, { window: ringRecipe.window }) },
      ringSimilarity,
      executor,
    );
    const ranks: number[] = [];
    for (const customer of evaluatedCustomers(inner)) {
      const [begin, end] = [inner.train.offsets[customer] as number, inner.train.offsets[customer + 1] as number];
      ranks.push(rankOf(await scorer.score(inner.train, [{ begin, end }]), (inner.targets[customer] as number) - 1));
    }
    await scorer.close();
    expect(hybrid.tuned?.validation).toBeCloseTo(rankMetrics(ranks).ndcg, 10);
  });
});

describe("what a merchant serves", () => {
  test("holds no exact pair of fewer than minSupport distinct customers, whatever the log", async () => {
    const item = fc.integer({ min: 1, max: ringItems });
    const log = fc.array(fc.array(item, { minLength: 2, maxLength: 6 }), { minLength: 3, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(log, fc.integer({ min: 2, max: 6 }), async (customers, minSupport) => {
        const usual = { ...options, released, serve: { mode: "inHouse", minSupport } } as const;
        const { own } = await hybridInHouse(historiesOf(customers), usual);
        const holders = new Map<string, Set<number>>();
        for (const [c, events] of customers.entries()) {
          const steps = stepsOf(events);
          steps.forEach((a, e) => {
            for (const b of steps.slice(e + 1, e + 1 + ringRecipe.window)) {
              for (const key of [`${a} ${b}`, `${b} ${a}`]) holders.set(key, (holders.get(key) ?? new Set()).add(c));
            }
          });
        }
        const { offsets, places } = own?.pairs ?? { offsets: [], places: [] };
        for (let first = 1; first <= ringItems; first++) {
          for (let n = offsets[first - 1] as number; n < (offsets[first] as number); n++) {
            const key = `${first} ${(places[n] as number) + 1}`;
            expect(holders.get(key)?.size ?? 0).toBeGreaterThanOrEqual(minSupport);
          }
        }
      }),
      { numRuns: 12, seed: 2 },
    );
  });

  test("needs five customers for a pair unless told otherwise", async () => {
    const train = historiesOf([...new Array(5).fill([1, 2, 9]), ...new Array(4).fill([12, 13, 20])]);
    const { own } = await hybridInHouse(train, { ...options, released });
    const row = (of: number) => (own?.pairs.offsets[of] ?? 0) - (own?.pairs.offsets[of - 1] ?? 0);
    expect(defaultMinSupport).toBe(5);
    expect([row(1), row(12)]).toEqual([2, 0]);
  });

  test("in mode releasedOnly is the same for every log, and holds nothing own", async () => {
    const only = { ...options, released, serve: { mode: "releasedOnly" } } as const;
    const [some, other] = [await hybridInHouse(ringWalkers(30, 1), only), await hybridInHouse(historiesOf([]), only)];
    expect(some).toEqual(other);
    expect(some.own).toBeUndefined();
    expect(some.tuned).toBeUndefined();
    expect(some.student).toBe(released.student);
    expect(some.served).toBe(served);
    const inHouse = await hybridInHouse(ringWalkers(30, 1), { ...options, released });
    expect(inHouse.student.parameters).not.toEqual(released.student.parameters);
    await expect(hybridInHouse(ringWalkers(30, 1), { ...only, released: undefined })).rejects.toMatchObject({
      code: "TRB_MODEL_EVALUATION_INVALID",
    });
  });

  test("is the same for the same seed, byte for byte", async () => {
    const train = ringWalkers(40, 5);
    for (const of of [{ ...options, released }, options]) {
      const [one, two] = [await hybridInHouse(train, of), await hybridInHouse(train, of)];
      expect(two).toEqual(one);
      expect((await hybridInHouse(train, { ...of, seed: 77 })).student.parameters).not.toEqual(one.student.parameters);
    }
  });
});

test("the local-only baseline goes through the same steps, finds the ring by itself, and says how sure it is, new items apart", async () => {
  const heldOut = leaveLastOut(ringWalkers(150, 6));
  const alone = await tunedLocalOnly(heldOut, options, { seed: 1 });
  expect(alone.hybrid.served).toBeUndefined();
  expect(alone.hybrid.own?.pairs.values.length).toBeGreaterThan(0);
  expect(alone.hybrid.tuned?.customers).toBe(150);
  expect(alone.block.hr10).toBeGreaterThan(0.8); // by chance 10 of 24
  const { ndcg10, newItems } = alone.intervals;
  expect(ndcg10[0]).toBeLessThan(alone.block.ndcg10);
  expect(ndcg10[1]).toBeGreaterThan(alone.block.ndcg10);
  expect(newItems.ndcg10[1]).toBeGreaterThan(alone.block.newItems.ndcg10);
  expect(alone.block.newItems.customers).toBeLessThan(150);
  // untuned content against own counts is what the mixture starts from; tuning is what the merchant's validation wants
  const mixture = tuneInHouse(heldOut.train, { similarity: ringSimilarity, recipe: ringRecipe, repeats: "keep" });
  expect(alone.hybrid.tuned?.mixtureAlone).toBeCloseTo(mixture.validation, 10);
  const joined = await judgeInHouse(heldOut, { ...options, released }, { seed: 1 });
  expect(joined.hybrid.served).toBe(served);
});
