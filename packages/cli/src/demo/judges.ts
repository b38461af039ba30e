/** Who judges a run: its attention model, or its statistics where the plan releases any, or both. The blocks of the report are the same. */
import { type FederationModel, recipeOf } from "@tributary/federation";
import { itemSimilarity, type Ranks, type ReleasedModel, startStatistics } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import {
  type AttentionTraining,
  type HybridJudgeOptions,
  type JudgeOptions,
  judge,
  judgeAlone,
  judgeContent,
  judgeHybridInHouse,
  judgeInHouse,
  judgeReleasedHybrid,
  judgeStatistics,
  type MerchantPart,
  releasedModel,
  studentOfStatistics,
} from "@tributary/simulate";
import type { Log } from "./market.ts";

type Judged = Promise<readonly Ranks[]>;

export interface Judge {
  /** ε = 0 */
  floor(): Judged;
  /** Of a round, as it was released. */
  federated(model: FederationModel): Judged;
  /** Every merchant alone, tuned. */
  local(onMerchant: (done: number) => void): Judged;
  /** What merchants make of what was released; undefined where there are no in-house steps. */
  joined(model: FederationModel, onMerchant: (done: number) => void): Judged | undefined;
}

export interface JudgeSettings {
  readonly log: Log;
  readonly parts: readonly MerchantPart[];
  readonly judging: JudgeOptions;
  readonly secondsPerMerchant: number;
  /** In-house, alone and joined: a fine-tuned attention model on top of statistics; undefined: none. */
  readonly attention: AttentionTraining | undefined;
}

export function judgeOf(
  { plan, initial }: { readonly plan: Plan; readonly initial: FederationModel },
  settings: JudgeSettings,
): Judge {
  const { log, parts, judging, secondsPerMerchant, attention } = settings;
  if (plan.statistics === undefined) {
    return {
      floor: () => judge(parts, initial.parameters, judging),
      federated: ({ parameters }) => judge(parts, parameters, judging),
      local: (onMerchant) => judgeAlone(parts, initial.parameters, { ...judging, secondsPerMerchant, onMerchant }),
      joined: () => undefined,
    };
  }
  const options = hybridOptions(plan, log, judging, attention);
  const none = initial.statistics;
  return {
    floor: () => judgeContent(parts, options),
    federated: (model) => {
      const { statistics = none } = model;
      if (statistics === undefined) return judgeContent(parts, options);
      const trained = trainedModel(plan, model, options);
      return trained ? judgeReleasedHybrid(parts, trained, options) : judgeStatistics(parts, statistics, options);
    },
    local: (onMerchant) =>
      attention !== undefined
        ? judgeHybridInHouse(parts, undefined, { ...options, onMerchant })
        : judgeInHouse(parts, undefined, { ...options, onMerchant }),
    joined: async (model, onMerchant) => {
      const { statistics } = model;
      if (attention === undefined || statistics?.popularity === undefined)
        return judgeInHouse(parts, statistics, { ...options, onMerchant });
      return judgeHybridInHouse(parts, await servedModel(plan, model, options), { ...options, onMerchant });
    },
  };
}

/** What hybrids of a plan are made and judged with. */
export function hybridOptions(
  plan: Plan,
  { catalogue }: Pick<Log, "catalogue">,
  judging: JudgeOptions,
  attention: AttentionTraining = {},
): HybridJudgeOptions {
  const { items, repeats, executor } = judging;
  const similarity = itemSimilarity(catalogue.items);
  return { items, repeats, executor, similarity, recipe: recipeOf(plan), spec: plan.model, seed: 1, attention };
}

/** Tables and attention, where the plan trains from statistics or from a public model on, and statistics are complete. */
function trainedModel(
  { warmStart, initialModel, releases }: Plan,
  { parameters, statistics }: FederationModel,
  options: HybridJudgeOptions,
): ReleasedModel | undefined {
  const begins = warmStart !== undefined || (initialModel !== undefined && releases.some(({ kind }) => kind === "training"));
  if (!begins || statistics?.popularity === undefined || statistics.query !== undefined) return undefined;
  return releasedModel(statistics, { spec: options.spec, parameters }, options);
}

/**
 * The same, with a student of the released tables where the plan trains nothing: post-processing, which costs no ε.
 * @throws TRB_MODEL_LENGTH_MISMATCH before the popularity is known, TRB_TRAINING_SPEC_INVALID for a model that walks can't teach
 */
export async function servedModel(plan: Plan, model: FederationModel, options: HybridJudgeOptions): Promise<ReleasedModel> {
  const trained = trainedModel(plan, model, options);
  if (trained !== undefined) return trained;
  const { statistics = startStatistics() } = model;
  const student = await studentOfStatistics(statistics, options);
  return releasedModel(statistics, student, options);
}
