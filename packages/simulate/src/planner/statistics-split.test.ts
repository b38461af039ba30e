import { calibrateNoise } from "@tributary/dp";
import { recipeOf } from "@tributary/federation";
import { parameterCount, statisticsRecipe } from "@tributary/model";
import { lintPlan, type Plan, planCost } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePlan } from "./choose-plan.ts";
import { foundedNames } from "./founded.test-support.ts";
import type { PlanRequest } from "./plan-request.ts";

const beauty: PlanRequest = {
  catalogueItems: 12_101,
  customers: 22_363,
  merchants: 20,
  epsilon: 8,
  delta: 1e-6,
  statistics: {},
};
const planOf = (request: Partial<PlanRequest> = {}): Plan => ({
  ...choosePlan({ ...beauty, ...request }).plan,
  ...foundedNames,
});

const requests = fc.record({
  catalogueItems: fc.integer({ min: 20, max: 50_000 }),
  customers: fc.integer({ min: 100, max: 200_000 }),
  merchants: fc.integer({ min: 3, max: 40 }),
  epsilon: fc.double({ min: 0.3, max: 12, noNaN: true }),
  statistics: fc.record({ trainingShare: fc.constantFrom(0, 0, 0.3), retries: fc.constantFrom(0, 1) }),
});

describe("a plan with statistics", () => {
  it("is sound, and costs no more than was asked for, retries and training included", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const plan = planOf({ ...request, delta: 1e-7 });
        const { model } = plan;
        const surroundings = { nodes: request.merchants, catalogueItems: request.catalogueItems };
        expect(lintPlan(plan, { ...surroundings, parameterCount: parameterCount(model) })).toEqual([]);
        const { epsilon } = planCost(plan);
        expect(epsilon).toBeLessThanOrEqual(request.epsilon);
        expect(epsilon).toBeGreaterThan(request.epsilon * (1 - 1e-3)); // and leaves nothing lying about
      }),
      { seed: 5, numRuns: 25 },
    );
  });

  it("divides 1/σ² as the recipe says: together the releases are one of the noise that ε asks for", () => {
    const { releases } = planOf();
    const once = calibrateNoise({ epsilon: 8, delta: 1e-6, samplingRate: 1, steps: 1 });
    const shares = releases.map(({ noiseMultiplier, rounds }) => (rounds * once ** 2) / Number(noiseMultiplier) ** 2);
    expect(releases.map(({ kind, rounds }) => [kind, rounds])).toEqual([
      ["popularity", 1],
      ["pairs", 1],
      ["pairs", 3],
    ]);
    const expected = [0.03, 0.97 * 0.4, 0.97 * 0.6];
    for (const [i, share] of shares.entries()) expect(share).toBeCloseTo(expected[i] ?? 0, 9);
  });

  it("states the recipe so that the coordinator reads the same numbers off it", () => {
    for (const epsilon of [1, 2, 4, 8]) {
      const recipe = statisticsRecipe(epsilon);
      const read = recipeOf(planOf({ epsilon }));
      for (const [field, value] of Object.entries(recipe)) {
        const found = read[field as keyof typeof recipe];
        if (typeof value === "number") expect(found, field).toBeCloseTo(value, 9);
        else expect(found, field).toBe(value);
      }
    }
  });

  it("keeps a retry for what is released once, and what it costs is noise", () => {
    const [none, one] = [planOf(), planOf({ statistics: { retries: 1 } })];
    expect(one.releases.map(({ rounds, retries }) => [rounds, retries])).toEqual([
      [2, 1],
      [2, 1],
      [3, undefined],
    ]);
    for (const [i, { noiseMultiplier }] of one.releases.entries()) {
      expect(Number(noiseMultiplier)).toBeGreaterThan(Number(none.releases[i]?.noiseMultiplier));
    }
  });

  it("leaves training what it is told to, and without it plans none", () => {
    expect(planOf().releases.some(({ kind }) => kind === "training")).toBe(false);
    const plan = planOf({ statistics: { trainingShare: 0.5 }, rounds: 4 });
    expect(plan.releases.at(-1)).toMatchObject({ kind: "training", rounds: 4 });
    const statisticsAlone = planCost({ ...plan, releases: plan.releases.slice(0, -1) }).epsilon;
    expect(statisticsAlone).toBeLessThan(planCost(plan).epsilon);
    expect(choosePlan(beauty).why.join(" ")).toContain("Nothing is left for training");
  });

  it("keeps vectors to the recipe's first cells, 4 MB", () => {
    expect(Math.max(...planOf({ catalogueItems: 50_000 }).releases.map(({ dimension }) => dimension))).toBe(1_000_000);
  });
});
