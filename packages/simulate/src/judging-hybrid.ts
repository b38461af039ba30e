/**
 * How good the hybrid is, judged as statistics are (`judging-statistics.ts`): released tables with attention on top, as the federation released them, and
 * what each merchant makes of both in its own house, beside the same steps without a federation.
 */
import {
  finishStatistics,
  type HybridOptions,
  hybridInHouse,
  hybridScorer,
  type PlannedStudentOptions,
  plannedStudent,
  type Ranks,
  type ReleasedModel,
  type ReleasedStatistics,
  rankCustomers,
  releasedOnlyHybrid,
  type Student,
  type TunedHybrid,
} from "@tributary/model";
import { parseDecimal } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import type { MerchantPart } from "./judging.ts";
import type { StatisticsJudgeOptions } from "./judging-statistics.ts";
import { usualWarmStart } from "./planner/choose-plan.ts";

export interface HybridJudgeOptions extends StatisticsJudgeOptions {
  readonly executor: Executor;
  /** The student's shape, joined or not. */
  readonly spec: Student["spec"];
  /** Of walks and training; no secret. */
  readonly seed: number;
  /** How attention is taught, where it isn't as usual. */
  readonly attention?: AttentionTraining;
}

export interface AttentionTraining extends Pick<HybridOptions, "leastWalks" | "scratch" | "fineTuning"> {
  /** The coordinator's student of released tables. */
  readonly student?: Pick<PlannedStudentOptions, "walks" | "epochs" | "batch" | "learningRate">;
}

/** Tables and attention as they are released. @throws TRB_MODEL_LENGTH_MISMATCH before the popularity is known */
export function releasedModel(
  statistics: ReleasedStatistics,
  student: Student,
  options: StatisticsJudgeOptions,
): ReleasedModel {
  return { served: finishStatistics(options.recipe, options.similarity, statistics), student };
}

/** What the coordinator can teach a model by what was released: no ε, whether or not the plan trains. */
export async function studentOfStatistics(
  statistics: ReleasedStatistics,
  { recipe, similarity, executor, spec, repeats, seed, attention }: HybridJudgeOptions,
): Promise<Student> {
  const served = finishStatistics(recipe, similarity, statistics);
  const { walks, epochs, batch, learningRate } = usualWarmStart(similarity.items);
  const usual = { walks, epochs, batch, learningRate: parseDecimal(learningRate) };
  return plannedStudent(spec, served, similarity, { ...usual, ...attention?.student, recipe, executor, repeats, seed });
}

/** Nothing of a merchant's own but the history of the customer who is served. */
export async function judgeReleasedHybrid(
  parts: readonly MerchantPart[],
  released: ReleasedModel,
  options: HybridJudgeOptions,
): Promise<readonly Ranks[]> {
  const hybrid = releasedOnlyHybrid(released, options.recipe);
  const ranks: Ranks[] = [];
  for (const part of parts) ranks.push(await ranksOf(hybrid, part, options));
  return ranks;
}

/** Every merchant's own customers by its own hybrid: own counts, fine-tuned attention, weights tuned on its own validation. */
export async function judgeHybridInHouse(
  parts: readonly MerchantPart[],
  released: ReleasedModel | undefined,
  options: HybridJudgeOptions & { readonly onMerchant?: (done: number) => void },
): Promise<readonly Ranks[]> {
  const ranks: Ranks[] = [];
  for (const part of parts) {
    const { attention: { student: _, ...training } = {}, ...common } = options;
    const hybrid = await hybridInHouse(part.train, { ...common, ...training, serve: { mode: "inHouse" }, released });
    ranks.push(await ranksOf(hybrid, part, options));
    options.onMerchant?.(ranks.length);
  }
  return ranks;
}

async function ranksOf(hybrid: TunedHybrid, part: MerchantPart, options: HybridJudgeOptions): Promise<Ranks> {
  const { score, close } = await hybridScorer(hybrid, options.similarity, options.executor);
  return await rankCustomers(score, part, options).finally(close);
}
