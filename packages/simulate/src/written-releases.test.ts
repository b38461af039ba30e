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
      { share: 0.2, metrics: { heldOut: 0.1 }, features: { now: 1.7e9 }, queries: [query] },
    );
    expect(Number(plan.epsilon)).toBeLessThanOrEqual(4);
    expect(Number(plan.epsilon)).toBeGreaterThan(3.99);
    expect(plan.releases.slice(-3).map(({ kind, rounds }) => [kind, rounds])).toEqual([
      ["query", 1],
      ["features", 1],
      ["metrics", 1],
    ]);
    expect(plan.minCustomers).toBe(2700);
    const extensions = [{ name: "hours", sha256: "ab".repeat(32) }];
    expect(lintPlan(whole({ ...plan, extensions }), { nodes: 5 })).toEqual([]);
    expect(lintPlan(whole({ ...plan, extensions, features: undefined }), { nodes: 5 }).map(({ path }) => path)).toEqual([
      "features",
    ]);
    expect(plan.releases.at(-1)?.dimension).toBe(metricCoordinates.length);
    expect(why.at(-1)).toContain("20 % of ε");
  });
});

test("a larger share means less noise on what is read", () => {
  const noise = (share: number) =>
    Number(choosePlanToRead(request, { share, metrics: { heldOut: 0.1 } }).plan.releases.at(-1)?.noiseMultiplier);
  expect(noise(0.3)).toBeLessThan(noise(0.1));
});

describe("a plan that keeps models by metrics", () => {
  const acceptance = { every: 3, metric: "hr10", tolerance: 0 } as const;
  const judged = { share: 0.5, metrics: { heldOut: 0.2 }, acceptance };

  test("costs no more than ε, and passes the linter where its metrics say something", () => {
    const { plan } = choosePlanToRead({ ...request, customers: 20_000, rounds: 6 }, judged);
    expect(plan.releases.map(({ kind }) => kind)).toEqual(["metrics", "training", "metrics", "training", "metrics"]);
    expect(Number(plan.epsilon)).toBeLessThanOrEqual(4);
    expect(lintPlan(whole(plan), { nodes: 5 })).toEqual([]);
  });

  test("is refused by the linter where they drown, and isn't made of statistics", () => {
    const { plan } = choosePlanToRead({ ...request, customers: 500, rounds: 6 }, { ...judged, share: 0.05 });
    expect(new Set(lintPlan(whole(plan), { nodes: 5 }).map(({ code }) => code))).toEqual(
      new Set(["TRB_PLAN_ACCEPTANCE_UNFIT"]),
    );
    expect(() => choosePlanToRead({ ...request, statistics: { retries: 0 } }, judged)).toThrow(
      expect.objectContaining({ code: "TRB_PLAN_ACCEPTANCE_UNFIT" }),
    );
  });
});
