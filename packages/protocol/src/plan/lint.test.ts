import { chooseScale, epsilonOf } from "@tributary/dp";
import { actions } from "@tributary/events";
import { describe, expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimals.ts";
import { nodeCrypto } from "../crypto/node.ts";
import type { Decimal } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { describePlan, explainPlan } from "./explain.ts";
import { expectedDropouts } from "./graph.ts";
import { lintPlan, requireSoundPlan } from "./lint.ts";
import { knownActions } from "./model-rules.ts";
import { parsePlan, planHash } from "./parse.ts";
import type { LintOptions } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";

const plan = examplePlan();
const [training] = plan.releases as [Release];
const decimal = (text: string) => text as Decimal;
const found = (change: Partial<Plan>, options?: LintOptions) =>
  lintPlan({ ...plan, ...change }, options).map(({ code, path }) => `${code} ${path}`);
const outside = (path: string) => [`TRB_PLAN_VALUE_OUT_OF_RANGE ${path}`];
const withRelease = (change: Partial<Release>): Partial<Plan> => ({ releases: [{ ...training, ...change }] });

/** The path and reason of the refusal. */
function invalid(value: unknown): string {
  try {
    parsePlan(value);
  } catch (error) {
    const { code, details } = error as { code: string; details: { path: string } };
    return `${code} ${details.path}`;
  }
  return "accepted";
}

describe("the form of a plan", () => {
  test("is strict: unknown keys, missing keys and wrong types are refused with their path", () => {
    expect(invalid({ ...plan, extra: 1 })).toBe("TRB_PLAN_INVALID extra");
    expect(invalid({ ...plan, caps: { ...plan.caps, extra: 1 } })).toBe("TRB_PLAN_INVALID caps.extra");
    expect(invalid({ ...plan, epsilon: 8 })).toBe("TRB_PLAN_INVALID epsilon");
    expect(invalid({ ...plan, ...withRelease({ clipNorm: decimal("half") }) })).toBe("TRB_PLAN_INVALID releases.0.clipNorm");
    expect(invalid({ ...plan, minCohort: 2 })).toBe("TRB_PLAN_INVALID minCohort");
    expect(invalid({ ...plan, sampler: "fast" })).toBe("TRB_PLAN_INVALID sampler");
    expect(invalid({ ...plan, accountant: "pld" })).toBe("TRB_PLAN_INVALID accountant");
    expect(invalid({})).toBe("TRB_PLAN_INVALID version");
    expect(invalid("plan")).toBe("TRB_PLAN_INVALID the document");
  });

  test("fixes its hash, whatever order its keys came in", () => {
    const reversed = parsePlan(Object.fromEntries(Object.entries(plan).reverse()));
    expect(planHash(nodeCrypto(), reversed)).toBe(planHash(nodeCrypto(), plan));
    expect(planHash(nodeCrypto(), { ...plan, minCustomers: 2001 })).not.toBe(planHash(nodeCrypto(), plan));
  });
});

describe("the linter", () => {
  test("has nothing against the example", () => {
    expect(lintPlan(plan)).toEqual([]);
    expect(lintPlan(plan, { nodes: 4, parameterCount: 1000 })).toEqual([]);
  });

  test("refuses a δ of 1/N or more, exactly there, and one of 0", () => {
    expect(found({ delta: decimal("0.0005") })).toEqual(["TRB_PLAN_DELTA_TOO_LARGE delta"]);
    expect(found({ delta: decimal("0.000499999999999"), epsilon: decimal("99") })).toEqual([]);
    expect(found({ delta: decimal("0") })).toContain("TRB_PLAN_DELTA_NOT_POSITIVE delta");
    expect(found({ delta: decimal("-1e-6") })).toContain("TRB_PLAN_DELTA_NOT_POSITIVE delta");
  });

  test("refuses an ε of 0, and one below what all rounds of all releases cost, at 1e-9", () => {
    const cost = planCost(plan).epsilon;
    expect(found({ epsilon: decimal("0") })).toEqual([
      "TRB_PLAN_EPSILON_NOT_POSITIVE epsilon",
      "TRB_PLAN_EPSILON_UNDERSTATED epsilon",
    ]);
    expect(found({ epsilon: formatDecimal(cost * (1 - 1e-8)) })).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
    expect(found({ epsilon: formatDecimal(cost * (1 - 1e-11)) })).toEqual([]);
    expect(found({ releases: [training, training] })).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
    expect(found(withRelease({ rounds: training.rounds + 1 }))).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
  });

  test("refuses central noise outside a simulation", () => {
    expect(found({ noiseMode: "central" })).toEqual(["TRB_PLAN_CENTRAL_NOISE noiseMode"]);
    expect(found({ noiseMode: "central" }, { simulation: true })).toEqual([]);
  });

  test("refuses a graph for dropouts that its rounds don't bear, or for an impossible rate", () => {
    const graph = (dropoutRate: string) => ({ dropoutRate: dropoutRate as Decimal, dropouts: "independent" as const });
    const cohort = { minCohort: 134, maxCorrupt: 49, ...withRelease({ scale: decimal("1") }) };
    expect(found({ ...cohort, graph: graph("0.33") }, { nodes: 200 })).toEqual([]);
    expect(found({ ...cohort, graph: graph("0.331") }, { nodes: 200 })).toEqual([
      "TRB_PLAN_TOO_MANY_DROPOUTS graph.dropoutRate",
    ]);
    expect(found({ graph: graph("0.9") }, { nodes: 4 })).toEqual([]); // too few for a graph
    for (const rate of ["1", "-0.1"]) {
      expect(found({ graph: graph(rate) })).toEqual(["TRB_PLAN_VALUE_OUT_OF_RANGE graph.dropoutRate"]);
    }
    expect(expectedDropouts(graph("0.1"), 160)).toBe(16);
    expect(expectedDropouts(graph("0.1"), 161)).toBe(17);
  });

  test("refuses cohorts that corrupt nodes could fill, that can't meet, or that are below the quorum", () => {
    expect(found({ maxCorrupt: 3 })).toEqual(["TRB_PLAN_TOO_MANY_CORRUPT maxCorrupt"]);
    expect(found({}, { nodes: 2 })).toEqual(["TRB_PLAN_COHORT_ABOVE_NODES minCohort"]);
    expect(found({}, { nodes: 5 })).toContain("TRB_PLAN_COHORT_TOO_SMALL minCohort"); // ⌊(5 + 1)/2⌋ + 1 = 4
  });

  test("refuses touched coordinates that the arithmetic can't promise, and another dimension than the model's", () => {
    expect(found(withRelease({ touched: 999 }))).toEqual(["TRB_PLAN_TOUCHED_INVALID releases.0.touched"]);
    const caps = { ...plan.caps, localSteps: 3 };
    expect(found({ ...withRelease({ touched: 1001, arithmetic: "exact" }), caps })).toEqual([
      "TRB_PLAN_TOUCHED_INVALID releases.0.touched",
    ]);
    expect(found(withRelease({ arithmetic: "exact" }))).toEqual(outside("releases.0.arithmetic"));
    // one vector at a time: several local steps, or a node as a whole
    expect(found({ ...withRelease({ arithmetic: "exact" }), caps })).toEqual([]);
    expect(found({ ...withRelease({ touched: 10, arithmetic: "exact" }), caps })).toEqual(outside("releases.0.touched"));
    expect(found({ trained: ["final.*"] }, { parameterCount: 1000 })).toEqual([]);
    expect(found({ trained: ["final.*", "item.weight", "final.*"] })).toEqual(["TRB_PLAN_TRAINED_UNFIT trained.2"]);
    expect(found({}, { parameterCount: 999 })).toEqual(["TRB_PLAN_DIMENSION_MISMATCH releases.0.dimension"]);
  });

  test("refuses noise below four integer units, a scale that wraps around, and a grid that is too fine", () => {
    expect(found(withRelease({ scale: decimal("0.001"), dimension: 4, touched: 4 }))).toEqual([
      "TRB_DP_NOISE_TOO_SMALL releases.0",
    ]);
    const twice = formatDecimal(2 * Number(training.scale));
    expect(found(withRelease({ scale: twice }))).toEqual(["TRB_PLAN_SCALE_TOO_LARGE releases.0.scale"]);
    expect(found({}, { nodes: 9 })).toContain("TRB_PLAN_SCALE_TOO_LARGE releases.0.scale");
    expect(found({ customerQuota: 2 ** 30, ...withRelease({ fractionBits: 20 }) })).toContain(
      "TRB_DP_GRID_TOO_FINE releases.0",
    );
  });

  test("refuses numbers outside their range", () => {
    expect(found(withRelease({ clipNorm: decimal("0") }))).toEqual(outside("releases.0.clipNorm"));
    expect(found(withRelease({ samplingRate: decimal("1.1") }))).toContain(
      "TRB_PLAN_VALUE_OUT_OF_RANGE releases.0.samplingRate",
    );
    expect(found(withRelease({ samplingRate: decimal("-0.1") }))).toContain(
      "TRB_PLAN_VALUE_OUT_OF_RANGE releases.0.samplingRate",
    );
    expect(found(withRelease({ noiseMultiplier: decimal("0") }))).toContain(
      "TRB_PLAN_VALUE_OUT_OF_RANGE releases.0.noiseMultiplier",
    );
    expect(found({ model: { ...plan.model, heads: 3 } })).toEqual(outside("model.heads"));
    expect(found({ model: { ...plan.model, actions: 0 } })).toEqual(outside("model.weights.nextAction"));
    expect(found({ local: { ...plan.local, learningRate: decimal("0") } })).toEqual(outside("local.learningRate"));
    expect(found({ local: { ...plan.local, proximal: decimal("1") } })).toEqual(outside("local.proximal"));
    expect(found({ deadlines: { ...plan.deadlines, masked: 1999 } })).toEqual(outside("deadlines.masked"));
    const optimiser = { name: "fedavg", learningRate: decimal("0"), momentum: decimal("1") } as const;
    expect(found({ optimiser })).toEqual([...outside("optimiser.learningRate"), ...outside("optimiser.momentum")]);
    expect(found({ optimiser: { ...plan.optimiser, beta2: decimal("1") } as Plan["optimiser"] })).toEqual(
      outside("optimiser.beta2"),
    );
  });

  test("refuses a quota that is no power of two, actions that don't fit, and a model longer than the cap", () => {
    expect(found({ customerQuota: 63 })).toEqual(["TRB_PLAN_QUOTA_NOT_POWER_OF_TWO customerQuota"]);
    expect(found({ actions: ["view", "cart", "purchase"] })).toEqual(["TRB_PLAN_ACTION_UNKNOWN actions.2"]);
    expect(found({ actions: ["view", "cart", "view"] })).toEqual(["TRB_PLAN_ACTION_REPEATED actions.2"]);
    expect(found({ actions: ["view", "cart", "buy"] })).toEqual(["TRB_PLAN_ACTION_OUT_OF_PLACE actions.2"]); // 2 is favourite
    expect(found({ actions: ["cart", "view", "favourite"] })).toEqual([
      "TRB_PLAN_ACTION_OUT_OF_PLACE actions.0",
      "TRB_PLAN_ACTION_OUT_OF_PLACE actions.1",
    ]);
    expect(found({ actions: ["view", "cart"] })).toEqual(["TRB_PLAN_ACTIONS_MISMATCH model.actions"]);
    expect(found({ caps: { ...plan.caps, maxEvents: 15 } })).toEqual(["TRB_PLAN_LENGTH_ABOVE_CAP model.length"]);
  });

  test("refuses sampling of devices, and devices of several merchants", () => {
    expect(found({ unit: "node" })).toEqual(["TRB_PLAN_UNIT_INVALID releases.0.samplingRate"]);
    expect(found({ unit: "node", maxMerchantsPerCustomer: 2 })).toContain("TRB_PLAN_UNIT_INVALID maxMerchantsPerCustomer");
  });

  test("lets sampled customers be at several merchants, for what it costs them, if the scale leaves room", () => {
    expect(found({ maxMerchantsPerCustomer: 40 })).toEqual(["TRB_PLAN_SCALE_TOO_LARGE releases.0.scale"]); // forty times the noise
    expect(found(severalMerchants())).toEqual([]);
    expect(found({ ...severalMerchants(), epsilon: decimal("1") })).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
  });

  test("refuses a catalogue from the log, but for a demonstration", () => {
    expect(found({ catalogueProvenance: "log" })).toEqual(["TRB_PLAN_CATALOGUE_FROM_LOG catalogueProvenance"]);
    expect(found({ catalogueProvenance: "log" }, { demo: true })).toEqual([]);
  });

  test("puts code, message and advice into each finding, and throws the first when asked to", () => {
    const [finding] = lintPlan({ ...plan, customerQuota: 63 });
    expect(finding?.message).toContain("63");
    expect(finding?.message).not.toContain("{");
    expect(() => requireSoundPlan({ ...plan, customerQuota: 63 })).toThrow("63");
    expect(() => requireSoundPlan(plan)).not.toThrow();
  });

  test("knows the same actions as the events room", () => {
    expect(knownActions).toEqual(actions);
  });
});

/** What changes in the example when a customer may be at three merchants. */
function severalMerchants(): Pick<Plan, "maxMerchantsPerCustomer" | "releases" | "epsilon"> {
  const maxMerchantsPerCustomer = 3;
  const { scale } = chooseScale({
    ...{ totalQuota: 4 * 64, clipNorm: "0.5", noiseMultiplier: "1.2", dimension: 1000 },
    ...{ maxNodes: 4, honestMinimum: 2, maxMerchantsPerCustomer },
  });
  const releases = plan.releases.map((release) => ({ ...release, scale: decimal(scale) }));
  const { epsilon } = planCost({ ...plan, releases, maxMerchantsPerCustomer });
  return { maxMerchantsPerCustomer, releases, epsilon: decimal(formatDecimal(epsilon, "up")) };
}

describe("what a customer at several merchants costs", () => {
  const several = { ...plan, ...severalMerchants() };

  test("k rounds at z√k for each round: below the single customer's ε at the same z, because the noise is k times as large", () => {
    const rounds = { samplingRate: 0.05, noiseMultiplier: 1.2 * Math.sqrt(3), steps: 40 * 3, delta: 1e-6 };
    expect(planCost(several).epsilon / epsilonOf(rounds) - 1).toBeCloseTo(0, 12);
    expect(planCost(several).epsilon).toBeLessThan(planCost(plan).epsilon);
    const everybody = (k: number) =>
      planCost({ ...withMerchants(k), releases: plan.releases.map((r) => ({ ...r, samplingRate: decimal("1") })) }).epsilon;
    expect(everybody(5)).toBe(everybody(1));
  });

  test("a plan says so, recomputes the same ε, and has a profile that ends there", () => {
    const { privacy, statement } = describePlan(several);
    expect(privacy).toMatchObject({ maxMerchantsPerCustomer: 3, epsilon: several.epsilon, recomputed: several.epsilon });
    const text = explainPlan(several).join("\n");
    expect(text).toContain("somebody who shops at up to 3 merchants");
    expect(text).toContain("nobody shops at more than 3 merchants");
    expect(statement.sections.profile.join()).toContain(Number(several.epsilon).toFixed(2));
  });
});

const withMerchants = (maxMerchantsPerCustomer: number): Plan => ({ ...plan, maxMerchantsPerCustomer });

describe("what a plan is explained as", () => {
  test("names what is released, the cost, the unit, whom to trust, and what can't be verified", () => {
    const { privacy, trust, releases } = describePlan(plan);
    expect(releases).toMatchObject([{ kind: "training", rounds: 40 }]);
    expect(privacy).toMatchObject({
      epsilon: plan.epsilon,
      recomputed: plan.epsilon,
      adjacency: "add-or-remove-one",
      conditional: null,
    });
    const sampler = "this program's own exact sampler of the discrete Gaussian, in which no float decides";
    expect(trust).toEqual({
      ...{ noiseMode: "distributed", minCohort: 3, maxCorrupt: 1, honestNodes: 2, samplingIsSecret: true, sampler },
    });
    const text = explainPlan(plan).join("\n");
    for (const part of [
      "Up to 40 times",
      `ε = ${plan.epsilon} at δ = ${plan.delta}`,
      "each customer",
      "at least 3 nodes",
      "No file can show",
    ]) {
      expect(text).toContain(part);
    }
  });

  test("says that its promise rests on dropouts that nobody chooses, where the plan's graph does", () => {
    const words = (dropouts: "independent" | "chosen") =>
      explainPlan({ ...plan, graph: { dropoutRate: decimal("0.1"), dropouts } }).join("\n");
    expect(words("independent")).toContain("who drops out does not depend on who is whose neighbour");
    expect(words("chosen")).not.toContain("whose neighbour");
    expect(explainPlan(plan).join("\n")).not.toContain("whose neighbour");
  });

  test("has dp's tier, of ε and of δ against the customers declared", () => {
    const tiers = (change: Partial<Plan>) => describePlan({ ...plan, ...change }).privacy.tier;
    expect(["1", "1.01", "10", "10.01"].map((epsilon) => tiers({ epsilon: decimal(epsilon) }))).toEqual([
      ...["strong", "reasonable", "reasonable", "not protected"],
    ]);
    expect(tiers({ epsilon: decimal("1"), minCustomers: 1_000_000 })).toBe("not protected");
    expect(explainPlan({ ...plan, epsilon: decimal("11") }).join()).toContain("not protected");
    expect(describePlan(plan).statement.tier).toBe(describePlan(plan).privacy.tier);
  });

  test("says every section of dp's statement, and its own ε", () => {
    const { statement, privacy } = describePlan(plan);
    const text = explainPlan(plan).join("\n");
    for (const sentence of Object.values(statement.sections).flat()) expect(text).toContain(sentence);
    expect(statement.sections.profile.length).toBe(2);
    expect(text).toContain(`recomputed from the releases: ${privacy.recomputed}`);
    const beside = Number(privacy.continuousApproximation);
    expect(beside).toBeLessThan(Number(privacy.recomputed));
    expect(beside).toBeGreaterThan(0.7 * Number(privacy.recomputed));
    expect(text).toContain(`not certified: continuous noise of the same size would cost ε = ${beside.toFixed(4)}`);
    expect(statement.sections.assumptions.join()).toContain("at least 2000 customers");
  });

  test("says so when the catalogue is only treated as public, and when the coordinator sees exact sums", () => {
    expect(describePlan({ ...plan, catalogueProvenance: "log" }).privacy.conditional).toBe("catalogue treated as public");
    expect(explainPlan({ ...plan, catalogueProvenance: "log" }).join()).toContain("outside ε");
    expect(explainPlan({ ...plan, noiseMode: "central" }).join()).toContain("sees exact sums");
    expect(describePlan({ ...plan, noiseMode: "local" }).trust.honestNodes).toBe(1);
  });
});
