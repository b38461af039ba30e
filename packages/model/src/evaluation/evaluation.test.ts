import { type Histories, leaveLastOut } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { describe, expect, it } from "vitest";
import { itemCounts, popularityRanks } from "../baselines/popularity.ts";
import { parameterCount } from "../parameters.ts";
import { itemRow } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { exampleFeeds } from "../training/examples/examples.ts";
import { evaluate, evaluateNextAction } from "./evaluate.ts";
import { evaluatedCustomers, joinRanks, resultBlock } from "./result-block.ts";
import { feedsOf, openScorer } from "./scorer.ts";

const spec: ModelSpec = modelSpec({
  items: 9,
  length: 4,
  width: 4,
  blocks: 1,
  heads: 1,
  feedForward: 1,
  activation: "relu",
  positions: "learned",
  actions: 4,
  timeGaps: 3,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 100, churn: 0, purchase: 0 },
});
const executor = float64Interpreter();
const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => Math.sin(1 + 7.13 * i));

/** Customers as lists of item, action, seconds. */
function histories(...customers: readonly (readonly (readonly [number, number, number])[])[]): Histories {
  const events = customers.flat();
  const offsets = [0];
  for (const customer of customers) offsets.push((offsets.at(-1) ?? 0) + customer.length);
  return {
    customers: customers.map((_, c) => `c${c}`),
    offsets: Uint32Array.from(offsets),
    items: Int32Array.from(events, ([item]) => item),
    actions: Uint8Array.from(events, ([, action]) => action),
    times: Float64Array.from(events, ([, , time]) => time),
  };
}

const log = histories(
  [
    [1, 0, 0],
    [2, 0, 10],
    [1, 1, 50],
  ],
  [
    [3, 0, 0],
    [4, 0, 5],
    [5, 0, 6],
    [6, 3, 900],
    [7, 0, 1000],
    [3, 0, 1001],
    [8, 0, 2000],
  ],
  [[9, 0, 0]],
  [
    [5, 9, 0],
    [0, 5, 10],
    [6, 0, 20],
  ],
);

describe("evaluation by leave-last-out", () => {
  it("ranks every customer with an earlier item event, whatever the batch", async () => {
    const heldOut = leaveLastOut(log);
    const one = await evaluate(spec, parameters, executor, heldOut, { items: 9, batch: 1 });
    const all = await evaluate(spec, parameters, executor, heldOut, { items: 9 });
    expect(evaluatedCustomers(heldOut)).toEqual([0, 1, 3]);
    expect(one).toEqual(all);
    expect([...all.isNew]).toEqual([0, 1, 1]);
  });

  it("ranks by the graph's own scores of the whole history before the held-out event", async () => {
    const heldOut = leaveLastOut(log);
    const { ranks } = await evaluate(spec, parameters, executor, heldOut, { items: 9 });
    const scorer = await openScorer(spec, parameters, executor);
    const { rows } = await scorer.score(log, [{ begin: 3, end: 9 }]); // customer 1 without the last event
    await scorer.close();
    const target = rows[8 - 1] ?? Number.NaN;
    expect(ranks[1]).toBe(1 + rows.filter((score) => score > target).length);
  });

  it("sees no event beyond the model's length, and none of another customer", async () => {
    const scorer = await openScorer(spec, parameters, executor);
    const long = await scorer.score(log, [{ begin: 3, end: 10 }]);
    const cut = await scorer.score(log, [{ begin: 6, end: 10 }]);
    const both = await scorer.score(log, [
      { begin: 3, end: 10 },
      { begin: 0, end: 3 },
    ]);
    await scorer.close();
    expect([...cut.rows]).toEqual([...long.rows]);
    both.rows.subarray(0, 9).forEach((score, i) => {
      expect(score).toBeCloseTo(long.rows[i] ?? Number.NaN, 12);
    });
  });

  it("reads events as training does: the last one at the model's last position, no gap before the first, unknown actions as none", () => {
    const stretches = [
      { begin: 0, end: 2 },
      { begin: 3, end: 10 },
      { begin: 11, end: 13 },
    ];
    const feeds = feedsOf(spec, log, stretches);
    expect([...(feeds["items"]?.data ?? [])]).toEqual([1, 2, 0, 0, 6, 7, 3, 8, 5, 0, 0, 0]);
    expect([...(feeds["positions"]?.data ?? [])]).toEqual([3, 4, 0, 0, 1, 2, 3, 4, 3, 4, 0, 0]);
    expect([...(feeds["actions"]?.data ?? [])]).toEqual([1, 1, 0, 0, 4, 1, 1, 1, 0, 0, 0, 0]);
    expect([...(feeds["gaps"]?.data ?? [])]).toEqual([1, 3, 0, 0, 1, 3, 2, 3, 1, 3, 0, 0]);
    // the same numbers as the inputs of a training example that ends one event later
    const trained = exampleFeeds(spec, log, [{ hash: 0, customer: "c1", seed: 0, begin: 5, end: 10, inputs: 4 }], 4);
    const served = feedsOf(spec, log, [{ begin: 5, end: 9 }]);
    expect(served["positions"]?.data).toEqual(trained["positions"]?.data);
    expect(served["gaps"]?.data).toEqual(trained["gaps"]?.data);
    expect([...(served["items"]?.data ?? [])]).toEqual([...(trained["items"]?.data ?? [])].slice(0, 4));
  });

  it("ties items that share a row of the table", async () => {
    const catalogue = 30;
    const shared = [...Array(catalogue).keys()].map((i) => i + 1).filter((item) => itemRow(item, spec) === itemRow(12, spec));
    expect(shared.length).toBeGreaterThan(1);
    const heldOut = leaveLastOut(
      histories([
        [1, 0, 0],
        [12, 0, 9],
      ]),
    );
    const { ranks } = await evaluate(spec, parameters, executor, heldOut, { items: catalogue });
    const twin = leaveLastOut(
      histories([
        [1, 0, 0],
        [shared[0] ?? 0, 0, 9],
      ]),
    );
    expect((await evaluate(spec, parameters, executor, twin, { items: catalogue })).ranks).toEqual(ranks);
    expect(((ranks[0] ?? 0) * 2) % 2).toBe((shared.length - 1) % 2);
    const several = leaveLastOut(log);
    const one = await evaluate(spec, parameters, executor, several, { items: catalogue, batch: 1 });
    expect(await evaluate(spec, parameters, executor, several, { items: catalogue })).toEqual(one);
  });

  it("masks a customer's own items only when asked, and never the held-out one", async () => {
    const heldOut = leaveLastOut(log);
    const keep = await evaluate(spec, parameters, executor, heldOut, { items: 9 });
    const mask = await evaluate(spec, parameters, executor, heldOut, { items: 9, repeats: "mask" });
    keep.ranks.forEach((rank, e) => {
      expect(mask.ranks[e]).toBeLessThanOrEqual(rank);
    });
    expect(mask.ranks[1]).toBeLessThanOrEqual(9 - 5); // five of nine items are masked
  });

  it("refuses a held-out item that the catalogue does not have", async () => {
    const heldOut = leaveLastOut(log);
    await expect(evaluate(spec, parameters, executor, heldOut, { items: 7 })).rejects.toMatchObject({
      code: "TRB_MODEL_TARGET_OUTSIDE",
    });
  });

  it("guesses the last action of customers whose action the model knows", async () => {
    const metrics = await evaluateNextAction(spec, parameters, executor, log);
    expect(metrics?.count).toBe(3); // customer 2 has one event
    const { bins = [], error } = metrics?.calibration ?? {};
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(3);
    // the predicted of four actions has at least a quarter of the probability, and what is said in all bins is what was right, but for the error
    const said = bins.reduce((sum, { count, meanProbability }) => sum + count * meanProbability, 0) / 3;
    expect(said).toBeGreaterThan(1 / 4);
    expect(said).toBeLessThan(1);
    expect(error).toBeGreaterThanOrEqual(Math.abs(said - (metrics?.accuracy ?? Number.NaN)) - 1e-12);
    expect(
      await evaluateNextAction(
        { ...spec, weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 } },
        parameters,
        executor,
        log,
      ),
    ).toBeUndefined();
  });
});

describe("result blocks", () => {
  it("count every customer once, and new items apart", () => {
    const parts = [
      { ranks: Float64Array.of(1, 20), isNew: Uint8Array.of(0, 1) },
      { ranks: Float64Array.of(3), isNew: Uint8Array.of(1) },
    ];
    const block = resultBlock(joinRanks(parts));
    expect(block.customers).toBe(3);
    expect(block.hr10).toBeCloseTo(2 / 3, 12);
    expect(block.ndcg10).toBeCloseTo((1 + 0.5) / 3, 12);
    expect(block.newItems).toEqual({ hr10: 0.5, ndcg10: 0.25, customers: 2 });
  });
});

describe("popularity", () => {
  it("counts training events only, and ranks by them", () => {
    const heldOut = leaveLastOut(log);
    const counts = itemCounts([heldOut.train], 9);
    expect([...counts]).toEqual([1, 1, 2, 1, 2, 1, 1, 0, 1]);
    const { ranks } = popularityRanks(heldOut, counts);
    expect(ranks[1]).toBe(9); // item 8 was never seen in training
    expect(ranks[0]).toBe(1 + 2 + 5 / 2);
  });
});
