/** Plans that are charged by the accountant `lattice`: where it holds, between what it has to be, and where it is refused. */
import { chooseScale, gaussianEpsilon, latticeGaussianEpsilon, sumQueryParameters, toNumber } from "@tributary/dp";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimals.ts";
import { type Decimal, decimal as decimalSchema } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { describePlan, explainPlan } from "./explain.ts";
import { latticeReleases } from "./lattice.ts";
import { lintPlan } from "./lint.ts";
import { parsePlan } from "./parse.ts";
import type { Plan, Release } from "./schema.ts";
import { sumQueryOf } from "./sum-query.ts";

const base = examplePlan();
const decimal = (text: string) => decimalSchema.parse(text) as Decimal;

/** An extension's query: of everybody, exact, `touched` of 64 coordinates. */
function query(noise: number, rounds: number, touched = 3, merchants = 1): Release {
  const noiseMultiplier = formatDecimal(noise, "up");
  const shape = { arithmetic: "exact", clipNorm: decimal("1"), noiseMultiplier, dimension: 64, touched } as const;
  const parties = { totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2, maxMerchantsPerCustomer: merchants };
  const scale = decimal(chooseScale({ ...shape, ...parties }).scale);
  return { ...shape, kind: "query", query: "visit-hours", samplingRate: decimal("1"), rounds, scale, fractionBits: 8 };
}

function planOf(releases: readonly Release[], change: Partial<Plan> = {}): Plan {
  const extensions = [{ name: "visit-hours", sha256: base.graphHash }];
  const plan: Plan = { ...base, accountant: "lattice", extensions, releases: [...releases], ...change };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

const findings = (plan: Plan) => lintPlan(plan, { nodes: 4 }).map(({ code, path }) => `${code} ${path}`);
const plan = planOf([query(3, 2), query(5, 1)]);

describe("the accountant lattice in a plan", () => {
  test("is admitted where everybody is in every release, and is part of what the plan's hash covers", () => {
    expect(findings(plan)).toEqual([]);
    expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    const [training] = base.releases as [Release];
    const trained = { ...training, samplingRate: decimal("1"), noiseMultiplier: decimal("9"), rounds: 5 };
    const { scale } = chooseScale({ ...trained, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
    const { extensions: _, ...everybody } = planOf([{ ...trained, scale: decimal(scale) }]);
    expect(findings(everybody)).toEqual([]);
  });

  test("costs at least what continuous noise does and at most what Rényi says, whatever is released (fast-check)", () => {
    const release = fc.record({
      noise: fc.double({ min: 0.8, max: 30, noNaN: true }),
      rounds: fc.integer({ min: 1, max: 4 }),
      touched: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(fc.array(release, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 3 }), (list, merchants) => {
        const releases = list.map(({ noise, rounds, touched }) => query(noise, rounds, touched, merchants));
        const some: Plan = { ...plan, releases, maxMerchantsPerCustomer: merchants };
        const squares = releases.reduce((sum, { noiseMultiplier, rounds }) => sum + rounds / Number(noiseMultiplier) ** 2, 0);
        const { epsilon, rdp } = planCost(some);
        const exact = gaussianEpsilon(Math.sqrt(squares), Number(plan.delta));
        const renyi = planCost({ ...some, accountant: "rdp-integer" });
        expect(epsilon).toBeGreaterThanOrEqual(exact);
        expect(epsilon).toBeLessThan(exact * (1 + 1e-6) + 1e-6);
        expect(epsilon).toBeLessThan(renyi.epsilon);
        expect(rdp).toEqual(renyi.rdp); // what entries state beside ε
        // charged so far: never more than all, and nothing for nothing
        const charged = releases.map(({ rounds }, place) => (place === 0 ? rounds - 1 : rounds));
        expect(planCost(some, charged).epsilon).toBeLessThan(epsilon);
        expect(
          planCost(
            some,
            releases.map(() => 0),
          ).epsilon,
        ).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test("takes σ from what the honest minimum brings, and counts the coordinates of a person at all merchants", () => {
    const merchants = 3;
    const some: Plan = {
      ...plan,
      releases: [query(3, 2, 3, merchants), query(5, 1, 40, merchants)],
      maxMerchantsPerCustomer: merchants,
    };
    for (const [place, { deviation, touched }] of latticeReleases(some).entries()) {
      const { sensitivity, honestNodes } = sumQueryParameters(sumQueryOf(some, place));
      expect(honestNodes).toBe(2);
      const { noiseMultiplier } = some.releases[place] as Release;
      expect(deviation / (Number(noiseMultiplier) * toNumber(sensitivity, "up"))).toBeCloseTo(1, 6);
      expect(touched).toBe([9, 64][place]);
    }
    const ran = latticeReleases(some).map((one, place) => ({ ...one, count: [2, 1][place] ?? 0 }));
    expect(planCost(some).epsilon).toBe(latticeGaussianEpsilon(ran, Number(plan.delta)));
    // each node with all of the noise: one node's σ
    const [local] = latticeReleases({ ...some, noiseMode: "local" });
    expect((local?.deviation ?? 0) / (latticeReleases(some)[0]?.deviation ?? 1)).toBeCloseTo(1, 6);
  });

  test("is refused beside sampled training, a private selection and central noise, in which nothing is proven", () => {
    const sampled = { ...plan, releases: [...plan.releases, ...base.releases] };
    expect(findings(sampled)).toContain("TRB_PLAN_LATTICE_UNFIT releases.2.samplingRate");
    expect(() => planCost(sampled)).toThrow(expect.objectContaining({ code: "TRB_PLAN_LATTICE_UNFIT" }));
    const nearly = plan.releases.map((release) => ({ ...release, samplingRate: decimal("0.999999999999") }));
    expect(findings({ ...plan, releases: nearly })).toContain("TRB_PLAN_LATTICE_UNFIT releases.1.samplingRate");
    const selection = { distribution: "poisson", mean: decimal("5"), noiseMultiplier: decimal("9") } as const;
    const lint = (change: Partial<Plan>) =>
      lintPlan({ ...plan, ...change }, { simulation: true }).map(({ code, path }) => `${code} ${path}`);
    expect(lint({ selection })).toEqual(["TRB_PLAN_LATTICE_UNFIT selection"]);
    expect(lint({ noiseMode: "central" })).toEqual(["TRB_PLAN_LATTICE_UNFIT noiseMode"]);
  });

  test("an ε that is understated is refused, and one by Rényi is no understatement", () => {
    const { epsilon } = planCost(plan);
    expect(findings({ ...plan, epsilon: formatDecimal(epsilon * (1 - 1e-8)) })).toEqual([
      "TRB_PLAN_EPSILON_UNDERSTATED epsilon",
    ]);
    expect(findings({ ...plan, epsilon: formatDecimal(epsilon * (1 - 1e-11)) })).toEqual([]);
    expect(findings({ ...plan, accountant: "rdp-integer" })).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
    const renyi = planCost({ ...plan, accountant: "rdp-integer" }).epsilon;
    expect(findings({ ...plan, epsilon: formatDecimal(renyi, "up") })).toEqual([]);
  });

  test("is explained, with ε by Rényi beside it, and whose sampler draws the noise", () => {
    const words = explainPlan(plan).join("\n");
    const { privacy, trust } = describePlan(plan);
    expect(privacy).toMatchObject({ accountant: "lattice", recomputed: plan.epsilon });
    expect(Number(privacy.byRenyi)).toBeGreaterThan(Number(privacy.recomputed) * 1.02);
    expect(words).toContain("accountant lattice");
    expect(words).toContain(`ε = ${privacy.byRenyi}`);
    expect(words).toContain(trust.sampler);
    expect(explainPlan({ ...plan, sampler: "opendp" }).join("\n")).toContain("OpenDP's exact sampler");
    const usual = describePlan(base);
    expect(usual.privacy.byRenyi).toBe(usual.privacy.recomputed);
    expect(explainPlan(base).join("\n")).not.toContain("lattice");
  });
});
