/** The negatives of a round: rows that everyone's sampled softmax shares, drawn from a source that is common to the round. */
import { type RandomSource, wordReader } from "@tributary/dp";
import type { ModelSpec } from "../spec.ts";
import type { SharedNegatives } from "./examples/examples.ts";

/** K distinct rows, uniform over all K-subsets, ascending: the order of draws is no one's business. */
export function drawNegatives(spec: ModelSpec, random: RandomSource): SharedNegatives {
  const count = spec.nextItem.negatives;
  // Floyd's algorithm (Bentley, CACM 30:9, 1987)
  const reader = wordReader(random);
  const chosen = new Set<number>();
  for (let last = spec.items - count + 1; last <= spec.items; last++) {
    const row = 1 + reader.below(last);
    chosen.add(chosen.has(row) ? last : row);
  }
  const rows = Int32Array.from(chosen).sort();
  const slotOf = new Int32Array(spec.items + 1).fill(count);
  rows.forEach((row, slot) => {
    slotOf[row] = slot;
  });
  return { rows, slotOf };
}

/** log of how often a row is expected among the negatives: the same for all, since they are drawn uniformly. */
export function logExpectedCount(spec: ModelSpec): number {
  return Math.log(spec.nextItem.negatives / spec.items);
}
