import { chooseScale } from "@tributary/dp";
import { describe, expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimals.ts";
import type { Decimal } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { describePlan, explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { parsePlan } from "./parse.ts";
import type { LintOptions } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";
import type { PlanStatistics } from "./statistics.ts";

const base = examplePlan();
const decimal = (text: string) => text as Decimal;
const caps = { ...base.caps, maxItems: 32, maxPairs: 64 };

const statistics: PlanStatistics = {
  window: 3,
  firstPopularity: decimal("0.5"),
  firstContent: decimal("2"),
  firstNorm: decimal("10"),
  aliveAbove: decimal("0.003"),
  weighBy: "probability",
  weightFloor: decimal("0.01"),
  weightPower: decimal("0.3"),
  laterNorm: decimal("0.3"),
  priorMean: decimal("3"),
  priorPopularity: decimal("1.3"),
  roundOdds: decimal("0.0001"),
  finalOdds: decimal("0.00003"),
  roundContent: decimal("8"),
  finalContent: decimal("6"),
  keepAbove: decimal("0.02"),
  targetPopularity: decimal("0.2"),
  contentWeight: decimal("20"),
  contentSharpness: decimal("14"),
  decay: decimal("0.5"),
  latest: 20,
};

/** A statistics release that fits the example's four merchants. */
function released(kind: "popularity" | "pairs", dimension: number, noiseMultiplier: string, rounds: number): Release {
  const touched = Math.min(dimension, kind === "popularity" ? caps.maxItems : caps.maxPairs);
  const { scale } = chooseScale({
    ...{ arithmetic: "exact", totalQuota: 4 * 64, clipNorm: "1", noiseMultiplier, dimension, touched },
    ...{ maxNodes: 4, honestMinimum: 2 },
  });
  return {
    ...{ kind, arithmetic: "exact", clipNorm: decimal("1"), samplingRate: decimal("1") },
    ...{ noiseMultiplier: decimal(noiseMultiplier), rounds, dimension, touched, scale: decimal(scale), fractionBits: 8 },
  };
}

const popularity = released("popularity", 50, "9", 1);
const pairs = [released("pairs", 1225, "7", 1), released("pairs", 200, "9", 3)];

function statisticsPlan(change: Partial<Plan> = {}): Plan {
  const plan: Plan = { ...base, caps, statistics, releases: [popularity, ...pairs, ...base.releases], ...change };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

const found = (plan: Plan, options?: LintOptions) => lintPlan(plan, options).map(({ code, path }) => `${code} ${path}`);
const bent = (place: number, change: Partial<Release>) =>
  found(
    statisticsPlan({
      releases: statisticsPlan().releases.map((release, i) => (i === place ? { ...release, ...change } : release)),
    }),
  );
const outside = (path: string) => `TRB_PLAN_VALUE_OUT_OF_RANGE ${path}`;

describe("a plan with statistics", () => {
  test("is sound, with and without training, and read back as it was", () => {
    expect(found(statisticsPlan(), { nodes: 4, parameterCount: 1000, catalogueItems: 50 })).toEqual([]);
    const alone = statisticsPlan({ releases: [popularity, ...pairs] });
    expect(found(alone)).toEqual([]);
    expect(parsePlan(JSON.parse(JSON.stringify(alone)))).toEqual(alone);
    expect(found({ ...alone, trained: ["final.*"] })).toEqual(["TRB_PLAN_TRAINED_UNFIT trained"]); // nothing is trained
    expect(found({ ...alone, initialModel: "public" })).toEqual(["TRB_PLAN_TRAINED_UNFIT initialModel"]);
  });

  test("pays once for everything: kinds compose, and a retry is paid for like a round", () => {
    const { releases } = statisticsPlan();
    const epsilonOf = (list: readonly Release[]) => planCost({ ...base, releases: [...list] }).epsilon;
    const whole = epsilonOf(releases);
    expect(whole).toBeGreaterThan(epsilonOf(base.releases));
    expect(whole).toBeLessThan(epsilonOf(base.releases) + epsilonOf([popularity, ...pairs]));
    const spare = epsilonOf([{ ...popularity, rounds: 2, retries: 1 }, ...pairs, ...base.releases]);
    expect(spare).toBeGreaterThan(whole);
    expect(found({ ...statisticsPlan(), epsilon: formatDecimal(whole * (1 - 1e-8)) })).toEqual([
      "TRB_PLAN_EPSILON_UNDERSTATED epsilon",
    ]);
  });

  test("is refused when the section is there without releases, or releases without the section", () => {
    const { statistics: _, ...without } = statisticsPlan();
    expect(found(without)).toEqual(["TRB_PLAN_STATISTICS_UNFIT statistics"]);
    expect(found({ ...base, statistics })).toEqual(["TRB_PLAN_STATISTICS_UNFIT statistics"]);
  });

  test("is refused out of order, without popularity, or with two of it", () => {
    expect(found(statisticsPlan({ releases: [...base.releases, popularity, ...pairs] }))).toEqual([
      "TRB_PLAN_RELEASES_OUT_OF_ORDER releases.1.kind",
    ]);
    expect(found(statisticsPlan({ releases: [...pairs, popularity] }))).toEqual([
      "TRB_PLAN_RELEASES_OUT_OF_ORDER releases.2.kind",
    ]);
    expect(found(statisticsPlan({ releases: pairs }))).toEqual(["TRB_PLAN_STATISTICS_UNFIT releases"]);
    expect(found(statisticsPlan({ releases: [popularity, popularity, ...pairs] }))).toEqual([
      "TRB_PLAN_STATISTICS_UNFIT releases",
    ]);
    expect(bent(0, { rounds: 2 })).toEqual(["TRB_PLAN_STATISTICS_UNFIT releases"]);
    expect(bent(0, { rounds: 2, retries: 1 })).toEqual([]);
    expect(bent(0, { rounds: 2, retries: 2 })).toContain(outside("releases.0.retries"));
  });

  test("is refused unless every statistic is exact, of everybody, clipped to 1, and touches what the caps say", () => {
    expect(bent(1, { arithmetic: "bucketed" })).toContain("TRB_PLAN_TOUCHED_INVALID releases.1.touched");
    expect(bent(1, { arithmetic: "bucketed", touched: 1225 })).toContain(outside("releases.1.arithmetic"));
    expect(bent(0, { samplingRate: decimal("0.5") })).toEqual([outside("releases.0.samplingRate")]);
    expect(bent(2, { clipNorm: decimal("0.5") })).toEqual([outside("releases.2.clipNorm")]);
    expect(bent(0, { touched: 31 })).toEqual([outside("releases.0.touched")]);
    expect(bent(1, { touched: 63 })).toEqual([outside("releases.1.touched")]);
    expect(bent(2, { dimension: 8_000_001 })).toContain(outside("releases.2.dimension"));
    expect(found(statisticsPlan({ unit: "node", releases: [popularity, ...pairs] }))).toEqual([
      "TRB_PLAN_STATISTICS_UNFIT unit",
    ]);
    expect(found(statisticsPlan(), { catalogueItems: 51 })).toEqual(["TRB_PLAN_ITEMS_MISMATCH releases.0.dimension"]);
  });

  test("is refused for numbers out of range, and unknown ones are no plan at all", () => {
    const changed = (change: Partial<PlanStatistics>) => found(statisticsPlan({ statistics: { ...statistics, ...change } }));
    expect(changed({ weightFloor: decimal("0") })).toEqual([outside("statistics.weightFloor")]);
    expect(changed({ aliveAbove: decimal("1") })).toEqual([outside("statistics.aliveAbove")]);
    expect(changed({ firstContent: decimal("51") })).toEqual([outside("statistics.firstContent")]);
    expect(changed({ decay: decimal("1.5"), keepAbove: decimal("-1") })).toEqual([
      outside("statistics.keepAbove"),
      outside("statistics.decay"),
    ]);
    expect(() => parsePlan({ ...statisticsPlan(), statistics: { ...statistics, extra: 1 } })).toThrowError(
      expect.objectContaining({ code: "TRB_PLAN_INVALID" }),
    );
  });

  test("is explained: what is summed, of how much of a customer, and what is done with it for nothing", () => {
    const text = explainPlan(statisticsPlan()).join("\n");
    for (const part of [
      "the items that customers had",
      "pairs of items",
      "latest 32 items and 64 pairs",
      "catalogue and from sums released",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("FedAdam");
    const alone = statisticsPlan({ releases: [{ ...popularity, rounds: 2, retries: 1 }, ...pairs] });
    expect(explainPlan(alone).join("\n")).not.toContain("FedAdam"); // nothing is trained
    expect(explainPlan(alone).join("\n")).toContain("Of these rounds 1 would only replace one");
    expect(explainPlan(base).join("\n")).not.toContain("pairs");
    expect(describePlan(alone).releases.map(({ kind, rounds }) => [kind, rounds])).toEqual([
      ["popularity", 2],
      ["pairs", 1],
      ["pairs", 3],
    ]);
    expect(describePlan(alone).trust.samplingIsSecret).toBe(false);
  });
});
