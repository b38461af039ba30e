/** Rules about who takes part: cohorts and corrupt nodes, the unit that is protected, quotas, and the hours of a round. */
import { parseDecimal } from "../canonical/decimals.ts";
import { graphRule } from "./graph.ts";
import { type LintOptions, outOfRange, type Report, type Rule } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";

/** Milliseconds that a round and its grace may take: a week. */
const longestRound = 7 * 24 * 3_600_000;

/** What rounding, noise, masks and the disk take of the time until the upload: milliseconds, milliseconds a coordinate, and the part of all that they are given at most. */
const finishing = { fixed: 200, coordinate: 2e-3, mostOfAll: 0.4 };

/** How long training may take from the offer on, from the plan's numbers alone: milliseconds. The rest of `uploadOffset` is for rounding, noise, masks and the disk. */
export function trainingMilliseconds({ deadlines: { uploadOffset }, releases }: Plan, place: number): number {
  const { fixed, coordinate, mostOfAll } = finishing;
  const rest = fixed + coordinate * (releases[place]?.dimension ?? 0);
  return uploadOffset - Math.min(mostOfAll * uploadOffset, rest);
}

/** Least `uploadOffset` for which the time after training is enough on any machine that is fast enough for `coordinate`. */
export function leastUploadOffset(
  { releases }: { readonly releases: readonly Pick<Release, "dimension">[] },
  fixed = 0,
): number {
  const coordinates = Math.max(...releases.map(({ dimension }) => dimension));
  return Math.ceil((fixed + finishing.coordinate * coordinates) / finishing.mostOfAll);
}

/** The same with what doesn't depend on the coordinates. */
export const easyUploadOffset = (plan: Plan): number => leastUploadOffset(plan, finishing.fixed);

const cohort: Rule = {
  name: "cohort",
  fields: ["minCohort", "maxCorrupt", "threshold"],
  codes: ["TRB_PLAN_TOO_MANY_CORRUPT", "TRB_PLAN_COHORT_TOO_SMALL", "TRB_PLAN_COHORT_ABOVE_NODES"],
  why: "maxCorrupt nodes must be neither a cohort nor enough to reconstruct a secret: they would see the one honest node's sum, and the noise that ε counts on would be theirs. Below the quorum of the nodes two sets of survivors could be signed.",
  check: cohortRule,
};

const graph: Rule = {
  name: "graph of neighbours",
  fields: ["graph", "graph.dropoutRate", "minCohort", "maxCorrupt"],
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE", "TRB_PLAN_TOO_MANY_DROPOUTS"],
  why: "How many neighbours a node shares with follows from the rate of dropouts. Rounds that can't bear those they are planned for would end without a sum, charged.",
  check: graphRule,
};

const unit: Rule = {
  name: "sampling of devices",
  fields: ["unit", "maxMerchantsPerCustomer", "releases.*.samplingRate"],
  codes: ["TRB_PLAN_UNIT_INVALID"],
  why: "Whether a device takes part everybody sees, and the coordinator picks the cohort: a fixed batch and no secret sample. A rate below 1 would claim amplification that isn't there.",
  check: unitRule,
};

const quota: Rule = {
  name: "quota",
  fields: ["customerQuota"],
  codes: ["TRB_PLAN_QUOTA_NOT_POWER_OF_TWO"],
  why: "A power of two is a setting; any other number smells of a count of customers, which would be a release that nobody paid for.",
  check: ({ customerQuota }, _, report) => {
    if (!Number.isInteger(Math.log2(customerQuota)))
      report("TRB_PLAN_QUOTA_NOT_POWER_OF_TWO", "customerQuota", { customerQuota });
  },
};

const deadlines: Rule = {
  name: "deadlines",
  fields: [
    ...["deadlines.keys", "deadlines.shares", "deadlines.uploadOffset", "deadlines.masked", "deadlines.consistency"],
    ...["deadlines.unmask", "deadlines.grace"],
  ],
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE", "TRB_PLAN_UPLOAD_TOO_EARLY", "TRB_PLAN_DEADLINES_TOO_LONG"],
  why: "Uploads leave uploadOffset after the offer, whatever training took. If it passes before rounding, noise and masks are done, the upload leaves when they are, and when it leaves tells how long training took: how much data the sample had. And a round's secrets are kept until its last deadline and the grace have passed.",
  check: deadlinesRule,
};

export const cohortRules: readonly Rule[] = [cohort, graph, unit, quota, deadlines];

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
function unitRule({ unit: kind, maxMerchantsPerCustomer, releases }: Plan, _: LintOptions, report: Report): void {
  if (kind !== "node") return;
  if (maxMerchantsPerCustomer !== 1) report("TRB_PLAN_UNIT_INVALID", "maxMerchantsPerCustomer");
  for (const [place, { samplingRate }] of releases.entries()) {
    if (parseDecimal(samplingRate) !== 1) report("TRB_PLAN_UNIT_INVALID", `releases.${place}.samplingRate`);
  }
}

function deadlinesRule(plan: Plan, _: LintOptions, report: Report): void {
  const { uploadOffset, masked } = plan.deadlines;
  if (masked < uploadOffset) {
    outOfRange(report, "deadlines.masked", `at least uploadOffset, ${uploadOffset}`, String(masked));
  }
  const least = leastUploadOffset(plan);
  if (uploadOffset < least) report("TRB_PLAN_UPLOAD_TOO_EARLY", "deadlines.uploadOffset", { uploadOffset, least });
  const all = Object.values(plan.deadlines).reduce((sum, milliseconds) => sum + milliseconds, 0);
  if (all > longestRound) report("TRB_PLAN_DEADLINES_TOO_LONG", "deadlines", { milliseconds: all, most: longestRound });
}
