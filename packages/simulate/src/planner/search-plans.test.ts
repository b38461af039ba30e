import { isTributaryError } from "@tributary/errors";
import { parameterCount, trainedCount } from "@tributary/model";
import { lintPlan, planCost } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePlan } from "./choose-plan.ts";
import { type Evidence, type MarketEvidence, storedEvidence } from "./evidence.ts";
import { foundedNames } from "./founded.test-support.ts";
import type { PlanRequest } from "./plan-request.ts";
import { expectedOfMixture, expectedOfStatistics, expectedOfTraining, nearestMarket } from "./predict.ts";
import { type SearchRequest, searchPlans, trainingWarnings } from "./search-plans.ts";

const settings = { rounds: 30, width: 32, clipNorm: 1 };
const market: MarketEvidence = {
  ...{ customers: 3000, items: 600, events: 51_000, floor: 0.2, popularity: 0.1 },
  statistics: [
    { epsilon: 8, noise: 1e-4, ndcg10: 0.5 },
    { epsilon: 1, noise: 1e-2, ndcg10: 0.3 },
  ],
  training: [
    { ...settings, noise: 0.1, ndcg10: 0.4 },
    { ...settings, noise: 1, ndcg10: 0.1 },
    { ...settings, rounds: 10, noise: 0.1, ndcg10: 0.35 },
  ],
  mixtures: [],
};
const norms = { ...settings, trained: ["norms"], epsilon: 8, trainingShare: 0.25, statisticsNoise: 1e-3, walks: 0.4 };
/** Where training on top of statistics adds a quarter as long as its noise is small. */
const mixed: MarketEvidence = {
  ...market,
  mixtures: [
    { ...norms, noise: 0.01, tables: 0.4, ndcg10: 0.5 },
    { ...norms, noise: 0.1, tables: 0.4, ndcg10: 0.38 },
  ],
};
/** Where training pays: statistics bring little however little noise there is. */
const trainable: MarketEvidence = { ...market, statistics: [{ epsilon: 8, noise: 1e-4, ndcg10: 0.15 }] };
const evidence = (...markets: readonly MarketEvidence[]): Evidence => ({ command: "a test", seed: 1, markets });
const request: SearchRequest = {
  ...{ catalogueItems: 600, customers: 3000, merchants: 20, epsilon: 8, delta: 1e-6, retries: 1 },
  evidence: evidence(market),
};

function refusal(attempt: () => unknown): { code: string; details: Record<string, unknown> } {
  try {
    attempt();
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code, details: error.details };
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("what is expected", () => {
  it("is what was measured, straight lines over ln noise between, and nothing better or worse than measured beyond", () => {
    expect(expectedOfStatistics(market, 1e-4)).toBe(0.5);
    expect(expectedOfStatistics(market, 1e-3)).toBeCloseTo(0.4, 12);
    expect(expectedOfStatistics(market, 1e-9)).toBe(0.5);
    expect(expectedOfStatistics(market, 1)).toBe(0.2); // the floor costs nothing
    expect(expectedOfTraining(market, settings, 10 ** -0.5)).toBeCloseTo(0.25, 12);
    expect(expectedOfTraining(market, settings, 5)).toBe(0.1);
    expect(expectedOfTraining(market, { ...settings, width: 8 }, 0.1)).toBeUndefined();
  });

  it("is of statistics with training on top what those bring at their noise, and what training was measured to add at its own", () => {
    const at = (statistics: number, training: number) =>
      expectedOfMixture(mixed, { ...settings, trained: ["norms"] }, { statistics, training });
    expect(at(1e-4, 0.01)).toBeCloseTo(0.6, 12);
    expect(at(1e-3, 1e-5)).toBeCloseTo(0.5, 12);
    expect(at(1e-3, 10 ** -1.5)).toBeCloseTo(0.44, 12);
    expect(at(1e-3, 0.1)).toBeCloseTo(0.38, 12);
    expect(at(1e-3, 5)).toBeCloseTo(0.38, 12); // more noise is no better
    expect(
      expectedOfMixture(mixed, { ...settings, trained: ["blocks"] }, { statistics: 1e-3, training: 0.01 }),
    ).toBeUndefined();
  });

  it("comes from the market whose catalogue and density are nearest by ratio", () => {
    const sparse = { ...market, items: 6000, customers: 10_000 };
    const both = evidence(market, sparse);
    expect(nearestMarket(both, { items: 500, customers: 4000 })?.items).toBe(600);
    expect(nearestMarket(both, { items: 12_000, customers: 22_000 })?.items).toBe(6000);
    expect(nearestMarket(evidence(), { items: 1, customers: 1 })).toBeUndefined();
  });

  it("is stored for two markets, where less noise is never much worse", () => {
    expect(storedEvidence.command).toBe(`tributary plan evidence --seed ${storedEvidence.seed}`);
    expect(storedEvidence.markets.length).toBe(2);
    for (const { statistics, training, floor } of storedEvidence.markets) {
      expect(statistics[0]?.ndcg10).toBeGreaterThan(floor);
      expect(training.length).toBeGreaterThan(1);
      for (const [i, { ndcg10 }] of statistics.entries()) {
        for (const noisier of statistics.slice(i + 1)) expect(noisier.ndcg10).toBeLessThan(ndcg10 * 1.03);
      }
    }
  });
});

describe("a search", () => {
  it("spends nothing on training where simulation says it is worthless, and says so", () => {
    const { chosen, why, warnings, tried } = searchPlans(request);
    expect(chosen).toMatchObject({ trainingShare: 0, training: undefined });
    expect(chosen.choice.plan.releases.some(({ kind }) => kind === "training")).toBe(false);
    expect(why.join(" ")).toMatch(/which is less, so that spending on it is worthless/);
    expect(warnings).toEqual([]);
    expect(tried).toBe(10); // two cohorts; statistics, and two ways of training at two rates
  });

  it("trains where that is expected to be better, with the settings that were simulated", () => {
    const { chosen, warnings, why } = searchPlans({ ...request, evidence: evidence(trainable) });
    expect(chosen.training).toMatchObject({ rounds: 30, width: 32, clipNorm: 1 });
    expect(chosen.choice.plan.model.width).toBe(32);
    expect(chosen.expected).toBe(chosen.expectedParts.training);
    expect(why.join(" ")).toContain("worth its ε");
    expect(warnings).toEqual([]);
  });

  it("trains on top of statistics where that was measured to add more than its share of ε costs", () => {
    const { chosen, warnings } = searchPlans({ ...request, evidence: evidence(mixed) });
    expect(chosen.training).toMatchObject({ ...settings, trained: ["norms"] });
    expect(chosen.trainingShare).toBeLessThan(1);
    expect(chosen.expected).toBe(chosen.expectedParts.training);
    expect(chosen.expected).toBeGreaterThan(chosen.expectedParts.statistics ?? 1);
    const { plan } = chosen.choice;
    expect(plan.warmStart).toBeDefined();
    expect(plan.releases.at(-1)?.dimension).toBe(trainedCount(plan.model, plan.trained));
    expect(plan.releases.at(-1)?.dimension).toBeLessThan(parameterCount(plan.model) / 50);
    expect(warnings).toEqual([]);
    // walks of items can't teach a model of attributes, and no such mixture was simulated
    const attributes = { ids: "own", attributes: [{ name: "brand", values: 5 }], features: 0 } as const;
    expect(searchPlans({ ...request, item: attributes, evidence: evidence(mixed) }).chosen.trainingShare).toBe(0);
  });

  it("trains where it is told to, and warns", () => {
    const told = [
      [market, 0.4, "was not simulated"],
      [market, 1, "worthless"],
      [{ ...mixed, mixtures: mixed.mixtures.slice(1) }, 0.4, "worthless"],
    ] as const;
    for (const [at, trainingShare, words] of told) {
      const { chosen, warnings } = searchPlans({ ...request, trainingShare, evidence: evidence(at) });
      expect(chosen.trainingShare).toBe(trainingShare);
      expect(warnings.join(" ")).toContain(words);
    }
    const plain: PlanRequest = { catalogueItems: 600, customers: 3000, merchants: 20, epsilon: 8, delta: 1e-6 };
    expect(trainingWarnings(choosePlan(plain), plain, evidence(market)).join(" ")).toContain("100 % of the budget");
    expect(trainingWarnings(choosePlan(plain), plain, evidence(trainable))).toEqual([]);
    const counted = { ...plain, statistics: {} };
    expect(trainingWarnings(choosePlan(counted), counted, evidence(market))).toEqual([]);
  });

  it("chooses sound plans that cost what was asked for, also for people who shop at several merchants", () => {
    fc.assert(
      fc.property(
        fc.record({
          catalogueItems: fc.integer({ min: 50, max: 20_000 }),
          customers: fc.integer({ min: 500, max: 100_000 }),
          merchants: fc.integer({ min: 3, max: 40 }),
          epsilon: fc.double({ min: 0.3, max: 12, noNaN: true }),
          merchantsPerCustomer: fc.constantFrom(1, 2),
          evidence: fc.constantFrom(evidence(market), evidence(trainable), evidence(mixed)),
        }),
        (wishes) => {
          const { chosen, frontier, byEpsilon } = searchPlans({ ...request, ...wishes, delta: 1e-7 });
          const plan = { ...chosen.choice.plan, ...foundedNames };
          expect(lintPlan(plan, { nodes: wishes.merchants, parameterCount: trainedCount(plan.model, plan.trained) })).toEqual(
            [],
          );
          expect(planCost(plan).epsilon).toBeLessThanOrEqual(wishes.epsilon);
          for (const [i, one] of frontier.entries()) {
            for (const other of frontier.slice(i + 1)) expect(other.hours < one.hours || other.bytes < one.bytes).toBe(true);
          }
          const utilities = byEpsilon.map(({ expected }) => expected);
          for (const [i, utility] of utilities.entries())
            expect(utility).toBeGreaterThanOrEqual((utilities[i - 1] ?? 0) * 0.98);
        },
      ),
      { seed: 9, numRuns: 4 },
    );
  });

  it("keeps to the hours, or says how many it takes", () => {
    const slow = searchPlans({ ...request, evidence: evidence(trainable) }).chosen;
    const quick = searchPlans({ ...request, evidence: evidence(trainable), hours: slow.hours / 2 }).chosen;
    expect(quick.hours).toBeLessThanOrEqual(slow.hours / 2);
    const { code, details } = refusal(() => searchPlans({ ...request, hours: 1e-6 }));
    expect(code).toBe("TRB_PLAN_HOURS_TOO_FEW");
    expect(searchPlans({ ...request, hours: Number(details["least"]) }).chosen.hours).toBeLessThanOrEqual(
      Number(details["least"]),
    );
  });
});

describe("an ε that no plan can have", () => {
  it.each([1e-3, 1e-5])("is refused with the nearest that one can, which holds: %d", (epsilon) => {
    for (const attempt of [
      (at: number) => searchPlans({ ...request, epsilon: at }),
      (at: number) => choosePlan({ catalogueItems: 600, customers: 3000, merchants: 20, delta: 1e-6, epsilon: at }),
    ]) {
      const { code, details } = refusal(() => attempt(epsilon));
      expect(code).toBe("TRB_PLAN_EPSILON_UNREACHABLE");
      const nearest = Number(details["nearest"]);
      expect(nearest).toBeGreaterThan(epsilon);
      expect(() => attempt(nearest)).not.toThrow();
      expect(refusal(() => attempt(nearest * 0.98)).code).toBe("TRB_PLAN_EPSILON_UNREACHABLE");
    }
  });

  it("is not what wrong numbers are called", () => {
    expect(refusal(() => searchPlans({ ...request, epsilon: 0 })).code).toBe("TRB_PLAN_EPSILON_NOT_POSITIVE");
    expect(refusal(() => searchPlans({ ...request, merchants: 2 })).code).toBe("TRB_PLAN_COHORT_ABOVE_NODES");
    expect(refusal(() => searchPlans({ ...request, evidence: evidence() })).code).toBe("TRB_PLAN_VALUE_OUT_OF_RANGE");
  });
});
