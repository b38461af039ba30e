/** Plans whose training runs in stages. */
import { lintPlan, type Plan, planCost, type Release, rateFactor } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { choosePlanToRead } from "../written-releases.ts";
import { choosePlan } from "./choose-plan.ts";
import { withStages } from "./stages.ts";

const request = { catalogueItems: 500, customers: 20_000, merchants: 5, epsilon: 4, delta: 1e-6, rounds: 12 };
const choice = choosePlan(request);
const judged = choosePlanToRead(request, {
  ...{ share: 0.5, metrics: { heldOut: 0.2 }, acceptance: { every: 4, metric: "mrr", tolerance: 0 } },
});
const key = "11".repeat(32);
const whole = (numbers: object) =>
  ({
    ...numbers,
    ...{ federation: "stages", coordinatorKey: key, graphHash: key, initialModelHash: key, catalogueHash: key },
    catalogueProvenance: "public",
  }) as Plan;
const trainingOf = ({ releases }: Pick<Plan, "releases">) => releases.filter(({ kind }) => kind === "training");
/** The factor of each round of training in turn. */
const factorsOf = (plan: Pick<Plan, "releases">) =>
  trainingOf(plan).flatMap((release) => Array.from({ length: release.rounds }, (_, before) => rateFactor(release, before)));

describe("stages", () => {
  test("have their own clip norm, scale and rate, and cost what training in one way does", () => {
    const { plan, why } = withStages(choice, 5, [{ rounds: 8 }, { rounds: 4, clipNorm: 0.5, rate: 0.3 }]);
    const [first, second] = trainingOf(plan) as [Release, Release];
    expect([first.rounds, first.clipNorm, first.schedule]).toEqual([8, choice.plan.releases[0]?.clipNorm, undefined]);
    expect([second.rounds, second.clipNorm]).toEqual([4, "0.5"]);
    expect(Number(second.scale)).toBeGreaterThan(1.5 * Number(first.scale));
    expect(factorsOf(plan)).toEqual([...Array(8).fill(1), ...Array(4).fill(0.3)]);
    expect(lintPlan(whole(plan), { nodes: 5 })).toEqual([]);
    expect(planCost(whole(plan)).epsilon).toBeCloseTo(planCost(whole(choice.plan)).epsilon, 9);
    expect(why.at(-1)).toContain("Training runs in stages: 8 rounds at the plan's clip norm, then 4 rounds at clip norm 0.5");
  });

  test("are cut where metrics stand between rounds, and keep their place", () => {
    const { plan } = withStages(judged, 5, [{ rounds: 6 }, { rounds: 6, clipNorm: 0.5 }]);
    const shape = plan.releases.map(({ kind, rounds, clipNorm }) => (kind === "training" ? `${rounds}@${clipNorm}` : kind));
    expect(shape).toEqual(["metrics", "4@1", "metrics", "2@1", "2@0.5", "metrics", "4@0.5", "metrics"]);
    expect(lintPlan(whole(plan), { nodes: 5 })).toEqual([]);
  });

  test("without any the plan stays as it is", () => {
    expect(withStages(judged, 5, []).plan.releases).toEqual(judged.plan.releases);
  });

  test("a course of the rate goes over all rounds, whatever cuts them", () => {
    const course = { warmUp: 2, last: 0.1 };
    const whole12 = factorsOf(withStages(choice, 5, [], course).plan);
    for (const cut of [
      withStages(judged, 5, [], course),
      withStages(choice, 5, [{ rounds: 5 }, { rounds: 7, clipNorm: 0.5 }], course),
    ]) {
      for (const [i, factor] of factorsOf(cut.plan).entries()) expect(factor).toBeCloseTo(whole12[i] ?? 0, 5);
    }
    expect(whole12[0]).toBeCloseTo(1 / 3, 5);
    expect(whole12[2]).toBe(1);
    expect(whole12.at(-1)).toBeCloseTo(0.1, 5);
  });

  test("of hundreds of rounds a course has as many steps as a plan may", () => {
    const long = choosePlan({ ...request, rounds: 300 });
    const { plan } = withStages(long, 5, [], { last: 0.1 });
    const [release] = trainingOf(plan);
    const steps = release?.schedule?.shape === "piecewise" ? release.schedule.steps : [];
    expect(steps.length).toBeLessThanOrEqual(64);
    expect(steps.length).toBeGreaterThan(50);
    expect(lintPlan(whole(plan), { nodes: 5 })).toEqual([]);
  });

  test("have as many rounds as the plan trains for", () => {
    const unfit = expect.objectContaining({ code: "TRB_PLAN_SCHEDULE_UNFIT" });
    expect(() => withStages(choice, 5, [{ rounds: 11 }])).toThrowError(unfit);
    expect(() => withStages(choosePlan({ ...request, statistics: {} }), 5, [])).toThrowError(unfit);
  });
});
