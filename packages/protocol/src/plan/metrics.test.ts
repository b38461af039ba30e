import { chooseScale } from "@tributary/dp";
import { describe, expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimals.ts";
import { type Decimal, decimal as decimalSchema, sha256Hex } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { metricCoordinates } from "./metrics.ts";
import { parsePlan } from "./parse.ts";
import type { Plan, Release } from "./schema.ts";

const base = examplePlan();
const decimal = (text: string) => decimalSchema.parse(text) as Decimal;
const section = { heldOut: decimal("0.1"), lossBound: decimal("12") };
const extension = { name: "visit-hours", sha256: sha256Hex.parse("ab".repeat(32)) };

function written(change: Partial<Release> = {}): Release {
  const dimension = metricCoordinates.length;
  const common = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "9", dimension, touched: dimension } as const;
  const { scale } = chooseScale({ ...common, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  return {
    ...{ ...common, kind: "metrics", clipNorm: decimal("2.8285"), samplingRate: decimal("0.5"), noiseMultiplier: decimal("9") },
    ...{ rounds: 2, scale: decimal(scale), fractionBits: 8 },
    ...change,
  };
}

function planOf(change: Partial<Plan> = {}): Plan {
  const plan: Plan = { ...base, metrics: section, releases: [...base.releases, written()], ...change };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}
const without = ({ metrics: _, ...plan }: Plan): Plan => plan;
const findings = (plan: Plan) => lintPlan(plan, { nodes: 4 }).map(({ code, path }) => `${code} ${path}`);
const outOfRange = (path: string) => `TRB_PLAN_VALUE_OUT_OF_RANGE ${path}`;

describe("metrics in a plan", () => {
  test("may be sampled, and stand behind, between and before what makes the model", () => {
    const [training] = base.releases;
    expect(findings(planOf())).toEqual([]);
    expect(findings(planOf({ releases: [written(), training as Release, written(), training as Release] }))).toEqual([]);
    expect(parsePlan(JSON.parse(JSON.stringify(planOf())))).toEqual(planOf());
  });

  test("are paid for", () => {
    expect(Number(planOf().epsilon)).toBeGreaterThan(planCost(base).epsilon);
    expect(findings({ ...planOf(), epsilon: base.epsilon })).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
  });

  test("come with a section that says who is held out, and the section with them", () => {
    expect(findings(without(planOf()))).toEqual(["TRB_PLAN_METRICS_UNFIT metrics"]);
    expect(findings(planOf({ releases: base.releases }))).toEqual(["TRB_PLAN_METRICS_UNFIT metrics"]);
    expect(findings(planOf({ releases: [written()] }))).toEqual(["TRB_PLAN_METRICS_UNFIT releases"]);
    for (const heldOut of ["0", "0.51"]) {
      expect(findings(planOf({ metrics: { ...section, heldOut: decimal(heldOut) } }))).toEqual([outOfRange("metrics.heldOut")]);
    }
    expect(findings(planOf({ metrics: { ...section, lossBound: decimal("0") } }))).toEqual([outOfRange("metrics.lossBound")]);
  });

  test("are of customers, one coordinate each, exact, and clipped so that nobody is scaled down", () => {
    const shaped = (change: Partial<Release>) => findings(planOf({ releases: [...base.releases, written(change)] }));
    expect(shaped({ dimension: 9, touched: 9 })).toContain(outOfRange("releases.1.dimension"));
    expect(shaped({ touched: 7 })).toEqual([outOfRange("releases.1.touched")]);
    expect(shaped({ arithmetic: "bucketed" })).toContain(outOfRange("releases.1.arithmetic"));
    expect(shaped({ clipNorm: decimal("2.8284") })).toEqual([outOfRange("releases.1.clipNorm")]);
    expect(findings(planOf({ unit: "node" }))).toContain("TRB_PLAN_METRICS_UNFIT unit");
  });

  test("are explained: who is held out, and how exact the figures will be", () => {
    const words = explainPlan(planOf()).join("\n");
    expect(words).toContain("10 % of customers");
    const { minCohort, maxCorrupt } = base;
    const width = 1.96 * 9 * 2.8285 * Math.sqrt(minCohort / (minCohort - maxCorrupt));
    expect(words).toContain(`±${width.toFixed(0)} customers`);
    expect(words).toContain("Fieller");
  });
});

describe("extensions in a plan", () => {
  const query = written({ kind: "query", query: "visit-hours", clipNorm: decimal("1"), dimension: 24, touched: 3 });
  const extended = (change: Partial<Plan> = {}) =>
    without(planOf({ releases: [...base.releases, query], extensions: [extension], ...change }));

  test("are named with their hash, used, and said to be code from outside", () => {
    expect(findings(extended())).toEqual([]);
    expect(explainPlan(extended()).join("\n")).toContain(extension.sha256);
  });

  test("are named once, and only where one is used", () => {
    const { extensions: _, ...unnamed } = extended();
    expect(findings(unnamed)).toEqual(["TRB_PLAN_EXTENSIONS_UNFIT releases.1.query"]);
    expect(findings(extended({ extensions: [extension, extension] }))).toEqual(["TRB_PLAN_EXTENSIONS_UNFIT extensions.1.name"]);
    const idle = { ...extension, name: "idle" };
    expect(findings(extended({ extensions: [extension, idle] }))).toEqual(["TRB_PLAN_EXTENSIONS_UNFIT extensions.1.name"]);
    const { query: __, ...anonymous } = query;
    expect(findings(extended({ releases: [...base.releases, anonymous] }))).toContain(
      "TRB_PLAN_EXTENSIONS_UNFIT releases.1.query",
    );
    const model = { ...base.model, extension: "visit-hours" };
    expect(findings(extended({ model }))).toEqual(["TRB_PLAN_EXTENSIONS_UNFIT model.extension"]);
  });

  test("an optimiser's own numbers are in the words, and its learning rate is held to its range", () => {
    const rates = {
      name: "extension",
      extension: "visit-hours",
      learningRate: decimal("0.1"),
      numbers: { decay: decimal("0.9") },
    } as const;
    const plan = extended({ optimiser: rates });
    expect(findings(plan)).toEqual([]);
    expect(explainPlan(plan).join("\n")).toContain("the optimiser of the extension visit-hours (learning rate 0.1, decay 0.9)");
    expect(findings(extended({ optimiser: { ...rates, learningRate: decimal("0") } }))).toEqual([
      outOfRange("optimiser.learningRate"),
    ]);
  });

  test("a query's sensitivity follows from the clip alone, and its sum has to fit into the ledger", () => {
    const shaped = (change: Partial<Release>) => findings(extended({ releases: [...base.releases, { ...query, ...change }] }));
    expect(shaped({ dimension: 4097 })).toEqual([outOfRange("releases.1.dimension")]);
    expect(shaped({ arithmetic: "bucketed", touched: 24 })).toContain(outOfRange("releases.1.arithmetic"));
    expect(shaped({ touched: 25 })).toContain("TRB_PLAN_TOUCHED_INVALID releases.1.touched");
  });
});
