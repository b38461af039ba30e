/**
 * Whether a trained model is kept: judged by released metrics against the model that was kept last. Metrics stand in the ledger, so whoever has it
 * comes to the same (`packages/ledger/src/acceptance.ts`), and it costs what the metrics cost and nothing more.
 */
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";
import type { PlanLanguage } from "./language.ts";
import type { LintOptions, Report } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";

export const acceptanceSchema = z.strictObject({
  /** What it is judged by: a ratio of released sums, from 0 to 1, larger is better. */
  metric: z.enum(["hr10", "ndcg10", "mrr"]),
  /**
   * By how much the upper end of a model's 95 % interval may lie below the lower end of the kept one's. Below that the model is given up and training
   * goes on from the kept one.
   */
  tolerance: decimal,
});

/** Metrics that models can be kept by. */
export type AcceptanceMetric = z.infer<typeof acceptanceSchema>["metric"];

/** How many standard deviations of its noise the count of judged customers has to be: intervals are then ± 1/4 at most. */
const leastCount = 4 * 1.96;

export function acceptanceRule(plan: Plan, _: LintOptions, report: Report): void {
  const { acceptance, releases, statistics } = plan;
  if (acceptance === undefined) return;
  const unfit = (path: string, reason: string) => report("TRB_PLAN_ACCEPTANCE_UNFIT", path, { reason });
  const tolerance = parseDecimal(acceptance.tolerance);
  if (!(tolerance >= 0 && tolerance < 1)) {
    const path = "acceptance.tolerance";
    report("TRB_PLAN_VALUE_OUT_OF_RANGE", path, { path, expected: "from 0 to below 1", value: acceptance.tolerance });
  }
  if (statistics !== undefined)
    unfit("statistics", "where statistics are released, metrics judge them and not what is trained");
  const kinds = releases.flatMap(({ kind }) => (kind === "training" || kind === "metrics" ? [kind] : []));
  if (!kinds.includes("training")) unfit("releases", "nothing is trained");
  else if (kinds[0] !== "metrics") unfit("releases", "no metrics are released before the first training round");
  else if (kinds.at(-1) !== "metrics") unfit("releases", "no metrics are released after the last training round");
  for (const { place, reason } of drownedMetrics(plan)) unfit(`releases.${place}`, reason);
}

/** Releases of metrics whose noise is too much for anything to be decided by them. A plan that lacks the section is `metricsRule`'s to report. */
export function drownedMetrics(plan: Plan): { readonly place: number; readonly reason: string }[] {
  const { metrics, releases, minCustomers } = plan;
  if (metrics === undefined) return [];
  return releases.flatMap((release, place) => {
    if (release.kind !== "metrics") return [];
    const judged = minCustomers * parseDecimal(metrics.heldOut) * parseDecimal(release.samplingRate);
    if (judged >= leastCount * noiseOfCount(plan, release)) return [];
    const reason = `its noise leaves nothing to say of the ${Math.floor(judged)} customers who are judged at least`;
    return [{ place, reason }];
  });
}

/** Standard deviation of the noise on a sum of metrics, in customers, where as many nodes take part as have to. */
function noiseOfCount(plan: Plan, { noiseMultiplier, clipNorm }: Release): number {
  const { noiseMode, minCohort, maxCorrupt, maxMerchantsPerCustomer } = plan;
  const shares = { central: 1, local: minCohort, distributed: minCohort / (minCohort - maxCorrupt) }[noiseMode];
  return parseDecimal(noiseMultiplier) * parseDecimal(clipNorm) * maxMerchantsPerCustomer * Math.sqrt(shares);
}

const names: Readonly<Record<AcceptanceMetric, string>> = { hr10: "HR@10", ndcg10: "NDCG@10", mrr: "MRR" };

const words: Readonly<Record<PlanLanguage, readonly [rule: (metric: string, tolerance: string) => string, limits: string]>> = {
  en: [
    (metric, tolerance) =>
      `After each release of metrics the model is kept only if its ${metric} is not clearly worse than that of the model kept last: if the upper end of its 95 % interval is more than ${tolerance} below the lower end of the other's, or nothing can be said of it, training goes on from the model kept last. Everybody who has the ledger can repeat that decision; it costs no privacy beyond the metrics.`,
    "That guards against rounds that went wrong. A node that also lies in rounds of metrics can have a good model given up or a bad one kept: masks hide its vector there as well.",
  ],
  zh: [
    (metric, tolerance) =>
      `每次发布指标之后，只有当模型的 ${metric} 没有明显差于上一个被保留的模型时，它才被保留：如果其 95 % 区间的上端比另一个的下端低 ${tolerance} 以上，或者对它无从判断，训练就从上一个被保留的模型继续。任何持有账本的人都能重做这一判断；除指标之外，它不花费隐私。`,
    "这可以防范出错的轮次。若某个节点在指标轮次中也说谎，它能使好模型被放弃、坏模型被保留：掩码在那里同样隐藏了它的向量。",
  ],
};

export function acceptanceSentences({ acceptance }: Plan, language: PlanLanguage): string[] {
  if (acceptance === undefined) return [];
  const [rule, limits] = words[language];
  return [rule(names[acceptance.metric], acceptance.tolerance), limits];
}
