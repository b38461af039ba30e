import { sumQueryParameters, toNumber } from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import { checkSpec, parameterCount } from "@tributary/model";
import { type Decimal, lintPlan, planCost, selectionSchema } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePlan } from "./choose-plan.ts";
import { chooseCohort } from "./cohort.ts";
import { roundCost } from "./cost-model.ts";
import { foundedNames } from "./founded.test-support.ts";
import type { PlanRequest } from "./plan-request.ts";

const market: PlanRequest = { catalogueItems: 600, customers: 3000, merchants: 6, epsilon: 8, delta: 1e-6 };

function codeOf(request: PlanRequest): string {
  try {
    choosePlan(request);
  } catch (error) {
    return isTributaryError(error) ? error.code : `uncoded: ${error}`;
  }
  return "none";
}

const requests = fc
  .record({
    catalogueItems: fc.integer({ min: 20, max: 200_000 }),
    customers: fc.integer({ min: 60, max: 200_000 }),
    merchants: fc.integer({ min: 3, max: 120 }),
    epsilon: fc.double({ min: 0.3, max: 12, noNaN: true }),
    delta: fc.constantFrom(1e-7, 1e-8),
  })
  .filter(({ customers, merchants }) => customers >= 2 * merchants);

describe("a plan with wishes", () => {
  const brands = { name: "brand", values: 40 };
  const modelOf = (wishes: Partial<PlanRequest>) => choosePlan({ ...market, ...wishes }).plan.model;

  it("has the family, parts, inputs and heads that were asked for, and says what items are made of", () => {
    const item = { ids: "none", attributes: [brands], features: 8 } as const;
    const wishes = {
      family: "lstm",
      item,
      inputs: ["dwell", "price", "topic"],
      topics: 9,
      heads: ["churn", "purchase"],
      churnDays: 14,
    } as const;
    const { plan, why } = choosePlan({ ...market, ...wishes });
    checkSpec(plan.model);
    expect(plan.model).toMatchObject({ family: "lstm", item, dwells: 13, prices: 20, topics: 9, churnDays: 14 });
    expect(plan.model.weights).toEqual({ nextItem: 1000, nextAction: 0, churn: 100, purchase: 100 });
    expect(plan.releases[0]?.dimension).toBe(parameterCount(plan.model));
    expect(why.join(" ")).toContain("40 values of brand, a projection of 8 public features");
  });

  it("is the plan without wishes when there are none", () => {
    const none = { ids: "own", attributes: [], features: 0 } as const;
    expect(choosePlan({ ...market, item: none, family: "sasrec", inputs: [], heads: ["nextAction"] })).toEqual(
      choosePlan(market),
    );
  });

  it("gives every family a model that can be trained", () => {
    for (const family of ["sasrec", "bert4rec", "seq2seq", "lstm", "gru"] as const) {
      expect(() => checkSpec(modelOf({ family })), family).not.toThrow();
    }
  });

  it("is refused when items with content of their own would have to share rows", () => {
    const large = { catalogueItems: 100_000 };
    const item = { ids: "own", attributes: [brands], features: 0 } as const;
    expect(codeOf({ ...market, ...large, item })).toBe("TRB_MODEL_CONTENT_ROWS");
    expect(modelOf({ ...large, item: { ...item, ids: "none" } }).items).toBe(100_000);
  });
});

describe("a chosen plan", () => {
  it("keeps ε over all its rounds, and states no less than they cost", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { plan } = choosePlan(request);
        const { epsilon } = planCost({ ...plan, ...foundedNames });
        expect(epsilon).toBeLessThanOrEqual(request.epsilon);
        expect(Number(plan.epsilon)).toBeGreaterThanOrEqual(epsilon);
        expect(Number(plan.epsilon)).toBeLessThanOrEqual(request.epsilon * (1 + 1e-11));
      }),
      { numRuns: 25 },
    );
  });

  it("can be run: the model can be built, and sums and noise fit into 32 bits", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { plan } = choosePlan(request);
        const [release] = plan.releases;
        if (release === undefined) throw new Error("no release");
        checkSpec(plan.model);
        expect(release.dimension).toBe(parameterCount(plan.model));
        const { minCohort, maxCorrupt, customerQuota } = plan;
        const query = sumQueryParameters({ ...release, minCohort, maxCorrupt, customerQuota });
        const clamp = customerQuota * query.scale * Number(release.clipNorm);
        const noise = 8 * Math.sqrt(request.merchants * toNumber(query.nodeVariance));
        expect(request.merchants * (clamp + 1) + noise).toBeLessThanOrEqual(2 ** 31 * (1 + 1e-9));
        expect(query.inflation).toBeLessThan(1.5); // rounding costs little beside the noise
      }),
      { numRuns: 25 },
    );
  });

  it("for the demo's market takes everyone in 30 rounds, and says why in words", () => {
    const { plan, why } = choosePlan(market);
    expect(plan.releases[0]).toMatchObject({ samplingRate: "1", rounds: 30, clipNorm: "1" });
    expect(plan).toMatchObject({ minCohort: 4, maxCorrupt: 1, customerQuota: 1024 });
    expect(plan.model).toMatchObject({ items: 600, width: 32, nextItem: { negatives: 0 } });
    expect(why.length).toBeGreaterThan(6);
    for (const reason of why) expect(reason).toMatch(/^[A-Z0-9].*\.$/);
  });

  it("takes as many rounds as asked for, with more noise in each", () => {
    const [few, many] = [choosePlan({ ...market, rounds: 10 }), choosePlan({ ...market, rounds: 100 })];
    expect(many.plan.releases[0]?.rounds).toBe(100);
    expect(Number(many.plan.releases[0]?.noiseMultiplier)).toBeGreaterThan(Number(few.plan.releases[0]?.noiseMultiplier));
  });

  it("steps shorter the more noise there is", () => {
    const rate = (request: Partial<PlanRequest>) => Number(choosePlan({ ...market, ...request }).plan.optimiser.learningRate);
    expect(rate({})).toBe(3);
    expect(rate({ epsilon: 2 })).toBeLessThan(1);
    expect(rate({ epsilon: 1 })).toBeLessThan(rate({ epsilon: 2 }));
    expect(rate({ customers: 500 })).toBeLessThan(rate({}));
    expect(rate({ catalogueItems: 30_000 })).toBeLessThan(rate({}));
  });

  it("shares rows where the catalogue is larger than an upload may be", () => {
    const { plan } = choosePlan({ ...market, catalogueItems: 500_000 });
    expect(plan.model.items * plan.model.width).toBeLessThanOrEqual(1_500_000);
  });
});

describe("a plan for people who shop at several merchants", () => {
  const several = { merchants: 12, merchantsPerCustomer: 3 };

  it("keeps ε for the person at all of them, with and without sampling, and passes the linter", () => {
    for (const wishes of [
      {},
      { samplingRate: 0.1 },
      { statistics: {} },
      { statistics: { trainingShare: 0.4 }, samplingRate: 0.3 },
    ]) {
      const plan = { ...choosePlan({ ...market, ...several, ...wishes }).plan, ...foundedNames };
      expect(plan.maxMerchantsPerCustomer).toBe(3);
      expect(lintPlan(plan, { nodes: 12, parameterCount: parameterCount(plan.model) })).toEqual([]);
      const { epsilon } = planCost(plan);
      expect(epsilon).toBeLessThanOrEqual(market.epsilon);
      expect(epsilon).toBeGreaterThan(market.epsilon * 0.999);
    }
  });

  it("costs k times the noise without sampling, and less than that with it", () => {
    const noise = (wishes: Partial<PlanRequest>) => choosePlan({ ...market, merchants: 12, ...wishes }).estimate.trainingNoise;
    expect(noise({ merchantsPerCustomer: 3 }) / noise({})).toBeCloseTo(3, 6);
    const sampled = noise({ merchantsPerCustomer: 3, samplingRate: 0.1 }) / noise({ samplingRate: 0.1 });
    expect(sampled).toBeGreaterThan(1.5);
    expect(sampled).toBeLessThan(3);
    expect(choosePlan({ ...market, ...several }).why.join(" ")).toContain("customer of 3 merchants");
  });
});

describe("a plan whose recipe private data chose", () => {
  const selection = selectionSchema.parse({ distribution: "poisson", mean: "10", noiseMultiplier: "3" });

  it("has what the choice left of ε for its rounds, and uses it", () => {
    for (const wishes of [{ statistics: {} }, { statistics: { trainingShare: 0.3 } }, {}]) {
      const { plan, why } = choosePlan({ ...market, ...wishes, selection });
      const whole = { ...plan, ...foundedNames };
      const { epsilon } = planCost(whole);
      expect(epsilon).toBeLessThanOrEqual(market.epsilon);
      expect(epsilon).toBeGreaterThan(market.epsilon * 0.999);
      expect(lintPlan(whole, { demo: true, nodes: 6, parameterCount: parameterCount(plan.model) })).toEqual([]);
      expect(Number(plan.releases[0]?.noiseMultiplier)).toBeGreaterThan(
        Number(choosePlan({ ...market, ...wishes }).plan.releases[0]?.noiseMultiplier),
      );
      expect(why[0]).toContain("paid for");
    }
  });

  it("is refused where the choice has cost all of ε, and the nearest ε that has room is named", () => {
    const spent = { ...market, statistics: {}, selection, epsilon: 1 };
    expect(codeOf(spent)).toBe("TRB_PLAN_EPSILON_UNREACHABLE");
  });
});

describe("cohorts", () => {
  it.each([
    [3, 0, 3],
    [4, 0, 3],
    [5, 1, 4],
    [6, 1, 4],
    [10, 2, 7],
    [100, 24, 67],
  ])("of %i merchants: maxCorrupt %i, minCohort %i", (merchants, maxCorrupt, minCohort) => {
    expect(chooseCohort(merchants)).toMatchObject({ maxCorrupt, minCohort });
  });

  it("of more than 150 get a graph of neighbours, for as many dropouts as they bear", () => {
    expect(chooseCohort(150).graph).toBeUndefined();
    expect(chooseCohort(151).graph).toEqual({ dropoutRate: "0.1", dropouts: "independent" });
    expect(chooseCohort(1000).why.at(-1)).toContain("92 neighbours");
    expect(chooseCohort(200, { minCohort: 190 }).graph?.dropoutRate).toBe("0.05");
  });
});

describe("deadlines", () => {
  it("leave an upload more time the more there is to compute, and depend on public numbers only", () => {
    const { model } = choosePlan(market).plan;
    const training = { kind: "training", dimension: 30_000, samplingRate: "1" as Decimal } as const;
    const [small, large] = [roundCost(model, [training], 100, "exact"), roundCost(model, [training], 10_000, "exact")];
    expect(large.deadlines.uploadOffset).toBeGreaterThan(small.deadlines.uploadOffset);
    expect(small.deadlines.masked).toBeGreaterThan(small.deadlines.uploadOffset);
    expect(small.bytesPerRoundPerNode).toBe(120_000);
    const pairs = { kind: "pairs", dimension: 8_000_000, samplingRate: "1" as Decimal } as const;
    const [both, pairsAlone] = [roundCost(model, [pairs, training], 100, "exact"), roundCost(model, [pairs], 100, "exact")];
    expect(both).toEqual(pairsAlone); // the dearest round decides
    expect(pairsAlone.bytesPerRoundPerNode).toBe(32_000_000);
  });
});

describe("refusals", () => {
  it.each([
    ["TRB_PLAN_EPSILON_NOT_POSITIVE", { epsilon: 0 }],
    ["TRB_PLAN_EPSILON_NOT_POSITIVE", { epsilon: Number.NaN }],
    ["TRB_PLAN_DELTA_NOT_POSITIVE", { delta: 0 }],
    ["TRB_PLAN_DELTA_TOO_LARGE", { delta: 1 / 3000 }],
    ["TRB_PLAN_COHORT_ABOVE_NODES", { merchants: 2 }],
    ["TRB_PLAN_COHORT_ABOVE_NODES", { minCohort: 7 }],
    ["TRB_PLAN_COHORT_TOO_SMALL", { minCohort: 3 }],
    ["TRB_PLAN_TOO_MANY_CORRUPT", { maxCorrupt: 6, minCohort: 6 }],
    ["TRB_PLAN_VALUE_OUT_OF_RANGE", { rounds: 0 }],
    ["TRB_PLAN_VALUE_OUT_OF_RANGE", { catalogueItems: 1.5 }],
    ["TRB_PLAN_VALUE_OUT_OF_RANGE", { merchantsPerCustomer: 7 }],
    ["TRB_PLAN_VALUE_OUT_OF_RANGE", { merchantsPerCustomer: 0 }],
    ["TRB_PLAN_VALUE_OUT_OF_RANGE", { samplingRate: 1.1 }],
    ["TRB_PLAN_VALUE_OUT_OF_RANGE", { clipNorm: 0 }],
  ])("%s for %j", (code, wrong) => {
    expect(codeOf({ ...market, ...wrong })).toBe(code);
  });
});
