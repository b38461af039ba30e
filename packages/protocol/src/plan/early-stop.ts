/**
 * Whether training ends before its rounds are used up: decided by released metrics and by nothing else. The sums stand in the ledger, so whoever has it
 * comes to the same (`packages/ledger/src/course.ts`), and the decision costs what the metrics cost. Rounds that are left stay unspent.
 */
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";
import { acceptanceSchema, drownedMetrics } from "./acceptance.ts";
import type { PlanLanguage } from "./language.ts";
import { type LintOptions, outOfRange, type Report, type Rule } from "./rule.ts";
import type { Plan } from "./schema.ts";

export const earlyStopSchema = z.strictObject({
  /** What is looked at: a ratio of released sums, from 0 to 1, larger is better. */
  metric: acceptanceSchema.shape.metric,
  /** After so many releases of metrics in a row without a gain the ledger is closed. */
  patience: z.int().min(1).max(1000),
  /** By how much the estimate has to be above the best one before to count as a gain. */
  leastGain: decimal,
});

export const earlyStopRule: Rule = {
  name: "early stop",
  fields: ["earlyStop", "earlyStop.metric", "earlyStop.patience", "earlyStop.leastGain", "releases", "metrics", "minCustomers"],
  codes: ["TRB_PLAN_EARLY_STOP_UNFIT", "TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "When training ends is visible, so that it may follow from released sums alone. A look at customers that no release pays for would be in no ε.",
  check: checkEarlyStop,
};

function checkEarlyStop(plan: Plan, _: LintOptions, report: Report): void {
  const { earlyStop, acceptance, releases, statistics } = plan;
  if (earlyStop === undefined) return;
  const unfit = (path: string, reason: string) => report("TRB_PLAN_EARLY_STOP_UNFIT", path, { reason });
  const { leastGain, patience } = earlyStop;
  const gain = parseDecimal(leastGain);
  if (!(gain >= 0 && gain < 1)) outOfRange(report, "earlyStop.leastGain", "from 0 to below 1", leastGain);
  if (statistics !== undefined)
    unfit("statistics", "where statistics are released, metrics judge them and not what is trained");
  if (releases.every(({ kind }) => kind !== "training")) {
    unfit("releases", "nothing is trained");
    return;
  }
  // the first reading sets the mark; what comes after the last training round stops nothing
  const last = releases.findLastIndex(({ kind }) => kind === "training");
  const looks = releases
    .slice(0, last)
    .reduce((sum, { kind, rounds, retries = 0 }) => sum + (kind === "metrics" ? rounds - retries : 0), 0);
  if (looks <= patience) {
    unfit(
      "releases",
      `only ${looks} releases of metrics come before the last training round, and it takes ${patience + 1} to stop`,
    );
  }
  if (acceptance !== undefined) return; // whose rule reports them
  for (const { place, reason } of drownedMetrics(plan)) unfit(`releases.${place}`, reason);
}

const names = { hr10: "HR@10", ndcg10: "NDCG@10", mrr: "MRR" } as const;

const words: Readonly<Record<PlanLanguage, (metric: string, patience: number, leastGain: string) => string>> = {
  en: (metric, patience, leastGain) =>
    `Training ends early, and the ledger is closed, once ${patience === 1 ? "one release of metrics" : `${patience} releases of metrics in a row`} bring no gain: the released estimate of ${metric} is not at least ${leastGain} above the best one before, or nothing can be said of it. Everybody who has the ledger can repeat that decision; it costs no privacy beyond the metrics, and what is left of the rounds stays unspent.`,
  zh: (metric, patience, leastGain) =>
    `一旦${patience === 1 ? "某次" : `连续 ${patience} 次`}发布的指标没有提升，训练就提前结束，账本随之关闭：即已发布的 ${metric} 估计值没有比此前最好的高出至少 ${leastGain}，或者对它无从判断。任何持有账本的人都能重做这一判断；除指标之外，它不花费隐私，余下的轮次不会被花费。`,
};

/** For `plan explain`. */
export function earlyStopSentences({ earlyStop }: Plan, language: PlanLanguage): string[] {
  if (earlyStop === undefined) return [];
  const { metric, patience, leastGain } = earlyStop;
  return [words[language](names[metric], patience, leastGain)];
}
