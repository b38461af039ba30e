/**
 * Everything that can be wrong with a plan although its form is right. Fails closed: a rule that can't be evaluated is a
 * finding, and a plan with any finding is refused. Each finding carries a code of the error table.
 */
import { sumQueryParameters, toNumber } from "@tributary/dp";
import { type ErrorCode, type ErrorDetails, fail, isTributaryError } from "@tributary/errors";
import { decimalToRational, parseDecimal } from "../canonical/decimals.ts";
import { acceptanceRule } from "./acceptance.ts";
import { cataloguePartsRule } from "./catalogue-parts.ts";
import { planCost } from "./cost.ts";
import { extensionsRule } from "./extensions-rule.ts";
import { graphRule } from "./graph.ts";
import { latticeFaults } from "./lattice.ts";
import { metricsRule } from "./metrics-rule.ts";
import { optimiserFaults } from "./optimiser.ts";
import { packedScaleRule, packingRule } from "./packing.ts";
import type { Plan, Release } from "./schema.ts";
import { statisticsRule } from "./statistics-rule.ts";
import { sumQueryOf } from "./sum-query.ts";
import { warmStartRule } from "./warm-start.ts";

export interface Finding {
  readonly code: ErrorCode;
  /** The field at fault, as in `releases.0.scale`. */
  readonly path: string;
  readonly message: string;
  readonly advice: string;
  readonly details: ErrorDetails;
}

/** What is known of the surroundings; without it a plan is judged for a real federation of unknown size. */
export interface LintOptions {
  /** A catalogue taken from the log, and a recipe that all customers' data chose, are let through; whoever passes this must say so in every output. */
  readonly demo?: boolean;
  /** Inside `simulate`: noise may be central. */
  readonly simulation?: boolean;
  /** How many nodes there are or will be. */
  readonly nodes?: number;
  /** How many of the model's parameters are trained; the protocol room can't count them itself. */
  readonly parameterCount?: number;
  /** How many items the catalogue has, whose hash is all that the plan knows of it. */
  readonly catalogueItems?: number;
}

/** Actions that a plan may name. Held equal to the list of `@tributary/events` by `lint.test.ts`. */
export const knownActions: readonly string[] = [
  "view",
  "cart",
  "favourite",
  "buy",
  "search",
  "login",
  "category",
  "checkout",
  "impression",
  "advertClick",
];

/** Noise shares that a sum of 32 bits leaves room for, in standard deviations (`chooseScale` of `dp`). */
const deviations = 8;
const tolerance = 1e-9;

/** Where a rule puts what it finds. */
export type Report = (code: ErrorCode, path: string, details?: ErrorDetails) => void;
type Rule = (plan: Plan, options: LintOptions, report: Report) => void;

const rules: readonly Rule[] = [
  deltaRule,
  accountantRule,
  epsilonRule,
  noiseModeRule,
  cohortRule,
  graphRule,
  unitRule,
  localTrainingRule,
  trainingArithmeticRule,
  trainedRule,
  catalogueRule,
  cataloguePartsRule,
  selectionRule,
  quotaRule,
  actionsRule,
  modelRule,
  deadlinesRule,
  optimiserRule,
  releasesRule,
  packingRule,
  statisticsRule,
  warmStartRule,
  metricsRule,
  acceptanceRule,
  extensionsRule,
];

/** All findings; none means that the plan may run. Never throws for a parsed plan. */
export function lintPlan(plan: Plan, options: LintOptions = {}): Finding[] {
  const findings: Finding[] = [];
  const report: Report = (code, path, details = {}) => {
    const { message, advice } = fail(code, details);
    findings.push({ code, path, message, advice, details });
  };
  for (const rule of rules) rule(plan, options, report);
  return findings;
}

/** Throws the first finding, for callers that go no further with a bad plan. @throws the codes of `lintPlan` */
export function requireSoundPlan(plan: Plan, options: LintOptions = {}): void {
  const [first] = lintPlan(plan, options);
  if (first !== undefined) throw fail(first.code, first.details);
}

/** Runs what may refuse, and turns a coded refusal into a finding. Anything else is a defect and goes on. */
function evaluate<Value>(report: Report, path: string, compute: () => Value): Value | undefined {
  try {
    return compute();
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report(error.code, path, error.details);
    return undefined;
  }
}

/** δ is the chance of no protection at all: at 1/N it may hit one customer in full every time. */
function deltaRule({ delta, minCustomers }: Plan, _: LintOptions, report: Report): void {
  const { numerator, denominator } = decimalToRational(delta);
  if (numerator <= 0n) report("TRB_PLAN_DELTA_NOT_POSITIVE", "delta");
  if (numerator * BigInt(minCustomers) >= denominator) {
    report("TRB_PLAN_DELTA_TOO_LARGE", "delta", { delta, customers: minCustomers });
  }
}

/** By `lattice` only what its theorem is about. */
function accountantRule(plan: Plan, _: LintOptions, report: Report): void {
  if (plan.accountant !== "lattice") return;
  for (const { path, reason } of latticeFaults(plan)) report("TRB_PLAN_LATTICE_UNFIT", path, { reason });
}

/** The ε stated covers every round that may be charged. */
function epsilonRule(plan: Plan, _: LintOptions, report: Report): void {
  if (plan.accountant === "lattice" && latticeFaults(plan).length > 0) return; // found above; it has no ε
  const stated = parseDecimal(plan.epsilon);
  if (!(stated > 0)) report("TRB_PLAN_EPSILON_NOT_POSITIVE", "epsilon");
  const recomputed = evaluate(report, "epsilon", () => planCost(plan).epsilon);
  if (recomputed !== undefined && !(stated >= recomputed * (1 - tolerance))) {
    report("TRB_PLAN_EPSILON_UNDERSTATED", "epsilon", { stated: plan.epsilon, recomputed: recomputed.toPrecision(12) });
  }
}

function noiseModeRule({ noiseMode }: Plan, { simulation = false }: LintOptions, report: Report): void {
  if (noiseMode === "central" && !simulation) report("TRB_PLAN_CENTRAL_NOISE", "noiseMode");
}

/**
 * n_corrupt < n_min and n_corrupt < t: corrupt nodes alone are never a cohort and never reconstruct a secret.
 * With the number of nodes known: the minimum can be met, and it is no smaller than the quorum that every release needs.
 */
function cohortRule({ minCohort, maxCorrupt }: Plan, { nodes }: LintOptions, report: Report): void {
  const quorumOf = (n: number) => Math.floor((n + maxCorrupt) / 2) + 1;
  if (minCohort < 3) report("TRB_PLAN_COHORT_TOO_SMALL", "minCohort", { minCohort, least: 3 });
  if (maxCorrupt >= minCohort || maxCorrupt >= quorumOf(minCohort)) {
    report("TRB_PLAN_TOO_MANY_CORRUPT", "maxCorrupt", { maxCorrupt, minCohort });
  }
  if (nodes === undefined) return;
  if (minCohort > nodes) report("TRB_PLAN_COHORT_ABOVE_NODES", "minCohort", { minCohort, nodes });
  else if (minCohort < quorumOf(nodes)) {
    report("TRB_PLAN_COHORT_TOO_SMALL", "minCohort", { minCohort, least: quorumOf(nodes) });
  }
}

/** A device is one customer whose participation everybody sees, so nothing is gained by sampling. */
function unitRule({ unit, maxMerchantsPerCustomer, releases }: Plan, _: LintOptions, report: Report): void {
  if (unit !== "node") return;
  if (maxMerchantsPerCustomer !== 1) report("TRB_PLAN_UNIT_INVALID", "maxMerchantsPerCustomer");
  for (const [place, { samplingRate }] of releases.entries()) {
    if (parseDecimal(samplingRate) !== 1) report("TRB_PLAN_UNIT_INVALID", `releases.${place}.samplingRate`);
  }
}

function localTrainingRule({ local }: Plan, _: LintOptions, report: Report): void {
  const [rate, pull] = [parseDecimal(local.learningRate), parseDecimal(local.proximal)];
  if (!(rate > 0)) outOfRange(report, "local.learningRate", "above 0", local.learningRate);
  else if (!(pull >= 0 && pull * rate < 1)) {
    // a pull of 1/η or more jumps over the model that it pulls to
    outOfRange(report, "local.proximal", "from 0 and below 1/learningRate", local.proximal);
  }
}

/**
 * A training vector's sensitivity is that of the arithmetic in which the node adds up: buckets of customers, each in one float32 run,
 * or one vector at a time.
 */
function trainingArithmeticRule({ unit, caps, releases }: Plan, _: LintOptions, report: Report): void {
  const alone = unit === "node" || caps.localSteps > 1;
  for (const [place, { kind, arithmetic, touched, dimension }] of releases.entries()) {
    if (kind !== "training" || arithmetic !== "exact") continue;
    if (!alone) outOfRange(report, `releases.${place}.arithmetic`, "bucketed, where customers train together", arithmetic);
    // a gradient touches every layer; above `dimension` the rule of the arithmetic itself reports
    else if (touched < dimension)
      outOfRange(report, `releases.${place}.touched`, `the dimension, ${dimension}`, String(touched));
  }
}

/** Which tensors there are, the model's room knows; here: that something is trained, and is named once. */
function trainedRule({ trained, initialModel, releases }: Plan, _: LintOptions, report: Report): void {
  const unfit = (path: string, reason: string) => report("TRB_PLAN_TRAINED_UNFIT", path, { reason });
  const trains = releases.some(({ kind }) => kind === "training");
  if (initialModel !== undefined && !trains) unfit("initialModel", "no release is of training, which could begin there");
  if (trained === undefined) return;
  if (!trains) unfit("trained", "no release is of training");
  const repeated = trained.findIndex((name, place) => trained.indexOf(name) !== place);
  if (repeated >= 0) unfit(`trained.${repeated}`, `${trained[repeated]} is named twice`);
}

/** Between nodes every run's sum is seen, so that more was told than the best of them. */
function selectionRule({ selection }: Plan, { demo = false, simulation = false }: LintOptions, report: Report): void {
  if (selection !== undefined && !demo && !simulation) report("TRB_PLAN_SELECTION_CENTRAL", "selection");
}

function catalogueRule({ catalogueProvenance }: Plan, { demo = false }: LintOptions, report: Report): void {
  if (catalogueProvenance === "log" && !demo) report("TRB_PLAN_CATALOGUE_FROM_LOG", "catalogueProvenance");
}

/** A power of two is a setting; any other number smells of a count of customers. */
function quotaRule({ customerQuota }: Plan, _: LintOptions, report: Report): void {
  if (!Number.isInteger(Math.log2(customerQuota)))
    report("TRB_PLAN_QUOTA_NOT_POWER_OF_TWO", "customerQuota", { customerQuota });
}

function actionsRule({ actions, model }: Plan, _: LintOptions, report: Report): void {
  for (const [place, action] of actions.entries()) {
    if (!knownActions.includes(action)) report("TRB_PLAN_ACTION_UNKNOWN", `actions.${place}`, { action, known: knownActions });
    else if (actions.indexOf(action) !== place) report("TRB_PLAN_ACTION_REPEATED", `actions.${place}`, { action });
    // histories, catalogues and models hold an action as its place in the list of all
    else if (knownActions[place] !== action) {
      report("TRB_PLAN_ACTION_OUT_OF_PLACE", `actions.${place}`, { action, place, expected: knownActions[place] ?? "none" });
    }
  }
  if (model.actions !== 0 && model.actions !== actions.length) {
    report("TRB_PLAN_ACTIONS_MISMATCH", "model.actions", { model: model.actions, plan: actions.length });
  }
}

function modelRule({ model, caps }: Plan, _: LintOptions, report: Report): void {
  if (model.length > caps.maxEvents) {
    report("TRB_PLAN_LENGTH_ABOVE_CAP", "model.length", { length: model.length, cap: caps.maxEvents });
  }
  if (model.width % model.heads !== 0) {
    outOfRange(report, "model.heads", `a divisor of the width ${model.width}`, String(model.heads));
  }
  if (model.actions === 0 && model.weights.nextAction !== 0) {
    outOfRange(report, "model.weights.nextAction", "0 for a model without actions", String(model.weights.nextAction));
  }
}

/** Uploads leave `uploadOffset` after the offer however fast the steps before were, so the step must still be open then. */
function deadlinesRule({ deadlines }: Plan, _: LintOptions, report: Report): void {
  if (deadlines.masked < deadlines.uploadOffset) {
    outOfRange(report, "deadlines.masked", `at least uploadOffset, ${deadlines.uploadOffset}`, String(deadlines.masked));
  }
}

function optimiserRule({ optimiser }: Plan, _: LintOptions, report: Report): void {
  for (const { field, expected, value } of optimiserFaults(optimiser))
    outOfRange(report, `optimiser.${field}`, expected, value);
}

function releasesRule(plan: Plan, options: LintOptions, report: Report): void {
  for (const place of plan.releases.keys()) releaseRule(plan, place, plan.releases[place] as Release, options, report);
}

function releaseRule(plan: Plan, place: number, release: Release, options: LintOptions, report: Report): void {
  const { arithmetic, dimension, touched } = release;
  const path = `releases.${place}`;
  const inRange = [
    ["clipNorm", release.clipNorm, "above 0", (x: number) => x > 0] as const,
    ["samplingRate", release.samplingRate, "above 0 and at most 1", (x: number) => x > 0 && x <= 1] as const,
    ["noiseMultiplier", release.noiseMultiplier, "above 0", (x: number) => x > 0] as const,
    ["scale", release.scale, "above 0", (x: number) => x > 0] as const,
  ].filter(([name, value, expected, holds]) => {
    const good = holds(parseDecimal(value));
    if (!good) outOfRange(report, `${path}.${name}`, expected, value);
    return good;
  });
  if (touched > dimension || (arithmetic === "bucketed" && touched !== dimension)) {
    report("TRB_PLAN_TOUCHED_INVALID", `${path}.touched`, { touched, dimension, arithmetic });
    return;
  }
  const { parameterCount } = options;
  if (release.kind === "training" && parameterCount !== undefined && dimension !== parameterCount) {
    report("TRB_PLAN_DIMENSION_MISMATCH", `${path}.dimension`, { dimension, parameters: parameterCount });
  }
  if (inRange.length < 4 || plan.maxCorrupt >= plan.minCohort) return; // found above; dp would only find it again
  arithmeticRule(plan, place, options, report);
}

/** What the integers allow: σ_u ≥ 4, a grid inside 53 bits (both refused by `dp`), and a sum that stays inside 32. */
function arithmeticRule(plan: Plan, place: number, { nodes }: LintOptions, report: Report): void {
  const path = `releases.${place}`;
  const release = plan.releases[place] as Release;
  const noisy: Plan = plan.noiseMode === "central" ? { ...plan, noiseMode: "distributed" } : plan;
  const parameters = evaluate(report, path, () => sumQueryParameters(sumQueryOf(noisy, place)));
  if (parameters === undefined) return;
  const most = Math.max(nodes ?? 0, plan.minCohort);
  if (parameters.packed !== undefined) {
    packedScaleRule(plan, place, parameters, most, report);
    return;
  }
  const clamp = plan.customerQuota * parameters.scale * parseDecimal(release.clipNorm);
  const noise = deviations * Math.sqrt(toNumber(parameters.nodeVariance, "up") * most);
  if (!(most * (clamp + 1) + noise <= (2 ** 31 - 1) * (1 + tolerance))) {
    report("TRB_PLAN_SCALE_TOO_LARGE", `${path}.scale`, { scale: release.scale, nodes: most });
  }
}

function outOfRange(report: Report, path: string, expected: string, value: string): void {
  report("TRB_PLAN_VALUE_OUT_OF_RANGE", path, { path, expected, value });
}
