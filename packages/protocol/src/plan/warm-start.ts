/**
 * How training begins from statistics: once the last statistic is released, the coordinator trains the plan's model on random walks along the tables
 * that the released sums make, and training rounds go on from there. It looks at nothing but what was released and at the public catalogue, so it costs
 * no ε; the plan fixes all of its numbers, so that whoever holds the model file that it is in can do it again (docs/decisions/0028).
 */
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";
import type { PlanLanguage } from "./language.ts";
import type { LintOptions, Report } from "./rule.ts";
import type { Plan } from "./schema.ts";

export const warmStartSchema = z.strictObject({
  /** Sequences of ten items. */
  walks: z.int().min(1).max(1_000_000),
  epochs: z.int().min(1).max(100),
  /** Sequences a step. */
  batch: z.int().min(1).max(4096),
  /** AdamW's, along half a cosine down to nothing. */
  learningRate: decimal,
  /** Whether a walk may come back to an item. */
  repeats: z.enum(["keep", "mask"]),
  /** Of walks, first weights, batches and dropout; no secret. */
  seed: z.int().min(0).max(0xffff_ffff),
});

/** Statistics before, training after, and a model that walks of items can teach: `startStudent` of `@tributary/model`. */
export function warmStartRule(plan: Plan, _: LintOptions, report: Report): void {
  const { warmStart, statistics, releases, model } = plan;
  if (warmStart === undefined) return;
  const unfit = (path: string, reason: string) => report("TRB_PLAN_WARM_START_UNFIT", path, { reason });
  if (!(parseDecimal(warmStart.learningRate) > 0)) unfit("warmStart.learningRate", "its learning rate must be above 0");
  if (statistics === undefined) unfit("warmStart", "no statistics are released that it could begin from");
  if (plan.initialModel !== undefined)
    unfit("warmStart", "training can't begin from statistics and from a model that was brought along at once");
  if (releases.every(({ kind }) => kind !== "training")) unfit("warmStart", "no training begins after it");
  const items = releases.find(({ kind }) => kind === "popularity")?.dimension;
  if (items !== undefined && items !== model.items)
    unfit("model.items", `statistics are of ${items} items, and the model is of ${model.items}`);
  const { family, output, item } = model;
  if (family !== "sasrec" || output !== "tied" || item.ids !== "own" || item.attributes.length > 0 || item.features > 0)
    unfit("model", "it needs a tied sasrec in which each item has a vector of its own and nothing else");
  if (model.weights.churn > 0 || model.weights.purchase > 0) unfit("model.weights", "walks say nothing of who leaves or buys");
}

type Taught = Pick<z.infer<typeof warmStartSchema>, "walks" | "epochs" | "learningRate">;

const words: Readonly<Record<PlanLanguage, (warmStart: Taught) => string>> = {
  en: ({ walks, epochs, learningRate }) =>
    `Training begins where statistics end: the coordinator first trains the model on ${walks} random walks along what was released (${epochs} passes, learning rate ${learningRate}). That looks at nothing else, so it costs no privacy; the result is the model of the last round of statistics, whose hash stands in the ledger.`,
  zh: ({ walks, epochs, learningRate }) =>
    `训练从统计结束之处开始：协调者先用 ${walks} 条沿已发布内容的随机游走训练模型（${epochs} 遍，学习率 ${learningRate}）。这不看任何别的数据，因此不花费隐私；其结果就是最后一轮统计的模型，其哈希载于账本。`,
};

/** For `plan explain`. */
export const warmStartSentences = ({ warmStart }: Plan, language: PlanLanguage): string[] =>
  warmStart === undefined ? [] : [words[language](warmStart)];
