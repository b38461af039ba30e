/**
 * The linter's rule for releases whose sums stand in the ledger themselves: metrics, moments of features, and extensions' queries. Their sensitivity follows from
 * the clip, as every other's does; nothing that a query computes can change it.
 */
import { decimalToRational, parseDecimal } from "../canonical/decimals.ts";
import { featureCoordinates } from "./features.ts";
import { metricCoordinates } from "./metrics.ts";
import { type LintOptions, outOfRange, type Report } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";

/** Coordinates that a query whose sum stands in the ledger may have. */
export const mostWritten = 4096;

/** Whether the sum stands in the ledger itself; then the model stays as it is. */
export function isWritten({ kind }: Pick<Release, "kind">): boolean {
  return kind === "metrics" || kind === "features" || kind === "query";
}

export function metricsRule(plan: Plan, _: LintOptions, report: Report): void {
  const { releases, metrics, features, unit } = plan;
  const measured = releases.some(({ kind }) => kind === "metrics");
  if (measured !== (metrics !== undefined)) {
    const reason = measured
      ? "they are released, and the plan doesn't say who is held out"
      : "the plan holds customers out, and releases no metrics";
    report("TRB_PLAN_METRICS_UNFIT", "metrics", { reason });
  }
  if (releases.some(({ kind }) => kind === "features") !== (features !== undefined)) {
    const reason =
      features === undefined
        ? "moments of features are released, and the plan doesn't say at which moment features are asked"
        : "the plan says at which moment features are asked, and releases none";
    report("TRB_PLAN_METRICS_UNFIT", "features", { reason });
  }
  if (releases.every(({ kind }) => kind === "metrics")) {
    report("TRB_PLAN_METRICS_UNFIT", "releases", { reason: "nothing else is released, so there is nothing to judge" });
  }
  if (unit !== "customer" && releases.some(isWritten)) {
    report("TRB_PLAN_METRICS_UNFIT", "unit", { reason: "they are sums over customers, and the plan protects whole nodes" });
  }
  if (metrics !== undefined) {
    const share = parseDecimal(metrics.heldOut);
    if (!(share > 0 && share <= 0.5)) outOfRange(report, "metrics.heldOut", "above 0 and at most 0.5", metrics.heldOut);
    const bound = parseDecimal(metrics.lossBound);
    if (!(bound > 0 && bound <= 1000)) outOfRange(report, "metrics.lossBound", "above 0 and at most 1000", metrics.lossBound);
  }
  for (const [place, release] of releases.entries()) if (isWritten(release)) writtenRule(place, release, report);
}

function writtenRule(place: number, { kind, arithmetic, dimension, touched, clipNorm }: Release, report: Report): void {
  const path = (field: string) => `releases.${place}.${field}`;
  if (arithmetic !== "exact") outOfRange(report, path("arithmetic"), "exact, one customer at a time", arithmetic);
  if (kind === "query") {
    if (dimension > mostWritten)
      outOfRange(report, path("dimension"), `at most ${mostWritten}, which the ledger holds`, dimension);
    return;
  }
  const coordinates = kind === "features" ? featureCoordinates : metricCoordinates.length;
  const each = kind === "features" ? "three for each feature and one for customers" : "one for each metric";
  if (dimension !== coordinates) outOfRange(report, path("dimension"), `${coordinates}, ${each}`, dimension);
  else if (touched !== dimension) outOfRange(report, path("touched"), `the dimension, ${dimension}`, touched);
  // below it a customer with a good rank, or with every feature, would be scaled down and another not: ratios of the sums would mean nothing
  const { numerator, denominator } = decimalToRational(clipNorm);
  if (numerator * numerator < BigInt(coordinates) * denominator * denominator) {
    outOfRange(report, path("clipNorm"), `at least √${coordinates}, so that nobody's numbers are scaled down`, clipNorm);
  }
}
