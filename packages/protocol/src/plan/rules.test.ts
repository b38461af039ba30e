/** Every field has a rule or a reason, and every rule refuses what it is for: one bent plan for each of its codes, with exactly that finding. */
import { errorTable } from "@tributary/errors";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { keysAt, planFields } from "./fields.ts";
import { lintPlan, lintRules, planRemarks } from "./lint.ts";
import { parsePlan } from "./parse.ts";
import { remarkRules } from "./remarks.ts";
import type { Finding, LintOptions, Rule } from "./rule.ts";
import { guardedFields, harmlessFields, planRules, unknownGuards } from "./rules.ts";
import type { Plan, Release } from "./schema.ts";
import { decimal, metricsRelease, priced, soundPlans } from "./sound-plans.test-support.ts";

const {
  training: base,
  statistics,
  warmStart,
  read,
  acceptance,
  scheduled,
  stopping,
  promoting,
  query,
  lattice,
  packed,
  parts,
  selection,
  graph,
  declared,
} = soundPlans;
const inSimulation: LintOptions = { simulation: true };
const optionsOf = (plan: Plan): LintOptions => (plan.selection === undefined ? {} : inSimulation);

/** The plan with some of one release changed. */
const bent = (plan: Plan, place: number, change: Partial<Release>): Plan => ({
  ...plan,
  releases: plan.releases.map((release, at) => (at === place ? { ...release, ...change } : release)),
});
const model = (change: Partial<Plan["model"]>): Plan => ({ ...base, model: { ...base.model, ...change } });
const without = <Field extends keyof Plan>(plan: Plan, field: Field): Plan => {
  const { [field]: _, ...rest } = plan;
  return rest as unknown as Plan;
};
const part = (change: object): Plan => ({
  ...parts,
  catalogueParts: (parts.catalogueParts ?? []).map((one, at) => (at === 1 ? { ...one, ...change } : one)),
});
const selected = parts.catalogueParts?.[1]?.selection;
const large = { ...bent(graph, 0, { scale: decimal("1") }), minCohort: 134, maxCorrupt: 49 };
const chosen = (change: object) => ({ ...selection, selection: { ...selection.selection, ...change } }) as Plan;
const steps = (...list: [from: number, factor: string][]): Partial<Release> => ({
  schedule: { shape: "piecewise", steps: list.map(([from, factor]) => ({ from, factor: decimal(factor) })) },
});
const stop = (change: Partial<NonNullable<Plan["earlyStop"]>>) => ({
  ...(stopping.earlyStop as NonNullable<Plan["earlyStop"]>),
  ...change,
});
const outside = "TRB_PLAN_VALUE_OUT_OF_RANGE";

/** Rule, what is found, the plan, and what is known of its surroundings. */
type Case = readonly [rule: string, found: string, plan: Plan, options?: LintOptions];

const cases: readonly Case[] = [
  ["δ", "TRB_PLAN_DELTA_NOT_POSITIVE delta", { ...base, delta: decimal("0") }],
  ["δ", "TRB_PLAN_DELTA_TOO_LARGE delta", { ...base, delta: decimal("0.0005") }],
  ["δ", "TRB_PLAN_DELTA_ABOVE_MOST delta", { ...base, minCustomers: 4, delta: decimal("0.0011") }],
  ["accountant", "TRB_PLAN_LATTICE_UNFIT releases.0.samplingRate", bent(lattice, 0, { samplingRate: decimal("0.5") })],
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", bent(base, 0, { rounds: 41 })],
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", { ...read, epsilon: base.epsilon }], // metrics and moments unpaid
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", bent(statistics, 1, { rounds: 4, retries: 2 })], // a retry unpaid
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", { ...query, epsilon: base.epsilon }],
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", { ...parts, epsilon: base.epsilon }],
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", { ...selection, epsilon: base.epsilon }, inSimulation], // tuning unpaid
  ["ε", "TRB_PLAN_EPSILON_UNDERSTATED epsilon", { ...base, delta: decimal("1e-7") }],
  ["ε", "TRB_DP_DELTA_INVALID epsilon", part({ selection: { ...selected, delta: "1e-6" } })],
  ["ε", "TRB_DP_PARAMETER_INVALID epsilon", chosen({ gamma: "2" }), inSimulation],
  ["ε", "TRB_DP_NOISE_MULTIPLIER_INVALID epsilon", chosen({ noiseMultiplier: "0" }), inSimulation],
  ["ε", "TRB_DP_EPSILON_UNBOUNDED epsilon", chosen({ noiseMultiplier: "1e-200" }), inSimulation],
  ["central noise", "TRB_PLAN_CENTRAL_NOISE noiseMode", { ...base, noiseMode: "central" }],
  [
    "least noise",
    "TRB_PLAN_NOISE_BELOW_FLOOR releases.0.noiseMultiplier",
    priced(bent(base, 0, { noiseMultiplier: decimal("0.29") })),
  ],
  ["private choice of the recipe", "TRB_PLAN_SELECTION_CENTRAL selection", selection],
  ["cohort", "TRB_PLAN_TOO_MANY_CORRUPT maxCorrupt", { ...base, maxCorrupt: 3 }],
  ["cohort", "TRB_PLAN_COHORT_TOO_SMALL minCohort", bent(base, 0, { scale: decimal("1000") }), { nodes: 5 }],
  ["cohort", "TRB_PLAN_COHORT_ABOVE_NODES minCohort", base, { nodes: 2 }],
  [
    "graph of neighbours",
    `${outside} graph.dropoutRate`,
    { ...graph, graph: { dropoutRate: decimal("1"), dropouts: "chosen" } },
  ],
  [
    "graph of neighbours",
    "TRB_PLAN_TOO_MANY_DROPOUTS graph.dropoutRate",
    { ...large, graph: { dropoutRate: decimal("0.331"), dropouts: "chosen" } },
    { nodes: 200 },
  ],
  ["sampling of devices", "TRB_PLAN_UNIT_INVALID releases.0.samplingRate", { ...base, unit: "node" }],
  ["quota", "TRB_PLAN_QUOTA_NOT_POWER_OF_TWO customerQuota", { ...base, customerQuota: 63 }],
  ["deadlines", `${outside} deadlines.masked`, { ...base, deadlines: { ...base.deadlines, masked: 1999 } }],
  [
    "deadlines",
    "TRB_PLAN_UPLOAD_TOO_EARLY deadlines.uploadOffset",
    { ...base, deadlines: { ...base.deadlines, uploadOffset: 4 } },
  ],
  ["deadlines", "TRB_PLAN_DEADLINES_TOO_LONG deadlines", { ...base, deadlines: { ...base.deadlines, grace: 604_800_000 } }],
  ["catalogue", "TRB_PLAN_CATALOGUE_FROM_LOG catalogueProvenance", { ...base, catalogueProvenance: "log" }],
  [
    "parts of the catalogue",
    "TRB_PLAN_CATALOGUE_PARTS_UNFIT catalogueProvenance",
    { ...base, catalogueProvenance: "dp-selection" }, // nobody declared a part
  ],
  ["parts of the catalogue", "TRB_PLAN_CATALOGUE_PARTS_UNFIT catalogueParts", part({ name: "gamma" })],
  ["extensions", "TRB_PLAN_EXTENSIONS_UNFIT releases.1.query", without(query, "extensions")],
  ["extensions", "TRB_PLAN_EXTENSIONS_UNFIT extensions.0.name", { ...base, extensions: query.extensions ?? [] }],
  ["local training", `${outside} local.learningRate`, { ...base, local: { ...base.local, learningRate: decimal("0") } }],
  ["local training", `${outside} local.proximal`, { ...base, local: { ...base.local, proximal: decimal("1") } }],
  ["trained tensors", "TRB_PLAN_TRAINED_UNFIT trained.1", { ...declared, trained: ["final.*", "final.*"] }],
  ["actions", "TRB_PLAN_ACTION_UNKNOWN actions.2", { ...base, actions: ["view", "cart", "purchase"] }],
  ["actions", "TRB_PLAN_ACTION_REPEATED actions.2", { ...base, actions: ["view", "cart", "view"] }],
  ["actions", "TRB_PLAN_ACTION_OUT_OF_PLACE actions.2", { ...base, actions: ["view", "cart", "buy"] }],
  ["actions", "TRB_PLAN_ACTIONS_MISMATCH model.actions", { ...base, actions: ["view", "cart"] }],
  ["model", "TRB_PLAN_LENGTH_ABOVE_CAP model.length", model({ length: 65 })],
  ["model", `${outside} model.heads`, model({ heads: 3 })],
  ["model", `${outside} model.weights.nextAction`, model({ actions: 0 })],
  [
    "server optimiser",
    `${outside} optimiser.learningRate`,
    { ...base, optimiser: { ...base.optimiser, learningRate: decimal("0") } as Plan["optimiser"] },
  ],
  ["statistics", "TRB_PLAN_STATISTICS_UNFIT statistics", without(statistics, "statistics")],
  [
    "statistics",
    "TRB_PLAN_RELEASES_OUT_OF_ORDER releases.2.kind",
    { ...statistics, releases: [0, 2, 1].map((place) => statistics.releases[place] as Release) },
  ],
  ["statistics", "TRB_PLAN_ITEMS_MISMATCH releases.0.dimension", statistics, { catalogueItems: 51 }],
  ["statistics", `${outside} releases.0.touched`, priced(bent(statistics, 0, { touched: 31 }))],
  ["statistics", `${outside} releases.1.clipNorm`, priced(bent(statistics, 1, { clipNorm: decimal("0.5") }))],
  [
    "warm start",
    "TRB_PLAN_WARM_START_UNFIT warmStart",
    { ...base, warmStart: warmStart.warmStart as NonNullable<Plan["warmStart"]> },
  ],
  ["warm start", "TRB_PLAN_WARM_START_UNFIT model.items", { ...warmStart, model: { ...warmStart.model, items: 51 } }],
  [
    "metrics, moments of features, queries",
    "TRB_PLAN_METRICS_UNFIT metrics",
    { ...base, metrics: read.metrics as NonNullable<Plan["metrics"]> },
  ],
  ["metrics, moments of features, queries", "TRB_PLAN_METRICS_UNFIT features", { ...base, features: { now: 1 } }],
  ["metrics, moments of features, queries", `${outside} releases.1.clipNorm`, bent(read, 1, { clipNorm: decimal("2.8") })],
  ["acceptance", `${outside} acceptance.tolerance`, { ...acceptance, acceptance: { metric: "mrr", tolerance: decimal("1") } }],
  [
    "acceptance",
    "TRB_PLAN_ACCEPTANCE_UNFIT releases",
    priced({ ...without(acceptance, "metrics"), releases: base.releases }), // it would read metrics that nobody releases
  ],
  [
    "acceptance",
    "TRB_PLAN_ACCEPTANCE_UNFIT releases",
    priced({ ...acceptance, releases: [...base.releases, metricsRelease()] }),
  ],
  [
    "schedule of the learning rate",
    "TRB_PLAN_SCHEDULE_UNFIT releases.1.schedule",
    bent(query, 1, { schedule: { shape: "cosine", last: decimal("1") } }),
  ],
  [
    "schedule of the learning rate",
    "TRB_PLAN_SCHEDULE_UNFIT releases.0.schedule.warmUp",
    bent(scheduled, 0, { schedule: { shape: "cosine", warmUp: 10, last: decimal("1") } }),
  ],
  ["schedule of the learning rate", "TRB_PLAN_SCHEDULE_UNFIT releases.1.schedule.steps", bent(scheduled, 1, steps([1, "1"]))],
  [
    "schedule of the learning rate",
    "TRB_PLAN_SCHEDULE_UNFIT releases.1.schedule.steps",
    bent(scheduled, 1, steps([0, "1"], [2, "1"], [2, "0.5"])),
  ],
  ["schedule of the learning rate", `${outside} releases.1.schedule.steps.0.factor`, bent(scheduled, 1, steps([0, "0"]))],
  [
    "schedule of the learning rate",
    `${outside} releases.0.schedule.last`,
    bent(scheduled, 0, { schedule: { shape: "cosine", last: decimal("0") } }),
  ],
  ["early stop", `${outside} earlyStop.leastGain`, { ...stopping, earlyStop: stop({ leastGain: decimal("1") }) }],
  ["early stop", "TRB_PLAN_EARLY_STOP_UNFIT releases", { ...stopping, earlyStop: stop({ patience: 3 }) }],
  ["early stop", "TRB_PLAN_EARLY_STOP_UNFIT releases.2", bent(stopping, 2, metricsRelease({ samplingRate: decimal("0.01") }))],
  [
    "promotion",
    `${outside} promotion.leastGain`,
    { ...promoting, promotion: { rule: "acceptance", leastGain: decimal("-1") } },
  ],
  ["promotion", "TRB_PLAN_PROMOTION_UNFIT promotion.rule", without(promoting, "acceptance")],
  ["promotion", "TRB_PLAN_PROMOTION_UNFIT promotion.every", { ...base, promotion: { rule: "rounds", every: 41 } }],
  ["numbers of a release", `${outside} releases.0.clipNorm`, bent(base, 0, { clipNorm: decimal("0") })],
  ["numbers of a release", `${outside} releases.0.samplingRate`, bent(base, 0, { samplingRate: decimal("1.1") })],
  ["numbers of a release", `${outside} releases.0.noiseMultiplier`, bent(base, 0, { noiseMultiplier: decimal("-1") })],
  ["numbers of a release", `${outside} releases.0.scale`, bent(base, 0, { scale: decimal("0") })],
  ["coordinates that one customer touches", "TRB_PLAN_TOUCHED_INVALID releases.0.touched", bent(base, 0, { touched: 999 })],
  ["coordinates that one customer touches", "TRB_PLAN_TOUCHED_INVALID releases.1.touched", bent(query, 1, { touched: 65 })],
  ["arithmetic of training", `${outside} releases.0.arithmetic`, bent(base, 0, { arithmetic: "exact" })],
  [
    "arithmetic of training",
    `${outside} releases.0.touched`,
    { ...bent(base, 0, { arithmetic: "exact", touched: 10 }), caps: { ...base.caps, localSteps: 3 } },
  ],
  ["retries", `${outside} releases.1.retries`, bent(read, 1, { retries: 3 })],
  ["dimension of training", "TRB_PLAN_DIMENSION_MISMATCH releases.0.dimension", base, { parameterCount: 999 }],
  [
    "integer arithmetic",
    "TRB_DP_NOISE_TOO_SMALL releases.0",
    bent(base, 0, { scale: decimal("0.001"), dimension: 4, touched: 4 }),
  ],
  ["integer arithmetic", "TRB_PLAN_SCALE_TOO_LARGE releases.0.scale", bent(base, 0, { scale: decimal("3e7") })],
  ["integer arithmetic", "TRB_DP_GRID_TOO_FINE releases.0", bent(base, 0, { scale: decimal("1e12"), fractionBits: 20 })],
  ["integer arithmetic", "TRB_DP_PARAMETER_INVALID releases.0", { ...base, customerQuota: 2 ** 41 }],
  [
    "integer arithmetic",
    "TRB_PLAN_PACKING_UNFIT releases.0.packing.squaredSensitivity",
    priced(bent(packed, 0, { packing: { bits: 16, squaredSensitivity: 1000 }, noiseMultiplier: decimal("80") })),
  ],
  [
    "packing",
    "TRB_PLAN_PACKING_UNFIT releases.0.packing",
    { ...packed, unit: "customer", caps: { ...packed.caps, localSteps: 2 } },
  ],
];

const remarks: readonly Case[] = [
  ["a smaller δ", "TRB_PLAN_DELTA_LOOSE delta", { ...base, delta: decimal("0.0001") }],
  ["a smaller ε", "TRB_PLAN_EPSILON_WEAK epsilon", { ...base, epsilon: decimal("10.1") }],
  ["customers of several merchants", "TRB_PLAN_ONE_MERCHANT maxMerchantsPerCustomer", base],
  ["corrupt nodes", "TRB_PLAN_NOBODY_CORRUPT maxCorrupt", { ...base, maxCorrupt: 0 }],
  ["coarse rounding", "TRB_PLAN_SCALE_COARSE releases.0.scale", bent(base, 0, { scale: decimal("50") })],
  [
    "time before the upload",
    "TRB_PLAN_UPLOAD_TIGHT deadlines.uploadOffset",
    { ...base, deadlines: { ...base.deadlines, uploadOffset: 504 } },
  ],
];

const named = (list: readonly Case[]) =>
  list.map(([name, expected, plan, options = {}]) => ({ name, expected, plan, options }));

const written = (findings: readonly Finding[]) => findings.map(({ code, path }) => `${code} ${path}`);

/** What one rule finds by itself. */
function foundBy({ check }: Rule, plan: Plan, options: LintOptions): string[] {
  const found: string[] = [];
  check(plan, options, (code, path) => void found.push(`${code} ${path}`));
  return found;
}

describe("the table of rules", () => {
  test("has for every field of the schema a rule, or a written reason why it can't weaken the guarantee", () => {
    const bare = guardedFields().filter(({ rules, harmless }) => rules.length === 0 && (harmless ?? "").length < 20);
    expect(bare.map(({ field }) => field)).toEqual([]);
    expect(unknownGuards()).toEqual([]); // nor does it speak of fields that no plan has
    expect(guardedFields().length).toBeGreaterThan(150);
  });

  test("walks the schema to its leaves, through lists, unions, records and what may be left out", () => {
    const inner = z.strictObject({ deep: z.array(z.strictObject({ leaf: z.string() })).exactOptional() });
    const union = z.discriminatedUnion("of", [
      z.strictObject({ of: z.literal("a"), one: z.string() }),
      z.strictObject({ of: z.literal("b"), open: z.record(z.string(), z.string()) }),
    ]);
    const shape = z.strictObject({ inner: inner.readonly(), union, list: z.array(z.string()) });
    expect(planFields(shape)).toEqual([
      ...["inner", "inner.deep", "inner.deep.*.leaf", "list", "list.*"],
      ...["union", "union.of", "union.one", "union.open", "union.open.*"],
    ]);
    expect(keysAt(["releases", 0, "packing"])).toEqual(["bits", "squaredSensitivity"]);
    expect(keysAt([])).toContain("maxMerchantsPerCustomer");
  });

  test("has known codes, words for everything, and each name once", () => {
    const rules = planRules.flatMap((list) => list.rules);
    for (const { codes, why, fields } of rules) {
      expect(codes.length).toBeGreaterThan(0);
      expect(fields.length).toBeGreaterThan(0);
      expect(why.length).toBeGreaterThan(40);
      for (const code of codes) expect(errorTable).toHaveProperty(code);
    }
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
    expect(Object.values(harmlessFields).every((reason) => reason.endsWith("."))).toBe(true);
  });
});

describe("each rule", () => {
  test.each(Object.entries(soundPlans))("lets a sound plan through: %s", (_, plan: Plan) => {
    expect(lintPlan(plan, optionsOf(plan))).toEqual([]);
    expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  test.each(named(cases))("$name: $expected", ({ name, expected, plan, options }) => {
    const paid = expected.includes("UNDERSTATED") ? plan : { ...plan, epsilon: decimal("1e9") }; // so that only what is bent is found
    expect(written(lintPlan(paid, options))).toEqual([expected]);
    for (const rule of lintRules) {
      const found = foundBy(rule, paid, options);
      expect(found).toEqual(rule.name === name ? [expected] : []);
      for (const line of found) expect(rule.codes).toContain(line.split(" ")[0]);
    }
  });

  test.each(named(remarks))("remarks on $name: $expected", ({ name, expected, plan }) => {
    expect(written(planRemarks(plan))).toContain(expected);
    const rule = remarkRules.find((one) => one.name === name) as Rule;
    expect(foundBy(rule, plan, {})).toEqual([expected]);
    expect(rule.codes).toEqual([expected.split(" ")[0]]);
  });

  test("has a bent plan for each of its codes", () => {
    const uncovered = [...lintRules, ...remarkRules].flatMap(({ name, codes }) => {
      const covered = [...cases, ...remarks].filter(([rule]) => rule === name).map(([, found]) => found.split(" ")[0]);
      return codes.filter((code) => !covered.includes(code)).map((code) => `${name}: ${code}`);
    });
    expect(uncovered).toEqual(["ε: TRB_PLAN_EPSILON_NOT_POSITIVE"]); // never alone: such a plan understates as well (lint.test.ts)
  });

  test("remarks nothing where a plan is as strict as it can be", () => {
    const strict = { ...soundPlans.severalMerchants, epsilon: decimal("1") };
    expect(planRemarks(strict)).toEqual([]);
    expect(planRemarks({ ...strict, delta: decimal("0.00005") })).toEqual([]); // a tenth of one over 2,000
  });
});

/** What the parser says of a document. */
function refusal(document: unknown): string {
  try {
    parsePlan(document);
    return "accepted";
  } catch (error) {
    const { code, details } = error as { code: string; details: { path: string; reason: string } };
    return `${code} ${details.path}: ${details.reason}`;
  }
}

describe("the form", () => {
  const mutated = (change: object) => refusal(JSON.parse(JSON.stringify({ ...base, ...change })));

  test("says which field is missing", () => {
    for (const field of ["unit", "maxMerchantsPerCustomer", "threshold", "accountant", "delta"] as const) {
      expect(refusal(without(base, field))).toMatch(new RegExp(`^TRB_PLAN_INVALID ${field}: it is missing`));
    }
  });

  test("names the key that was probably meant, at any depth", () => {
    expect(mutated({ maxMerchantPerCustomer: 1 })).toContain("did you mean maxMerchantsPerCustomer?");
    expect(mutated({ caps: { ...base.caps, maxEvent: 1 } })).toBe(
      "TRB_PLAN_INVALID caps.maxEvent: the key is unknown; did you mean maxEvents?",
    );
    expect(mutated({ releases: [{ ...base.releases[0], clipnorm: "1" }] })).toContain("did you mean clipNorm?");
    expect(mutated({ optimiser: { ...base.optimiser, beta3: "1" } })).toMatch(/did you mean beta[12]\?/);
    expect(mutated({ entirelyElse: 1 })).toBe("TRB_PLAN_INVALID entirelyElse: the key is unknown");
  });

  test("refuses another threshold, another sampler, another mechanism, with the path", () => {
    expect(mutated({ threshold: 2 })).toContain("TRB_PLAN_INVALID threshold");
    expect(mutated({ sampler: "fast" })).toContain("TRB_PLAN_INVALID sampler");
    expect(mutated({ minCohort: 2 })).toContain("TRB_PLAN_INVALID minCohort");
    expect(mutated({ acceptance: { metric: "loss", tolerance: "0" } })).toContain("TRB_PLAN_INVALID acceptance.metric");
    expect(mutated({ releases: [{ ...base.releases[0], fractionBits: 21 }] })).toContain("releases.0.fractionBits");
    expect(mutated({ releases: [{ ...base.releases[0], rounds: "40" }] })).toContain("releases.0.rounds");
  });

  test.each([
    ["clipAdaptation", "clip adaptation"],
    ["adaptive_clipping", "clip adaptation"],
    ["correlatedNoise", "correlated"],
    ["fixedBatches", "sampling"],
    ["weightByCustomers", "weights by counts"],
    ["customerCounts", "weights by counts"],
    ["vocabularyFromLogs", "vocabulary"],
    ["tuning", "tuning"],
    ["budgetReset", "budget that comes back"],
    ["earlyStopping", "no release pays for"],
    ["disableNoise", "without what protects"],
    ["maxRetries", "beside those that ε is of"],
  ])("says of %s what it would cost, and refuses for privacy's sake", (key, words) => {
    for (const document of [
      { ...base, [key]: 1 },
      { ...base, releases: [{ ...base.releases[0], [key]: 1 }] },
    ]) {
      let caught: unknown;
      try {
        parsePlan(document);
      } catch (error) {
        caught = error;
      }
      expect(caught).toMatchObject({ code: "TRB_PLAN_MECHANISM_UNPAID", exitCode: 3 });
      expect(String(caught)).toContain(words);
    }
  });

  test("has no field of its own that it would take for such a mechanism", () => {
    for (const field of planFields()) {
      const key = field.split(".").at(-1) ?? "";
      expect([key, refusal({ ...base, [`${key}s`]: 1 }).startsWith("TRB_PLAN_MECHANISM_UNPAID")]).toEqual([key, false]);
    }
  });
});
