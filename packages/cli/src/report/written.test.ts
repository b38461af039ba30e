import { type ReleasedMetrics, ratio } from "@tributary/ledger";
import { expect, test } from "vitest";
import { writtenLines } from "./written.ts";

const nothing = ratio(1, 2, 9);
const metrics: ReleasedMetrics = {
  ...{ round: 4, release: 2, modelHash: "ab", deviation: 9 },
  confidence: 0.95,
  method: "fieller",
  ...{ customers: ratio(400, 400, 9), hr10: ratio(120, 400, 9), ndcg10: ratio(80, 400, 9), mrr: ratio(70, 400, 9) },
  ...{ loss: ratio(200, 400, 9, 10), newItems: { customers: nothing, hr10: nothing, ndcg10: nothing } },
  sums: { count: 400, hits10: 120, gains10: 80, reciprocalRank: 70, loss: 200, newCount: 2, newHits10: 1, newGains10: 1 },
};

test("metrics are told with their intervals, and what the noise drowns is not told", () => {
  const [heading, first, second] = writtenLines({ metrics: [metrics] });
  const [low = 0, high = 0] = metrics.hr10.interval ?? [];
  expect(heading).toContain("95 %");
  expect(first).toContain(`HR@10 0.3000 [${low.toFixed(4)}, ${high.toFixed(4)}]`);
  expect(second).toContain("new items HR@10 drowned in the noise");
});

test("a feature is told in its own unit, with where most customers are; what the noise drowns is not told", () => {
  const names = ["events", "visits"];
  const moments = [400, 0, -1, 2, 0, -1]; // t = 0 for all: the middle of ln(1 + x) from 0 to ln(1001)
  const features = names.map((name, f) => ({ name, customers: moments[3 * f] ?? 0, first: 0, second: -1 }));
  const sum = [400, ...moments, ...new Array<number>(45).fill(0)];
  const [, heading, first, second] = writtenLines({
    features: [{ round: 6, release: 1, now: 0, deviation: 3, customers: 400, features, sum }],
  });
  expect(heading).toContain("features of 400 customers");
  expect(first).toContain(`events: ${(Math.sqrt(1001) - 1).toPrecision(3)}, mostly`);
  expect(second).toContain("visits: drowned in the noise");
});

test("a query is told with its noise, a long one by its beginning, and where there is nothing nothing is", () => {
  const sum = Array.from({ length: 24 }, (_, i) => i / 2);
  const [, line] = writtenLines({ queries: [{ round: 3, name: "visit-hours", sum, deviation: 2.5 }] });
  expect(line).toContain("round 3: visit-hours [0.0, 0.5,");
  expect(line).toContain("(24 in all)");
  expect(line).toContain("standard deviation 2.5");
  expect(writtenLines({ metrics: [], queries: [] })).toEqual([]);
});
