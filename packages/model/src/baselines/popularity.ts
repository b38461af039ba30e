/** The simplest honest competitor: everyone is shown the items with the most training events. */
import type { HeldOut, Histories } from "@tributary/events/histories";
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import { evaluatedCustomers, type Ranks, type Repeats, rankHeldOut } from "../evaluation/result-block.ts";

/**
 * How many events each item has.
 * @param histories training parts only: whoever counts the held-out events has seen the answer
 * @returns `[items]`: item i's count at place i − 1
 */
export function itemCounts(histories: readonly Histories[], items: number): Float64Array {
  const counts = new Float64Array(items);
  for (const part of histories) {
    for (const item of part.items) if (item > 0) counts[item - 1] = (counts[item - 1] as number) + 1;
  }
  return counts;
}

/** Ranks every evaluated customer's held-out item by popularity; items with equal counts tie. */
export function popularityRanks(heldOut: HeldOut, counts: Float64Array, repeats: Repeats = "keep"): Ranks {
  const ranked = evaluatedCustomers(heldOut).map((customer) => rankHeldOut(heldOut, customer, counts, repeats));
  return { ranks: Float64Array.from(ranked, (r) => r.rank), isNew: Uint8Array.from(ranked, (r) => (r.isNew ? 1 : 0)) };
}

/** The same scores for everybody, for `rankCustomers`. @param counts from `itemCounts` */
export function popularityScorer(counts: Float64Array): ItemScorer {
  return (_histories, stretches) => {
    const scores = new Float64Array(stretches.length * counts.length);
    for (let row = 0; row < stretches.length; row++) scores.set(counts, row * counts.length);
    return scores;
  };
}
