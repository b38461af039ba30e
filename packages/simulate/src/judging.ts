/**
 * How good what a federation learnt is: every merchant's customers, each customer's last item event, all items ranked.
 * Only who holds all logs (a demonstration, a researcher) can do this exactly; nodes and coordinators never do.
 */
import { type HeldOut, type Histories, leaveLastOut } from "@tributary/events";
import {
  evaluate,
  type ItemContent,
  itemCounts,
  joinRanks,
  type ModelSpec,
  popularityRanks,
  type Ranks,
  type Repeats,
  type ResultBlock,
  resultBlock,
  trainLocally,
} from "@tributary/model";
import type { Executor } from "@tributary/tensor";

/** One merchant's part of a log: what its node trains on, and what is held out to judge by. */
export interface MerchantPart extends HeldOut {
  readonly node: string;
}

/** Holds out everybody's last item event. */
export function merchantParts(parts: readonly Histories[]): readonly MerchantPart[] {
  const digits = String(parts.length).length;
  return parts.map((histories, place) => ({
    node: `merchant-${String(place + 1).padStart(digits, "0")}`,
    ...leaveLastOut(histories),
  }));
}

export interface JudgeOptions {
  readonly model: ModelSpec;
  readonly items: number;
  readonly executor: Executor;
  readonly repeats: Repeats;
  /** What is publicly known of items, where the model reads it. */
  readonly content?: ItemContent | undefined;
  /** Unix seconds until which the logs were watched, where the model has a churn head. */
  readonly now?: number | undefined;
}

/** Ranks of every merchant's customers by one model. */
export async function judge(
  parts: readonly MerchantPart[],
  parameters: Float32Array,
  options: JudgeOptions,
): Promise<readonly Ranks[]> {
  const ranks: Ranks[] = [];
  for (const part of parts) ranks.push(await evaluate(options.model, parameters, options.executor, part, options));
  return ranks;
}

/** Popularity over everybody's training events: what an exact count of the whole federation would recommend. */
export function judgePopularity(parts: readonly MerchantPart[], { items, repeats }: JudgeOptions): ResultBlock {
  const counts = itemCounts(
    parts.map((part) => part.train),
    items,
  );
  return resultBlock(joinRanks(parts.map((part) => popularityRanks(part, counts, repeats))));
}

/** Every merchant alone: the same model, tuned on its own validation, without privacy; its customers by its own model. */
export async function judgeAlone(
  parts: readonly MerchantPart[],
  initial: Float32Array,
  options: JudgeOptions & { readonly secondsPerMerchant: number; readonly onMerchant?: (done: number) => void },
): Promise<readonly Ranks[]> {
  const ranks: Ranks[] = [];
  for (const [place, part] of parts.entries()) {
    const end = performance.now() + 1e3 * options.secondsPerMerchant;
    const { parameters } = await trainLocally(options.model, options.executor, part.train, {
      items: options.items,
      initial,
      seed: place + 1,
      deadline: () => performance.now() > end,
      content: options.content,
      now: options.now,
    });
    ranks.push(await evaluate(options.model, parameters, options.executor, part, options));
    options.onMerchant?.(place + 1);
  }
  return ranks;
}
