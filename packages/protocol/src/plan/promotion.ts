/**
 * Which of the released models is put forward for use, by a rule: a candidate becomes the promoted model, and the ledger says so before the next round. A function of
 * the plan and of the ledger's entries (`packages/ledger/src/course.ts`). Merchants' nodes then serve the promoted model and no other.
 */
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";
import type { PlanLanguage } from "./language.ts";
import { type LintOptions, outOfRange, type Report, type Rule } from "./rule.ts";
import type { Plan } from "./schema.ts";

export const promotionSchema = z.discriminatedUnion("rule", [
  z.strictObject({
    /** The model that `acceptance` kept last, if it is clearly enough better than the one promoted last. */
    rule: z.literal("acceptance"),
    /** By how much the lower end of its 95 % interval has to be above that of the promoted model. */
    leastGain: decimal,
  }),
  z.strictObject({
    /** The latest model, after every so many rounds of training. */
    rule: z.literal("rounds"),
    every: z.int().min(1).max(1_000_000),
  }),
]);

export const promotionRule: Rule = {
  name: "promotion",
  fields: ["promotion", "promotion.rule", "promotion.leastGain", "promotion.every", "acceptance", "releases"],
  codes: ["TRB_PLAN_PROMOTION_UNFIT", "TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "Which model serves is decided by what stands in the ledger. A rule that nothing released can fulfil would leave merchants without a model.",
  check: checkPromotion,
};

function checkPromotion({ promotion, acceptance, releases }: Plan, _: LintOptions, report: Report): void {
  if (promotion === undefined) return;
  const unfit = (path: string, reason: string) => report("TRB_PLAN_PROMOTION_UNFIT", path, { reason });
  if (promotion.rule === "acceptance") {
    const gain = parseDecimal(promotion.leastGain);
    if (!(gain >= 0 && gain < 1)) outOfRange(report, "promotion.leastGain", "from 0 to below 1", promotion.leastGain);
    if (acceptance === undefined) unfit("promotion.rule", "no metrics decide which model is kept");
    return;
  }
  const rounds = releases.reduce(
    (sum, { kind, ...one }) => sum + (kind === "training" ? one.rounds - (one.retries ?? 0) : 0),
    0,
  );
  if (rounds < promotion.every) unfit("promotion.every", `there are ${rounds} rounds of training`);
}

interface Words {
  readonly rounds: (every: number) => string;
  readonly acceptance: (leastGain: string) => string;
  readonly sentence: (when: string) => string;
}

const words: Readonly<Record<PlanLanguage, Words>> = {
  en: {
    rounds: (every) => `after every ${every} released rounds of training the latest model`,
    acceptance: (leastGain) =>
      `the model that metrics kept last, once the lower end of its interval is at least ${leastGain} above that of the one promoted before,`,
    sentence: (when) =>
      `Merchants serve promoted models only: ${when} is promoted, in an entry of the ledger before the next round. That follows from what was released, so it costs no privacy.`,
  },
  zh: {
    rounds: (every) => `每发布 ${every} 轮训练之后的最新模型`,
    acceptance: (leastGain) => `按指标最后保留的模型，一旦其区间的下端比此前被提升的模型的下端至少高出 ${leastGain}，`,
    sentence: (when) =>
      `商家只用被提升的模型提供服务：${when}就会被提升，并在下一轮之前载入账本的一个条目。这由已发布的内容得出，因此不花费隐私。`,
  },
};

/** For `plan explain`. */
export function promotionSentences({ promotion }: Plan, language: PlanLanguage): string[] {
  if (promotion === undefined) return [];
  const { rounds, acceptance, sentence } = words[language];
  return [sentence(promotion.rule === "rounds" ? rounds(promotion.every) : acceptance(promotion.leastGain))];
}
