import { chooseScale } from "@tributary/dp";
import { expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimals.ts";
import type { Decimal } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { metricCoordinates } from "./metrics.ts";
import { parsePlan } from "./parse.ts";
import type { Plan, Release } from "./schema.ts";

const base = examplePlan();
const decimal = (text: string) => text as Decimal;
const [training] = base.releases as [Release];

function metrics(noiseMultiplier = "3"): Release {
  const dimension = metricCoordinates.length;
  const common = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier, dimension, touched: dimension } as const;
  const { scale } = chooseScale({ ...common, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  return {
    ...{ ...common, kind: "metrics", clipNorm: decimal("2.8285"), samplingRate: decimal("1") },
    ...{ noiseMultiplier: decimal(noiseMultiplier), rounds: 1, scale: decimal(scale), fractionBits: 8 },
  };
}

function planOf(change: Partial<Plan> = {}): Plan {
  const plan: Plan = {
    ...{ ...base, minCustomers: 4000, metrics: { heldOut: decimal("0.1"), lossBound: decimal("12") } },
    releases: [metrics(), training, metrics()],
    acceptance: { metric: "ndcg10", tolerance: decimal("0.01") },
    ...change,
  };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}
const findings = (plan: Plan) => lintPlan(plan, { nodes: 4 }).map(({ code, path }) => `${code} ${path}`);
const unfit = (path: string) => [`TRB_PLAN_ACCEPTANCE_UNFIT ${path}`];

test("a rule with metrics before, between and after training is accepted, and read back as it is", () => {
  expect(findings(planOf())).toEqual([]);
  expect(findings(planOf({ releases: [metrics(), training, metrics(), training, metrics()] }))).toEqual([]);
  expect(parsePlan(JSON.parse(JSON.stringify(planOf())))).toEqual(planOf());
  const unknown = { ...planOf(), acceptance: { metric: "loss", tolerance: "0" } };
  const more = { ...planOf(), acceptance: { metric: "mrr", tolerance: "0", patience: 1 } };
  for (const plan of [unknown, more]) {
    expect(() => parsePlan(JSON.parse(JSON.stringify(plan)))).toThrowError(
      expect.objectContaining({ code: "TRB_PLAN_INVALID" }),
    );
  }
});

test("it needs something that is trained, judged before and after", () => {
  expect(findings(planOf({ releases: [training, metrics()] }))).toEqual(unfit("releases"));
  expect(findings(planOf({ releases: [metrics(), training] }))).toEqual(unfit("releases"));
  expect(findings(planOf({ releases: [metrics(), training, metrics(), training] }))).toEqual(unfit("releases"));
});

test("a tolerance is from 0 to below 1", () => {
  const at = (tolerance: string) => findings(planOf({ acceptance: { metric: "hr10", tolerance: decimal(tolerance) } }));
  for (const wrong of ["-0.01", "1"]) expect(at(wrong)).toEqual(["TRB_PLAN_VALUE_OUT_OF_RANGE acceptance.tolerance"]);
  expect(at("0")).toEqual([]);
});

test("metrics whose noise drowns the count judge nothing", () => {
  // 400 are judged; z·C·√(n_min/(n_min − c)) is 8.5·√(3/2) = 10 and more at z = 3, of which 4·1.96 have to fit in
  const shares = Math.sqrt(base.minCohort / (base.minCohort - base.maxCorrupt));
  const most = 400 / (4 * 1.96) / 2.8285 / shares;
  const at = (noise: number) => findings(planOf({ releases: [metrics(), training, metrics(noise.toFixed(6))] }));
  expect(at(most * 0.999)).toEqual([]);
  expect(at(most * 1.001)).toEqual(unfit("releases.2"));
});

test("it is explained, with what it can't do", () => {
  const text = explainPlan(planOf()).join("\n");
  expect(text).toContain("NDCG@10 is not clearly worse");
  expect(text).toContain("more than 0.01 below");
  expect(text).toContain("can have a good model given up or a bad one kept");
  const { acceptance: _, ...without } = planOf();
  expect(explainPlan(without).join("\n")).not.toContain("kept only if");
});
