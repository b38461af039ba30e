/** Rules about what a plan promises, ε and δ, and about the noise that the promise is made of. */
import { sumQueryParameters, toNumber } from "@tributary/dp";
import { decimalToRational, parseDecimal } from "../canonical/decimals.ts";
import { planCost } from "./cost.ts";
import { latticeFaults } from "./lattice.ts";
import { packedScaleRule, packingRule } from "./packing.ts";
import { hasSoundNumbers } from "./release-rules.ts";
import { evaluate, type LintOptions, type Report, type Rule } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";
import { sumQueryOf } from "./sum-query.ts";

/** δ of a plan, however few customers it declares: one over a thousand. */
const mostDelta = "0.001";

/**
 * z of any release. At z a test of one round, by somebody who knows everything but whether one sampled customer is in the sum, errs with Φ(−1/2z) both ways: at 0.3
 * one time in twenty, at 0.5 one in six.
 */
const leastNoiseMultiplier = 0.3;

/** Noise shares that a sum of 32 bits leaves room for, in standard deviations (`chooseScale` of `dp`). */
const deviations = 8;
const tolerance = 1e-9;

const delta: Rule = {
  name: "δ",
  fields: ["delta", "minCustomers"],
  codes: ["TRB_PLAN_DELTA_NOT_POSITIVE", "TRB_PLAN_DELTA_TOO_LARGE", "TRB_PLAN_DELTA_ABOVE_MOST"],
  why: `δ is the chance that ε protects nobody: at 1/minCustomers somebody may be laid open in full every time. As minCustomers is only declared, δ stays at or below ${mostDelta} whatever it says. Without a δ above 0 Gaussian noise has no finite ε.`,
  check: deltaRule,
};

const epsilon: Rule = {
  name: "ε",
  fields: [
    ...["epsilon", "delta", "accountant", "releases", "maxMerchantsPerCustomer", "metrics", "features", "selection"],
    ...["releases.*.samplingRate", "releases.*.noiseMultiplier", "releases.*.rounds", "releases.*.retries"],
    ...["catalogueParts.*.selection.epsilon", "catalogueParts.*.selection.delta"],
    ...["selection.shape", "selection.gamma", "selection.mean", "selection.noiseMultiplier", "selection.distribution"],
  ],
  codes: [
    "TRB_PLAN_EPSILON_NOT_POSITIVE",
    "TRB_PLAN_EPSILON_UNDERSTATED",
    "TRB_DP_EPSILON_UNBOUNDED",
    "TRB_DP_DELTA_INVALID",
    "TRB_DP_PARAMETER_INVALID",
    "TRB_DP_NOISE_MULTIPLIER_INVALID",
  ],
  why: "ε is recomputed from every round that may be charged: training, statistics, metrics, moments of features, extensions' queries, their retries, a private choice of the recipe, and what naming items cost; of a person at all merchants that the plan allows for. A plan that states less is refused, and so is one whose cost can't be computed.",
  check: epsilonRule,
};

const lattice: Rule = {
  name: "accountant",
  fields: ["accountant", "releases.*.samplingRate", "selection", "noiseMode"],
  codes: ["TRB_PLAN_LATTICE_UNFIT"],
  why: "The accountant lattice has a proof for discrete noise on sums of everybody. Of samples, of a private choice, and of noise that the coordinator adds it proves nothing, so the ε it gave would be no bound.",
  check: accountantRule,
};

const noiseMode: Rule = {
  name: "central noise",
  fields: ["noiseMode"],
  codes: ["TRB_PLAN_CENTRAL_NOISE"],
  why: "With central noise the coordinator sees exact sums, and ε holds against everybody but it. Only a simulation, in which there is one party anyway, may do so.",
  check: noiseModeRule,
};

const noiseFloor: Rule = {
  name: "least noise",
  fields: ["releases.*.noiseMultiplier"],
  codes: ["TRB_PLAN_NOISE_BELOW_FLOOR"],
  why: `Below z = ${leastNoiseMultiplier} whoever knows the others tells from one round, with fewer than one error in twenty, whether a sampled customer is in the sum. What such a plan still promises it owes to nobody knowing who was sampled, which no file can show.`,
  check: noiseFloorRule,
};

const arithmetic: Rule = {
  name: "integer arithmetic",
  fields: [
    ...["releases.*.scale", "releases.*.fractionBits", "releases.*.clipNorm", "releases.*.noiseMultiplier"],
    ...["releases.*.dimension", "minCohort", "maxCorrupt", "customerQuota", "maxMerchantsPerCustomer", "noiseMode"],
  ],
  codes: [
    ...(["TRB_DP_NOISE_TOO_SMALL", "TRB_DP_GRID_TOO_FINE", "TRB_PLAN_SCALE_TOO_LARGE"] as const),
    ...(["TRB_DP_PARAMETER_INVALID", "TRB_PLAN_PACKING_UNFIT"] as const),
  ],
  why: "A node's share of the noise has to be 4 integer units or more: below that a sum of shares is no discrete Gaussian, and its cost another. The grid s·2^f has to leave whole sums exact in 53 bits, without which Δ = s·C·(1 + 2⁻¹⁰) + √d is no bound of what one customer moves. A sum has to stay inside 32 bits, or it comes back wrong.",
  check: (plan, options, report) => {
    for (const place of plan.releases.keys()) arithmeticRule(plan, place, options, report);
  },
};

const packing: Rule = {
  name: "packing",
  fields: [
    ...["releases.*.packing", "releases.*.packing.bits", "releases.*.packing.squaredSensitivity"],
    ...["unit", "accountant", "noiseMode", "releases.*.kind", "releases.*.arithmetic", "releases.*.dimension"],
  ],
  codes: ["TRB_PLAN_PACKING_UNFIT"],
  why: "Rounding to few bits is bounded for one vector rounded alone. Where customers' vectors are added up first, one customer moves how the others are rounded, and the stated Δ is no bound; nor is a Δ below what rounding needs.",
  check: packingRule,
};

const selection: Rule = {
  name: "private choice of the recipe",
  fields: [
    ...["selection", "selection.distribution", "selection.shape", "selection.gamma", "selection.mean"],
    "selection.noiseMultiplier",
  ],
  codes: ["TRB_PLAN_SELECTION_CENTRAL"],
  why: "What is paid is the best of a secret number of runs. Between nodes every run's sum is seen, so that more is told than that; only a simulation or a demonstration, where one party holds everything, may state such a choice.",
  check: selectionRule,
};

export const privacyRules: readonly Rule[] = [delta, lattice, epsilon, noiseMode, noiseFloor, selection];
export const noiseRules: readonly Rule[] = [arithmetic, packing];

function deltaRule({ delta: chance, minCustomers }: Plan, _: LintOptions, report: Report): void {
  const { numerator, denominator } = decimalToRational(chance);
  const most = decimalToRational(mostDelta);
  if (numerator <= 0n) report("TRB_PLAN_DELTA_NOT_POSITIVE", "delta");
  if (numerator * BigInt(minCustomers) >= denominator) {
    report("TRB_PLAN_DELTA_TOO_LARGE", "delta", { delta: chance, customers: minCustomers });
  } else if (numerator * most.denominator > denominator * most.numerator) {
    report("TRB_PLAN_DELTA_ABOVE_MOST", "delta", { delta: chance, most: mostDelta });
  }
}

/** By `lattice` only what its theorem is about. */
function accountantRule(plan: Plan, _: LintOptions, report: Report): void {
  if (plan.accountant !== "lattice") return;
  for (const { path, reason } of latticeFaults(plan)) report("TRB_PLAN_LATTICE_UNFIT", path, { reason });
}

/** The ε stated covers every round that may be charged. What has no cost because of a number that is reported by its own rule isn't reported twice. */
function epsilonRule(plan: Plan, _: LintOptions, report: Report): void {
  const stated = parseDecimal(plan.epsilon);
  if (!(stated > 0)) report("TRB_PLAN_EPSILON_NOT_POSITIVE", "epsilon");
  if (plan.accountant === "lattice" && latticeFaults(plan).length > 0) return;
  if (decimalToRational(plan.delta).numerator <= 0n || !plan.releases.every(hasSoundNumbers)) return;
  const recomputed = evaluate(report, "epsilon", () => planCost(plan).epsilon);
  if (recomputed === undefined) return;
  if (!Number.isFinite(recomputed)) report("TRB_DP_EPSILON_UNBOUNDED", "epsilon");
  else if (!(stated >= recomputed * (1 - tolerance))) {
    report("TRB_PLAN_EPSILON_UNDERSTATED", "epsilon", { stated: plan.epsilon, recomputed: recomputed.toPrecision(12) });
  }
}

function noiseModeRule({ noiseMode: mode }: Plan, { simulation = false }: LintOptions, report: Report): void {
  if (mode === "central" && !simulation) report("TRB_PLAN_CENTRAL_NOISE", "noiseMode");
}

function noiseFloorRule({ releases }: Plan, { demo = false, simulation = false }: LintOptions, report: Report): void {
  if (demo || simulation) return; // ε is stated all the same, and an auditor judges what is stated
  for (const [place, { noiseMultiplier }] of releases.entries()) {
    const path = `releases.${place}.noiseMultiplier`;
    const noise = parseDecimal(noiseMultiplier);
    if (noise > 0 && noise < leastNoiseMultiplier) {
      report("TRB_PLAN_NOISE_BELOW_FLOOR", path, { noiseMultiplier, least: String(leastNoiseMultiplier) });
    }
  }
}

/** Between nodes every run's sum is seen, so that more was told than the best of them. */
function selectionRule({ selection: chosen }: Plan, { demo = false, simulation = false }: LintOptions, report: Report): void {
  if (chosen !== undefined && !demo && !simulation) report("TRB_PLAN_SELECTION_CENTRAL", "selection");
}

/** What the integers allow: σ_u ≥ 4, a grid inside 53 bits (both refused by `dp`), and a sum that stays inside 32. */
function arithmeticRule(plan: Plan, place: number, { nodes }: LintOptions, report: Report): void {
  const path = `releases.${place}`;
  const release = plan.releases[place] as Release;
  if (!hasSoundNumbers(release) || !hasSoundTouched(release) || plan.maxCorrupt >= plan.minCohort) return; // found by their own rules
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

const hasSoundTouched = ({ touched, dimension, arithmetic: kind }: Release) =>
  touched <= dimension && (kind === "exact" || touched === dimension);
