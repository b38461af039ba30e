import { actions } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { benchParameters } from "../bench/configurations.ts";
import { type Hybrid, hybridScorer } from "../hybrid/hybrid.ts";
import { ringItems, ringRecipe, ringSimilarity, ringStatistics, ringWalkers } from "../hybrid/ring-market.fixture.ts";
import { ownStatistics } from "../in-house/own-statistics.ts";
import { modelSpec } from "../spec.ts";
import { itemSimilarity } from "../statistics/item-similarity.ts";
import { diversify } from "./diversify.ts";
import { openRanker, sharesOf } from "./ranker.ts";

const spec = modelSpec({
  items: ringItems,
  length: 8,
  width: 8,
  actions: 10,
  weights: { nextItem: 1000, nextAction: 100, churn: 100, purchase: 0 },
  churnDays: 30,
});
const walkers = ringWalkers(60, 3);
const hybrid: Hybrid = {
  recipe: ringRecipe,
  served: ringStatistics(),
  own: ownStatistics(walkers, ringItems, { window: ringRecipe.window }),
  student: { spec, parameters: benchParameters(spec) },
  weights: { mixture: { content: 8, released: 1, own: 0.5, history: 2 }, popularity: 0.1, attention: 0.3 },
};
const options = { similarity: ringSimilarity, executor: onnxruntimeExecutor() };
const eventsOf = (customer: number) => {
  const [begin, end] = [walkers.offsets[customer], walkers.offsets[customer + 1]];
  return {
    items: walkers.items.slice(begin, end),
    actions: walkers.actions.slice(begin, end),
    times: walkers.times.slice(begin, end),
  };
};

describe("a ranker", () => {
  test.each([0, 0.3, 1])("with attention %d gives the hybrid's own scores", async (attention) => {
    const weighted = { ...hybrid, weights: { ...hybrid.weights, attention } };
    const ranker = await openRanker(weighted, options);
    const judge = await hybridScorer(weighted, ringSimilarity, float64Interpreter());
    for (const customer of [0, 7, 31]) {
      const stretch = { begin: walkers.offsets[customer] ?? 0, end: walkers.offsets[customer + 1] ?? 0 };
      const expected = await judge.score(walkers, [stretch]);
      const { values, unit } = await ranker.scores(eventsOf(customer));
      expect(unit).toBe(attention === 0 ? "counts" : "logarithms");
      for (const [j, score] of expected.entries()) expect(values[j]).toBeCloseTo(score, 4);
    }
    await ranker.close();
    await judge.close();
  });

  test("customers who ask at the same time get their own scores, though all are written into one array", async () => {
    const ranker = await openRanker(hybrid, options);
    const customers = Array.from({ length: 30 }, (_, customer) => customer);
    const alone: Float64Array[] = [];
    for (const customer of customers) alone.push((await ranker.scores(eventsOf(customer))).values);
    const together = await Promise.all(
      customers.map((customer) => ranker.withScores(eventsOf(customer), ({ values }) => Float64Array.from(values))),
    );
    expect(together).toEqual(alone);
    expect(alone[0]).not.toEqual(alone[1]);
    await ranker.close();
  });

  test("what a customer was only shown moves no score of its tables, and who was only shown things is nobody known", async () => {
    const ranker = await openRanker({ ...hybrid, student: undefined }, options);
    const events = eventsOf(2);
    const impression = actions.indexOf("impression");
    const shown = {
      items: Int32Array.from([...events.items, 12]),
      actions: Uint8Array.from([...events.actions, impression]),
      times: Float64Array.from([...events.times, (events.times.at(-1) ?? 0) + 1]),
    };
    expect((await ranker.scores(shown)).values).toEqual((await ranker.scores(events)).values);
    expect(await ranker.parts(shown, 12)).toEqual(await ranker.parts(events, 12));
    const stranger = { items: Int32Array.of(12), actions: Uint8Array.of(impression), times: Float64Array.of(1) };
    expect([...(await ranker.scores(stranger)).values]).toEqual([...ringStatistics().popularity]);
    await ranker.close();
  });

  test("parts add up to the score, and shares to one", async () => {
    const ranker = await openRanker({ ...hybrid, student: undefined }, options);
    const events = eventsOf(2);
    const scores = await ranker.scores(events);
    for (const item of [1, 12, 24]) {
      const parts = await ranker.parts(events, item);
      expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(scores.values[item - 1] ?? 0, 6);
    }
    const shares = sharesOf(scores);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect([...sharesOf({ values: Float64Array.of(Math.log(3), Math.log(1)), unit: "logarithms" })]).toEqual(
      [0.75, 0.25].map((share) => expect.closeTo(share, 12)),
    );
    await ranker.close();
  });

  test("raises what the latest searches were about, as the hybrid does; its parts say by how much, and nothing is raised without weight", async () => {
    const similarity = itemSimilarity(Array.from({ length: ringItems }, (_, i) => ({ category: i % 3 === 0 ? "a" : "b" })));
    const topics = walkers.items.map(() => 0);
    const items = walkers.items.slice();
    const [begin, end] = [walkers.offsets[2] ?? 0, walkers.offsets[3] ?? 0];
    items[end - 2] = 0; // a search for a, one item ago
    topics[end - 2] = 1;
    const log = { ...walkers, items, topics };
    const cut = <Column extends { slice(from: number, to: number): Column }>(column: Column) => column.slice(begin, end);
    const events = { items: cut(items), actions: cut(walkers.actions), times: cut(walkers.times), topics: cut(topics) };
    const weighted = (weight: number): Hybrid => ({
      ...hybrid,
      weights: { ...hybrid.weights, mixture: { ...hybrid.weights.mixture, topics: weight } },
    });
    const judge = await hybridScorer(weighted(6), similarity, float64Interpreter());
    const ranker = await openRanker(weighted(6), { ...options, similarity });
    const expected = await judge.score(log, [{ begin, end }]);
    const { values } = await ranker.scores(events);
    for (const [j, score] of expected.entries()) expect(values[j]).toBeCloseTo(score, 4);
    const counts = async (weight: number) => {
      const one = await openRanker({ ...weighted(weight), student: undefined }, { ...options, similarity });
      return { one, values: (await one.scores(events)).values };
    };
    const [raised, plain] = [await counts(6), await counts(0)];
    for (const [j, score] of plain.values.entries()) {
      expect(raised.values[j]).toBeCloseTo(score * (j % 3 === 0 ? 1 + 6 * ringRecipe.decay : 1), 6);
      const parts = await raised.one.parts(events, j + 1);
      expect(parts.topics).toBeCloseTo((raised.values[j] ?? Number.NaN) - score, 6);
      expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(raised.values[j] ?? Number.NaN, 6);
    }
    const newcomer = {
      items: Int32Array.of(0),
      actions: Uint8Array.of(4),
      times: Float64Array.of(1),
      topics: Int32Array.of(1),
    };
    const shown = (await ranker.scores(newcomer)).values;
    expect(Math.min(...shown.filter((_, j) => j % 3 === 0))).toBeGreaterThan(Math.max(...shown.filter((_, j) => j % 3 !== 0)));
    await Promise.all([judge.close(), ranker.close()]);
  });

  test("nobody known is served by popularity, and heads are the model's", async () => {
    const ranker = await openRanker(hybrid, options);
    const nobody = { items: new Int32Array(0), actions: new Uint8Array(0), times: new Float64Array(0) };
    expect([...(await ranker.scores(nobody)).values]).toEqual([...ringStatistics().popularity]);
    expect(await ranker.heads(nobody)).toBeUndefined();
    const heads = await ranker.heads(eventsOf(0));
    expect(heads?.actions).toHaveLength(10);
    expect(heads?.churn).toEqual(expect.any(Number));
    expect(heads?.purchase).toBeUndefined();
    await ranker.close();
  });
});

describe("diversity", () => {
  const alike = itemSimilarity([
    { category: "a", brand: "x" },
    { category: "a", brand: "x" },
    { category: "b", brand: "y" },
    { category: "c", brand: "z" },
  ]);
  const scores = [1, 0.95, 0.9, 0];

  test("0 keeps the order; more of it puts what is unlike before what is alike", () => {
    expect(diversify([1, 2, 3, 4], scores, 3, 0, alike)).toEqual([0, 1, 2]);
    expect(diversify([1, 2, 3, 4], scores, 3, 0.5, alike)).toEqual([0, 2, 3]);
    expect(diversify([1, 2, 3, 4], scores, 9, 0.5, alike)).toHaveLength(4);
    expect(diversify([], [], 3, 0.5, alike)).toEqual([]);
  });
});
