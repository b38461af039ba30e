import { lintPlan, metricCoordinates, type Plan } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { choosePlanToRead } from "./written-releases.ts";

const request = { catalogueItems: 500, customers: 3000, merchants: 5, epsilon: 4, delta: 1e-6 };
const query = { name: "hours", dimension: 24, touched: 8, clipNorm: 1 };
const key = "11".repeat(32);
/** What the planner leaves to `planDocument`, filled in. */
const whole = (numbers: object) =>
  ({
    ...numbers,
    ...{ federation: "read", coordinatorKey: key, graphHash: key, initialModelHash: key, catalogueHash: key },
    catalogueProvenance: "public",
  }) as Plan;

describe.each([
  ["statistics", { statistics: { retries: 0 } }],
  ["training", {}],
])("sums that are read, beside %s", (_, wishes) => {
  test("cost no more than ε together with the model, and nearly all of it", () => {
    const { plan, why } = choosePlanToRead(
      { ...request, ...wishes },
      { share: 0.2, metrics: { heldOut: 0.1 }, queries: [query] },
    );
    expect(Number(plan.epsilon)).toBeLessThanOrEqual(4);
    expect(Number(plan.epsilon)).toBeGreaterThan(3.99);
    expect(plan.releases.slice(-2).map(({ kind, rounds }) => [kind, rounds])).toEqual([
      ["query", 1],
      ["metrics", 1],
    ]);
    expect(plan.minCustomers).toBe(2700);
    const extensions = [{ name: "hours", sha256: "ab".repeat(32) }];
    expect(lintPlan(whole({ ...plan, extensions }), { nodes: 5 })).toEqual([]);
    expect(plan.releases.at(-1)?.dimension).toBe(metricCoordinates.length);
    expect(why.at(-1)).toContain("20 % of ε");
  });
});

test("a larger share means less noise on what is read", () => {
  const noise = (share: number) =>
    Number(choosePlanToRead(request, { share, metrics: { heldOut: 0.1 } }).plan.releases.at(-1)?.noiseMultiplier);
  expect(noise(0.3)).toBeLessThan(noise(0.1));
});
