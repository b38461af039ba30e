/** Who judges a run: its attention model, or its statistics where the plan releases any. The blocks of the report are the same. */
import { type FederationModel, recipeOf } from "@tributary/federation";
import { itemSimilarity, type Ranks } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import {
  type JudgeOptions,
  judge,
  judgeAlone,
  judgeContent,
  judgeInHouse,
  judgeStatistics,
  type MerchantPart,
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
  joined(model: FederationModel): Judged | undefined;
}

export function judgeOf(
  { plan, initial }: { readonly plan: Plan; readonly initial: FederationModel },
  options: {
    readonly log: Log;
    readonly parts: readonly MerchantPart[];
    readonly judging: JudgeOptions;
    readonly secondsPerMerchant: number;
  },
): Judge {
  const { log, parts, judging, secondsPerMerchant } = options;
  if (plan.statistics === undefined) {
    return {
      floor: () => judge(parts, initial.parameters, judging),
      federated: ({ parameters }) => judge(parts, parameters, judging),
      local: (onMerchant) => judgeAlone(parts, initial.parameters, { ...judging, secondsPerMerchant, onMerchant }),
      joined: () => undefined,
    };
  }
  const { items, repeats } = judging;
  const similarity = itemSimilarity(log.catalogue.items);
  const statistics = { items, repeats, similarity, recipe: recipeOf(plan) };
  const none = initial.statistics;
  return {
    floor: () => judgeContent(parts, statistics),
    federated: ({ statistics: released = none }) =>
      released === undefined ? judgeContent(parts, statistics) : judgeStatistics(parts, released, statistics),
    local: (onMerchant) => judgeInHouse(parts, undefined, { ...statistics, onMerchant }),
    joined: ({ statistics: released }) => judgeInHouse(parts, released, statistics),
  };
}
