/** Rules about the numbers of each release, and about what arithmetic may promise of one customer's vector. */
import { parseDecimal } from "../canonical/decimals.ts";
import { type LintOptions, outOfRange, type Report, type Rule } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";

type Ranged = "clipNorm" | "samplingRate" | "noiseMultiplier" | "scale";

const ranges: readonly { readonly field: Ranged; readonly expected: string; readonly holds: (value: number) => boolean }[] = [
  { field: "clipNorm", expected: "above 0", holds: (x) => x > 0 },
  { field: "samplingRate", expected: "above 0 and at most 1", holds: (x) => x > 0 && x <= 1 },
  { field: "noiseMultiplier", expected: "above 0", holds: (x) => x > 0 },
  { field: "scale", expected: "above 0", holds: (x) => x > 0 },
];

/** Whether a release has no number that `ranged` reports, so that its cost can be asked for. */
export const hasSoundNumbers = (release: Release): boolean =>
  ranges.every(({ field, holds }) => holds(parseDecimal(release[field])));

const ranged: Rule = {
  name: "numbers of a release",
  fields: ranges.map(({ field }) => `releases.*.${field}`),
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "A clip norm, a sampling rate, a noise multiplier or a scale of 0 or below, and a rate above 1, mean nothing: what isn't clipped has no bound, and what has no noise has no ε.",
  check: ({ releases }, _, report) => {
    for (const [place, release] of releases.entries()) {
      for (const { field, expected, holds } of ranges) {
        if (!holds(parseDecimal(release[field]))) outOfRange(report, `releases.${place}.${field}`, expected, release[field]);
      }
    }
  },
};

const touched: Rule = {
  name: "coordinates that one customer touches",
  fields: ["releases.*.touched", "releases.*.dimension", "releases.*.arithmetic"],
  codes: ["TRB_PLAN_TOUCHED_INVALID"],
  why: "Rounding costs √touched in Δ. Only exact arithmetic looks at one customer's vector at a time and can hold it to fewer coordinates than there are; in a bucket nobody counts, so a smaller number there would be a Δ that doesn't hold.",
  check: ({ releases }, _, report) => {
    for (const [place, { touched: some, dimension, arithmetic }] of releases.entries()) {
      if (some > dimension || (arithmetic === "bucketed" && some !== dimension)) {
        report("TRB_PLAN_TOUCHED_INVALID", `releases.${place}.touched`, { touched: some, dimension, arithmetic });
      }
    }
  },
};

const trainingArithmetic: Rule = {
  name: "arithmetic of training",
  fields: ["releases.*.arithmetic", "releases.*.touched", "caps.localSteps", "unit"],
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "Customers who train together are added up in one float32 run, whose error only bucketed arithmetic pays for (2⁻¹⁰·C in Δ). And a gradient touches every layer, whatever a plan says.",
  check: trainingArithmeticRule,
};

const retries: Rule = {
  name: "retries",
  fields: ["releases.*.retries", "releases.*.rounds"],
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "A round that was charged and brought nothing stays charged, so what replaces it is one of the rounds that ε is of. Retries beside the rounds would be unpaid.",
  check: ({ releases }, _, report) => {
    for (const [place, { rounds, retries: spare }] of releases.entries()) {
      if (spare !== undefined && spare >= rounds)
        outOfRange(report, `releases.${place}.retries`, `below rounds, ${rounds}`, spare);
    }
  },
};

const dimension: Rule = {
  name: "dimension of training",
  fields: ["releases.*.dimension", "trained", "trained.*", "model"],
  codes: ["TRB_PLAN_DIMENSION_MISMATCH"],
  why: "Noise is drawn for as many coordinates as the plan says. Of a model with more of them some would go without; with fewer, a round fails.",
  check: ({ releases }, { parameterCount }, report) => {
    for (const [place, release] of releases.entries()) {
      if (release.kind !== "training" || parameterCount === undefined || release.dimension === parameterCount) continue;
      const details = { dimension: release.dimension, parameters: parameterCount };
      report("TRB_PLAN_DIMENSION_MISMATCH", `releases.${place}.dimension`, details);
    }
  },
};

export const releaseRules: readonly Rule[] = [ranged, touched, trainingArithmetic, retries, dimension];

/**
 * A training vector's sensitivity is that of the arithmetic in which the node adds up: buckets of customers, each in one float32 run,
 * or one vector at a time.
 */
function trainingArithmeticRule({ unit, caps, releases }: Plan, _: LintOptions, report: Report): void {
  const alone = unit === "node" || caps.localSteps > 1;
  for (const [place, { kind, arithmetic, touched: some, dimension: all }] of releases.entries()) {
    if (kind !== "training" || arithmetic !== "exact") continue;
    if (!alone) outOfRange(report, `releases.${place}.arithmetic`, "bucketed, where customers train together", arithmetic);
    // a gradient touches every layer; above `dimension` the rule of the arithmetic itself reports
    else if (some < all) outOfRange(report, `releases.${place}.touched`, `the dimension, ${all}`, String(some));
  }
}
