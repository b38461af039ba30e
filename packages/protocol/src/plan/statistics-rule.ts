/**
 * The linter's rule for statistics: releases in their order, each a sum query that one customer moves by at most 1 in as many coordinates
 * as the plan's caps say, and the section that says how they are made there exactly when they are.
 */
import { parseDecimal } from "../canonical/decimals.ts";
import { type LintOptions, outOfRange, type Report } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";
import { statisticsFaults } from "./statistics.ts";

/** Coordinates of a statistics vector at most: 32 MB of 32-bit words. */
const mostCells = 8_000_000;

/** Of what makes the model; what only judges it stands anywhere. */
const order: readonly Release["kind"][] = ["popularity", "pairs", "training"];

const isStatistic = ({ kind }: Pick<Release, "kind">) => kind === "popularity" || kind === "pairs";

export function statisticsRule(plan: Plan, { catalogueItems }: LintOptions, report: Report): void {
  const { releases, statistics } = plan;
  orderRule(releases, report);
  const released = releases.some(isStatistic);
  if (released !== (statistics !== undefined)) {
    const reason = released
      ? "they are released, and the plan doesn't say how pairs are weighted and served"
      : "the plan says how pairs are weighted and served, and releases none";
    report("TRB_PLAN_STATISTICS_UNFIT", "statistics", { reason });
  }
  if (!released) return;
  if (plan.unit !== "customer") {
    report("TRB_PLAN_STATISTICS_UNFIT", "unit", { reason: "they are of customers, and the plan protects whole nodes" });
  }
  const popularity = releases.filter(({ kind }) => kind === "popularity");
  if (popularity.length !== 1 || wanted(popularity[0]) !== 1) {
    report("TRB_PLAN_STATISTICS_UNFIT", "releases", { reason: "popularity is to be released exactly once, before pairs are" });
  }
  for (const { field, expected, value } of statistics === undefined ? [] : statisticsFaults(statistics)) {
    outOfRange(report, `statistics.${field}`, expected, value);
  }
  for (const [place, release] of releases.entries()) releaseRule(plan, place, release, report);
  const [{ dimension } = { dimension: 0 }] = popularity;
  if (catalogueItems !== undefined && popularity.length === 1 && dimension !== catalogueItems) {
    const path = `releases.${releases.findIndex(({ kind }) => kind === "popularity")}.dimension`;
    report("TRB_PLAN_ITEMS_MISMATCH", path, { dimension, items: catalogueItems });
  }
}

function orderRule(releases: Plan["releases"], report: Report): void {
  let before: Release["kind"] | undefined;
  for (const [place, { kind }] of releases.entries()) {
    if (!order.includes(kind)) continue;
    if (before !== undefined && order.indexOf(before) > order.indexOf(kind)) {
      report("TRB_PLAN_RELEASES_OUT_OF_ORDER", `releases.${place}.kind`, { place, kind, before });
    }
    before = kind;
  }
}

function releaseRule({ caps }: Plan, place: number, release: Release, report: Report): void {
  const { kind, arithmetic, samplingRate, clipNorm, dimension, touched } = release;
  if (!isStatistic(release)) return;
  const path = (field: string) => `releases.${place}.${field}`;
  // without `exact`, every coordinate would count as touched
  if (arithmetic !== "exact") outOfRange(report, path("arithmetic"), "exact for statistics", arithmetic);
  // a query weighs everybody's pairs, and there is one of it
  if (parseDecimal(samplingRate) !== 1) outOfRange(report, path("samplingRate"), "1 for statistics", samplingRate);
  if (parseDecimal(clipNorm) !== 1) outOfRange(report, path("clipNorm"), "1 for statistics", clipNorm);
  if (dimension > mostCells) outOfRange(report, path("dimension"), `at most ${mostCells}, which are 32 MB`, dimension);
  const cap = Math.min(dimension, kind === "popularity" ? caps.maxItems : caps.maxPairs);
  if (touched !== cap) {
    const named = kind === "popularity" ? "caps.maxItems" : "caps.maxPairs";
    outOfRange(report, path("touched"), `${cap}: ${named}, or the dimension if that is less`, touched);
  }
}

const wanted = (release: Release | undefined) => (release === undefined ? 0 : release.rounds - (release.retries ?? 0));
