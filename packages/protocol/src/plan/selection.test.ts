import { composeRdp, epsilonFromRdp, rdpIntegerOrders, rdpOfStopping } from "@tributary/dp";
import { describe, expect, it } from "vitest";
import { formatDecimal } from "../canonical/decimals.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { describePlan, explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { parsePlan } from "./parse.ts";
import type { Plan } from "./schema.ts";
import { type PlanSelection, selectionSchema } from "./selection.ts";

const base = examplePlan();
const logarithmic = { distribution: "truncated-negative-binomial", shape: "0", gamma: "0.0256" } as const;
const selection = selectionSchema.parse({ ...logarithmic, noiseMultiplier: "2" });

/** The example plan, its recipe chosen so; ε as the accountant has it. */
function chosenPlan(by: PlanSelection = selection): Plan {
  const plan = { ...base, selection: by };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

describe("a plan whose recipe was chosen privately", () => {
  it("costs the best of the runs and its rounds together, whatever was charged", () => {
    const run = rdpIntegerOrders.map((order) => order / 8);
    const best = rdpOfStopping(rdpIntegerOrders, run, logarithmic);
    const nothing = planCost(chosenPlan(), [0]);
    expect(nothing.rdp).toEqual(best);
    const all = composeRdp(best, planCost(base).rdp);
    expect(planCost(chosenPlan()).epsilon).toBe(epsilonFromRdp(rdpIntegerOrders, all, Number(base.delta)).epsilon);
    expect(planCost(chosenPlan()).epsilon).toBeGreaterThan(planCost(base).epsilon);
  });

  it("is sound in simulations and demonstrations and nowhere else, and only when ε has it", () => {
    expect(lintPlan(chosenPlan(), { simulation: true })).toEqual([]);
    expect(lintPlan(chosenPlan()).map(({ code }) => code)).toEqual(["TRB_PLAN_SELECTION_CENTRAL"]);
    expect(lintPlan(chosenPlan(), { demo: true })).toEqual([]);
    const understated = { ...chosenPlan(), epsilon: base.epsilon };
    expect(lintPlan(understated, { simulation: true }).map(({ path }) => path)).toContain("epsilon");
    const nonsense = { ...base, selection: { ...selection, gamma: "2" } as PlanSelection };
    expect(lintPlan(nonsense, { simulation: true }).map(({ code }) => code)).toContain("TRB_DP_PARAMETER_INVALID");
  });

  it("comes back from its document, which takes no other numbers", () => {
    const poisson = selectionSchema.parse({ distribution: "poisson", mean: "10", noiseMultiplier: "1.5" });
    for (const plan of [chosenPlan(), chosenPlan(poisson)]) expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    const refused = expect.objectContaining({ code: "TRB_PLAN_INVALID" });
    expect(() => parsePlan({ ...chosenPlan(), selection: { ...selection, runs: 7 } })).toThrow(refused);
  });

  it("says so in words", () => {
    expect(explainPlan(chosenPlan()).join(" ")).toContain("the best of a secret random number of runs, 10.4 on average");
    expect(describePlan(chosenPlan()).privacy.continuousApproximation).toBeNull();
    expect(explainPlan(base).join(" ")).not.toContain("secret random number");
  });
});
