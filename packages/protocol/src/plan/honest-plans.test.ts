/** Whatever one field of a sound plan is changed to: the plan is refused, or what it promises is still true, by an accountant of its own. */
import { sumQueryParameters } from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDecimal } from "../canonical/decimals.ts";
import { planCost } from "./cost.ts";
import { lintPlan, planRemarks } from "./lint.ts";
import { parsePlan } from "./parse.ts";
import type { LintOptions } from "./rule.ts";
import type { Plan } from "./schema.ts";
import { hasEnoughNoise, slowEpsilon } from "./slow-cost.test-support.ts";
import { decimal, soundPlans } from "./sound-plans.test-support.ts";
import { sumQueryOf } from "./sum-query.ts";

const optionsOf = (plan: Plan): LintOptions => (plan.selection === undefined ? {} : { simulation: true });
const plans: readonly (readonly [string, Plan])[] = Object.entries(soundPlans);

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Path = readonly (string | number)[];

/** Paths of everything in a document, its objects and lists too. */
function pathsOf(value: Json, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  const below = Object.entries(value).flatMap(([key, inner]) =>
    pathsOf(inner as Json, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length === 0 ? below : [at, ...below];
}

/** The document with what stands at a path exchanged; `undefined` takes it away. */
function exchanged(value: Json, [key, ...rest]: Path, change: (old: Json) => Json | undefined): Json {
  if (key === undefined || typeof value !== "object" || value === null) return change(value) ?? null;
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    if (name !== String(key)) return [[name, inner as Json] as const];
    const next = rest.length === 0 ? change(inner as Json) : exchanged(inner as Json, rest, change);
    return next === undefined ? [] : [[name, next] as const];
  });
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

const odd = [
  "",
  "0",
  "-1",
  "1",
  "0.5",
  "1e-300",
  "1e300",
  "1e-330",
  "NaN",
  "log",
  "node",
  "local",
  "exact",
  "rdp-integer",
  "lattice",
];

/** What a number, a text, a list or a section is changed to. */
const mutation = fc.oneof(
  fc.double({ min: 0.01, max: 100, noNaN: true }).map((factor) => (old: Json) => scaled(old, factor)),
  fc.constantFrom(0.999, 1.001, 0.5, 2, 4, 0.25).map((factor) => (old: Json) => scaled(old, factor)),
  fc.integer({ min: -2, max: 2 }).map((by) => (old: Json) => (typeof old === "number" ? old + by : old)),
  fc.constantFrom(0, 1, 2 ** 31, 2 ** 41, 2 ** 53 - 1, 1.5, -1).map((value) => (): Json => value),
  fc.constantFrom(...odd).map((value) => (): Json => value),
  fc.constant((old: Json): Json => (Array.isArray(old) ? [...old, ...old.slice(0, 1)] : old)),
  fc.constant((old: Json): Json => (Array.isArray(old) ? old.slice(1) : old)),
  fc.constant(
    (old: Json): Json => (typeof old === "object" && old !== null && !Array.isArray(old) ? { ...old, surprise: 1 } : old),
  ),
  fc.constant(() => undefined),
);

function scaled(old: Json, factor: number): Json {
  if (typeof old === "number") return Math.round(old * factor);
  const number = typeof old === "string" && /^-?\d/.test(old) && old.length < 20 ? Number(old) * factor : Number.NaN;
  return Number.isFinite(number) ? String(Number(number.toPrecision(9))).replace("e+", "e") : old;
}

/** "refused", or "honest" after everything that was promised has been looked at. */
function judged(document: Json): "refused" | "honest" {
  let plan: Plan;
  try {
    plan = parsePlan(document);
  } catch (error) {
    expect(isTributaryError(error)).toBe(true);
    return "refused";
  }
  const options = optionsOf(plan);
  planRemarks(plan, options); // never throws either
  if (lintPlan(plan, options).length > 0) return "refused";
  requireHonest(plan);
  return "honest";
}

function requireHonest(plan: Plan): void {
  const slow = slowEpsilon(plan);
  expect(parseDecimal(plan.epsilon)).toBeGreaterThanOrEqual(slow * (1 - 1e-9));
  const fast = planCost(plan).epsilon;
  expect(fast).toBeGreaterThanOrEqual(slow * (1 - 1e-9));
  // the theorem of lattice adds two tiny terms; the Poisson choice's δ̂ may be bounded a little better
  expect(fast).toBeLessThanOrEqual(slow * (1 + (plan.accountant === "lattice" ? 0.02 : 1e-9)));
  if (plan.noiseMode === "central") return;
  for (const [place, release] of plan.releases.entries()) {
    const { nodeVariance, honestNodes } = sumQueryParameters(sumQueryOf(plan, place));
    expect(hasEnoughNoise(plan, release, nodeVariance)).toBe(true);
    expect(Number(nodeVariance.numerator) / Number(nodeVariance.denominator)).toBeGreaterThanOrEqual(16);
    expect(honestNodes).toBeGreaterThanOrEqual(1);
  }
}

describe("a sound plan", () => {
  test.each(plans)("costs what it costs from first principles: %s", (_, plan) => {
    requireHonest(plan);
  });

  test.each(plans)(
    "is refused or stays honest, whatever one of its fields becomes: %s",
    (_, plan) => {
      const paths = pathsOf(plan as unknown as Json);
      const outcomes = new Map<string, number>();
      fc.assert(
        fc.property(fc.constantFrom(...paths), mutation, (path, change) => {
          const outcome = judged(exchanged(plan as unknown as Json, path, change));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }),
        { numRuns: 150, seed: 20_261_130 },
      );
      expect(outcomes.get("refused")).toBeGreaterThan(10); // both happen, or nothing was looked at
      expect(outcomes.get("honest")).toBeGreaterThan(10);
    },
    120_000,
  );

  test("with generous ε is refused or explained for anything that the numbers of its releases may be", () => {
    const release = fc.record(
      {
        samplingRate: fc.constantFrom("1", "0.5", "0.05", "0.0001"),
        noiseMultiplier: fc.constantFrom("0.3", "0.8", "3", "40"),
        rounds: fc.integer({ min: 1, max: 5000 }),
        fractionBits: fc.integer({ min: 0, max: 20 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(release, fc.integer({ min: 1, max: 4 }), (change, maxMerchantsPerCustomer) => {
        const { training } = soundPlans;
        const releases = training.releases.map((one) => ({ ...one, ...(change as Partial<typeof one>) }));
        const plan: Plan = { ...training, maxMerchantsPerCustomer, releases, epsilon: decimal("1e6") };
        if (lintPlan(plan).length > 0) return;
        expect(planCost(plan).epsilon / slowEpsilon(plan)).toBeCloseTo(1, 9);
      }),
      { numRuns: 60, seed: 20_261_130 },
    );
  }, 60_000);

  test("that is refused for what it promises would have promised too little: the slow accountant says the same", () => {
    const { training, read } = soundPlans;
    expect(slowEpsilon({ ...read, delta: decimal("1e-7") })).toBeGreaterThan(parseDecimal(read.epsilon));
    const half = training.releases.map((one) => ({ ...one, noiseMultiplier: decimal("0.6") }));
    expect(slowEpsilon({ ...training, releases: half })).toBeGreaterThan(2 * parseDecimal(training.epsilon));
    const [release] = training.releases;
    if (release === undefined) throw new Error("the example has a release");
    const { nodeVariance } = sumQueryParameters(sumQueryOf(training, 0));
    const less = { ...nodeVariance, numerator: (nodeVariance.numerator * 999_999n) / 1_000_000n };
    expect(hasEnoughNoise(training, release, less)).toBe(false);
  });
});
