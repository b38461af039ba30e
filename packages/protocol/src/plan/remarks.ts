/** Stricter advice than the rules: what a plan may do, and had better not. */
import { sumQueryParameters } from "@tributary/dp";
import { decimalToRational, parseDecimal } from "../canonical/decimals.ts";
import { easyUploadOffset } from "./cohort-rules.ts";
import { hasSoundNumbers } from "./release-rules.ts";
import { evaluate, type Rule } from "./rule.ts";
import { sumQueryOf } from "./sum-query.ts";

/** Δ over s·C from which on rounding takes as much of the noise as clipping. */
const coarse = 2;

const delta: Rule = {
  name: "a smaller δ",
  fields: ["delta", "minCustomers"],
  codes: ["TRB_PLAN_DELTA_LOOSE"],
  why: "δ·minCustomers is how many customers may be without protection, counted on average. From 1 on the plan is refused; a tenth is what to stay below.",
  check: ({ delta: chance, minCustomers }, _, report) => {
    const { numerator, denominator } = decimalToRational(chance);
    const customers = BigInt(minCustomers);
    if (numerator * customers * 10n > denominator && numerator * customers < denominator)
      report("TRB_PLAN_DELTA_LOOSE", "delta", { delta: chance, customers: minCustomers });
  },
};

const epsilon: Rule = {
  name: "a smaller ε",
  fields: ["epsilon"],
  codes: ["TRB_PLAN_EPSILON_WEAK"],
  why: "Above 10 customers must be regarded as not protected; each merchant's policy has a limit of its own.",
  check: ({ epsilon: cost }, _, report) => {
    if (parseDecimal(cost) > 10) report("TRB_PLAN_EPSILON_WEAK", "epsilon", { epsilon: cost });
  },
};

const merchants: Rule = {
  name: "customers of several merchants",
  fields: ["maxMerchantsPerCustomer"],
  codes: ["TRB_PLAN_ONE_MERCHANT"],
  why: "At 1 somebody who shops at two of the merchants has the stated ε at each of them, and up to twice as much in all.",
  check: ({ unit, maxMerchantsPerCustomer }, _, report) => {
    if (unit === "customer" && maxMerchantsPerCustomer === 1) report("TRB_PLAN_ONE_MERCHANT", "maxMerchantsPerCustomer");
  },
};

const corrupt: Rule = {
  name: "corrupt nodes",
  fields: ["maxCorrupt"],
  codes: ["TRB_PLAN_NOBODY_CORRUPT"],
  why: "At 0 every node's noise is counted on: one that works with the coordinator takes its share away, and ε is more than stated.",
  check: ({ noiseMode, maxCorrupt, minCohort }, _, report) => {
    if (noiseMode === "distributed" && maxCorrupt === 0) report("TRB_PLAN_NOBODY_CORRUPT", "maxCorrupt", { minCohort });
  },
};

const scale: Rule = {
  name: "coarse rounding",
  fields: ["releases.*.scale"],
  codes: ["TRB_PLAN_SCALE_COARSE"],
  why: "Rounding is part of Δ, and noise is z·Δ: with a coarse scale most of the noise hides rounding, and the sum is worth less for the same ε.",
  check: (plan, _, report) => {
    if (plan.noiseMode === "central") return; // its sums aren't rounded by nodes
    for (const [place, release] of plan.releases.entries()) {
      if (!hasSoundNumbers(release)) continue;
      const inflation = evaluate(
        () => {},
        "",
        () => sumQueryParameters(sumQueryOf(plan, place)).inflation,
      ); // a refusal is `lintPlan`'s to report
      const times = (inflation ?? 1) / plan.maxMerchantsPerCustomer;
      if (times <= coarse) continue;
      report("TRB_PLAN_SCALE_COARSE", `releases.${place}.scale`, { scale: release.scale, times: times.toPrecision(3) });
    }
  },
};

const upload: Rule = {
  name: "time before the upload",
  fields: ["deadlines.uploadOffset"],
  codes: ["TRB_PLAN_UPLOAD_TIGHT"],
  why: "A node that isn't done with rounding, noise and masks when uploadOffset has passed uploads when it is, and that moment may tell how long training took.",
  check: (plan, _, report) => {
    const { uploadOffset } = plan.deadlines;
    const least = easyUploadOffset(plan);
    if (uploadOffset < least) report("TRB_PLAN_UPLOAD_TIGHT", "deadlines.uploadOffset", { uploadOffset, least });
  },
};

export const remarkRules: readonly Rule[] = [delta, epsilon, merchants, corrupt, scale, upload];
