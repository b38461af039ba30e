/**
 * What joining has to beat: a merchant alone, with the same in-house steps as one that has joined (exact own counts, public content, an attention student
 * of its own, weights tuned on its own validation), without privacy because nothing leaves it. A baseline that is not tuned makes federation look 15 %
 * better than it is (docs/utility.md).
 */
import type { HeldOut } from "@tributary/events/histories";
import { type BlockIntervals, type BootstrapOptions, bootstrapBlock } from "../evaluation/bootstrap.ts";
import { rankCustomers } from "../evaluation/rank-customers.ts";
import { type Ranks, type ResultBlock, resultBlock } from "../evaluation/result-block.ts";
import { hybridScorer } from "../hybrid/hybrid.ts";
import { type HybridOptions, hybridInHouse, type TunedHybrid } from "../hybrid/in-house.ts";

export interface Judged {
  readonly hybrid: TunedHybrid;
  /** Of the customers in `heldOut`; new items are apart from repeats in block and intervals. */
  readonly ranks: Ranks;
  readonly block: ResultBlock;
  readonly intervals: BlockIntervals;
}

/** @param heldOut judged is its target; everything else is trained and tuned on `heldOut.train` */
export function tunedLocalOnly(
  heldOut: HeldOut,
  options: Omit<HybridOptions, "released">,
  bootstrap: BootstrapOptions,
): Promise<Judged> {
  return judgeInHouse(heldOut, options, bootstrap);
}

/** The same, joined: with what the federation released. */
export function judgeInHouse(heldOut: HeldOut, options: HybridOptions, bootstrap: BootstrapOptions): Promise<Judged> {
  return judged(heldOut, hybridInHouse(heldOut.train, options), options, bootstrap);
}

async function judged(
  heldOut: HeldOut,
  built: Promise<TunedHybrid>,
  { similarity, executor, repeats }: HybridOptions,
  bootstrap: BootstrapOptions,
): Promise<Judged> {
  const hybrid = await built;
  const scorer = await hybridScorer(hybrid, similarity, executor);
  try {
    const ranks = await rankCustomers(scorer.score, heldOut, { items: similarity.items, repeats });
    return { hybrid, ranks, block: resultBlock(ranks), intervals: bootstrapBlock(ranks, bootstrap) };
  } finally {
    await scorer.close();
  }
}
