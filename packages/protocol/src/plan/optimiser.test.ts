import { describe, expect, test } from "vitest";
import type { Decimal } from "../identifiers.ts";
import { examplePlan } from "./example-plan.ts";
import { describePlan, explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { optimiserSchema, type PlanOptimiser } from "./optimiser.ts";
import { parsePlan } from "./parse.ts";

const plan = examplePlan();
const adaptive = { learningRate: "0.01", beta1: "0.9", beta2: "0.99", epsilon: "1e-8" };
const every = [
  { name: "fedavg", learningRate: "1", momentum: "0.9" },
  { name: "fedadam", ...adaptive },
  { name: "adamw", ...adaptive, weightDecay: "0.1" },
  { name: "fedyogi", ...adaptive },
  { name: "fedadagrad", learningRate: "0.01", beta1: "0", epsilon: "1e-3" },
  { name: "rmsprop", learningRate: "0.01", decay: "0.9", epsilon: "1e-8" },
  { name: "dpadam", learningRate: "0.01", beta1: "0.9", beta2: "0.99", floor: "1e-8" },
].map((optimiser) => optimiserSchema.parse(optimiser));

const decimal = (text: string) => text as Decimal;
const faults = (optimiser: PlanOptimiser, change: Readonly<Record<string, string>>) =>
  lintPlan({ ...plan, optimiser: optimiserSchema.parse({ ...optimiser, ...change }) }).map(
    ({ code, path }) => `${code} ${path}`,
  );
const outside = (field: string) => [`TRB_PLAN_VALUE_OUT_OF_RANGE optimiser.${field}`];

describe.each(every)("a plan with the optimiser $name", (optimiser) => {
  test("is accepted, penalties or none", () => {
    expect(lintPlan({ ...plan, optimiser })).toEqual([]);
    const penalties = { l1: decimal("1e-6"), l2: decimal("0"), weightDecay: decimal("0.01") };
    const penalised = { ...optimiser, ...penalties, updateNorm: decimal("0.5") };
    expect(lintPlan({ ...plan, optimiser: penalised })).toEqual([]);
    expect(parsePlan(JSON.parse(JSON.stringify({ ...plan, optimiser: penalised }))).optimiser).toEqual(penalised);
  });

  test("is refused with a field more, a field less, or a number that is no decimal string", () => {
    const form = (value: object) => optimiserSchema.safeParse(value).success;
    expect(form({ ...optimiser, nesterov: "1" })).toBe(false);
    for (const field of Object.keys(optimiser)) {
      expect(form(Object.fromEntries(Object.entries(optimiser).filter(([key]) => key !== field)))).toBe(false);
      if (field !== "name") expect(form({ ...optimiser, [field]: 0.5 })).toBe(false);
    }
  });

  test("is refused with each number out of range", () => {
    for (const field of Object.keys(optimiser).filter((key) => key !== "name")) {
      const bad = ["momentum", "beta1", "beta2", "decay"].includes(field) ? ["-0.1", "1"] : ["-0.1"];
      const never0 = ["learningRate", "epsilon", "floor"].includes(field) ? ["0"] : [];
      for (const value of [...bad, ...never0]) expect(faults(optimiser, { [field]: value })).toEqual(outside(field));
    }
    for (const penalty of ["l1", "l2", "weightDecay"]) {
      expect(faults(optimiser, { [penalty]: "-1e-9" })).toEqual(outside(penalty));
    }
    for (const value of ["0", "-1"]) expect(faults(optimiser, { updateNorm: value })).toEqual(outside("updateNorm"));
    // a weight that decays by all of itself or more changes sign
    expect(faults(optimiser, { learningRate: "0.5", weightDecay: "2" })).toEqual(outside("weightDecay"));
    expect(faults(optimiser, { learningRate: "0.5", weightDecay: "1.99" })).toEqual([]);
  });

  test("is explained with all its numbers", () => {
    const text = explainPlan({ ...plan, optimiser }).join("\n");
    expect(text).toContain(describePlan({ ...plan, optimiser }).optimiser);
    for (const [field, value] of Object.entries(optimiser)) if (field !== "name") expect(text).toContain(value);
  });
});

test("a bound on the mean update is explained beside the length of the noise", () => {
  const [optimiser] = every;
  if (optimiser === undefined) throw new Error("there is no optimiser");
  const sentence = (updateNorm: string) =>
    explainPlan({ ...plan, optimiser: { ...optimiser, updateNorm: decimal(updateNorm) } }).find((line) =>
      line.startsWith("A mean update longer than"),
    );
  expect(explainPlan({ ...plan, optimiser }).join()).not.toContain("A mean update longer than");
  const noise = Number(/about (\S+) long/.exec(sentence("0.25") ?? "")?.[1]);
  // by hand: z·Δ/s in the sum of the honest minimum, √(minCohort/honest) of it from all, over q·N, √d coordinates
  const [release] = plan.releases;
  const number = (text?: string) => Number(text);
  const perCoordinate =
    (number(release?.noiseMultiplier) *
      (number(release?.clipNorm) * (1 + 2 ** -10) + Math.sqrt(release?.dimension ?? 0) / number(release?.scale)) *
      Math.sqrt(plan.minCohort / (plan.minCohort - plan.maxCorrupt))) /
    (number(release?.samplingRate) * plan.minCustomers);
  expect(noise / (perCoordinate * Math.sqrt(release?.dimension ?? 0))).toBeCloseTo(1, 2);
  expect(sentence("0.25")).toContain("longer than 0.25 ");
});

test("AdamW without decay is FedAdam, and has to say so", () => {
  const adamw = every.find(({ name }) => name === "adamw") as PlanOptimiser;
  expect(faults(adamw, { weightDecay: "0" })).toEqual(outside("weightDecay"));
});

test("federated averaging is named by whether it has momentum", () => {
  const words = (momentum: string) =>
    describePlan({ ...plan, optimiser: { name: "fedavg", learningRate: decimal("1"), momentum: decimal(momentum) } }).optimiser;
  expect(words("0")).toContain("FedAvg (");
  expect(words("0.9")).toContain("FedAvgM (");
});
