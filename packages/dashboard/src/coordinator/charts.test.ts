/** What charts are made of: ε spent and still to come, and a metric with its band. */
import { expect, test } from "vitest";
import { nextCharged } from "./ledger/projection.ts";
import { metricLine } from "./metric-line.ts";
import { spentAndPlanned } from "./spent.ts";

const releases = [{ rounds: 2 }, { rounds: 10 }, { rounds: 1 }];

test("the rest of a plan: releases in its order, each to its last round, from now to the end", () => {
  expect(nextCharged(releases, [0, 0, 0], 100)).toHaveLength(14);
  expect(nextCharged(releases, [1, 0, 0], 100).slice(0, 3)).toEqual([
    [1, 0, 0],
    [2, 0, 0],
    [2, 1, 0],
  ]);
  expect(nextCharged(releases, [2, 3, 0], 3)).toEqual([
    [2, 3, 0],
    [2, 7, 0],
    [2, 10, 1],
  ]);
  expect(nextCharged(releases, [2, 10, 1], 48)).toEqual([[2, 10, 1]]);
  expect(nextCharged(releases, [2, 10], 48)).toEqual([
    [2, 10, 0],
    [2, 10, 1],
  ]);
});

test("past and plan meet where they are now, on one axis", () => {
  const rows = [
    { charged: true, epsilon: 1 },
    { charged: false, epsilon: 1 },
    { charged: true, epsilon: 1.5 },
  ];
  const lines = spentAndPlanned(
    rows,
    [
      { rounds: 2, epsilon: 1.5 },
      { rounds: 4, epsilon: 2.2 },
    ],
    3,
  );
  expect(lines).toEqual({
    x: [0, 1, 2, 4],
    spent: [0, 1, 1.5, null],
    planned: [null, null, 1.5, 2.2],
    limit: [3, 3, 3, 3],
  });
});

test("ten thousand rounds are thinned, and the last one stays", () => {
  const rows = Array.from({ length: 10_000 }, (_, at) => ({ charged: true, epsilon: at }));
  const { x, spent } = spentAndPlanned(rows, [], 3);
  expect(x.length).toBeLessThan(402);
  expect([x.at(-1), spent.at(-1)]).toEqual([10_000, 9_999]);
});

test("a metric is its estimates with their intervals; what the noise drowned is counted and left out", () => {
  const known = (estimate: number) => ({ estimate, interval: [estimate - 0.1, estimate + 0.1] as [number, number] });
  const drowned = { estimate: null, interval: null };
  const round = (number: number, hr10: typeof drowned | ReturnType<typeof known>) => ({
    ...{ round: number, release: 1, modelHash: "", deviation: 1, confidence: 0.95 as const, method: "fieller" as const },
    ...{ customers: known(100), hr10, ndcg10: known(0.2), mrr: known(0.1), loss: known(5), sums: {} as never },
    newItems: { customers: known(10), hr10: known(0.05), ndcg10: drowned },
  });
  const metrics = [round(3, known(0.3)), round(6, drowned)];
  const line = metricLine(metrics, "hr10");
  expect(line).toMatchObject({
    x: [3, 6],
    estimates: [0.3, null],
    low: [0.3 - 0.1, null],
    high: [0.3 + 0.1, null],
    drowned: 1,
  });
  expect(metricLine(metrics, "newHr10").estimates).toEqual([0.05, 0.05]);
  expect(metricLine(metrics, "newNdcg10").drowned).toBe(2);
  expect(metricLine(metrics, "customers").estimates).toEqual([100, 100]);
  expect(metricLine([], "loss")).toMatchObject({ x: [], drowned: 0 });
});
