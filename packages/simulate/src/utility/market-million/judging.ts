/** Rankers on the same held-out customers: a block of figures for each, and how far two of them differ, with what another sample of customers might have said. */
import type { HeldOut } from "@tributary/events";
import {
  bootstrapDifference,
  type ItemScorer,
  type PairedDifference,
  type ResultBlock,
  rankCustomers,
  resultBlock,
} from "@tributary/model";

/** What a stage keeps of a ranker: numbers that survive JSON. */
export interface Judged {
  readonly block: ResultBlock;
  /** `[judged]` */
  readonly ranks: readonly number[];
}

/** Own items are candidates, except that new items are ranked with the customer's own masked, as in `measure.ts`. */
export async function judgeOn(score: ItemScorer, judged: HeldOut, items: number): Promise<Judged> {
  const ranked = await rankCustomers(score, judged, { items, repeats: "keep" });
  const { newItems } = resultBlock(await rankCustomers(score, judged, { items, repeats: "mask" }));
  return { block: { ...resultBlock(ranked), newItems }, ranks: Array.from(ranked.ranks) };
}

/** NDCG@10 of one against another on the same customers; the interval is over customers alone, not over noise or markets. */
export function against(some: Judged, others: Judged, seed: number): PairedDifference {
  const ranksOf = ({ ranks }: Judged) => ({ ranks: Float64Array.from(ranks), isNew: new Uint8Array(ranks.length) });
  return bootstrapDifference(ranksOf(some), ranksOf(others), { seed });
}
